"""Tweets and politicians from a person's files: read, checked, and what can't be used set aside with its reason.

Two passes over a file of a line per entry, so that an archive of any length needs little memory: the first reads what was given
and learns who wrote, the second lets in whom the registry knows.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.importing.letters import LOST, Letters
from cli.importing.people import read_people, with_certain_ids
from cli.screen import counted
from politico.archives.damage import CUT_SHARE, OLD_LENGTH, Rounding
from politico.archives.reading import Admission, Author, Post, Reject, read_posts, user_ids
from politico.archives.tables import Told
from politico.archives.times import CONTRADICTS, Clock, Verdict, agrees, tells_time
from politico.errors import FileFormatError, InputError, UnknownValueError
from politico.lake.tombstones import Tombstones
from politico.tweets.kinds import RETWEET
from politico.tweets.politician import Registry, read_registry
from politico.tweets.sheet import read_sheet
from politico.tweets.tweet import parse_post, snowflake_time, write_time

SHOWN_EVERY = 2_000
NAMED = 8
"""Unknown words that a note names."""
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
    mended: Mapping[str, int] = field(default_factory=dict)
    """What was mended in rows that were kept, by what it was."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """Of the kept rows."""
    kinds_by: tuple[str, ...] = ()
    """A table's columns that told them; none for X's own forms, which mark them themselves."""
    notes: tuple[str, ...] = ()
    """What else a person should know of how the file was read."""

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
    from_ids: bool = False,
    show: Callable[[str], None] = lambda note: None,
) -> Inputs:
    """Read the user's files; good posts go to one file, rejects to another. Raises FileFormatError, RegistryError.

    `columns` are a table's column names by what they hold, `author` is the screen name of whose tweets these are where the
    file does not say, `labels` a domain's own columns, `buried` what must stay out, `now` the time by which a tweet is of the
    future (this moment, unless given). With `from_ids` a time that can't be read, or contradicts its id, is the id's.
    """
    told = Told()
    listed = read_people(politicians, told.notes.append)
    known = _known_ids(listed)
    writer = _author(author, known)
    entries = read_posts(
        tweets, zone, columns=columns, author=writer, known_ids=known, labels=labels, from_ids=from_ids, told=told
    )
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=posts.parent) as spool:
        found = _spool(entries, known, spool, told, show)
        spool.seek(0)
        listed = with_certain_ids(listed, found.written_ids, told.notes.append)
        registry = read_registry(listed, found.user_ids)
        admitting = _Admitting(Admission(registry), buried or Tombstones(), found, now or datetime.now(UTC), from_ids)
        with posts.open("w", encoding="utf-8") as good, rejected.open("w", encoding="utf-8") as bad:
            for number, line in enumerate(spool, 1):
                admitting.sort(json.loads(line), good, bad)
                if number % SHOWN_EVERY == 0:
                    show(f"checking: {number:,} of {found.read:,}")
    reasons = dict(sorted(admitting.reasons.items()))
    if admitting.newest is None:
        raise FileFormatError(f"{tweets} has no tweet of the {len(registry)} politicians ({counted(reasons)}); see {rejected}")
    return Inputs(
        registry,
        posts,
        datetime.fromisoformat(admitting.newest),
        found.read,
        admitting.kept,
        reasons,
        0 if from_ids else found.times.hours_off,
        dict(sorted(admitting.mended.items())),
        dict(sorted(admitting.kinds.items())),
        told.kinds_by,
        tuple(dict.fromkeys(_notes(told, found))),
    )


def _notes(told: Told, found: "_Found") -> Iterator[str]:
    """What a person should know of how their file was read."""
    yield from told.notes
    if told.is_table:
        by = ", ".join(told.kinds_by)
        yield f"retweets and quotes by {by}" if by else "no column tells retweets and quotes: they are known by their texts alone"
    if unknown := told.marks.unknown:
        words = ", ".join(f"{word} ({count:,})" for word, count in unknown.most_common(NAMED))
        yield f"words that nobody knows stand for neither yes nor no: {words}"
    times = found.times
    if times.held and not times.telling and not times.hours_off:
        agreeing = f"{times.agreeing:,} of {times.held:,} agree"
        yield f"the ids do not tell these times ({agreeing}): they are another program's, or the times are wrong"


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
    times: Verdict
    """What the times are beside the ids."""
    letters: Letters
    """What the texts are like."""
    of_table: bool
    """Is it another program's table, or X's own posts?"""
    written_ids: dict[str, str]
    """The user ids that the tweets themselves name, by casefolded screen name."""


def _spool(
    entries: Iterable[Post | Reject], known: Mapping[str, str], spool: IO[str], told: Told, show: Callable[[str], None]
) -> _Found:
    read, written_ids = 0, dict[str, str]()
    rounding, clock, letters = Rounding(), Clock(), Letters()
    long_texts = cut_texts = 0
    for read, entry in enumerate(entries, 1):
        if isinstance(entry, Reject):
            spool.write(json.dumps({"reject": vars(entry)}) + "\n")
        else:
            written_ids.update(user_ids([entry]))
            long_texts += entry.tweet.kind != RETWEET and len(entry.body["text"]) >= OLD_LENGTH - 2
            cut_texts += entry.looks_cut
            rounding.see(entry.tweet.id_str)
            clock.see(entry.tweet.id_str, entry.tweet.created_at, entry.resolution)
            letters.see(str(entry.body["text"]))
            spool.write(json.dumps(_as_line(entry)) + "\n")
        if read % SHOWN_EVERY == 0:
            show(f"{read:,} rows read")
    looks_cut = cut_texts > CUT_SHARE * long_texts
    return _Found(read, {**known, **written_ids}, rounding, looks_cut, clock.verdict(), letters, told.is_table, written_ids)


def _as_line(entry: Post) -> dict[str, Any]:
    tweet = entry.tweet
    return {
        "line": entry.line,
        "file": entry.file,
        "screen_name": entry.screen_name,
        "created_at": tweet.created_at.isoformat(),
        "kind": tweet.kind,
        "versions": entry.body.get("edit_history_tweet_ids") or (),
        "looks_cut": entry.looks_cut,
        "resolution": entry.resolution.total_seconds(),
        "body": {**entry.body, "id": tweet.id_str, "author_id": tweet.author_id},
    }


class _Admitting:
    """The second pass: what it kept, what it mended and what it set aside."""

    def __init__(self, admission: Admission, buried: Tombstones, found: _Found, now: datetime, from_ids: bool) -> None:
        self._admission, self._buried, self._found, self._from_ids = admission, buried, found, from_ids
        self._latest = (now.astimezone(UTC) + CLOCKS_DIFFER).isoformat()
        self.kept = 0
        self.reasons: Counter[str] = Counter()
        self.mended: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.newest: str | None = None

    def sort(self, entry: dict[str, Any], good: IO[str], bad: IO[str]) -> None:
        """Write one entry where it belongs."""
        mended: list[str] = []
        reject = Reject(**entry["reject"]) if "reject" in entry else self._refusal(entry, mended)
        if reject is None:
            good.write(json.dumps(entry["body"]) + "\n")
            self.newest = max(self.newest or entry["created_at"], entry["created_at"])
            self.kept += 1
            self.mended.update(mended)
            self.kinds[parse_post(entry["body"]).kind if mended else entry["kind"]] += 1
        else:
            bad.write(json.dumps(vars(reject), ensure_ascii=False) + "\n")
            self.reasons[reject.reason] += 1

    def _refusal(self, entry: dict[str, Any], mended: list[str]) -> Reject | None:
        """Why the entry stays out; None where it does not, and is then as it was mended."""
        post, line, file = entry["body"], entry["line"], entry["file"]
        if rounded := self._found.rounding.refuses(post["id"]):
            return Reject(line, "rounded_id", f"id {post['id']} {rounded}", file)
        if self._buried.covers(post["id"], post["author_id"], map(str, entry["versions"])):
            return Reject(line, "tombstone", "the tweet or its writer was to be forgotten", file)
        if self._found.looks_cut and entry["looks_cut"]:
            return Reject(line, "truncated_text", "the text was cut at 140 characters on its way; take it whole from X", file)
        if wrong := self._wrong_time(entry, mended):
            return Reject(line, CONTRADICTS, wrong, file)
        if entry["created_at"] > self._latest:  # ages count back from the newest: one such would make all others too old
            return Reject(line, "in_the_future", f"written at {entry['created_at']}, which is yet to come", file)
        if lost := self._lost_letters(post, mended):
            return Reject(line, LOST, lost, file)
        refusal = self._admission.refusal(post, entry["screen_name"])
        return Reject(line, *refusal, file) if refusal else None

    def _wrong_time(self, entry: dict[str, Any], mended: list[str]) -> str:
        """How the time contradicts the id, where the file's ids tell it; mended where that was asked for."""
        post, times = entry["body"], self._found.times
        if not tells_time(post["id"]) or not (times.telling or self._from_ids):
            return ""
        written = datetime.fromisoformat(entry["created_at"])
        if agrees(post["id"], written, timedelta(seconds=entry["resolution"])):
            return ""
        right = snowflake_time(post["id"])
        if not self._from_ids:
            if times.hours_off:  # all of them are: a person is to say what is right
                return ""
            return f"written at {entry['created_at']}, but its id was made at {write_time(right)} (--times-from-ids takes that)"
        post["created_at"] = write_time(right)
        entry["created_at"] = right.isoformat()
        mended.append("time")
        return ""

    def _lost_letters(self, post: dict[str, Any], mended: list[str]) -> str:
        """Which letters are missing; what can be mended is."""
        changed = False
        for holder in (post, post.get("note_tweet") or {}):
            if isinstance(text := holder.get("text"), str):
                found = self._found.letters.mend(text, of_table=self._found.of_table)
                if found.lost:
                    return found.lost
                changed = changed or found.text != text
                holder["text"] = found.text
        if changed:
            mended.append("letters")
            post.pop("entities", None)  # with hashtags that were damaged as the text was: they are found in it
        return ""


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
