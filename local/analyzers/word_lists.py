"""The word lists beside this module, and how a word is looked up in one: whole, or by the stem it begins with.

A list is a text file: `[name]` opens a section, `#` a comment, a word that ends in `*` is a stem. All is written in
lower case and without accents.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")


@cache
def sections(file_name: str) -> dict[str, list[str]]:
    """A list file's sections by name, each as its lines."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in Path(__file__).with_name(file_name).read_text(encoding="utf-8").splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            lines = found.setdefault(line.strip("[]"), [])
        elif line:
            lines.append(line)
    return found


def words(file_name: str, section: str) -> list[str]:
    """A section's words."""
    return [word for line in sections(file_name)[section] for word in line.split()]


class WordTable(Generic[Value]):
    """Words and stems with a value each; the longest match wins, a whole word before any stem."""

    def __init__(self, entries: Iterable[tuple[str, Value]]) -> None:
        self._whole: dict[str, Value] = {}
        self._stems: dict[str, Value] = {}
        for word, value in entries:
            if word.endswith("*"):
                self._stems[word[:-1]] = value
            else:
                self._whole[word] = value
        self._longest = max(map(len, self._stems), default=0)
        self._shortest = min(map(len, self._stems), default=1)

    def get(self, word: str) -> Value | None:
        """The value of a word in plain form, or None."""
        if word in self._whole:
            return self._whole[word]
        for length in range(min(len(word), self._longest), self._shortest - 1, -1):
            if word[:length] in self._stems:
                return self._stems[word[:length]]
        return None


@cache
def word_set(file_name: str, *names: str) -> WordTable[bool]:
    """Several sections as one table that only knows which words are in it."""
    return WordTable((word, True) for name in names for word in words(file_name, name))
