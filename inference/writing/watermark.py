"""A watermark: which token chance picks hangs a little on a secret, so that whoever knows it can tell what a model wrote.

Tournament sampling as in Dathathri et al. 2024 (SynthID-Text), in the form that reweighs: for each of a few layers a token has a
mark, 0 or 1, which follows from the secret and the tokens before it; a layer moves probability from tokens without the mark to
tokens with it. Over all secrets a token is as likely as it was. A tweet that was drawn so has more marks than chance gives one
that was not: where many words could have come it shows soon, where only one could it does not show at all.

The secret is the model's own: a hash of its position embeddings, in half precision as a shipped copy has them, which nobody has
who has not the model. Marks are whole-number arithmetic, alike on every machine.
"""

import hashlib
from collections.abc import Sequence
from math import comb

import numpy as np
import torch
from transformers import GPT2LMHeadModel

CONTEXT = 3
"""Tokens that a mark hangs on besides its own: more, and one changed word hides more of its neighbours; fewer, and more of the
same phrases are always drawn alike. The first tokens of a tweet, which have fewer before them, are not marked."""
LAYERS = 6
"""Marks of each token: more show sooner, and leave less to chance."""

_Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]


class Watermark:
    """The marks of one model."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def of(cls, network: GPT2LMHeadModel) -> "Watermark":
        """The one of this trained network."""
        places = network.transformer.wpe.weight.detach().half().cpu().numpy()
        return cls(hashlib.blake2b(places.tobytes(), digest_size=32, person=b"watermark").digest())

    def drawn_from(self, shares: torch.Tensor, tokens: torch.Tensor, before: Sequence[int]) -> torch.Tensor:
        """The shares (N) of these tokens, which need not sum to 1, as they are drawn behind these ids of the tweet; these do."""
        found = shares.double().cpu().numpy()  # of some dozens of numbers, a third of torch's time
        found = found / found.sum()
        if len(before) >= CONTEXT:
            for mark in self._marks(before, tokens.cpu().numpy().astype(np.uint64)):
                found = np.maximum(found * (1 + mark - found[mark].sum()), 0)  # rounding may leave less than nothing
        return torch.from_numpy(found).to(shares.device)

    def chance(self, ids: Sequence[int]) -> float:
        """How likely a tweet of these ids that nobody marked would have so many marks: near 0 for one that was drawn with them.

        What is said again is counted once. 1 for a tweet that is too short to have any.
        """
        runs = sorted({tuple(ids[at - CONTEXT : at + 1]) for at in range(CONTEXT, len(ids))})
        found = sum(int(self._marks(run[:-1], np.array(run[-1:], dtype=np.uint64)).sum()) for run in runs)
        return _at_least(found, LAYERS * len(runs))

    def _marks(self, before: Sequence[int], tokens: _Numbers) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
        """(LAYERS, N): the marks of these tokens behind these ids."""
        told = b"".join(int(one).to_bytes(4, "little") for one in before[-CONTEXT:])
        place = int.from_bytes(hashlib.blake2b(told, key=self._secret, digest_size=8).digest(), "little")
        layers = np.arange(LAYERS, dtype=np.uint64)[:, None]
        return np.asarray((_mixed(tokens * _ODD + np.uint64(place)) >> layers) & np.uint64(1), dtype=np.bool_)


_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(numbers: _Numbers) -> _Numbers:
    """Numbers of 64 bits that look like chance (Steele et al. 2014, the last steps of SplitMix)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return numbers ^ (numbers >> np.uint64(31))


def _at_least(heads: int, throws: int) -> float:
    """The chance of so many heads, or more, of a fair coin."""
    way = ways = comb(throws, heads)
    for number in range(heads, throws):
        way = way * (throws - number) // (number + 1)
        ways += way
    return ways / (1 << throws)
