"""What other programs do to tweets on their way: ids rounded as numbers, texts cut at X's old length."""

import html
import re
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from politico.errors import TweetError

EXACT = 2**53
"""Above it a floating-point number no longer holds every whole number."""
SPREADSHEET_DIGITS = 15
"""What a spreadsheet keeps of a number; the rest becomes zeros."""
SPREADSHEET_SHARE = 0.1
"""Of a sound file's long ids one in a thousand ends in three zeros; above this share it is a spreadsheet's work."""

SCRIPT_DIGITS = 17
"""What JavaScript writes of a number; the rest becomes zeros."""
SCRIPT_SHARE = 0.5
"""One sound id in a hundred ends in two zeros; nearly all of a script's do."""
FLOATS_FROM = 30
"""About half of all sound ids are whole as floating-point numbers, by the way X makes them: never so many in a row."""

CUT_SHARE = 0.02
"""Of the texts of 140 characters or more: below this share of cut ones the file was collected whole, and people wrote `…`."""

OLD_LENGTH = 140
"""To which v1.1 cut the text of a longer tweet."""
FIRST_CUTS = datetime(2016, 9, 19, tzinfo=UTC)
"""Before, no tweet but a retweet was longer than v1.1 gave it; `…` at its end is its writer's, or their app's."""

_CUT_END = re.compile(r"\S…(?P<link> https://t\.co/\w{8,12})?\Z")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def check_id(value: Any, name: str) -> Any:
    """The id, repaired where a number's form lost nothing (`259681081.0`). Raises TweetError where it was rounded.

    What is no number at all is given back as it is.
    """
    if isinstance(value, float):
        value = repr(value)
    if not isinstance(value, str) or value.strip().isdigit() or not _NUMBER.fullmatch(value.strip()):
        return value
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return value
    if number <= 0 or number != number.to_integral_value():
        return value
    if number > EXACT or int(number.as_tuple().exponent) > 0:
        raise TweetError(f"rounded_{name}", f"{name} is {value[:40]!r}: rounded by a program that took it for a number")
    return str(int(number))


def is_zero_tailed(id_str: str) -> bool | None:
    """Does an id look as a spreadsheet leaves it (`934575503259906000`)? None for one short enough for a spreadsheet."""
    tail = id_str[SPREADSHEET_DIGITS:]
    return not tail.strip("0") if len(tail) >= 2 else None


def looks_rounded(id_str: str) -> bool:
    """Whether an id is one that a spreadsheet, or a floating-point number, can hold; of true ones of 19 digits one in 250 is."""
    if not (id_str.isascii() and id_str.isdigit()) or int(id_str) <= EXACT:
        return False
    return bool(is_zero_tailed(id_str)) or int(float(id_str)) == int(id_str)


def is_rounded_from(given: str, own: str) -> bool:
    """Whether a program made the id `given` of the true one, by taking it for a number."""
    if given == own or len(given) != len(own) or not (given + own).isdigit():
        return False
    away = abs(int(given) - int(own))
    return (
        float(given) == float(own)
        or (bool(is_zero_tailed(given)) and away <= 10 ** (len(own) - SPREADSHEET_DIGITS))
        or (_ends_as_scripts_write(given) and away <= 10 ** (len(own) - SCRIPT_DIGITS))
    )


class Rounding:
    """Were a file's ids taken for numbers on their way? Counted over all, since any single one may be so by chance."""

    def __init__(self) -> None:
        self._long = self._spreadsheet = self._script = self._float = 0

    def see(self, id_str: str) -> None:
        """One more id of the file."""
        if is_zero_tailed(id_str) is None:
            return
        self._long += 1
        self._spreadsheet += bool(is_zero_tailed(id_str))
        self._script += _ends_as_scripts_write(id_str)
        self._float += _is_whole_float(id_str)

    def add(self, other: "Rounding") -> None:
        """What another stretch of the file's ids is like."""
        self._long += other._long
        self._spreadsheet += other._spreadsheet
        self._script += other._script
        self._float += other._float

    def refuses(self, id_str: str) -> str:
        """What rounded this id; empty when nothing did, or nobody can tell."""
        if self._spreadsheet > max(1, SPREADSHEET_SHARE * self._long) and is_zero_tailed(id_str):
            return "ends in zeros, as many others do: a spreadsheet rounded it"
        if self._script > max(1, SCRIPT_SHARE * self._long) and _ends_as_scripts_write(id_str):
            return "ends in zeros, as most others do: a script took it for a number"
        if self._float == self._long >= FLOATS_FROM and is_zero_tailed(id_str) is not None:
            return "is a whole floating-point number, as all the others are: a program took it for one"
        return ""


def _ends_as_scripts_write(id_str: str) -> bool:
    return len(id_str) >= SCRIPT_DIGITS + 2 and not id_str[SCRIPT_DIGITS:].strip("0")


def _is_whole_float(id_str: str) -> bool:
    return int(float(id_str)) == int(id_str)


def looks_truncated(text: str, written: datetime) -> bool:
    """Has it the form of a text cut by v1.1, where a longer tweet ends in `…`, or in `…` and a link to itself, at 140 characters?

    Only that length counts: people and their apps write `…` too. Two characters less are allowed before a link, since blanks
    are trimmed there.
    """
    if written < FIRST_CUTS or not ("…" in text or "&" in text):
        return False
    shown = unicodedata.normalize("NFC", html.unescape(text)).rstrip()
    found = _CUT_END.search(shown[-40:])
    if not found:
        return False
    return OLD_LENGTH - 2 <= len(shown) <= OLD_LENGTH if found["link"] else len(shown) == OLD_LENGTH
