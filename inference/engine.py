"""From requests to tweets, through transformers' own `generate` with its logits processors.

What is added to it: control tokens are never written, bad words are looked for in the text and not only in the ids, and
the rules against repetition look at the tweet alone, so that a word is not punished for standing in the context.
"""

import re
import secrets
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

from inference.model import Model
from politico.control.request import Parameters, Request
from politico.errors import LimitError, ServiceError

REDRAWS = 3
"""How often a tweet that holds a bad word is drawn again."""


@dataclass(frozen=True)
class GeneratedTweet:
    """One tweet. The fields are the endpoint's answer."""

    generated_text: str
    """The prompt and what follows it, without control tokens."""
    finish_reason: str
    """`stop` when the model ended the tweet, `length` when `max_new_tokens` did."""
    tokens: int
    """How many tokens were generated, the end token not counted."""
    model: str
    """The model's name, from its card."""


@dataclass(frozen=True)
class _Start:
    """What the model writes on from."""

    ids: tuple[int, ...]
    bare: tuple[int, ...]
    """The same without its context: the text marker and the tweet's beginning. Guidance starts from here."""


@dataclass(frozen=True)
class _TweetOnly:
    """A logits processor that sees only the tweet: neither its padding nor its context."""

    processor: Any
    tweet_from: int

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        processed: torch.Tensor = self.processor(input_ids[:, self.tweet_from :], scores)
        return processed


class Engine:
    """Writes tweets with one model, one request at a time; safe to call from several threads."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._name = str(model.card.get("name", "unnamed"))
        schema, ids = model.codec.schema, model.codec.ids
        self._text_id, self._end_id = ids[schema.text_marker], ids[schema.end]
        self._never = sorted({*(ids[marker] for marker in schema.markers), *model.unused})
        self._lock = threading.Lock()

    def generate(self, request: Request) -> list[GeneratedTweet]:
        """The tweets asked for. Raises LimitError before the model runs, ServiceError when bad words stay in."""
        parameters = request.parameters
        start = self._start(request)
        with self._alone(parameters.seed):
            if parameters.num_beams > 1:  # the beams of one search compete: they can't be drawn one by one
                return self._draw([start], parameters, parameters.num_return_sequences)[0]
            return [one for (one,) in self._draw([start] * parameters.num_return_sequences, parameters, 1)]

    def generate_batch(self, requests: Sequence[Request], batch_size: int) -> list[GeneratedTweet]:
        """One tweet for each request, in their order; their parameters must be the same. Raises as `generate` does.

        Under sampling the tweets depend on the batch size, since a batch draws its rows from one stream of randomness.
        """
        if not requests:
            return []
        parameters = requests[0].parameters
        if any(one.parameters != parameters for one in requests):
            raise LimitError("a batch has requests with different parameters; give them all the same")
        if parameters.num_return_sequences != 1:
            raise LimitError(f"num_return_sequences is {parameters.num_return_sequences}; in a batch only 1 is allowed")
        starts = [self._start(request) for request in requests]
        # Beginnings of one length end and start at the same column, so guidance, which can't pad, needs no padding.
        alike = defaultdict(list)
        for index in sorted(range(len(starts)), key=lambda index: len(starts[index].ids)):
            alike[len(starts[index].bare)].append(index)
        tweets: dict[int, GeneratedTweet] = {}
        with self._alone(parameters.seed):
            for indices in alike.values():
                for first in range(0, len(indices), batch_size):
                    batch = indices[first : first + batch_size]
                    drawn = self._draw([starts[index] for index in batch], parameters, 1)
                    tweets.update(zip(batch, (one for (one,) in drawn), strict=True))
        return [tweets[index] for index in range(len(starts))]

    def _start(self, request: Request) -> _Start:
        """Raises LimitError for what can't be written on from."""
        longest, parameters = self.model.length, request.parameters
        if parameters.max_new_tokens >= longest:
            raise LimitError(f"max_new_tokens is {parameters.max_new_tokens}; this model takes at most {longest - 1}")
        # A word and the space before it are one token: after a blank at the prompt's end no word could follow.
        beginning = request.prompt.strip()
        held = _held(beginning, parameters.bad_words)
        if held:
            raise LimitError(f"bad_words has {held[0]!r}, which stands in the prompt; take it out of one of them")
        ids = self.model.codec.prompt(request.context, beginning, longest - parameters.max_new_tokens)
        return _Start(ids, ids[ids.index(self._text_id) :])

    @contextmanager
    def _alone(self, seed: int | None) -> Iterator[None]:
        """Nobody else generates meanwhile, and the process's own random state stays as it was."""
        device = self.model.network.device
        with self._lock, torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(secrets.randbits(32) if seed is None else seed)
            yield

    def _draw(self, starts: Sequence[_Start], parameters: Parameters, each: int) -> list[list[GeneratedTweet]]:
        """`each` tweets for each start, those with a bad word drawn again."""
        banned = self._bad_ids(parameters.bad_words)
        tweets: dict[int, list[GeneratedTweet]] = {}
        for _ in range(1 + REDRAWS):
            waiting = [index for index in range(len(starts)) if index not in tweets]
            rows = self._continue([starts[index] for index in waiting], parameters, banned, each)
            for index, news in zip(waiting, rows, strict=True):
                drawn = [self._tweet(starts[index], new) for new in news]
                bad = [
                    (new, word)
                    for new, tweet in zip(news, drawn, strict=True)
                    for word in _held(tweet.generated_text, parameters.bad_words)
                ]
                if not bad:
                    tweets[index] = drawn
                banned += [self._spelling((*starts[index].bare[1:], *new), word) for new, word in bad]
            if len(tweets) == len(starts):
                return [tweets[index] for index in range(len(starts))]
        raise ServiceError(f"{1 + REDRAWS} tries all held one of bad_words; ask again or with other parameters")

    def _continue(
        self, starts: Sequence[_Start], parameters: Parameters, banned: list[list[int]], each: int
    ) -> list[list[list[int]]]:
        """What the model writes: for each start `each` lists of ids, with the end token where it ended the tweet."""
        network = self.model.network
        width = max(len(start.ids) for start in starts)
        gaps = [width - len(start.ids) for start in starts]
        # Positions are counted from the mask, so what stands left of a row's start changes nothing in it.
        ids = [[self._end_id] * gap + list(start.ids) for gap, start in zip(gaps, starts, strict=True)]
        mask = [[0] * gap + [1] * (width - gap) for gap in gaps]
        guidance = None
        if parameters.guidance_scale > 1:
            guidance = torch.tensor([start.bare for start in starts], device=network.device)
        rows = network.generate(
            torch.tensor(ids, device=network.device),
            attention_mask=torch.tensor(mask, device=network.device),
            negative_prompt_ids=guidance,
            generation_config=self._configuration(parameters, banned, each),
            logits_processor=_against_repetition(parameters, width - len(starts[0].bare) + 1),
        )
        news = [self._to_end(row) for row in rows[:, width:].tolist()]
        return [news[first : first + each] for first in range(0, len(news), each)]

    def _configuration(self, parameters: Parameters, banned: list[list[int]], each: int) -> GenerationConfig:
        chosen: dict[str, Any] = {}
        if parameters.do_sample:
            chosen |= {"temperature": parameters.temperature, "top_k": parameters.top_k, "top_p": parameters.top_p}
        if parameters.num_beams > 1:
            chosen |= {"num_beams": parameters.num_beams, "length_penalty": parameters.length_penalty}
        if parameters.guidance_scale > 1:
            chosen |= {"guidance_scale": parameters.guidance_scale}
        if banned:
            chosen |= {"bad_words_ids": banned}
        return GenerationConfig(
            do_sample=parameters.do_sample,
            num_return_sequences=each,
            max_new_tokens=parameters.max_new_tokens,
            min_new_tokens=parameters.min_new_tokens,
            suppress_tokens=self._never,
            bos_token_id=self._end_id,
            eos_token_id=self._end_id,
            pad_token_id=self._end_id,
            use_cache=True,
            **chosen,
        )

    def _to_end(self, row: list[int]) -> list[int]:
        return row[: row.index(self._end_id) + 1] if self._end_id in row else row

    def _tweet(self, start: _Start, new: list[int]) -> GeneratedTweet:
        stopped = new[-1] == self._end_id
        _, text = self.model.codec.parse((*start.bare, *new))
        # A tweet that was cut may end in the middle of a character.
        text = text.rstrip("\N{REPLACEMENT CHARACTER}").strip()
        return GeneratedTweet(text, "stop" if stopped else "length", len(new) - stopped, self._name)

    def _bad_ids(self, words: Sequence[str]) -> list[list[int]]:
        """The usual spellings in ids, each after a blank: without it, other words that end so would be spoilt.

        A longer word whose ids begin with these goes with them, as is the way of transformers' `bad_words_ids`.
        """
        folded = [" ".join(word.split()) for word in words]
        forms = {form for word in folded for form in (word, word.lower(), word.upper(), word.capitalize())}
        return [list(self.model.codec.encode(" " + form)) for form in sorted(forms)]

    def _spelling(self, ids: Sequence[int], word: str) -> list[int]:
        """The run of a tweet's ids that spells this bad word in a way `_bad_ids` did not think of.

        It takes one id more on its left, so that longer words that end with this one stay possible.
        """
        decode, pattern = self.model.codec.decode, _whole(word)
        stop = next((n for n in range(1, len(ids)) if pattern.search(_composed(decode(ids[:n])))), len(ids))
        first = next((n for n in reversed(range(stop)) if pattern.search(_composed(decode(ids[n:stop])))), 0)
        return list(ids[max(first - 1, 0) : stop])


def _against_repetition(parameters: Parameters, tweet_from: int) -> list[_TweetOnly]:
    rules: list[Any] = []
    if parameters.repetition_penalty != 1:
        rules.append(RepetitionPenaltyLogitsProcessor(float(parameters.repetition_penalty)))
    if parameters.no_repeat_ngram_size > 0:
        rules.append(NoRepeatNGramLogitsProcessor(parameters.no_repeat_ngram_size))
    return [_TweetOnly(rule, tweet_from) for rule in rules]


def _held(text: str, words: Sequence[str]) -> list[str]:
    """Those words that stand in the text, whole, in capitals or not; accents count."""
    text = _composed(text)
    return [word for word in words if _whole(word).search(text)]


def _whole(word: str) -> re.Pattern[str]:
    pieces = r"\s+".join(re.escape(piece) for piece in _composed(word).split())
    return re.compile(rf"(?<!\w){pieces}(?!\w)", re.IGNORECASE)


def _composed(text: str) -> str:
    """With every accent in its letter: a loose one would end the word it stands in."""
    return unicodedata.normalize("NFC", text)
