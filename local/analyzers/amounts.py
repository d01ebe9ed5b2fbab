"""Dates and quantities in a Spanish text: "lunes 3 de mayo", "2019", "18 hs", "45%", "12 millones de pesos"."""

import re
from collections.abc import Set
from functools import cache, lru_cache

from local.analyzers.pieces import Piece, Span, adjoining, plain
from local.analyzers.word_lists import words

_LISTS = "amounts.txt"
_FIRST_YEAR, _LAST_YEAR = 1800, 2099


def amounts(text: str, cut: tuple[Piece, ...], taken: Set[int]) -> list[Span]:
    """The dates and quantities among the pieces that no name has taken."""
    found: list[Span] = []
    index = 0
    while index < len(cut):
        span = None
        if index not in taken and _may_begin(cut[index]):
            span = _date(text, cut, index) or _quantity(text, cut, index)
        if span and not taken.isdisjoint(range(span.first, span.end)):
            span = None
        if span:
            found.append(span)
        index = span.end if span else index + 1
    return found


def _may_begin(piece: Piece) -> bool:
    return piece.kind == "number" or (piece.kind == "word" and plain(piece.text) in _listed("weekday", "month"))


def _date(text: str, cut: tuple[Piece, ...], start: int) -> Span | None:
    """A date that begins at a piece: weekday, day, month and year, as many of them as there are."""
    index = start
    score = 0.0
    if _word(text, cut, start, index) in _listed("weekday"):
        index, score = index + 1, 0.93
        if _word(text, cut, start, index) not in _listed("month") and not _day(text, cut, start, index):
            return Span(start, index, "DATE", score)
    if _day(text, cut, start, index) and _word(text, cut, start, index + 1) == "de":
        if _word(text, cut, start, index + 2) in _listed("month"):
            index, score = index + 3, 0.99
    elif _word(text, cut, start, index) in _listed("month"):
        # A month's name with a capital may be somebody's: then the name has taken it before.
        index, score = index + 1, 0.9
    if score > 0 and index > start:
        if _word(text, cut, start, index) in ("de", "del") and _year(text, cut, start, index + 1):
            index += 2
        elif _year(text, cut, start, index):
            index += 1
        return Span(start, index, "DATE", score)
    return _written_in_digits(text, cut, start)


def _written_in_digits(text: str, cut: tuple[Piece, ...], start: int) -> Span | None:
    """ "3/5", "18:30", "18 hs" or a year."""
    if cut[start].kind != "number":
        return None
    digits = cut[start].text
    if _word(text, cut, start, start + 1) in _listed("hour"):
        return Span(start, start + 2, "DATE", 0.9)
    if ":" in digits and len(digits) <= 5:
        return Span(start, start + 1, "DATE", 0.92)
    parts = digits.split("/")
    if len(parts) in (2, 3) and all(part.isdecimal() for part in parts) and _day_and_month(parts[0], parts[1]):
        return Span(start, start + 1, "DATE", 0.95)
    if _year(text, cut, start, start) and _word(text, cut, start, start + 1) not in _listed("large", "unit"):
        return Span(start, start + 1, "DATE", 0.94)
    return None


def _quantity(text: str, cut: tuple[Piece, ...], start: int) -> Span | None:
    """A number with a sign, a large number word or a unit: a bare number may be anything."""
    if cut[start].kind != "number" or "/" in cut[start].text or ":" in cut[start].text:
        return None
    digits = cut[start].text
    index = start + 1
    score = 0.97 if "%" in digits or not digits[0].isdecimal() else 0.0
    while _word(text, cut, start, index) in _listed("large"):
        index, score = index + 1, 0.97
    after = index + 1 if _word(text, cut, start, index) == "de" and index > start + 1 else index
    if _word(text, cut, start, after) in _listed("unit"):
        index, score = after + 1, max(score, 0.93)
    return Span(start, index, "QUANTITY", score) if score else None


def _word(text: str, cut: tuple[Piece, ...], start: int, index: int) -> str:
    """The plain form of the word at an index, or nothing where there is none or it stands apart from the one before."""
    if index >= len(cut) or cut[index].kind != "word":
        return ""
    if index > start and not _follows(text, cut[index - 1], cut[index]):
        return ""
    return plain(cut[index].text)


def _follows(text: str, left: Piece, right: Piece) -> bool:
    # "18hs" is written without a blank.
    return left.end == right.begin or adjoining(text, left, right)


def _day(text: str, cut: tuple[Piece, ...], start: int, index: int) -> bool:
    digits = _digits(text, cut, start, index)
    return digits.isascii() and digits.isdecimal() and len(digits) <= 2 and 1 <= int(digits) <= 31


def _year(text: str, cut: tuple[Piece, ...], start: int, index: int) -> bool:
    digits = _digits(text, cut, start, index)
    return digits.isascii() and digits.isdecimal() and len(digits) == 4 and _FIRST_YEAR <= int(digits) <= _LAST_YEAR


def _digits(text: str, cut: tuple[Piece, ...], start: int, index: int) -> str:
    """The number at an index without what makes it an ordinal ("1ro", "1°"), or nothing."""
    if index >= len(cut) or cut[index].kind != "number":
        return ""
    if index > start and not adjoining(text, cut[index - 1], cut[index]):
        return ""
    return _cardinal(cut[index].text)


def _day_and_month(day: str, month: str) -> bool:
    return len(day) <= 2 and len(month) <= 2 and 1 <= int(day) <= 31 and 1 <= int(month) <= 12


@lru_cache(maxsize=10_000)
def _cardinal(number: str) -> str:
    return re.sub(r"(?:[°º]|ro|do|er)$", "", number)


@cache
def _listed(*sections: str) -> frozenset[str]:
    return frozenset(word for section in sections for word in words(_LISTS, section))
