"""The second look at a tweets file: each row in the light of the whole file, mended where that is certain, or set aside."""

import marshal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from cli.importing.letters import LOST, Letters
from cli.importing.rows import Row, rows_of
from politico.archives.damage import Rounding
from politico.archives.reading import Reject
from politico.archives.times import CONTRADICTS, Verdict, agrees, tells_time
from politico.lake.bucket import as_line
from politico.lake.tombstones import Tombstones
from politico.tweets.tweet import parse_post, snowflake_time, write_time

CLOCKS_DIFFER = timedelta(days=1)
"""A tweet's time may lie so far ahead of this machine's: its zone was guessed, or a clock is wrong."""


class Sound(NamedTuple):
    """A row that is as it was written, or was made so again."""

    line: int
    file: str
    screen_name: str
    created_at: str
    """In UTC."""
    kind: str
    mended: tuple[str, ...]
    """What was mended."""
    id: str
    author_id: str
    post: str
    """The post in the shape of API v2, as JSON."""


@dataclass(frozen=True)
class SecondLook:
    """What is known of the whole file, and what a person says about it."""

    rounding: Rounding
    looks_cut: bool
    times: Verdict
    letters: Letters
    of_table: bool
    """Is it another program's table, or X's own posts?"""
    buried: Tombstones
    now: datetime
    from_ids: bool
    """A time that can't be read, or contradicts the id, is the id's."""

    def at(self, row: Row) -> Sound | Reject:
        """The row, mended, or why it is set aside."""
        mended: list[str] = []
        line, post = row.line, row.body
        if rounded := self.rounding.refuses(post["id"]):
            return Reject(line, "rounded_id", f"id {post['id']} {rounded}", row.file)
        if self.buried.covers(post["id"], post["author_id"], map(str, row.versions)):
            return Reject(line, "tombstone", "the tweet or its writer was to be forgotten", row.file)
        if self.looks_cut and row.looks_cut:
            return Reject(line, "truncated_text", "the text was cut at 140 characters on its way; take it whole from X", row.file)
        created_at, wrong = self._time_of(row)
        if wrong:
            return Reject(line, CONTRADICTS, wrong, row.file)
        if created_at != row.created_at:
            post["created_at"] = write_time(datetime.fromisoformat(created_at))
            mended.append("time")
        if created_at > self._latest:  # ages count back from the newest: one such would make all others too old
            return Reject(line, "in_the_future", f"written at {created_at}, which is yet to come", row.file)
        if lost := self._lost_letters(post, mended):
            return Reject(line, LOST, lost, row.file)
        kind = parse_post(post).kind if mended else row.kind
        return Sound(
            line, row.file, row.screen_name, created_at, kind, tuple(mended), post["id"], post["author_id"], as_line(post)
        )

    @cached_property
    def _latest(self) -> str:
        return (self.now.astimezone(UTC) + CLOCKS_DIFFER).isoformat()

    def _time_of(self, row: Row) -> tuple[str, str]:
        """When it was written, and how that contradicts the id, where the file's ids tell it."""
        id_str = row.body["id"]
        if not (self.times.telling or self.from_ids) or not tells_time(id_str):
            return row.created_at, ""
        if agrees(id_str, datetime.fromisoformat(row.created_at), timedelta(seconds=row.resolution)):
            return row.created_at, ""
        right = snowflake_time(id_str)
        if self.from_ids:
            return right.isoformat(), ""
        if self.times.hours_off:  # all of them are: a person is to say what is right
            return row.created_at, ""
        wrong = f"written at {row.created_at}, but its id was made at {write_time(right)} (--times-from-ids takes that)"
        return row.created_at, wrong

    def _lost_letters(self, post: dict[str, Any], mended: list[str]) -> str:
        """Which letters are missing; what can be mended is."""
        changed = False
        for holder in (post, post.get("note_tweet") or {}):
            if isinstance(text := holder.get("text"), str):
                found = self.letters.mend(text, of_table=self.of_table)
                if found.lost:
                    return found.lost
                changed = changed or found.text != text
                holder["text"] = found.text
        if changed:
            mended.append("letters")
            post.pop("entities", None)  # with hashtags that were damaged as the text was: they are found in it
        return ""


def look_again(folder: Path, look: SecondLook, stretch: int) -> Path:
    """Look at all rows of a stretch; the file that `looked_at` reads."""
    found = [row if isinstance(row, Reject) else look.at(row) for row in rows_of(folder, stretch)]
    path = folder / f"{stretch:06}.looked"
    path.write_bytes(marshal.dumps([tuple(one) if isinstance(one, Sound) else tuple(vars(one).values()) for one in found]))
    return path


def looked_at(path: Path) -> Iterator[Sound | Reject]:
    """What the second look found, row by row in their order."""
    for row in marshal.loads(path.read_bytes()):
        yield Sound(*row) if len(row) == len(Sound._fields) else Reject(*row)
