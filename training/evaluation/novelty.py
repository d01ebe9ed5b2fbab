"""How new a tweet is beside those that a model learnt from: which of its words stand in runs that they hold, too."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from politico.control.words import words_of
from training.evaluation.adherence import interval

SHINGLE = 8
"""Words of a run that is looked for: shorter ones are everybody's phrases."""
COVERED, RUN = 0.8, 10
"""A near copy has so large a share of its words, or so many of them in a row, in runs that are known."""


class Shingles:
    """The runs of words of some tweets, as sorted hashes: 8 bytes each, a million tweets' in about 150 MB."""

    def __init__(self, texts: Iterable[str]) -> None:
        hashes = np.fromiter((_hash(run) for text in texts for run in _runs(words_of(text))), dtype=np.uint64)
        self._hashes = np.unique(hashes)

    def covered(self, text: str) -> list[bool]:
        """For each word whether it stands in a known run. A tweet of fewer words than a run is one run."""
        words = words_of(text)
        found = [False] * len(words)
        runs = np.array([_hash(run) for run in _runs(words)], dtype=np.uint64)
        places = np.searchsorted(self._hashes, runs)
        for start, (place, run) in enumerate(zip(places.tolist(), runs.tolist(), strict=True)):
            if place < len(self._hashes) and self._hashes[place] == run:
                for at in range(start, min(start + SHINGLE, len(words))):
                    found[at] = True
        return found

    def is_near_copy(self, text: str) -> bool:
        found = self.covered(text)
        return bool(found) and (sum(found) >= COVERED * len(found) or _longest(found) >= RUN)


def novelty(known: Shingles, texts: Sequence[str]) -> dict[str, Any]:
    """The share of near copies with its 95 % interval, and of words that stand in known runs."""
    covered = [known.covered(text) for text in texts]
    copies, words = sum(map(known.is_near_copy, texts)), sum(map(len, covered))
    low, high = interval(copies, len(texts)) if texts else (0.0, 1.0)
    share = copies / len(texts) if texts else 0.0
    return {"near_copies": share, "low": low, "high": high, "covered_words": sum(map(sum, covered)) / max(1, words)}


def _runs(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))) if words else ()


def _hash(run: Sequence[str]) -> int:
    return int.from_bytes(hashlib.blake2b(" ".join(run).encode(), digest_size=8).digest(), "big")


def _longest(found: Sequence[bool]) -> int:
    longest = now = 0
    for one in found:
        now = now + 1 if one else 0
        longest = max(longest, now)
    return longest
