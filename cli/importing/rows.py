"""The first look at a tweets file: every row judged by itself and kept on disk, in stretches, for the second.

Of a large table each processor judges its own stretches. A stretch that is there is whole: a reading that was stopped goes on
behind those that are.
"""

import itertools
import marshal
import multiprocessing
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cli.importing.letters import Letters
from politico.archives.damage import CUT_SHARE, OLD_LENGTH, Rounding
from politico.archives.reading import UNREAD, Post, Reject, read_entries
from politico.archives.tables import TableReading, Told
from politico.archives.times import Clock
from politico.tweets.kinds import RETWEET

STRETCH = 20_000
"""Rows."""


class Row(NamedTuple):
    """A row that could be read."""

    line: int
    file: str
    screen_name: str
    created_at: str
    """In UTC."""
    kind: str
    versions: list[str]
    looks_cut: bool
    resolution: float
    """Of its time, in seconds."""
    body: dict[str, Any]
    """A post in the shape of API v2."""

    @classmethod
    def of(cls, entry: Post) -> "Row":
        tweet, body = entry.tweet, entry.body
        return cls(
            entry.line,
            entry.file,
            entry.screen_name,
            tweet.created_at.isoformat(),
            tweet.kind,
            list(body.get("edit_history_tweet_ids") or ()),
            entry.looks_cut,
            entry.resolution.total_seconds(),
            {**body, "id": tweet.id_str, "author_id": tweet.author_id},
        )


@dataclass
class Tally:
    """What rows tell of the file they stand in."""

    read: int = 0
    rounding: Rounding = field(default_factory=Rounding)
    """Did a program cut the ids' last digits?"""
    clock: Clock = field(default_factory=Clock)
    """What the times are beside the ids."""
    letters: Letters = field(default_factory=Letters)
    """What the texts are like."""
    long_texts: int = 0
    cut_texts: int = 0
    written_ids: dict[str, str] = field(default_factory=dict)
    """The user ids that the tweets themselves name, by casefolded screen name."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Words in columns of marks that nobody knows, as `column=word`."""

    @property
    def looks_cut(self) -> bool:
        """Were texts cut, by v1.1 and not by their writers?"""
        return self.cut_texts > CUT_SHARE * self.long_texts

    def see(self, entry: Post | Reject) -> None:
        """One more row."""
        self.read += 1
        if isinstance(entry, Reject):
            return
        tweet, text = entry.tweet, str(entry.body["text"])
        if entry.screen_name:
            self.written_ids[entry.screen_name.casefold()] = tweet.author_id
        self.long_texts += tweet.kind != RETWEET and len(text) >= OLD_LENGTH - 2
        self.cut_texts += entry.looks_cut
        self.rounding.see(tweet.id_str)
        self.clock.see(tweet.id_str, tweet.created_at, entry.resolution)
        self.letters.see(text)

    def add(self, other: "Tally") -> None:
        """What the rows behind them tell."""
        self.read += other.read
        self.rounding.add(other.rounding)
        self.clock.add(other.clock)
        self.letters.add(other.letters)
        self.long_texts += other.long_texts
        self.cut_texts += other.cut_texts
        self.written_ids.update(other.written_ids)
        self.unknown.update(other.unknown)


def judge(
    tweets: Path,
    reading: TableReading,
    folder: Path,
    share: int = 0,
    of: int = 1,
    show: Callable[[int], None] = lambda rows: None,
) -> Told:
    """Judge every `of`-th stretch from number `share` on, but those that are in the folder already; what the columns decide.

    `show` hears of how many rows there were. Raises FileFormatError. Ends early where the process that started this one is gone.
    """
    parent = multiprocessing.parent_process()

    @cache  # so that a stretch is not there all at once when its last row is asked for
    def is_ours(stretch: int) -> bool:
        return stretch % of == share and not _tally(folder, stretch).exists()

    told = Told()
    entries = read_entries(tweets, replace(reading, told=told, wanted=lambda number: is_ours(number // STRETCH)))
    for stretch, numbered in itertools.groupby(enumerate(entries), key=lambda one: one[0] // STRETCH):
        if not is_ours(stretch):
            continue
        _write(folder, stretch, (entry for _number, entry in numbered), told)
        show((stretch + 1) * STRETCH)
        if parent is not None and not parent.is_alive():
            break
    return told


def _write(folder: Path, stretch: int, entries: Iterable[Post | Reject], told: Told) -> None:
    tally, rows = Tally(), []
    for entry in entries:
        assert entry is not UNREAD, "a stretch is read whole or not at all"
        tally.see(entry)
        rows.append(tuple(Row.of(entry)) if isinstance(entry, Post) else _of_reject(entry))
    tally.unknown.update(told.marks.unknown)
    told.marks.unknown.clear()
    _rows(folder, stretch).write_bytes(marshal.dumps(rows))
    unfinished = _tally(folder, stretch).with_suffix(".part")
    unfinished.write_bytes(pickle.dumps(tally))
    unfinished.rename(_tally(folder, stretch))


def stretches(folder: Path) -> list[int]:
    """Those that are there, in the file's order."""
    return sorted(int(path.stem) for path in folder.glob("*.tally"))


def whole_tally(folder: Path) -> Tally:
    """What all rows of the file tell."""
    whole = Tally()
    for stretch in stretches(folder):
        whole.add(pickle.loads(_tally(folder, stretch).read_bytes()))  # of our own folder
    return whole


def rows_of(folder: Path, stretch: int) -> Iterator[Row | Reject]:
    """A stretch's rows, in their order."""
    for row in marshal.loads(_rows(folder, stretch).read_bytes()):
        yield Reject(*row) if len(row) == _REJECT else Row(*row)


_REJECT = 4
"""What a reject has; a row has more."""


def _of_reject(entry: Reject) -> tuple[int, str, str, str]:
    return entry.line, entry.reason, entry.detail, entry.file


def _rows(folder: Path, stretch: int) -> Path:
    return folder / f"{stretch:06}.rows"


def _tally(folder: Path, stretch: int) -> Path:
    return folder / f"{stretch:06}.tally"
