"""The rows that a run began with: a try that comes later learns from the very same, though the dataset has grown meanwhile."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from training.loop.checkpoint import OtherRunError
from training.loop.processes import Processes

SIZE = 16
"""Bytes of a row's mark. The list is nothing but marks, one a row, in the dataset's order."""
LEAST_LEFT = 0.5
"""Share of the rows that must still be there: a dataset that has fewer is another one, and not the run's."""
CHUNK = 10_000


def rows_of_run(table: pa.Table, listed: Path, checkpoint: Path, processes: Processes) -> tuple[pa.Table, str]:
    """The rows of `table` that the run whose list this is began with, and their hash; all of them where it begins now.

    Where some are gone, or are other than they were, the network that has learnt from them goes, too: the checkpoint is removed
    and the run begins anew over what there is. Raises OtherRunError where most are.
    """
    marks = list(_marks(table))
    if processes.first:
        listed.parent.mkdir(parents=True, exist_ok=True)
        begun = _read(listed) if listed.is_file() else []
        if gone := len(set(begun) - set(marks)):
            if len(begun) - gone < LEAST_LEFT * len(begun):
                raise OtherRunError(
                    f"{checkpoint} belongs to a run over another dataset: {gone:,} of its {len(begun):,} tweets are not in this "
                    f"one; give that one or another --checkpoint_dir, or remove {listed} and the checkpoint to start afresh"
                )
            print(
                f"{gone:,} of the {len(begun):,} tweets that this run began with are gone or changed; nothing may be learnt from "
                f"those: it begins anew, over {len(marks):,}",
                flush=True,
            )
            checkpoint.unlink(missing_ok=True)
        if gone or not begun:
            _write(listed, marks)
        elif new := len(marks) - len(begun):
            print(f"the dataset has {new:,} more tweets than when this run began: it goes on without them", flush=True)
    processes.wait()
    begun = _read(listed)
    wanted = set(begun)
    kept = table if len(begun) == len(marks) else table.filter(pa.array([one in wanted for one in marks], pa.bool_()))
    return kept.combine_chunks(), hashlib.sha256(b"".join(begun)).hexdigest()


def _marks(table: pa.Table) -> Iterator[bytes]:
    for part in table.to_batches(max_chunksize=CHUNK):
        for row in part.to_pylist():
            yield hashlib.blake2b(json.dumps(row, ensure_ascii=False).encode(), digest_size=SIZE).digest()


def _read(path: Path) -> list[bytes]:
    """Raises OtherRunError for a torn list: without it nobody knows what the checkpoint has learnt from."""
    body = path.read_bytes()
    if not body or len(body) % SIZE:
        raise OtherRunError(f"{path} is no list of rows; remove it, and the checkpoint beside it, to start afresh")
    return [body[at : at + SIZE] for at in range(0, len(body), SIZE)]


def _write(path: Path, marks: list[bytes]) -> None:
    partial = path.with_suffix(".part")
    partial.write_bytes(b"".join(marks))
    partial.replace(path)
