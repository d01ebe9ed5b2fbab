"""What a control model learns from: tweets behind a context that says what they are like."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from politico.control.format import Codec, Context, Sample
from politico.control.political import SCHEMA
from politico.control.rows import context_of_row
from politico.errors import LimitError
from politico.models.settings import ControlSettings
from training.corpus.shards import DTYPE, Tokens
from training.dataset.split import Split
from training.samples.batch import Batch, bucketed, pack, pad
from training.samples.names import swapped

_LOWER_CASE = re.compile(r"\b[a-záéíóúñ]{3,11}\b")
CACHED_PIECES = 200_000
"""Encoded texts and field values kept; the whole of a small dataset."""


@dataclass(frozen=True)
class Counts:
    """What became of a dataset's rows: rows = train + held_out + duplicates + too_long."""

    rows: int
    train: int
    held_out: int
    duplicates: int
    """Held-out tweets that also stand in training."""
    too_long: int
    """Tweets that do not fit the network even without a context."""


def no_context(_row: Mapping[str, Any]) -> Context:
    """What a tweet that is written freely stands behind."""
    return {}


@dataclass(frozen=True, slots=True)
class Row:
    """What of a tweet is learnt from. Made once: to find out how a context is spelled takes longer than a step on a GPU."""

    context: Context
    text: str
    kinds: Mapping[str, str] | None
    """Of the entities, where names are to be swapped."""


class ControlSamples:
    """Control samples in buckets of like length; each epoch leaves out other fields and other contexts."""

    def __init__(
        self,
        parts: Split,
        codec: Codec,
        settings: ControlSettings,
        *,
        length: int,
        held_out_tokens: int,
        context_of: Callable[[Mapping[str, Any]], Context] | None = None,
        tokenizer: str = "",
        packed: bool = False,
    ) -> None:
        """`context_of` gives a tweet's context, as the codec's schema says unless given; where it is empty there is none at all.
        `tokenizer` tells one whose tokens mean something else apart: a run can't go on with another. `packed` puts samples side
        by side in rows of the whole length: the same losses, on fewer and equal rows, as a GPU likes them."""
        self._context_of = context_of or (lambda row: context_of_row(row, codec.schema))
        self._codec = replace(codec, encode=lru_cache(maxsize=CACHED_PIECES)(lambda text: tuple(codec.encode(text))))
        self._settings, self._length, self._seed, self._packed = settings, length, settings.seed, packed
        self.train, self._lengths, _ = self._fitting(parts.train)
        held_out, lengths, scored = self._fitting(parts.held_out)
        self.counts = Counts(
            rows=len(parts.train) + len(parts.held_out) + parts.dropped_duplicates,
            train=len(self.train),
            held_out=len(held_out),
            duplicates=parts.dropped_duplicates,
            too_long=len(parts.train) + len(parts.held_out) - len(self.train) - len(held_out),
        )
        if not len(self.train) or not len(held_out):
            raise LimitError(f"no tweet fits into {length} tokens on one side of the split: {self.counts}")
        self.batch_size = min(settings.batch_size, len(self.train))
        self.batches = len(self.train) // self.batch_size
        self.held_out = held_out
        looked_at = _spread(lengths, held_out_tokens)
        self.looked_at = [(held_out[index].context, held_out[index].text) for index in looked_at]
        """The held-out tweets that the loss is looked at with, and their contexts."""
        self.looked_at_scored = int(scored[looked_at].sum())
        # Not how many tweets: a dataset grows, and loses what must go, while a run over it is interrupted.
        domain = "" if codec.schema.name == SCHEMA.name else f"{codec.schema.name} "
        self.identity = f"tweets {parts.cut} {length} {domain}{codec.schema.version} {tokenizer}"
        self._plan = lru_cache(maxsize=2)(self._plan_of_epoch)

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The values of each closed field among the training tweets."""
        found: dict[str, set[str]] = {one.name: set() for one in self._codec.schema.fields if one.closed}
        for row in self.train:
            for name, values in found.items():
                values.update(row.context.get(name, ()))
        return {name: tuple(sorted(values)) for name, values in found.items()}

    def ids_of(self, rows: Iterable[Row]) -> Iterator[tuple[int, ...]]:
        """The ids of each tweet of `train` or `held_out`, its context before it and its end behind it."""
        return (self._sample(row.context, row.text).ids for row in rows)

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        epoch, number = divmod(step, self.batches)
        mine = self._plan(epoch)[number][rank::world].tolist()
        return self._rows([self._practised(self.train[index], (self._seed, epoch, index)) for index in mine])

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        for first in range(rank * self.batch_size, len(self.looked_at), world * self.batch_size):
            samples = [self._sample(*one) for one in self.looked_at[first : first + self.batch_size]]
            yield self._rows(samples)

    def _rows(self, samples: Sequence[Sample]) -> Batch:
        return pack(samples, self._length, self._filler) if self._packed else pad(samples, self._filler)

    def _practised(self, row: Row, seed: tuple[int, ...]) -> Sample:
        """A training tweet as one epoch sees it: some names are others, some fields are left out."""
        settings = self._settings
        if settings.name_swap:
            random = np.random.default_rng((*seed, 1))
            other, text = swapped(
                row.context,
                row.text,
                settings.name_swap,
                random,
                kinds=row.kinds,
                words=self._words,
                schema=self._codec.schema,
            )
            try:
                return self._sample(drop_fields(other, settings, seed), text)
            except LimitError:
                pass  # with longer names it does not fit: it is said as it was
        return self._sample(drop_fields(row.context, settings, seed), row.text)

    @cached_property
    def _words(self) -> Sequence[str]:
        """Words of the training tweets that made-up names may be built of."""
        found = {word for row in self.train for word in _LOWER_CASE.findall(row.text)}
        return sorted(found)

    @property
    def _filler(self) -> int:
        return self._codec.ids[self._codec.schema.end]

    def _sample(self, context: Context, text: str) -> Sample:
        return self._codec.sample(context, text, self._length)

    def _fitting(self, table: pa.Table) -> tuple[list[Row], Any, Any]:
        """The tweets that fit, the lengths of their samples, and how many tokens of each are scored."""
        lengths, scored, kept = [], [], []
        for row in _rows(table):
            # What many tweets name is kept once.
            context = {name: tuple(map(sys.intern, values)) for name, values in self._context_of(row).items()}
            try:
                sample = self._sample(context, row["text"])
            except LimitError:
                continue
            kinds = {one["text"]: one["type"] for one in row["entities"]} if self._settings.name_swap else None
            kept.append(Row(context, row["text"], kinds))
            lengths.append(len(sample.ids))
            scored.append(len(sample.ids) - sample.loss_from)
        return kept, np.array(lengths, np.int64), np.array(scored, np.int64)

    def _plan_of_epoch(self, epoch: int) -> Any:
        return bucketed(self._lengths, self.batch_size, (self._seed, epoch))


def joined(samples: Iterable[tuple[int, ...]], seed: int) -> Tokens:
    """Samples in random order, one behind the other, as one row of tokens."""
    rows = [np.array(one, dtype=DTYPE) for one in samples]
    return np.concatenate([rows[index] for index in np.random.default_rng(seed).permutation(len(rows))])


def drop_fields(context: Context, settings: ControlSettings, seed: tuple[int, ...]) -> dict[str, tuple[str, ...]]:
    """The context with some fields left out, or with none left: what the network sees of it in one epoch."""
    draws = np.random.default_rng(seed).random(len(context) + 1)
    if draws[0] < settings.context_dropout:
        return {}
    return {name: context[name] for name, draw in zip(context, draws[1:], strict=True) if draw >= settings.field_dropout}


def _rows(table: pa.Table) -> Iterator[Mapping[str, Any]]:
    for part in table.to_batches(max_chunksize=10_000):
        yield from part.to_pylist()


def _spread(lengths: Any, tokens: int) -> Any:
    """Row numbers, evenly spread, of about this many tokens; sorted by length, to fill up little."""
    count = max(1, min(len(lengths), int(tokens / lengths.mean())))
    chosen = np.unique(np.linspace(0, len(lengths) - 1, count).astype(np.int64))
    return chosen[np.argsort(lengths[chosen], kind="stable")]
