"""From requests to tweets, through transformers' own `generate` with its logits processors.

What is added to it: control tokens are never written, bad words are looked for in the text and not only in the ids, the
rules against repetition look at the tweet alone, so that a word is not punished for standing in the context, what is asked
for is insisted on, words that do not exist are kept out, and of several drafts the best is kept.
"""

import re
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from transformers import GenerationConfig, NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor
from transformers.generation.streamers import BaseStreamer

from inference.insistence import BONUS, Insistence, Item, Vocabulary
from inference.length import shortened
from inference.lexicon import KnownWords, Lexicon
from inference.model import Model
from politico.control.format import Context, composed
from politico.control.honoured import asked_items, honoured
from politico.control.request import Parameters, Request
from politico.control.words import repeated_share
from politico.errors import LimitError, ServiceError

REDRAWS = 3
"""How often a tweet that holds a bad word is drawn again."""
ENDED, LIKELY, FITTING, REPEATING = 0.25, 0.25, 0.5, 1.0
"""What a candidate is worth beside the share of what was asked that it says: for ending by itself, for each nat of its mean
log-likelihood a token, for the sentiment that the model finds in it; and what it loses for pairs of words said again."""


@dataclass(frozen=True)
class GeneratedTweet:
    """One tweet. The fields are the endpoint's answer."""

    generated_text: str
    """The prompt and what follows it, without control tokens."""
    finish_reason: str
    """`stop` when the model ended the tweet, `length` when `max_new_tokens` or `max_characters` did."""
    tokens: int
    """How many tokens were generated, the end token not counted."""
    model: str
    """The model's name, from its card."""
    honoured: Mapping[str, Mapping[str, bool]]
    """Of each list that was asked for, whether the text says its items: `{"hashtags": {"#Salud": true}}`."""
    synthetic: bool = True
    """Said in every answer: a program wrote it, and nobody said it."""

    @property
    def said(self) -> float:
        """The share of the asked items that it says; 1 where none was asked for."""
        found = [one for items in self.honoured.values() for one in items.values()]
        return sum(found) / len(found) if found else 1.0


@dataclass(frozen=True)
class Written:
    """How far a request is."""

    tokens: int
    """That each draft under way has. A tweet with a bad word is drawn again, from 0."""
    longest: int
    """That it may have."""
    text: str
    """The tweet so far, where there is one draft and nothing that could take it back; empty otherwise."""


Tell = Callable[[Written], None]
"""Is told how far a request is; what it raises ends the request."""


@dataclass(frozen=True)
class _Start:
    """What the model writes on from."""

    context: Context
    beginning: str
    ids: tuple[int, ...]
    bare: tuple[int, ...]
    """The same without its context: the text marker and the tweet's beginning. Guidance starts from here."""
    asked: tuple[str, ...]
    """The items that a tweet should say."""


@dataclass(frozen=True)
class _Drawn:
    """One draw: the tweet, and the ids that the model wrote."""

    tweet: GeneratedTweet
    ids: tuple[int, ...]


@dataclass(frozen=True)
class _TweetOnly:
    """A logits processor that sees only the tweet: neither its padding nor its context."""

    processor: Any
    tweet_from: int

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        processed: torch.Tensor = self.processor(input_ids[:, self.tweet_from :], scores)
        return processed


class _Streamer(BaseStreamer):  # type: ignore[misc]  # transformers has no types
    """Hands on the first draft's ids as they come."""

    def __init__(self, told: Callable[[list[int]], None]) -> None:
        self._told = told
        self._ids: list[int] = []

    def put(self, value: torch.Tensor) -> None:
        if value.dim() == 1:  # before the first token comes what is written on from, a row each
            self._ids.append(int(value[0]))
            self._told(self._ids)

    def end(self) -> None:
        """Nothing is left to be told."""


class Engine:
    """Writes tweets with one model, one request at a time; safe to call from several threads."""

    def __init__(self, model: Model) -> None:
        self.model = model
        schema, ids = model.codec.schema, model.codec.ids
        self._text_id, self._end_id = ids[schema.text_marker], ids[schema.end]
        self._never = sorted({*(ids[marker] for marker in schema.markers), *model.unused})
        self._lock = threading.Lock()

    def check(self, request: Request) -> None:
        """Raises LimitError for what `generate` would refuse before the model runs."""
        self._start(request)

    def generate(self, request: Request, tell: Tell | None = None) -> list[GeneratedTweet]:
        """The tweets asked for. Raises LimitError before the model runs, ServiceError when bad words stay in.

        `tell` hears of the request when it is checked, when its turn comes, and of every token but those of beams.
        """
        parameters = request.parameters
        start = self._start(request)
        if tell:
            tell(Written(0, parameters.max_new_tokens, start.beginning))
        with self._alone(parameters.seed):
            if tell:  # it may have waited for long
                tell(Written(0, parameters.max_new_tokens, start.beginning))
            if parameters.num_beams > 1:  # the beams of one search compete: they can't be drawn one by one
                return [one.tweet for one in self._draw([start], parameters, parameters.num_return_sequences, None)[0]]
            return self._best([start] * parameters.num_return_sequences, parameters, tell)

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
        together = max(1, batch_size // parameters.candidates)
        alike = defaultdict(list)
        for index in sorted(range(len(starts)), key=lambda index: len(starts[index].ids)):
            alike[len(starts[index].bare)].append(index)
        tweets: dict[int, GeneratedTweet] = {}
        with self._alone(parameters.seed):
            for indices in alike.values():
                for first in range(0, len(indices), together):
                    batch = indices[first : first + together]
                    tweets.update(zip(batch, self._best([starts[index] for index in batch], parameters), strict=True))
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
        asked = tuple(asked_items(request.context, self.model.codec.schema))
        for item in asked:
            if held := _held(item, parameters.bad_words):
                raise LimitError(
                    f"bad_words has {held[0]!r}, which stands in {item!r}, which is asked for; take it out of one of them"
                )
        ids = self.model.codec.prompt(request.context, beginning, longest - parameters.max_new_tokens)
        return _Start(request.context, beginning, ids, ids[ids.index(self._text_id) :], asked)

    @contextmanager
    def _alone(self, seed: int | None) -> Iterator[None]:
        """Nobody else generates meanwhile, and the process's own random state stays as it was."""
        device = self.model.network.device
        with self._lock, torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(secrets.randbits(32) if seed is None else seed)
            yield

    def _best(self, starts: Sequence[_Start], parameters: Parameters, tell: Tell | None = None) -> list[GeneratedTweet]:
        """One tweet for each start: of several candidates the one that says most of what was asked, ends, and is likely."""
        count = parameters.candidates
        rows = [one for (one,) in self._draw([start for start in starts for _ in range(count)], parameters, 1, tell)]
        if count == 1:
            return [one.tweet for one in rows]
        best = []
        for number, start in enumerate(starts):
            drafts = rows[number * count : (number + 1) * count]
            worth = self._worth(start, drafts)
            best.append(drafts[max(range(count), key=worth.__getitem__)].tweet)
        return best

    @torch.no_grad()
    def _worth(self, start: _Start, drafts: Sequence[_Drawn]) -> list[float]:
        likely = self._likelihoods(start.ids, drafts)
        fitting = self._fitting(start, drafts, likely)
        return [
            one.tweet.said
            + ENDED * (one.tweet.finish_reason == "stop")
            + LIKELY * total / max(1, len(one.ids))
            + FITTING * fits
            - REPEATING * repeated_share(one.tweet.generated_text)
            for one, total, fits in zip(drafts, likely, fitting, strict=True)
        ]

    def _fitting(self, start: _Start, drafts: Sequence[_Drawn], likely: Sequence[float]) -> list[float]:
        """How surely the model itself tells the asked sentiment from the others by each draft: Bayes' rule, all alike before."""
        schema = self.model.codec.schema
        mood = schema.sentiment or ""
        wanted = start.context.get(mood, ())
        others = [value for value in schema.values.get(mood, ()) if (value,) != wanted] if wanted else []
        if not others:
            return [1.0] * len(drafts)
        room = self.model.length - max(len(one.ids) for one in drafts)
        rivals = [self.model.codec.prompt({**start.context, mood: (value,)}, start.beginning, room) for value in others]
        table = torch.tensor([likely, *(self._likelihoods(ids, drafts) for ids in rivals)])
        shares: list[float] = table.softmax(0)[0].tolist()
        return shares

    def _likelihoods(self, ids: Sequence[int], drafts: Sequence[_Drawn]) -> list[float]:
        """The log-likelihood of each draft behind these ids, in nats, by the model alone."""
        longest = max(len(one.ids) for one in drafts)
        rows = torch.tensor([[*ids, *one.ids, *[self._end_id] * (longest - len(one.ids))] for one in drafts])
        rows = rows.to(self.model.network.device)
        if longest == 0:
            return [0.0] * len(drafts)
        logits = self.model.network(rows[:, :-1], logits_to_keep=longest).logits.float()
        each = logits.log_softmax(-1).gather(2, rows[:, -longest:, None]).squeeze(2)
        return [float(each[number, : len(one.ids)].sum()) for number, one in enumerate(drafts)]

    def _draw(self, starts: Sequence[_Start], parameters: Parameters, each: int, tell: Tell | None) -> list[list[_Drawn]]:
        """`each` tweets for each start, those with a bad word drawn again."""
        banned = self._bad_ids(parameters.bad_words)
        tweets: dict[int, list[_Drawn]] = {}
        for _ in range(1 + REDRAWS):
            waiting = [index for index in range(len(starts)) if index not in tweets]
            rows = self._continue([starts[index] for index in waiting], parameters, banned, each, tell)
            for index, news in zip(waiting, rows, strict=True):
                drawn = [_Drawn(self._tweet(starts[index], new, parameters.max_characters), tuple(new)) for new in news]
                bad = [(one.ids, word) for one in drawn for word in _held(one.tweet.generated_text, parameters.bad_words)]
                if not bad:
                    tweets[index] = drawn
                banned += [self._spelling((*starts[index].bare[1:], *new), word) for new, word in bad]
            if len(tweets) == len(starts):
                return [tweets[index] for index in range(len(starts))]
        raise ServiceError(f"{1 + REDRAWS} tries all held one of bad_words; ask again or with other parameters")

    def _continue(
        self, starts: Sequence[_Start], parameters: Parameters, banned: list[list[int]], each: int, tell: Tell | None
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
            logits_processor=self._rules(starts, parameters, width - len(starts[0].bare) + 1),
            streamer=self._streamer(starts, parameters, tell) if tell else None,
        )
        news = [self._to_end(row) for row in rows[:, width:].tolist()]
        return [news[first : first + each] for first in range(0, len(news), each)]

    def _streamer(self, starts: Sequence[_Start], parameters: Parameters, tell: Tell) -> "_Streamer":
        def so_far(ids: list[int]) -> str:
            return self._text(starts[0], ids) if len(starts) == 1 and not parameters.bad_words else ""

        return _Streamer(lambda ids: tell(Written(len(ids), parameters.max_new_tokens, so_far(ids))))

    def _rules(self, starts: Sequence[_Start], parameters: Parameters, tweet_from: int) -> list[_TweetOnly]:
        """What is added to transformers' own processors. They come before the temperature, which divides what they add."""
        rules = _against_repetition(parameters)
        decode, warmth = self.model.codec.decode, parameters.temperature if parameters.do_sample else 1.0
        if parameters.known_words and self.model.words:
            asked = [" ".join([start.beginning, *start.asked]) for start in starts]
            rules.append(KnownWords(self._lexicon, asked, self._end_id))
        if parameters.insistence and any(start.asked for start in starts):
            items = [[self._item(text) for text in start.asked] for start in starts]
            bonus = BONUS * parameters.insistence * warmth
            written = len(starts[0].bare) - 1
            longest = parameters.max_new_tokens
            rules.append(Insistence(items, self._vocabulary, decode, bonus=bonus, written=written, longest=longest))
        return [_TweetOnly(rule, tweet_from) for rule in rules]

    def _item(self, text: str) -> Item:
        return Item(text, tuple(self.model.codec.encode(" " + text)), tuple(self.model.codec.encode(text)))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary([one.decode(errors="replace") for one in self.model.spelled], self._end_id)

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon(self.model.words, self.model.spelled)

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

    def _tweet(self, start: _Start, new: list[int], most_characters: int) -> GeneratedTweet:
        stopped, whole = new[-1] == self._end_id, self._text(start, new)
        text = shortened(whole, most_characters, keep=len(start.beginning)) if most_characters else whole
        said = honoured(start.context, text, None, self.model.codec.schema)
        return GeneratedTweet(
            text,
            "stop" if stopped and text == whole else "length",
            len(new) - stopped,
            self.model.name,
            {name: dict(items) for name, items in said.items()},
        )

    def _text(self, start: _Start, new: list[int]) -> str:
        _, text = self.model.codec.parse((*start.bare, *new))
        # A tweet that was cut, or is being written, may end in the middle of a character.
        return text.rstrip("\N{REPLACEMENT CHARACTER}").strip()

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
        stop = next((n for n in range(1, len(ids)) if pattern.search(composed(decode(ids[:n])))), len(ids))
        first = next((n for n in reversed(range(stop)) if pattern.search(composed(decode(ids[n:stop])))), 0)
        return list(ids[max(first - 1, 0) : stop])


def _against_repetition(parameters: Parameters) -> list[Any]:
    rules: list[Any] = []
    if parameters.repetition_penalty != 1:
        rules.append(RepetitionPenaltyLogitsProcessor(float(parameters.repetition_penalty)))
    if parameters.no_repeat_ngram_size > 0:
        rules.append(NoRepeatNGramLogitsProcessor(parameters.no_repeat_ngram_size))
    return rules


def _held(text: str, words: Sequence[str]) -> list[str]:
    """Those words that stand in the text, whole, in capitals or not; accents count."""
    text = composed(text)
    return [word for word in words if _whole(word).search(text)]


def _whole(word: str) -> re.Pattern[str]:
    pieces = r"\s+".join(re.escape(piece) for piece in composed(word).split())
    return re.compile(rf"(?<!\w){pieces}(?!\w)", re.IGNORECASE)
