"""Tweets and politicians from a person's files: read, checked, and what can't be used set aside with its reason.

Two passes over a file of a line per entry, so that an archive of any length needs little memory: the first reads what was given
and learns who wrote, the second lets in whom the registry knows.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.screen import counted
from cli.text_files import read_text_file
from politico.archives.damage import CUT_SHARE, OLD_LENGTH, Clock, Rounding
from politico.archives.reading import Admission, Author, Post, Reject, read_posts, user_ids
from politico.errors import FileFormatError, InputError, UnknownValueError
from politico.lake.tombstones import Tombstones
from politico.tweets.kinds import RETWEET
from politico.tweets.politician import Registry, read_registry
from politico.tweets.sheet import read_sheet

SHOWN_EVERY = 2_000
CLOCKS_DIFFER = timedelta(days=1)
"""A tweet's time may lie so far ahead of this machine's: its zone was guessed, or a clock is wrong."""


@dataclass(frozen=True)
class Inputs:
    """Tweets and politicians, checked."""

    registry: Registry
    posts: Path
    """API v2 posts, one a line."""
    reference: datetime
    """The newest tweet's time: ages count back from it."""
    read: int
    kept: int
    rejected: dict[str, int]
    """By reason; each stands in the rejects' file with its line. read = kept + rejected."""
    hours_off: int = 0
    """How far the times are ahead of those that the ids tell, where all are off alike."""

    def users(self) -> list[dict[str, Any]]:
        """The accounts as API v2 gives them."""
        return [{"id": one.user_id, "username": one.screen_name, "name": one.name} for one in self.registry]


def open_zone(name: str) -> ZoneInfo:
    """Raises UnknownValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownValueError(f"unknown time zone {name!r}; take a name such as America/Santiago") from error


def parse_columns(given: list[str]) -> dict[str, str]:
    """`text=contenido` pairs. Raises UnknownValueError."""
    for one in given:
        if not all(one.partition("=")):
            raise UnknownValueError(f"--column {one}: it takes WHAT=COLUMN, such as text=contenido")
    return {what.strip(): column.strip() for what, _, column in (one.partition("=") for one in given)}


def read_files(
    tweets: Path,
    politicians: Path,
    posts: Path,
    rejected: Path,
    zone: ZoneInfo,
    *,
    columns: Mapping[str, str] | None = None,
    author: str = "",
    labels: Mapping[str, bool] | None = None,
    buried: Tombstones | None = None,
    now: datetime | None = None,
    show: Callable[[str], None] = lambda note: None,
) -> Inputs:
    """Read the user's files; good posts go to one file, rejects to another. Raises FileFormatError, RegistryError.

    `columns` are a table's column names by what they hold, `author` is the screen name of whose tweets these are where the
    file does not say, `labels` a domain's own columns, `buried` what must stay out, `now` the time by which a tweet is of the
    future (this moment, unless given).
    """
    listed = read_text_file(politicians)
    known = _known_ids(listed)
    entries = read_posts(tweets, zone, columns=columns, author=_author(author, known), known_ids=known, labels=labels)
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=posts.parent) as spool:
        found = _spool(entries, known, spool, show)
        spool.seek(0)
        registry = read_registry(listed, found.user_ids)
        admitting = _Admitting(Admission(registry), buried or Tombstones(), found, now or datetime.now(UTC))
        with posts.open("w", encoding="utf-8") as good, rejected.open("w", encoding="utf-8") as bad:
            for number, line in enumerate(spool, 1):
                admitting.sort(json.loads(line), good, bad)
                if number % SHOWN_EVERY == 0:
                    show(f"checking: {number:,} of {found.read:,}")
    reasons = dict(sorted(admitting.reasons.items()))
    if admitting.newest is None:
        raise FileFormatError(f"{tweets} has no tweet of the {len(registry)} politicians ({counted(reasons)}); see {rejected}")
    return Inputs(registry, posts, datetime.fromisoformat(admitting.newest), found.read, admitting.kept, reasons, found.hours_off)


@dataclass(frozen=True)
class _Found:
    """What the first pass learned."""

    read: int
    user_ids: dict[str, str]
    """By casefolded screen name."""
    rounding: Rounding
    """Did a program cut the ids' last digits?"""
    looks_cut: bool
    """Were texts cut, by v1.1 and not by their writers?"""
    hours_off: int


def _spool(entries: Iterable[Post | Reject], known: Mapping[str, str], spool: IO[str], show: Callable[[str], None]) -> _Found:
    read, ids = 0, dict(known)
    rounding, clock = Rounding(), Clock()
    long_texts = cut_texts = 0
    for read, entry in enumerate(entries, 1):
        if isinstance(entry, Reject):
            spool.write(json.dumps({"reject": vars(entry)}) + "\n")
        else:
            ids.update(user_ids([entry]))
            long_texts += entry.tweet.kind != RETWEET and len(entry.body["text"]) >= OLD_LENGTH - 2
            cut_texts += entry.looks_cut
            rounding.see(entry.tweet.id_str)
            clock.see(entry.tweet.id_str, entry.tweet.created_at)
            spool.write(json.dumps(_as_line(entry)) + "\n")
        if read % SHOWN_EVERY == 0:
            show(f"{read:,} rows read")
    return _Found(read, ids, rounding, cut_texts > CUT_SHARE * long_texts, clock.hours_off())


def _as_line(entry: Post) -> dict[str, Any]:
    tweet = entry.tweet
    return {
        "line": entry.line,
        "file": entry.file,
        "screen_name": entry.screen_name,
        "created_at": tweet.created_at.isoformat(),
        "versions": entry.body.get("edit_history_tweet_ids") or (),
        "looks_cut": entry.looks_cut,
        "body": {**entry.body, "id": tweet.id_str, "author_id": tweet.author_id},
    }


class _Admitting:
    """The second pass: what it kept and what it set aside."""

    def __init__(self, admission: Admission, buried: Tombstones, found: _Found, now: datetime) -> None:
        self._admission, self._buried, self._found = admission, buried, found
        self._latest = (now.astimezone(UTC) + CLOCKS_DIFFER).isoformat()
        self.kept = 0
        self.reasons: Counter[str] = Counter()
        self.newest: str | None = None

    def sort(self, entry: dict[str, Any], good: IO[str], bad: IO[str]) -> None:
        """Write one entry where it belongs."""
        reject = Reject(**entry["reject"]) if "reject" in entry else self._refusal(entry)
        if reject is None:
            good.write(json.dumps(entry["body"]) + "\n")
            self.newest = max(self.newest or entry["created_at"], entry["created_at"])
            self.kept += 1
        else:
            bad.write(json.dumps(vars(reject), ensure_ascii=False) + "\n")
            self.reasons[reject.reason] += 1

    def _refusal(self, entry: dict[str, Any]) -> Reject | None:
        post, line, file = entry["body"], entry["line"], entry["file"]
        if rounded := self._found.rounding.refuses(post["id"]):
            return Reject(line, "rounded_id", f"id {post['id']} {rounded}", file)
        if self._buried.covers(post["id"], post["author_id"], map(str, entry["versions"])):
            return Reject(line, "tombstone", "the tweet or its writer was to be forgotten", file)
        if self._found.looks_cut and entry["looks_cut"]:
            return Reject(line, "truncated_text", "the text was cut at 140 characters on its way; take it whole from X", file)
        if entry["created_at"] > self._latest:  # ages count back from the newest: one such would make all others too old
            return Reject(line, "in_the_future", f"written at {entry['created_at']}, which is yet to come", file)
        refusal = self._admission.refusal(post, entry["screen_name"])
        return Reject(line, *refusal, file) if refusal else None


def _known_ids(listed: str) -> dict[str, str]:
    """The user ids in a list of politicians, by casefolded screen name; whether the list is sound is not asked here."""
    values = [line.values for line in read_sheet(listed).lines]
    pairs = ((one.get("screen_name", "").removeprefix("@"), one.get("user_id", "")) for one in values)
    return {screen_name.casefold(): user_id for screen_name, user_id in pairs if screen_name and user_id}


def _author(screen_name: str, known: Mapping[str, str]) -> Author | None:
    name = screen_name.strip().lstrip("@")
    if not name:
        return None
    if name.casefold() not in known:
        raise InputError(f"--author {screen_name}: the list of politicians has nobody of this screen name with a user_id")
    return Author(known[name.casefold()], name)
