"""When a post of a file was written: as the file says, held against what the post's id says, which tells the millisecond."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from politico.archives.moments import DAY, NO_HOUR, SECOND, Moment, read_moment
from politico.errors import TweetError
from politico.tweets.tweet import snowflake_time

FIRST_TELLING_ID = 29_700_859_247
"""X counted its posts up to here; from here on, since 2010-11-04, ids tell their time."""
SLACK = timedelta(seconds=2)
"""Between an id and the time that X writes beside it."""
MOST_HOURS = 14
"""No zone is further away."""
ALIKE_SHARE, LEAST_ALIKE = 0.4, 2
"""Of a file's times, at least so many off by the same hours: summer and winter differ by one."""
QUARTER = timedelta(minutes=15)
"""Zones differ by whole quarters of an hour, a swapped day by whole days. By chance one id in 200 does so, too."""
TELLING_SHARE, OF_MINUTES = 0.1, 0.5
"""Of a file's times, at least this share differs from its ids by whole quarters: else the ids are another program's. Of times
without seconds more is needed: one in 15 does so by chance."""
CONTRADICTS = "time_contradicts_id"


def tells_time(id_str: str) -> bool:
    """Whether an id is one of those that X made of the time."""
    return id_str.isascii() and id_str.isdigit() and FIRST_TELLING_ID <= int(id_str) < 2**63


def written_at(value: Any, id_value: Any, zone: ZoneInfo, *, from_ids: bool) -> Moment:
    """The moment that a file's time tells; with `from_ids` the id's, where the time can't be read or is a date alone.

    Raises TweetError.
    """
    try:
        moment = read_moment(value, zone)
        if moment.resolution >= DAY:
            raise TweetError(
                NO_HOUR, f"time is {str(value)[:40]!r}: a date without an hour (--times-from-ids takes it from the id)"
            )
        return moment
    except TweetError:
        id_str = str(id_value)
        if from_ids and tells_time(id_str):
            return Moment(snowflake_time(id_str))
        raise


@dataclass(frozen=True)
class Verdict:
    """What a file's times are, held against its ids."""

    hours_off: int = 0
    """How far all are ahead of the ids', where they are off alike; 0 otherwise."""
    telling: bool = False
    """Whether the file's ids tell the time: then a time that contradicts its id is wrong."""
    held: int = 0
    """Times that could be held against an id."""
    agreeing: int = 0


class Clock:
    """Counts how a file's times agree with its ids."""

    def __init__(self) -> None:
        self._held = self._agreeing = self._related = 0
        self._coarse = False
        self._hours: Counter[int] = Counter()

    def see(self, id_str: str, written: datetime, resolution: timedelta = SECOND) -> None:
        """One more post of the file."""
        if not tells_time(id_str):
            return
        self._held += 1
        self._coarse = self._coarse or resolution > SECOND
        rest = (snowflake_time(id_str) - written + SLACK) % QUARTER
        self._related += rest < resolution + 2 * SLACK
        if agrees(id_str, written, resolution):
            self._agreeing += 1
            return
        hours = round((written - snowflake_time(id_str)) / timedelta(hours=1))
        if hours and agrees(id_str, written - timedelta(hours=hours), resolution):
            self._hours[hours] += 1

    def add(self, other: "Clock") -> None:
        """What another stretch of the file's times is like."""
        self._held += other._held
        self._agreeing += other._agreeing
        self._related += other._related
        self._coarse = self._coarse or other._coarse
        self._hours.update(other._hours)

    def verdict(self) -> Verdict:
        (hours, count), *_ = self._hours.most_common(1) or [(0, 0)]
        alike = count >= max(LEAST_ALIKE, ALIKE_SHARE * self._held) and abs(hours) <= MOST_HOURS
        share = OF_MINUTES if self._coarse else TELLING_SHARE
        telling = self._related >= max(LEAST_ALIKE, share * self._held)
        return Verdict(hours if alike else 0, telling, self._held, self._agreeing)


def agrees(id_str: str, written: datetime, resolution: timedelta = SECOND) -> bool:
    """Whether the id was made within what the written time tells, and a little around it."""
    after = snowflake_time(id_str) - written
    return -SLACK <= after < resolution + SLACK
