"""What a control model learns from: tweets behind a context that says what they are like."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from politico.control.format import Codec, Context, Sample
from politico.control.political import context_of_row
from politico.errors import LimitError
from politico.models.experiment import ControlSettings
from training.samples.batch import Batch, pad
from training.samples.split import Split

BUCKET_BATCHES = 50
"""So many batches' samples are sorted by length among themselves: little filling, and still a new mixture each epoch."""
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
    ) -> None:
        self._codec = replace(codec, encode=lru_cache(maxsize=CACHED_PIECES)(lambda text: tuple(codec.encode(text))))
        self._settings, self._length, self._seed = settings, length, settings.seed
        self._train, self._lengths, self._scored = self._fitting(parts.train)
        held_out, lengths, scored = self._fitting(parts.held_out)
        self.counts = Counts(
            rows=len(parts.train) + len(parts.held_out) + parts.dropped_duplicates,
            train=len(self._train),
            held_out=len(held_out),
            duplicates=parts.dropped_duplicates,
            too_long=len(parts.train) + len(parts.held_out) - len(self._train) - len(held_out),
        )
        if not len(self._train) or not len(held_out):
            raise LimitError(f"no tweet fits into {length} tokens on one side of the split: {self.counts}")
        self.batch_size = min(settings.batch_size, len(self._train))
        looked_at = _spread(lengths, held_out_tokens)
        self.looked_at = [(context_of_row(row), row["text"]) for row in held_out.take(looked_at).to_pylist()]
        """The held-out tweets that the loss is looked at with, and their contexts."""
        self.looked_at_scored = int(scored[looked_at].sum())
        self.identity = f"control {self.counts} {length} {codec.schema.version}"
        self._plan = lru_cache(maxsize=2)(self._plan_of_epoch)

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """The values of each closed field among the training tweets."""
        found: dict[str, set[str]] = {one.name: set() for one in self._codec.schema.fields if one.closed}
        for row in self._train.to_pylist():
            context = context_of_row(row)
            for name, values in found.items():
                values.update(context.get(name, ()))
        return {name: tuple(sorted(values)) for name, values in found.items()}

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        batches = len(self._train) // self.batch_size
        epoch, number = divmod(step, batches)
        rows = self._plan(epoch)[number]
        mine = rows[rank::world]
        samples = [
            self._sample(drop_fields(context_of_row(row), self._settings, (self._seed, epoch, int(index))), row["text"])
            for index, row in zip(mine, self._train.take(mine).to_pylist(), strict=True)
        ]
        # A context never changes how many tokens of its tweet are scored, so every process knows the whole step's count.
        return pad(samples, int(self._scored[rows].sum()), self._filler)

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        for first in range(rank * self.batch_size, len(self.looked_at), world * self.batch_size):
            samples = [self._sample(*one) for one in self.looked_at[first : first + self.batch_size]]
            yield pad(samples, self.looked_at_scored, self._filler)

    @property
    def _filler(self) -> int:
        return self._codec.ids[self._codec.schema.end]

    def _sample(self, context: Context, text: str) -> Sample:
        return self._codec.sample(context, text, self._length)

    def _fitting(self, table: pa.Table) -> tuple[pa.Table, Any, Any]:
        """The tweets that fit, the lengths of their samples, and how many tokens of each are scored."""
        lengths, scored, kept = [], [], []
        for index, row in enumerate(_rows(table)):
            try:
                sample = self._sample(context_of_row(row), row["text"])
            except LimitError:
                continue
            kept.append(index)
            lengths.append(len(sample.ids))
            scored.append(len(sample.ids) - sample.loss_from)
        return table.take(pa.array(kept, pa.int64())), np.array(lengths, np.int64), np.array(scored, np.int64)

    def _plan_of_epoch(self, epoch: int) -> Any:
        """batches, batch_size: row numbers. What is left over after the last whole batch waits for another epoch."""
        random = np.random.default_rng((self._seed, epoch))
        order = random.permutation(len(self._train))
        order = order[: len(order) - len(order) % self.batch_size]
        bucket = BUCKET_BATCHES * self.batch_size
        for first in range(0, len(order), bucket):
            part = order[first : first + bucket]
            order[first : first + bucket] = part[np.argsort(self._lengths[part], kind="stable")]
        return random.permutation(order.reshape(-1, self.batch_size))


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
