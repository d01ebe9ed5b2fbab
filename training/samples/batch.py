"""What one step learns from: rows of token ids, what each position should predict, and how many are scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from politico.control.format import Sample

IGNORED = -100
"""A target that is not scored."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a step; the other processes have the others."""

    ids: torch.Tensor
    """B, T token ids."""
    targets: torch.Tensor
    """B, T: the id that follows each position, or IGNORED."""
    scored: int
    """Scored positions in the whole step, over all processes: what the loss is averaged over."""

    @property
    def tokens(self) -> int:
        return self.ids.numel()

    def passes(self, tokens: int) -> Iterator["Batch"]:
        """The batch in parts of at most this many tokens, at least one row each; each part as wide as it must be."""
        rows, width = self.ids.shape
        height = max(1, tokens // width)
        for first in range(0, rows, height):
            targets = self.targets[first : first + height]
            used = int((targets != IGNORED).any(0).nonzero().max()) + 1
            yield Batch(self.ids[first : first + height, :used], targets[:, :used], self.scored)


class Data(Protocol):
    """What a stage learns from and is looked at with. Every process computes the same plan and takes its share of it."""

    batch_size: int
    """Rows a step, over all processes."""
    identity: str
    """Changes whenever the plan does: a checkpoint only fits the data it was made with."""

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        """This process's rows of a step. The same step is the same batch however the run came to it."""
        ...

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        """This process's share of the held-out text that is looked at; together all of it, once."""
        ...


def pad(samples: Sequence[Sample], scored: int, filler: int) -> Batch:
    """Samples as rows, filled up at their right end. No mask is needed: what stands right of a token can't reach it,
    and the filling predicts nothing. Rows never see each other."""
    width = max(len(one.ids) for one in samples) - 1
    ids = torch.full((len(samples), width), filler)
    targets = torch.full((len(samples), width), IGNORED)
    for row, one in enumerate(samples):
        whole = torch.tensor(one.ids)
        ids[row, : len(whole) - 1] = whole[:-1]
        # IGNORED keeps the prefix out of the loss: position p predicts token p + 1.
        targets[row, one.loss_from - 1 : len(whole) - 1] = whole[one.loss_from :]
    return Batch(ids, targets, scored)
