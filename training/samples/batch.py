"""What one step learns from: rows of token ids, what each position should predict, and which of it was asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from politico.control.format import Sample

IGNORED = -100
"""A target that is not scored."""
BUCKET_BATCHES = 50
"""So many batches' samples are sorted by length among themselves: little filling, and still a new mixture each epoch."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a step; the other processes have the others."""

    ids: torch.Tensor
    """B, T token ids."""
    targets: torch.Tensor
    """B, T: the id that follows each position, or IGNORED."""
    asked: torch.Tensor | None = None
    """B, T: whether a position's target spells what the row's context asks for; None where no row has a context."""
    positions: torch.Tensor | None = None
    """B, T: the place of each id in its own text, where texts that share a row are hidden from each other; None for rows whose
    ids all see what stands before them."""

    @property
    def tokens(self) -> int:
        return self.ids.numel()

    @property
    def scored(self) -> int:
        """Scored positions of these rows."""
        return int((self.targets != IGNORED).sum())

    def weights(self, asked: float) -> torch.Tensor | None:
        """B, T: what each scored position weighs in the loss when one that was asked for weighs this much; None for all alike."""
        if self.asked is None or asked == 1:
            return None
        return torch.where(self.asked, asked, 1.0) * (self.targets != IGNORED)

    def passes(self, tokens: int) -> Iterator["Batch"]:
        """The batch in parts of at most this many tokens, at least one row each; each part as wide as it must be, packed rows
        as they are."""
        rows, width = self.ids.shape
        height = max(1, tokens // width)
        for first in range(0, rows, height):
            part = slice(first, first + height)
            # Packed rows keep their width, for which a compiled network is made.
            used = width if self.positions is not None else int((self.targets[part] != IGNORED).any(0).nonzero().max()) + 1
            more = (None if one is None else one[part, :used] for one in (self.asked, self.positions))
            yield Batch(self.ids[part, :used], self.targets[part, :used], *more)


class Data(Protocol):
    """What a stage learns from and is looked at with. Every process computes the same plan and takes its share of it."""

    batch_size: int
    """Rows a step, over all processes."""
    batches: int
    """Steps that are one pass over it."""
    identity: str
    """Changes whenever the plan does: a checkpoint only fits the data it was made with."""

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        """This process's rows of a step. The same step is the same batch however the run came to it."""
        ...

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        """This process's share of the held-out text that is looked at; together all of it, once."""
        ...


def pad(samples: Sequence[Sample], filler: int) -> Batch:
    """Samples as rows, filled up at their right end. No mask is needed: what stands right of a token can't reach it,
    and the filling predicts nothing. Rows never see each other."""
    width = max(len(one.ids) for one in samples) - 1
    ids = np.full((len(samples), width), filler)
    targets = np.full((len(samples), width), IGNORED)
    asked = np.zeros((len(samples), width), dtype=np.bool_)
    for row, one in enumerate(samples):
        whole = np.array(one.ids)
        ids[row, : len(whole) - 1] = whole[:-1]
        # IGNORED keeps the prefix out of the loss: position p predicts token p + 1.
        targets[row, one.loss_from - 1 : len(whole) - 1] = whole[one.loss_from :]
        asked[row, np.array(one.asked, dtype=np.int64) - 1] = True
    return Batch(torch.from_numpy(ids), torch.from_numpy(targets), torch.from_numpy(asked))


def pack(samples: Sequence[Sample], width: int, filler: int) -> Batch:
    """Samples side by side in rows of `width` positions, hidden from each other: the very losses that `pad` would give, on fewer
    positions and always the same width, which suits a GPU. A sample has at most `width` + 1 ids."""
    rows: list[list[Sample]] = []
    room: list[int] = []
    for one in sorted(samples, key=lambda one: -len(one.ids)):  # first fit, the longest first (Johnson 1973)
        need = len(one.ids) - 1
        place = next((number for number, left in enumerate(room) if left >= need), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(width)
        rows[place].append(one)
        room[place] -= need
    ids = np.full((len(rows), width), filler)
    targets = np.full((len(rows), width), IGNORED)
    asked = np.zeros((len(rows), width), dtype=np.bool_)
    positions = np.zeros((len(rows), width), dtype=np.int64)
    for number, row in enumerate(rows):
        start = 0
        for one in row:
            whole, stop = np.array(one.ids), start + len(one.ids) - 1
            ids[number, start:stop] = whole[:-1]
            targets[number, start + one.loss_from - 1 : stop] = whole[one.loss_from :]
            asked[number, start + np.array(one.asked, dtype=np.int64) - 1] = True
            positions[number, start:stop] = np.arange(stop - start)
            start = stop
        positions[number, start:] = np.arange(width - start)  # the filling is a text of its own
    return Batch(*(torch.from_numpy(one) for one in (ids, targets, asked, positions)))


def bucketed(
    lengths: "np.ndarray[tuple[int], np.dtype[np.int64]]", batch_size: int, seed: tuple[int, ...]
) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """batches, batch_size: row numbers, of like length in a batch. What is left over after the last whole batch is left out."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(lengths))
    order = order[: len(order) - len(order) % batch_size]
    bucket = BUCKET_BATCHES * batch_size
    for first in range(0, len(order), bucket):
        part = order[first : first + bucket]
        order[first : first + bucket] = part[np.argsort(lengths[part], kind="stable")]
    plan: np.ndarray[tuple[int, int], np.dtype[np.int64]] = random.permutation(order.reshape(-1, batch_size))
    return plan
