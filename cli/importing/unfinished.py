"""What an import has done so far, in a folder beside where the command was started: the same import, begun again, goes on there.

It holds what the file holds, judged; it goes when the import is through, and after a week where nobody went on with it.
"""

import contextlib
import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from politico.errors import FileFormatError, InputError
from politico.runs import run_id

FOLDER = Path(".politico/imports")
KEPT_SECONDS = 7 * 86_400
FORM = 1
"""Of what lies there: an import that another version of the project began is begun again."""


@dataclass(frozen=True)
class Standing:
    """What an import that goes on must have in common with the one that was stopped."""

    name: str
    """Of the workflow's execution."""
    run: str
    """Whose pages it stores."""
    now: str
    """When it began: as of then a post may still be edited, or is yet to come."""
    obeyed: str = ""
    """What of the forgotten was known when the first page was stored; empty before."""
    execution: str = ""
    """The workflow's, once it is started: all pages are stored then."""


@dataclass
class Unfinished:
    """One import's folder."""

    folder: Path
    progress: Standing
    goes_on: bool
    """Somebody has begun it before."""

    @property
    def now(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.progress.now)

    def note(self, progress: Standing) -> None:
        """Keep it on disk."""
        self.progress = progress
        _write(self.folder, progress)


@contextlib.contextmanager
def begun(tweets: Path, politicians: Path, where: str, options: Mapping[str, Any]) -> Iterator[Unfinished]:
    """The folder of an import of this file, as it is now, in this way, into `where`; gone when the block ends well.

    Raises InputError where the same import is under way, FileFormatError where a file can't be read.
    """
    _forget_old()
    folder = FOLDER / _key(tweets, politicians, where, options)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"an import of {tweets} is under way in this folder; wait until it is through") from error
        held = _read(folder)
        progress = held or _new()
        unfinished = Unfinished(folder, progress, held is not None)
        unfinished.note(progress)
        try:
            yield unfinished
        except InputError:  # another try is another import: with another option, or of another file
            shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _new() -> Standing:
    name, now = f"import-{time.time_ns()}", datetime.now(UTC)
    # Not the workflow's own run, even within the same second.
    return Standing(name, run_id(now, f"{name}-pages"), now.isoformat())


def _read(folder: Path) -> Standing | None:
    try:
        return Standing(**json.loads((folder / "progress.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write(folder: Path, progress: Standing) -> None:
    unfinished = folder / "progress.part"
    unfinished.write_text(json.dumps(asdict(progress)))
    unfinished.rename(folder / "progress.json")


def _key(tweets: Path, politicians: Path, where: str, options: Mapping[str, Any]) -> str:
    try:
        files = [tweets, *sorted(tweets.rglob("*"))] if tweets.is_dir() else [tweets]
        states = [(str(one.resolve()), one.stat().st_size, one.stat().st_mtime_ns) for one in files]
        people = hashlib.sha256(politicians.read_bytes()).hexdigest()
    except OSError as error:
        raise FileFormatError(f"{error.filename} can't be read: {error.strerror}") from error
    told = json.dumps([FORM, states, people, where, dict(options)], default=str, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _forget_old() -> None:
    for folder in FOLDER.glob("*"):
        with contextlib.suppress(OSError):
            if time.time() - (folder / "progress.json").stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
