"""Which tweets a model was trained on: their fingerprints in one file beside its summary, so that it can be told from outside."""

from collections.abc import Iterable
from dataclasses import dataclass

from politico.errors import FileFormatError
from politico.lake.tombstones import fingerprint

FILE = "seen_tweets.bin"
SIZE = 10
"""Bytes of a fingerprint. The file is nothing but fingerprints, each once, in order."""


def seen_list(ids: Iterable[str]) -> bytes:
    """The file's content for these tweets."""
    return b"".join(sorted({bytes.fromhex(fingerprint(one)) for one in ids}))


@dataclass(frozen=True)
class Seen:
    """The fingerprints of a file. They are searched where they lie: a million are 10 MB."""

    fingerprints: bytes

    @classmethod
    def read(cls, body: bytes) -> "Seen":
        """What a file holds; nothing, for an empty one. Raises FileFormatError for a torn one."""
        if len(body) % SIZE:
            raise FileFormatError(f"{len(body)} bytes are no list of fingerprints; it takes a multiple of {SIZE}, as {FILE} has")
        return cls(body)

    def __len__(self) -> int:
        return len(self.fingerprints) // SIZE

    def with_those_of(self, other: "Seen") -> "Seen":
        """The fingerprints of both."""
        both = {one[at : at + SIZE] for one in (self.fingerprints, other.fingerprints) for at in range(0, len(one), SIZE)}
        return Seen(b"".join(sorted(both)))

    def among(self, fingerprints: Iterable[str]) -> set[str]:
        """Which of these (as `fingerprint` writes them) are among them."""
        return {one for one in fingerprints if self._has(bytes.fromhex(one))}

    def _has(self, wanted: bytes) -> bool:
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            found = self.fingerprints[middle * SIZE : (middle + 1) * SIZE]
            if found == wanted:
                return True
            low, high = (middle + 1, high) if found < wanted else (low, middle)
        return False
