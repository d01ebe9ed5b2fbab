"""Who judges a file's rows: this process, or several beside it where the file is a large table."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from cli.importing.mending import SecondLook, look_again
from cli.importing.rows import STRETCH, judge, stretches
from politico.archives.reading import is_csv
from politico.archives.tables import TableReading, Told
from politico.errors import JobError

MOST = 8
"""Each of them reads the whole file, and judges its share."""
SHARED_FROM = 16 << 20
"""Bytes of a table from which a further process is worth its start."""
LOOKS_EVERY = 0.5
"""Seconds between two looks at how far they are."""


def worthwhile(tweets: Path) -> int:
    """How many processes a file is worth. Raises FileFormatError where it can't be read."""
    if not is_csv(tweets) or tweets.stat().st_size < SHARED_FROM:
        return 1
    return max(1, min(MOST, _processors()))


def _processors() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Hands(AbstractContextManager["Hands"]):
    """So many processes; of one, this one."""

    def __init__(self, count: int) -> None:
        self._count = count
        # Spawned: a process that shows progress has threads, which a forked one would find dead.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(count, mp_context=context) if count > 1 else None

    def judge(self, tweets: Path, reading: TableReading, folder: Path, show: Callable[[str], None]) -> Told:
        """Judge all rows that are not in the folder yet; what the columns decide. Raises FileFormatError."""
        if begun := len(stretches(folder)):
            show(f"going on behind {begun * STRETCH:,} rows")
        if self._pool is None:
            return judge(tweets, reading, folder, show=lambda rows: show(f"{rows:,} rows read"))
        shares = [self._pool.submit(judge, tweets, reading, folder, share, self._count) for share in range(self._count)]
        while wait(shares, LOOKS_EVERY, FIRST_EXCEPTION).not_done and not any(one.done() and one.exception() for one in shares):
            show(f"{len(stretches(folder)) * STRETCH:,} rows read")
        told, *others = [one.result() for one in shares]
        told.notes += [note for other in others for note in other.notes]
        return told

    def look_again(self, folder: Path, look: SecondLook) -> Iterable[Path]:
        """The files of the second look, in the order of the rows."""
        again = partial(look_again, folder, look)
        return map(again, stretches(folder)) if self._pool is None else self._pool.map(again, stretches(folder))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise JobError("a process that read the file was killed, for memory as a rule; the same command goes on") from error
