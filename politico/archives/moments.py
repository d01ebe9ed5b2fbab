"""The times of other people's files, in whatever form, as moments in UTC."""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from politico.errors import TweetError

_EPOCH = re.compile(r"-?(\d{9,10}|\d{12,13}|\d{15,16})(\.\d+)?")
_SPACED_OFFSET = re.compile(r"(?<=\d)\s+(?=[+-]\d\d(:?\d\d)?$)")
_UNIVERSAL = re.compile(r"\s*(UTC|GMT|Z)$", re.IGNORECASE)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = 2006, 2100
"""A number that means a time before X was made is no time."""


def any_time(value: Any, zone: ZoneInfo) -> datetime:
    """A time in ISO 8601, in v1.1's form, in seconds, milli- or microseconds since 1970, or typed; in UTC.

    One without a zone is taken to be in `zone`. Raises TweetError.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    else:
        moment = _from_text(str(value).strip())
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise TweetError("bad_created_at", f"time is {str(value)[:40]!r}; it takes one that UTC can hold") from error


def _from_text(text: str) -> datetime:
    if _EPOCH.fullmatch(text):
        return _from_epoch(text)
    try:
        return datetime.fromisoformat(_UNIVERSAL.sub("+00:00", _SPACED_OFFSET.sub("", text)))
    except ValueError:
        try:
            return _with_its_zone(text, parsedate_to_datetime(_rfc_order(text)))
        except (ValueError, TypeError, IndexError) as error:
            raise TweetError(
                "bad_created_at", f"time is {text[:40]!r}; it takes ISO 8601, v1.1's form, or a number since 1970"
            ) from error


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
    weekday, month, day, clock, offset, year = text.split()
    return f"{weekday}, {day} {month} {year} {clock} {offset.replace(':', '')}"
