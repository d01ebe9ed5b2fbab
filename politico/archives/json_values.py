"""The values of a JSON text one after the other, however long it is and however it is laid out.

JSON lines, one array (on one line or pretty-printed), one object, arrays a line, and the JavaScript of X's archives.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

CHUNK = 1 << 16
_TAIL = 16
"""An error this close to the end of what was read may be a value's missing rest: the longest escape or word has 12."""


@dataclass(frozen=True)
class Broken:
    """Something that is no JSON; reading went on behind it."""

    detail: str


def read_values(text: TextIO) -> Iterator[tuple[int, Any | Broken]]:
    """Each value with the line it begins on. A top-level array gives its members."""
    return _Scanner(text).values()


class _Scanner:
    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._held, self._at, self._line = "", 0, 1
        self._ended = False
        self._begins = ""
        """How the first value of an array begins, up to its first name: so do the others."""
        self._decode = json.JSONDecoder().raw_decode

    def values(self) -> Iterator[tuple[int, Any | Broken]]:
        inside = False
        while self._skip_blanks():
            first = self._held[self._at]
            if first == "w" and self._skip_assignment():
                continue
            if first in ",]" or (first == "[" and not inside):
                inside = first != "]" and (inside or first == "[")
                self._move(self._at + 1)
                continue
            line = self._line
            value, end = self._value()
            if inside and not self._begins and isinstance(value, dict):
                self._begins = self._held[self._at : end].split(":", 1)[0]
            yield line, value
            if isinstance(value, Broken):
                self._skip_broken(inside=inside)
            else:
                self._move(end)

    def _value(self) -> tuple[Any | Broken, int]:
        while True:
            try:
                value, end = self._decode(self._held, self._at)
                if isinstance(value, (dict, list)) or end < len(self._held) or not self._more():
                    return value, end
            except json.JSONDecodeError as error:
                near_end = error.pos >= len(self._held) - _TAIL or error.msg.startswith("Unterminated")
                if not (near_end and self._more()):
                    return Broken(f"no JSON: {error.msg}"), self._at
            except (ValueError, RecursionError) as error:
                return Broken(f"no JSON: {type(error).__name__}"), self._at

    def _skip_broken(self, *, inside: bool) -> None:
        """Behind the broken line; behind a broken object that spans lines, to the next that begins as it did; in an array on one
        line, to the next that begins as its first did."""
        if inside and len(self._begins) > 2 and (found := self._next_in_line()):
            self._move(self._at + found)
            return
        indent = self._at - (self._held.rfind("\n", 0, self._at) + 1)
        spans = self._rest_of_line().strip() == "{"
        self._next_line()
        while spans and self._at < len(self._held):
            blanks = len(rest := self._rest_of_line()) - len(stripped := rest.lstrip(" \t"))
            if stripped[:1] in ("{", "[") and blanks <= indent:
                return
            self._next_line()

    def _next_in_line(self) -> int:
        """How far the next value of the array is, behind a comma on the same line; 0 when there is none."""
        rest = self._rest_of_line()
        found = rest.find(self._begins, 1)
        while found > 0 and rest[:found].rstrip(" \t")[-1:] != ",":
            found = rest.find(self._begins, found + 1)
        return max(0, found)

    def _rest_of_line(self) -> str:
        while (end := self._held.find("\n", self._at)) < 0 and self._more():
            pass
        return self._held[self._at : end if end >= 0 else len(self._held)]

    def _next_line(self) -> None:
        rest = self._rest_of_line()  # may read on, which moves what is held
        self._move(min(self._at + len(rest) + 1, len(self._held)))
        if self._at >= len(self._held):
            self._more()

    def _skip_assignment(self) -> bool:
        """`window.YTD.tweets.part0 = ` is no JSON, but what X's archives begin with."""
        while len(self._held) - self._at < 200 and self._more():
            pass
        rest = self._held[self._at : self._at + 200]
        if not rest.startswith("window.") or "=" not in rest:
            return False
        self._move(self._at + rest.index("=") + 1)
        return True

    def _skip_blanks(self) -> bool:
        """Is there anything left?"""
        while True:
            at = self._at
            while at < len(self._held) and self._held[at] in " \t\r\n\ufeff":
                at += 1
            self._move(at)
            if at < len(self._held):
                return True
            if not self._more():
                return False

    def _move(self, to: int) -> None:
        self._line += self._held.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Read on; as much again as is held, so that a long value is not tried at every chunk."""
        if self._ended:
            return False
        begun = self._held.rfind("\n", 0, self._at) + 1  # the line's indent is still asked for
        begun = begun if self._at - begun < CHUNK else self._at
        read = self._text.read(max(CHUNK, len(self._held) - begun))
        self._ended = not read
        self._held, self._at = self._held[begun:] + read, self._at - begun
        return bool(read)
