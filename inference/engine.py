"""From requests to tweets, through the decoding loop of `decoding.py` and logits processors.

Control tokens are never written, bad words are looked for in the text and not only in the ids, the
rules against repetition look at the tweet alone, so that a word is not punished for standing in the context, what is asked
for is insisted on, words that do not exist are kept out, and of several drafts the best is kept.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import torch
from transformers import NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

from inference.model import Model
from inference.rules.characters import Characters, WholeCharacters
from inference.rules.ending import ended, whole_words
from inference.rules.insistence import BONUS, Insistence, Item, Vocabulary
from inference.rules.lexicon import KnownWords, Lexicon, words_in
from inference.writing.decoding import Writer
from inference.writing.drawing import Manner
from inference.writing.network import Network, fitting_precision
from inference.writing.under_way import Draft
from inference.writing.watermark import CONTEXT, Watermark
from politico.control.format import Context, composed
from politico.control.honoured import asked_items, honoured, stands_in
from politico.control.request import Parameters, Request, parameters_to_json
from politico.control.words import repeated_share, words_of
from politico.errors import CopyError, LimitError, ServiceError

LEAST_TEXT = 16
"""Tokens that are kept for the text where `max_length` counts what stands before it."""
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
    watermarked: bool = False
    """Whether it was drawn with the model's marks, by which `politico detect` knows it again."""
    dataset: str = ""
    """The SHA-256 of the dataset that the model has learnt from, from its card; empty where that names none."""
    precision: str = ""
    """The numbers that the network is worked out with: `fp32`, `bf16` or `int8`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """All settings that it was written with; under sampling with the seed that was drawn where none was given."""

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
    given: Parameters
    """As they were asked for, with the seed that was drawn where none was."""
    parameters: Parameters
    """As they are for what stands before the text: lengths that count it are those of the text alone."""


@dataclass(frozen=True)
class _Drawn:
    """One draw: the tweet, and the ids that the model wrote."""

    tweet: GeneratedTweet
    ids: tuple[int, ...]


class Engine:
    """Writes tweets with one model, many requests' at once; safe to call from several threads."""

    def __init__(
        self, model: Model, precision: str = "", threads: int = 0, *, guarded: bool = False, watermarked: bool = False
    ) -> None:
        """`precision` is one of PRECISIONS; empty: what fits the network and this processor. `threads` as `Writer` has them.

        A `guarded` engine gives no near copy of a tweet that the model has learnt from, and what a `watermarked` one draws has
        the model's marks; one that judges a model writes as the model does.
        """
        self.model, self._known = model, model.shingles if guarded else None
        self._watermark = Watermark.of(model.network) if watermarked else None
        schema, ids = model.codec.schema, model.codec.ids
        self._text_id, self._end_id = ids[schema.text_marker], ids[schema.end]
        never = sorted({*(ids[marker] for marker in schema.markers), *model.unused})
        fitting = fitting_precision(model.is_large, model.network.device)
        self.network = Network(model.network, precision or fitting)
        self._writer = Writer(self.network, threads=threads)
        self._never_written = torch.tensor(never, dtype=torch.int64, device=self.network.device)

    @property
    def rows(self) -> int:
        """That are written side by side just now."""
        return self._writer.rows

    def check(self, request: Request) -> None:
        """Raises LimitError for what `generate` would refuse before the model runs."""
        self._start(request)

    def generate(self, request: Request, tell: Tell | None = None, *, later: bool = False) -> list[GeneratedTweet]:
        """The tweets asked for. Raises LimitError before the model runs, ServiceError when bad words stay in, CopyError when
        nothing new comes.

        `tell` hears of the request when it is checked and at every token, and now and then while nothing happens. One that is for
        `later` waits for those that are not.
        """
        parameters = _seeded(request.parameters)
        start = self._start(replace(request, parameters=parameters))
        if tell:
            tell(Written(0, start.parameters.max_new_tokens, start.beginning))
        if parameters.num_beams > 1:  # the beams of one search compete: they can't be drawn one by one
            return [one.tweet for one in _some(self._drawn([start], parameters, tell, later)[0])]
        return self._best([start] * parameters.num_return_sequences, parameters, tell, later)

    def generate_batch(self, requests: Sequence[Request]) -> list[GeneratedTweet]:
        """One tweet for each request, in their order; their parameters must be the same. Raises as `generate` does."""
        if not requests:
            return []
        parameters = _seeded(requests[0].parameters)
        if any(one.parameters != requests[0].parameters for one in requests):
            raise LimitError("a batch has requests with different parameters; give them all the same")
        if parameters.num_return_sequences != 1:
            raise LimitError(f"num_return_sequences is {parameters.num_return_sequences}; in a batch only 1 is allowed")
        if parameters.num_beams > 1:
            return [self.generate(request)[0] for request in requests]
        return self._best([self._start(replace(request, parameters=parameters)) for request in requests], parameters)

    def _start(self, request: Request) -> _Start:
        """Raises LimitError for what can't be written on from."""
        longest, parameters = self.model.length, request.parameters
        if parameters.max_length > longest:
            raise LimitError(f"max_length is {parameters.max_length}; this model takes at most {longest}")
        if not parameters.max_length and parameters.max_new_tokens >= longest:
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
        room = longest - parameters.max_new_tokens
        if parameters.max_length:
            room = max(1, parameters.max_length - LEAST_TEXT)
        ids = self.model.codec.prompt(request.context, beginning, room)
        behind, bare = _behind(parameters, len(ids)), ids[ids.index(self._text_id) :]
        return _Start(request.context, beginning, ids, bare, asked, parameters, behind)

    def _best(
        self, starts: Sequence[_Start], parameters: Parameters, tell: Tell | None = None, later: bool = False
    ) -> list[GeneratedTweet]:
        """One tweet for each start: of several candidates the one that says most of what was asked, ends, and is likely."""
        count = parameters.candidates
        rows = self._drawn([start for start in starts for _ in range(count)], parameters, tell, later)
        best = []
        for number, start in enumerate(starts):
            drafts = _some([one for row in rows[number * count : (number + 1) * count] for one in row])
            if count == 1:
                best.append(drafts[0].tweet)
                continue
            written = Written(max(len(one.ids) for one in drafts), start.parameters.max_new_tokens, "")
            worth = self._worth(start, drafts, partial(tell, written) if tell else None)
            best.append(drafts[max(range(len(drafts)), key=worth.__getitem__)].tweet)
        return best

    def _worth(self, start: _Start, drafts: Sequence[_Drawn], look: Callable[[], None] | None = None) -> list[float]:
        likely = self._likelihoods(start.ids, drafts, look)
        fitting = self._fitting(start, drafts, likely, look)
        return [
            one.tweet.said
            + ENDED * (one.tweet.finish_reason == "stop")
            + LIKELY * total / max(1, len(one.ids))
            + FITTING * fits
            - REPEATING * repeated_share(one.tweet.generated_text)
            for one, total, fits in zip(drafts, likely, fitting, strict=True)
        ]

    def _fitting(
        self, start: _Start, drafts: Sequence[_Drawn], likely: Sequence[float], look: Callable[[], None] | None = None
    ) -> list[float]:
        """How surely the model itself tells the asked sentiment from the others by each draft: Bayes' rule, all alike before."""
        schema = self.model.codec.schema
        mood = schema.sentiment or ""
        wanted = start.context.get(mood, ())
        others = [value for value in schema.values.get(mood, ()) if (value,) != wanted] if wanted else []
        if not others:
            return [1.0] * len(drafts)
        room = self.model.length - max(len(one.ids) for one in drafts)
        rivals = [self.model.codec.prompt({**start.context, mood: (value,)}, start.beginning, room) for value in others]
        table = torch.tensor([likely, *(self._likelihoods(ids, drafts, look) for ids in rivals)])
        shares: list[float] = table.softmax(0)[0].tolist()
        return shares

    def _likelihoods(self, ids: Sequence[int], drafts: Sequence[_Drawn], look: Callable[[], None] | None = None) -> list[float]:
        """The log-likelihood of each draft behind these ids, in nats, by the model alone: one by one, between others' tokens."""
        return [self._writer.run(partial(self._likelihood, ids, one.ids), look) for one in drafts]

    @torch.inference_mode()
    def _likelihood(self, ids: Sequence[int], written: Sequence[int]) -> float:
        """The log-likelihood of what was written behind these ids, in nats, by the model alone."""
        if not written:
            return 0.0
        read = [*ids, *written[:-1]]
        scores = self.network.read(read, self.network.cache(len(read)), last=len(written)).float().log_softmax(-1)
        return float(scores.gather(1, torch.tensor(written, device=scores.device)[:, None]).sum())

    def _drawn(
        self, starts: Sequence[_Start], parameters: Parameters, tell: Tell | None = None, later: bool = False
    ) -> list[list[_Drawn]]:
        """A draft for each start, or the best of a search's beams; those with a bad word, and near copies, are drawn again.

        None for a start of which only near copies came; of beams what is left where each try had some.
        """
        seed = parameters.seed or 0  # where nothing is drawn there may be none
        banned = self._bad_ids(parameters.bad_words)
        kept: dict[int, list[_Drawn]] = {}
        waiting = list(range(len(starts)))
        for attempt in range(1 + REDRAWS):
            seeds = [seed_of(seed, index, attempt) for index in waiting]
            rows = self._written([starts[index] for index in waiting], banned, seeds, tell, later)
            again, spoilt = [], set[int]()
            for index, news in zip(waiting, rows, strict=True):
                drawn: list[_Drawn] = []
                for ids in news:
                    others = [one.tweet.generated_text for one in drawn]
                    drawn.append(_Drawn(self._tweet(starts[index], ids, others), tuple(ids)))
                bad = [(one.ids, word) for one in drawn for word in _held(one.tweet.generated_text, parameters.bad_words)]
                banned += [self._spelling((*starts[index].bare[1:], *new), word) for new, word in bad]
                new = [] if bad else [one for one in drawn if not self._is_copy(starts[index], one.tweet.generated_text)]
                kept[index] = max(kept.get(index, []), new, key=len)
                if bad:
                    spoilt.add(index)
                if bad or (len(new) < len(drawn) and parameters.do_sample):  # undrawn, the same would come again
                    again.append(index)
            waiting = again
            if not waiting:
                break
        if any(not kept[index] for index in spoilt):
            raise ServiceError(f"{1 + REDRAWS} tries all held one of bad_words; ask again or with other parameters")
        return [kept[index] for index in range(len(starts))]

    def _is_copy(self, start: _Start, text: str) -> bool:
        """Whether it is a near copy of a tweet that the model has learnt from, in words that nobody gave it."""
        return self._known is not None and self._known.is_near_copy(text, (start.beginning, *start.asked))

    def _written(
        self,
        starts: Sequence[_Start],
        banned: Sequence[Sequence[int]],
        seeds: Sequence[int],
        tell: Tell | None,
        later: bool,
    ) -> list[list[list[int]]]:
        """What the model writes, all at once: for each start the ids of its tweet, or of a search's tweets."""
        rules = {id(start): self._rules(start) for start in {id(one): one for one in starts}.values()}
        manners = (
            Manner(
                start.ids,
                start.bare,
                start.parameters,
                self._end_id,
                seed,
                rules=rules[id(start)],
                never=self._never_written,
                banned=tuple(banned),
                watermark=self._watermark,
            )
            for start, seed in zip(starts, seeds, strict=True)
        )
        drafts = [Draft(manner, later=later) for manner in manners]
        self._writer.write(drafts, partial(self._tell, tell, starts, drafts) if tell else None)
        return [[draft.ids, *draft.others] for draft in drafts]

    def _tell(self, tell: Tell, starts: Sequence[_Start], drafts: Sequence[Draft]) -> None:
        under_way, parameters = [draft for draft in drafts if not draft.done] or drafts, starts[0].parameters
        alone = len(drafts) == 1 and parameters.num_beams == 1 and not parameters.bad_words
        text = self._text(starts[0], list(drafts[0].ids)) if alone else ""
        if text and self._is_copy(starts[0], text):  # held back until it goes on in words of its own
            text = ""
        tell(Written(max(len(draft.ids) for draft in under_way), parameters.max_new_tokens, text))

    def _rules(self, start: _Start) -> list[Any]:
        """What a tweet's scores go through, before the temperature, which divides what is added to them."""
        parameters = start.parameters
        rules = [*_against_repetition(parameters), WholeCharacters(self._characters)]
        decode, warmth = self.model.codec.decode, parameters.temperature if parameters.do_sample else 1.0
        if parameters.known_words and self.model.words:
            rules.append(KnownWords(self._lexicon, [" ".join([start.beginning, *start.asked])], self._end_id))
        if parameters.insistence and start.asked:
            items = [self._item(text) for text in start.asked]
            bonus = BONUS * parameters.insistence * warmth
            longest, written = parameters.max_new_tokens, len(start.bare) - 1
            rules.append(Insistence([items], self._vocabulary, decode, bonus=bonus, written=written, longest=longest))
        return rules

    def _item(self, text: str) -> Item:
        return Item(text, tuple(self.model.codec.encode(" " + text)), tuple(self.model.codec.encode(text)))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary([one.decode(errors="replace") for one in self.model.spelled], self._end_id)

    @cached_property
    def _characters(self) -> Characters:
        return Characters(self.model.spelled, self._end_id)

    @cached_property
    def _lexicon(self) -> Lexicon:
        return Lexicon(self.model.words, self.model.spelled)

    def _tweet(self, start: _Start, new: list[int], others: Sequence[str]) -> GeneratedTweet:
        """Of beams that differ in a last word alone only the first loses it: `others` are the texts of those before."""
        stopped, text, given = new[-1] == self._end_id, self._text(start, new), len(start.beginning)
        most = start.parameters.max_characters
        whole = text if stopped else whole_words(text, given, partial(self._is_whole, start))
        found, cut = ended(whole, most, given)
        if found in others:
            found, cut = ended(text, most, given)
        text = found
        said = honoured(start.context, text, None, self.model.codec.schema)
        return GeneratedTweet(
            generated_text=text,
            finish_reason="stop" if stopped and not cut else "length",
            tokens=len(new) - stopped,
            model=self.model.name,
            honoured={name: dict(items) for name, items in said.items()},
            watermarked=self._watermark is not None and _can_be_marked(start, new),
            dataset=self.model.dataset,
            precision=self.network.precision,
            parameters=parameters_to_json(start.given),
        )

    def _is_whole(self, start: _Start, word: str, before: str) -> bool:
        """Whether the word at a text's end is known to be one: it is in the model's list, or ends what was asked for."""
        if not self.model.words.isdisjoint(words_in(word)):
            return True
        text = before + word
        return any(stands_in(words_of(text), text, one) > stands_in(words_of(before), before, one) for one in start.asked)

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


def _can_be_marked(start: _Start, new: Sequence[int]) -> bool:
    """Whether chance chose from several tokens, far enough behind the tweet's beginning."""
    given = start.given
    drawn = given.do_sample and given.num_beams == 1 and given.top_k != 1
    return drawn and len(start.bare) - 1 + len(new) > CONTEXT


def _some(drawn: list[_Drawn]) -> list[_Drawn]:
    """Those that were drawn. Raises CopyError for none."""
    if not drawn:
        raise CopyError(
            f"{1 + REDRAWS} tries were all near copies of tweets that the model has learnt from; "
            "ask for something else, or with a higher temperature"
        )
    return drawn


def _behind(parameters: Parameters, before: int) -> Parameters:
    """The parameters with lengths of the text alone, behind so many tokens. Raises LimitError where none is left for it."""
    if not parameters.max_length and not parameters.min_length:
        return parameters
    longest = parameters.max_length - before if parameters.max_length else parameters.max_new_tokens
    if longest < 1:
        raise LimitError(f"max_length is {parameters.max_length}; behind what stands before the text at least {before + 1}")
    shortest = max(parameters.min_new_tokens, parameters.min_length - before)
    return replace(parameters, max_new_tokens=longest, min_new_tokens=max(0, min(shortest, longest)))


def _seeded(parameters: Parameters) -> Parameters:
    """The parameters with a seed, where something is drawn and none is given."""
    if parameters.seed is not None or not parameters.do_sample:
        return parameters
    return replace(parameters, seed=secrets.randbits(32))


def seed_of(seed: int, *numbers: int) -> int:
    """A seed of 63 bits for one of the many things that are drawn under one seed."""
    told = "/".join(map(str, (seed, *numbers))).encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest()) >> 1


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
