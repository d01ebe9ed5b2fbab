"""What is known of a text: sentiment, entities and key phrases, as Amazon Comprehend names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SENTIMENTS = ("POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED")


@dataclass(frozen=True)
class Entity:
    """A named thing in the text."""

    text: str
    type: str
    """PERSON, LOCATION, ORGANIZATION, COMMERCIAL_ITEM, EVENT, DATE, QUANTITY, TITLE or OTHER."""
    score: float
    """The service's confidence, 0 to 1."""


@dataclass(frozen=True)
class KeyPhrase:
    """A noun phrase that carries the text."""

    text: str
    score: float


@dataclass(frozen=True)
class Annotation:
    """All three analyses of one text."""

    sentiment: str
    """One of SENTIMENTS."""
    sentiment_score: Mapping[str, float]
    """Confidence by sentiment in lower case: positive, negative, neutral, mixed."""
    entities: tuple[Entity, ...]
    key_phrases: tuple[KeyPhrase, ...]

    def to_json(self) -> dict[str, Any]:
        # vars, not asdict: that copies every leaf, and took a third of a day's curation.
        return {
            "sentiment": self.sentiment,
            "sentiment_score": self.sentiment_score,
            "entities": [vars(one) for one in self.entities],
            "key_phrases": [vars(one) for one in self.key_phrases],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Annotation":
        return cls(
            sentiment=body["sentiment"],
            sentiment_score=dict(body["sentiment_score"]),
            entities=tuple(Entity(**one) for one in body["entities"]),
            key_phrases=tuple(KeyPhrase(**one) for one in body["key_phrases"]),
        )

    @classmethod
    def from_comprehend(
        cls, sentiment: Mapping[str, Any], entities: Mapping[str, Any], key_phrases: Mapping[str, Any]
    ) -> "Annotation":
        """From one item of each of the three BatchDetect answers."""
        return cls(
            sentiment=sentiment["Sentiment"],
            sentiment_score={name.lower(): float(score) for name, score in sentiment["SentimentScore"].items()},
            entities=tuple(Entity(one["Text"], one["Type"], float(one["Score"])) for one in entities["Entities"]),
            key_phrases=tuple(KeyPhrase(one["Text"], float(one["Score"])) for one in key_phrases["KeyPhrases"]),
        )


def misfit(analysis: str, item: Mapping[str, Any], text: str) -> bool:
    """Can this item of a BatchDetect answer not be about this text? `analysis` is sentiment, entities or key_phrases.

    What it found must stand where it says, counted in characters (code points), and nothing that an annotation takes may lack.
    """
    try:
        if analysis == "sentiment":
            scores = {name.lower(): float(score) for name, score in item["SentimentScore"].items()}
            return item["Sentiment"] not in SENTIMENTS or {name.upper() for name in scores} != set(SENTIMENTS)
        spans = item["Entities" if analysis == "entities" else "KeyPhrases"]
        return not all(
            _stands(one, text) and float(one["Score"]) >= 0 and (analysis != "entities" or one["Type"]) for one in spans
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return True


def _stands(span: Mapping[str, Any], text: str) -> bool:
    begin, end = span["BeginOffset"], span["EndOffset"]
    return 0 <= begin < end <= len(text) and bool(text[begin:end] == span["Text"])
