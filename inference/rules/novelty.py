"""How new a tweet is beside those that a model learnt from: which of its words stand in runs that they hold, too.

The runs lie in the model's folder as fingerprints (`shingles.bin`: sorted numbers of 64 bits): they say whether a run is known,
and not what it says. Words that were asked for, or stand in the prompt, are nobody's copy.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from politico.control.words import words_of
from politico.errors import FileFormatError

FILE = "shingles.bin"
SHINGLE = 8
"""Words of a run that is looked for: shorter ones are everybody's phrases."""
COVERED, RUN = 0.8, 10
"""A near copy has so large a share of its words, or so many of them in a row, in runs that are known."""
OWN = 5
"""With fewer words that were not given, a tweet is nobody's copy."""
_NUMBERS = np.dtype("<u8")


class Shingles:
    """The runs of words of some tweets, as sorted hashes: 8 bytes each, a million tweets' in about 150 MB."""

    def __init__(self, hashes: "np.ndarray[tuple[int], np.dtype[np.uint64]]") -> None:
        self._hashes = hashes

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Shingles":
        """Of these tweets."""
        return cls(np.unique(np.fromiter((_hash(run) for text in texts for run in _runs(words_of(text))), dtype=_NUMBERS)))

    @classmethod
    def read(cls, folder: Path) -> "Shingles | None":
        """Of a model's folder; None where it has none. Raises FileFormatError for a torn list."""
        path = folder / FILE
        if not path.is_file():
            return None
        body = path.read_bytes()
        if len(body) % _NUMBERS.itemsize:
            raise FileFormatError(f"{path} is no list of fingerprints: it has {len(body)} bytes")
        hashes = np.frombuffer(body, _NUMBERS)
        if len(hashes) > 1 and not bool((hashes[1:] > hashes[:-1]).all()):
            raise FileFormatError(f"{path} is no list of fingerprints: they are in no order")
        return cls(hashes)

    def write(self, folder: Path) -> None:
        """Leave them in a model's folder; the same tweets give the same bytes."""
        (folder / FILE).write_bytes(self._hashes.astype(_NUMBERS).tobytes())

    def __len__(self) -> int:
        return len(self._hashes)

    def covered(self, text: str) -> list[bool]:
        """For each word whether it stands in a known run. A tweet of fewer words than a run is one run."""
        words = words_of(text)
        found = [False] * len(words)
        runs = np.array([_hash(run) for run in _runs(words)], dtype=_NUMBERS)
        places = np.searchsorted(self._hashes, runs)
        for start, (place, run) in enumerate(zip(places.tolist(), runs.tolist(), strict=True)):
            if place < len(self._hashes) and self._hashes[place] == run:
                for at in range(start, min(start + SHINGLE, len(words))):
                    found[at] = True
        return found

    def is_near_copy(self, text: str, given: Collection[str] = ()) -> bool:
        """Whether it is one; `given` are texts whose words, where the tweet says them as they stand there, do not count."""
        found = self.covered(text)
        if given:
            own = _own(words_of(text), given)
            if sum(own) < OWN:
                return False
            found = [known for known, its_own in zip(found, own, strict=True) if its_own]
        return bool(found) and (sum(found) >= COVERED * len(found) or _longest(found) >= RUN)


def _own(words: Sequence[str], given: Collection[str]) -> list[bool]:
    """For each word whether it is none of those that were given."""
    own = [True] * len(words)
    for text in given:
        wanted = words_of(text)
        for start in range(len(words) - len(wanted) + 1):
            if wanted and list(words[start : start + len(wanted)]) == wanted:
                own[start : start + len(wanted)] = [False] * len(wanted)
    return own


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
