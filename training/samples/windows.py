"""What a base model learns from: windows of the token stream."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import torch

from politico.errors import LimitError
from training.corpus.shards import Tokens
from training.samples.batch import Batch


class Windows:
    """Neighbouring windows of `positions` tokens, in a new order each epoch.

    A window begins and ends anywhere and may hold several documents, the end token before each. As in GPT-2 and nanochat they
    see each other: the network learns what the end token means, and attention keeps its fastest form. With `hidden` they do not,
    and each document's positions begin with its end token at 0.
    """

    def __init__(
        self,
        train: Tokens,
        held_out: Tokens,
        *,
        positions: int,
        batch_size: int,
        seed: int,
        held_out_tokens: int,
        hidden: int | None = None,
    ) -> None:
        """`hidden` is the end token's id, where documents are to be hidden from each other."""
        if len(train) <= positions:
            raise LimitError(f"the corpus has {len(train)} training tokens; one window takes {positions + 1}")
        self._train, self._positions, self.batch_size, self._seed = train, positions, batch_size, seed
        self._count = (len(train) - 1) // positions
        self.batches = max(1, self._count // batch_size)
        self.held_out = _spread(held_out, positions, held_out_tokens)
        self._hidden = hidden
        self.identity = f"windows {len(train)} {positions} {batch_size} {seed}{'' if hidden is None else ' hidden'}"
        self._order = lru_cache(maxsize=2)(self._order_of_epoch)

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        numbers = range(step * self.batch_size + rank, (step + 1) * self.batch_size, world)
        starts = [self._positions * self._order(number // self._count)[number % self._count] for number in numbers]
        rows = np.stack([self._train[start : start + self._positions + 1] for start in starts])
        return _batch(rows, self._hidden)

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        if len(mine := self.held_out[rank::world]):
            yield _batch(mine, self._hidden)

    def _order_of_epoch(self, epoch: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        return np.random.default_rng((self._seed, epoch)).permutation(self._count)


def _spread(tokens: Tokens, positions: int, wanted: int) -> Tokens:
    """Rows of windows, evenly spread over the tokens; a short text is one shorter window."""
    if len(tokens) < 2:
        raise LimitError(f"the corpus has {len(tokens)} held-out tokens; it takes at least 2")
    length = min(positions, len(tokens) - 1)
    count = (len(tokens) - 1) // length
    chosen = np.unique(np.linspace(0, count - 1, max(1, min(count, wanted // length))).astype(np.int64))
    return np.stack([tokens[start : start + length + 1] for start in chosen * length])


def _batch(rows: Tokens, hidden: int | None) -> Batch:
    whole = torch.from_numpy(rows.astype(np.int64))
    ids = whole[:, :-1]
    return Batch(ids, whole[:, 1:], positions=None if hidden is None else _positions(ids, hidden))


def _positions(ids: torch.Tensor, end: int) -> torch.Tensor:
    """B, T: how far each id is from the end token before its document, or from the row's beginning."""
    places = torch.arange(ids.shape[1]).expand_as(ids)
    starts = torch.where(ids == end, places, 0).cummax(dim=1).values
    return places - starts
