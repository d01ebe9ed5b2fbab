"""Tweets and politicians from a person's files: read, checked, and what can't be used set aside with its reason.

Two looks at every row, through stretches of them on disk, so that an archive of any length needs little memory: the first
reads what was given and learns what the file is like (rows.py), the second mends and sets aside (mending.py). Then those are let
in whom the registry knows.
"""

import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.importing.hands import Hands, worthwhile
from cli.importing.mending import SecondLook, Sound, looked_at
from cli.importing.people import read_people, with_certain_ids
from cli.importing.posts import PostsWriter
from cli.importing.rows import Tally, whole_tally
from cli.screen import counted
from politico.archives.reading import Admission, Author, Reject
from politico.archives.tables import TableReading, Told
from politico.archives.times import Verdict
from politico.errors import FileFormatError, InputError, UnknownValueError
from politico.lake.tombstones import Tombstones
from politico.tweets.politician import Registry, read_registry
from politico.tweets.sheet import read_sheet

NAMED = 8
"""Unknown words that a note names."""


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
    work: Path | None = None,
    processes: int = 0,
    show: Callable[[str], None] = lambda note: None,
) -> Inputs:
    """Read the user's files; good posts go to one file, rejects to another. Raises FileFormatError, RegistryError.

    `columns` are a table's column names by what they hold, `author` is the screen name of whose tweets these are where the
    file does not say, `labels` a domain's own columns, `buried` what must stay out, `now` the time by which a tweet is of the
    future (this moment, unless given). With `from_ids` a time that can't be read, or contradicts its id, is the id's.
    `work` is a folder where rows that were judged stay, so that a reading that is stopped goes on there: the same file must be
    read in the same way. `processes` judge them; 0: as many as the file is worth.
    """
    notes: list[str] = []
    listed = read_people(politicians, notes.append)
    known = _known_ids(listed)
    reading = TableReading(zone, columns or {}, _author(author, known), known, labels or {}, from_ids)
    with contextlib.ExitStack() as opened:
        folder = work or Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="politico-", dir=posts.parent)))
        hands = opened.enter_context(Hands(processes or worthwhile(tweets)))
        told = hands.judge(tweets, reading, folder, show)
        whole = whole_tally(folder)
        listed = with_certain_ids(listed, whole.written_ids, notes.append)
        registry = read_registry(listed, {**known, **whole.written_ids})
        times = whole.clock.verdict()
        look = SecondLook(
            whole.rounding,
            whole.looks_cut,
            times,
            whole.letters,
            told.is_table,
            buried or Tombstones(),
            now or datetime.now(UTC),
            from_ids,
        )
        admitting = _Admitting(Admission(registry))
        with PostsWriter(posts) as good, rejected.open("w", encoding="utf-8") as bad:
            for path in hands.look_again(folder, look):
                for entry in looked_at(path):
                    admitting.sort(entry, good, bad)
                path.unlink()
                show(f"checking: {admitting.seen:,} of {whole.read:,}")
    reasons = dict(sorted(admitting.reasons.items()))
    if admitting.newest is None:
        raise FileFormatError(f"{tweets} has no tweet of the {len(registry)} politicians ({counted(reasons)}); see {rejected}")
    return Inputs(
        registry,
        posts,
        datetime.fromisoformat(admitting.newest),
        whole.read,
        admitting.kept,
        reasons,
        0 if from_ids else times.hours_off,
        dict(sorted(admitting.mended.items())),
        dict(sorted(admitting.kinds.items())),
        told.kinds_by,
        tuple(dict.fromkeys([*notes, *_notes(told, whole, times)])),
    )


def _notes(told: Told, whole: Tally, times: Verdict) -> Iterator[str]:
    """What a person should know of how their file was read."""
    yield from told.notes
    if told.is_table:
        by = ", ".join(told.kinds_by)
        yield f"retweets and quotes by {by}" if by else "no column tells retweets and quotes: they are known by their texts alone"
    if unknown := whole.unknown:
        words = ", ".join(f"{word} ({count:,})" for word, count in unknown.most_common(NAMED))
        yield f"words that nobody knows stand for neither yes nor no: {words}"
    if times.agreeing < times.held and not times.telling and not times.hours_off:
        agreeing = f"{times.agreeing:,} of {times.held:,} agree"
        yield f"the ids do not tell these times ({agreeing}): they are another program's, or the times are wrong"


class _Admitting:
    """Who gets in, row by row in the file's order: what was kept, and what was set aside."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.seen = self.kept = 0
        self.reasons: Counter[str] = Counter()
        self.mended: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.newest: str | None = None

    def sort(self, entry: Sound | Reject, good: PostsWriter, bad: IO[str]) -> None:
        """Write one entry where it belongs."""
        self.seen += 1
        if isinstance(entry, Sound):
            refusal = self._admission.refusal(entry.id, entry.author_id, entry.screen_name)
            if refusal is None:
                good.write(entry.author_id, entry.id, entry.post)
                self.newest = max(self.newest or entry.created_at, entry.created_at)
                self.kept += 1
                self.mended.update(entry.mended)
                self.kinds[entry.kind] += 1
                return
            entry = Reject(entry.line, *refusal, entry.file)
        bad.write(json.dumps(vars(entry), ensure_ascii=False) + "\n")
        self.reasons[entry.reason] += 1


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
