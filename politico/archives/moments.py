"""The times of other people's files, in whatever form, as moments in UTC, and how exactly each is told.

What is not understood is no time: an hour, a zone or an order of day and month is never guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from politico.errors import TweetError

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NO_HOUR = "no_hour"
"""Why a date alone is set aside: a tweet's day and its order hang on its hour."""

_EPOCH = re.compile(r"-?(\d{9,10}|\d{12,13}|\d{15,16})(\.\d+)?")
_SPACED_OFFSET = re.compile(r"(?<=\d)\s+(?=[+-]\d\d(:?\d\d)?$)")
_NAMED_OFFSET = re.compile(r"(?<=\d)\s*([+-]\d\d:?\d\d)\s+(?:[A-Za-z]{2,5}|[+-]\d\d(?:\d\d)?)$")
"""Go's and others' `-0300 -03`, `+0000 UTC`: the name says again what the number said."""
_UNIVERSAL = re.compile(r"\s*(UTC|GMT|Z)$", re.IGNORECASE)
_FRACTION = re.compile(r"(?<=:\d\d)[.,](\d{1,9})")
_DATE_ONLY = re.compile(r"\d{4}(-?)\d\d\1\d\d|\d{4}-?W\d\d(-?\d)?")
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{3}|\.\d{6})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
"""As most programs write a time: nothing of the rest of this file changes how it is read."""
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
_TYPED = re.compile(
    r"(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4}),?\s+(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"(?::(?P<seconds>\d\d))?\s*(?P<half>[AaPp]\.?\s?[Mm]\.?)?\s*(?P<rest>.*)"
)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_TO_THE_HOUR = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d(?:Z|[+-]\d\d:?\d\d)?")
_TO_THE_MINUTE = re.compile(r"\d{1,2}:\d\d(?!:?\d)|\dT\d{4}(?!\d)")
_CLOCK_WITH_SECONDS = re.compile(r"\d{1,2}:\d\d:\d\d")
_RFC = re.compile(r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d (?:[+-]\d{4}|GMT|UTC)")
_ZONE = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d\d))?")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 2006, 2100
"""A number that means a time before X was made is no time."""


@dataclass(frozen=True)
class Moment:
    """When something was written."""

    at: datetime
    """In UTC; the beginning of what the file tells."""
    resolution: timedelta = SECOND
    """The file tells that it was written from then on, and before so much later."""


def read_moment(value: Any, zone: ZoneInfo) -> Moment:
    """A time in ISO 8601, in v1.1's form, in seconds, milli- or microseconds since 1970, or typed.

    One without a zone is taken to be in `zone`. Raises TweetError.
    """
    resolution = SECOND
    if isinstance(value, str) and (plain := _from_plain(value)):
        moment = plain
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment, resolution = datetime(value.year, value.month, value.day), DAY
    else:
        text = " ".join(str(value).split())
        moment = _from_text(text)
        if _DATE_ONLY.fullmatch(text):
            resolution = DAY
        elif _TO_THE_HOUR.fullmatch(text):
            resolution = HOUR
        elif not _EPOCH.fullmatch(text) and _TO_THE_MINUTE.search(text) and not _CLOCK_WITH_SECONDS.search(text):
            resolution = MINUTE
    try:
        return Moment((moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC), resolution)
    except OverflowError as error:
        raise TweetError("bad_created_at", f"time is {str(value)[:40]!r}; it takes one that UTC can hold") from error


def offset_of(text: str) -> timezone | None:
    """The zone in a column of its own, as a distance from UTC: `UTC`, `0`, `-3`, `-03`, `+0530`, `GMT-3`. None for others."""
    plain = text.strip()
    if plain.upper() in ("UTC", "GMT", "Z", "0", "00", "0000", "+0", "-0"):
        return UTC
    found = _ZONE.fullmatch(plain)
    if not found:
        return None
    away = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(away if found[1] == "+" else -away) if away <= timedelta(hours=14) else None


def at_clock(day: str, clock: str, zone: str) -> str:
    """A date with the hour and the zone from columns of their own, as one text. Raises TweetError for what it can't read."""
    found = _CLOCK.fullmatch(clock.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise TweetError("bad_created_at", f"the hour is {clock[:40]!r}; it takes 21:05 or 21:05:07")
    hour = f"{int(found[1]):02}:{found[2]}" + (f":{found[3]}" if found[3] else "")
    if not zone.strip():
        return f"{day} {hour}"
    offset = offset_of(zone)
    if offset is None:
        raise TweetError("bad_created_at", f"the zone is {zone[:40]!r}; it takes a distance from UTC, such as -03:00")
    shift = offset.utcoffset(None)
    sign, minutes = ("-" if shift < timedelta(0) else "+"), abs(shift) // MINUTE
    return f"{day} {hour}{sign}{minutes // 60:02}:{minutes % 60:02}"


def _from_plain(text: str) -> datetime | None:
    """The time, where it is written as most programs do and there is such a one."""
    if not _PLAIN.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _from_text(text: str) -> datetime:
    if found := _COMPACT.fullmatch(text):
        return _of_parts(text, *map(int, found.groups()))
    if _EPOCH.fullmatch(text):
        return _from_epoch(text)
    if found := _TYPED.fullmatch(text):
        return _typed(text, found)
    plain = _NAMED_OFFSET.sub(r"\1", text)
    plain = _FRACTION.sub(lambda one: "." + one[1][:6].ljust(6, "0"), plain)
    try:
        return datetime.fromisoformat(_UNIVERSAL.sub("+00:00", _SPACED_OFFSET.sub("", plain)))
    except ValueError:
        try:
            return _with_its_zone(text, parsedate_to_datetime(_rfc_order(text)))
        except (ValueError, TypeError, IndexError) as error:
            raise TweetError(
                "bad_created_at", f"time is {text[:40]!r}; it takes ISO 8601, v1.1's form, or a number since 1970"
            ) from error


def _typed(text: str, found: "re.Match[str]") -> datetime:
    """Day, month and year as people type them: only where they can be read in one way. Raises TweetError."""
    first, second = int(found["first"]), int(found["second"])
    if first <= 12 and second <= 12 and first != second:
        raise TweetError("bad_created_at", f"time is {text[:40]!r}, which may be day first or month first; it takes ISO 8601")
    day, month = (first, second) if second <= 12 else (second, first)
    hour = int(found["hour"])
    if half := (found["half"] or "").lower()[:1]:
        if not 1 <= hour <= 12:
            raise TweetError("bad_created_at", f"time is {text[:40]!r}; with am or pm the hour is 1 to 12")
        hour = hour % 12 + (12 if half == "p" else 0)
    moment = _of_parts(text, int(found["year"]), month, day, hour, int(found["minute"]), int(found["seconds"] or 0))
    rest = found["rest"].strip()
    if not rest:
        return moment
    zone = offset_of(rest)
    if zone is None:
        raise TweetError("bad_created_at", f"time is {text[:40]!r}; its zone can't be read")
    return moment.replace(tzinfo=zone)


def _of_parts(text: str, *parts: int) -> datetime:
    try:
        return datetime(*parts)  # type: ignore[arg-type]
    except ValueError as error:
        raise TweetError("bad_created_at", f"time is {text[:40]!r}, and there is no such one") from error


def _with_its_zone(text: str, moment: datetime) -> datetime:
    """A time of v1.1's form always names its zone: one that nobody can read is not the file's."""
    if moment.tzinfo is not None:
        return moment
    if "-0000" in text:
        return moment.replace(tzinfo=UTC)
    raise ValueError("its zone can't be read")


def _from_epoch(text: str) -> datetime:
    digits = len(text.lstrip("-").split(".")[0])
    scale = 1 if digits <= 10 else 1_000 if digits <= 13 else 1_000_000
    moment = _START + timedelta(seconds=float(text) / scale)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise TweetError("bad_created_at", f"time is {text[:40]!r}; as a number since 1970 that is {moment.year}")
    return moment


def _rfc_order(text: str) -> str:
    """`Wed Oct 10 20:19:24 +0000 2018` as RFC 5322 has it: `Wed, 10 Oct 2018 20:19:24 +0000`."""
    if _RFC.fullmatch(text):
        return text
    weekday, month, day, clock, offset, year = text.split()
    if year[:1] in "+-":
        offset, year = year, offset
    if len(year) != 4:
        raise ValueError("its year can't be read")
    return f"{weekday.rstrip(',')}, {day} {month} {year} {clock} {offset.replace(':', '')}"
