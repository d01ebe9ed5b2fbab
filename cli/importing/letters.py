"""Letters that were damaged on a text's way: mended where nothing is lost, set aside where something is, judged over the file."""

import re
from dataclasses import dataclass

import ftfy

LOST = "lost_letters"
"""Why a text is set aside."""
ALONE = ftfy.TextFixerConfig(restore_byte_a0=False, replace_lossy_sequences=False, fix_c1_controls=False, explain=False)
"""Of ftfy only the undoing of UTF-8 that was read as another encoding, and of that only what loses nothing."""

_CODE_POINT = re.compile(r"<U\+([0-9A-Fa-f]{4,8})>")
_BYTE = re.compile(r"<([89a-fA-F][0-9a-fA-F])>")
"""As R writes, beside `<U+00F3>`, a byte of Latin-1 that it can't show."""
_TWICE = re.compile(r"&amp;(amp|lt|gt|quot|apos|#39);")
"""Escaped by two programs. In X's own files it is what somebody typed."""
_MAY_BE_DAMAGED = re.compile(r"[^\x00-\x7f]{2}|[\x80-\x9f]")
"""A letter of several bytes, read as another encoding's, is so many letters side by side; one of Windows-1252, read as Latin-1,
is a control character. Where there is neither, nothing is to be mended."""
_LINE_BREAK = re.compile(r"(?:\\r)?\\n")
_LOST_INSIDE = re.compile(r"[a-záéíóúüñ]\?[a-záéíóúüñ]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Mended:
    """A text as it was written, or why nobody can say."""

    text: str
    lost: str = ""
    """What is missing; empty where nothing is."""


class Letters:
    """Reads all of a file's texts before it mends any: what one text alone could mean, the others tell."""

    def __init__(self) -> None:
        self._breaks = self._written_breaks = self._code_points = 0
        self._beyond_ascii = self._lost_inside = False

    def see(self, text: str) -> None:
        """One more text of the file."""
        self._breaks += "\n" in text
        self._written_breaks += "\\n" in text and bool(_LINE_BREAK.search(text))
        self._code_points += "<U+" in text and bool(_CODE_POINT.search(text))
        self._beyond_ascii = self._beyond_ascii or any(letter.isalpha() and letter > "\x7f" for letter in text)
        self._lost_inside = self._lost_inside or ("?" in text and bool(_LOST_INSIDE.search(text)))

    def add(self, other: "Letters") -> None:
        """What another stretch of the file's texts is like."""
        self._breaks += other._breaks
        self._written_breaks += other._written_breaks
        self._code_points += other._code_points
        self._beyond_ascii = self._beyond_ascii or other._beyond_ascii
        self._lost_inside = self._lost_inside or other._lost_inside

    def mend(self, text: str, *, of_table: bool = False) -> Mended:
        """An undamaged text comes back as it is. `of_table`: other programs than X's have written the file."""
        mended = text.replace("\x00", "")
        if of_table:
            mended = _TWICE.sub(r"&\1;", mended)
        if self._code_points:
            mended = _CODE_POINT.sub(_letter, mended)
            mended = _BYTE.sub(lambda found: bytes.fromhex(found[1]).decode("cp1252", errors="ignore") or found[0], mended)
        if _MAY_BE_DAMAGED.search(mended):
            mended = ftfy.fix_encoding(mended, ALONE)
        if self._written_breaks and not self._breaks:  # where some text has a line break, `\n` is its writer's
            mended = _LINE_BREAK.sub("\n", mended)
        if _REPLACEMENT in mended:
            return Mended(mended, "letters were replaced by U+FFFD")
        if self._lost_inside and not self._beyond_ascii and _LOST_INSIDE.search(mended):
            return Mended(mended, "question marks stand inside words, and no text of the file has a letter beyond ASCII")
        return Mended(mended)


def _letter(found: "re.Match[str]") -> str:
    number = int(found[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else found[0]
