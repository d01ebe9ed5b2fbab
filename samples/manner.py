"""How each party writes: its words, its habits with hashtags and emoji, and the dressing of sentences as a tweet."""

import random
from dataclasses import dataclass
from functools import cache

from samples.country import read_seed
from samples.grammar import Noun, noun_phrase

_SIGNS = {"+": "positive", "-": "negative", "=": "neutral", "~": "mixed"}


@dataclass(frozen=True)
class Manner:
    """The manner of one party. Rates lie between 0 and 1; the others are weights."""

    folk: tuple[Noun, ...]
    """Whom it speaks for."""
    value: tuple[Noun, ...]
    """What it holds dear."""
    address: tuple[str, ...]
    address_rate: float
    closing: dict[str, list[str]]
    closing_rate: float
    emoji: dict[str, list[str]]
    emoji_rate: float
    emoji_first: float
    link_rate: float
    line_breaks: float
    sentences: tuple[int, ...]
    """Weights of one, two, three sentences."""
    tags: tuple[str, ...]
    tag_counts: tuple[int, ...]
    """Weights of zero, one, two, three hashtags."""
    tags_first: float
    sentiment: dict[str, int]
    own: dict[str, list[str]]
    """Frames that only this party uses, by sentiment."""

    def dress(self, sentences: list[str], sentiment: str, tags: list[str], generator: random.Random) -> str:
        """Sentences with the address, closing, emoji and hashtags of the party: the whole tweet, but for a link."""
        break_here = generator.random() < self.line_breaks
        text = ("\n" if break_here else " ").join(sentences)
        if generator.random() < self.address_rate:
            address = generator.choice(self.address)
            # A formal address ends in a colon and stands on a line of its own.
            text = f"{address}{chr(10) if address.endswith(':') else ' '}{text}"
        if generator.random() < self.closing_rate:
            text += ("\n" if break_here else " ") + generator.choice(self.closing[sentiment])
        if self.emoji[sentiment] and generator.random() < self.emoji_rate:
            emoji = generator.choice(self.emoji[sentiment])
            text = f"{emoji} {text}" if generator.random() < self.emoji_first else f"{text} {emoji}"
        if not tags:
            return text
        joined = " ".join(f"#{tag}" for tag in tags)
        return f"{joined} {text}" if generator.random() < self.tags_first else f"{text} {joined}"


def by_sentiment(block: str) -> dict[str, list[str]]:
    """Frames of a block by the sign at the head of the line: + positive, - negative, = neutral, ~ mixed."""
    frames: dict[str, list[str]] = {name: [] for name in _SIGNS.values()}
    for line in block.strip().splitlines():
        frames[_SIGNS[line[0]]].append(line[2:])
    return frames


@cache
def load_manners() -> dict[str, Manner]:
    """The manner of every party. Read once."""
    return {
        party: Manner(
            folk=tuple(noun_phrase(text) for text in entry["folk"]),
            value=tuple(noun_phrase(text) for text in entry["value"]),
            address=tuple(entry["address"]),
            address_rate=entry["address_rate"],
            closing=entry["closing"],
            closing_rate=entry["closing_rate"],
            emoji=entry["emoji"],
            emoji_rate=entry["emoji_rate"],
            emoji_first=entry.get("emoji_first", 0.0),
            link_rate=entry["link_rate"],
            line_breaks=entry["line_breaks"],
            sentences=tuple(entry["sentences"]),
            tags=tuple(entry["tags"]),
            tag_counts=tuple(entry["tag_counts"]),
            tags_first=entry["tags_first"],
            sentiment=entry["sentiment"],
            own=by_sentiment(entry["own"]),
        )
        for party, entry in read_seed("manners").items()
    }
