"""What a run began with: where its dataset is cut, and the rows on the training side. A try that comes later learns from the very
same rows, though the dataset has grown meanwhile.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from training.loop.checkpoint import OtherRunError
from training.loop.processes import Processes

SIZE = 16
"""Bytes of a row's mark. The list is the cut as a line of text, and then marks, one a row, in the dataset's order."""
LEAST_LEFT = 0.5
"""Share of the rows that must still be there: a dataset that has fewer is another one, and not the run's."""
CHUNK = 10_000
BARE = ("id_str", "text")
"""What of a row a casual stage learns from; a control stage also from what its schema's fields come from."""


@dataclass(frozen=True)
class Begun:
    """What a list holds."""

    cut: str
    marks: tuple[bytes, ...]


def cut_of_run(listed: Path, now: Callable[[], str], processes: Processes) -> str:
    """Where the run's dataset was cut when it began; as `now` says where it begins. The same in all processes."""
    found = None
    if processes.first:
        begun = _read(listed)
        found = begun.cut if begun else now()
    return str(processes.from_first(found))


def rows_of_run(train: pa.Table, columns: Sequence[str], cut: str, listed: Path, processes: Processes) -> tuple[pa.Table, str]:
    """The rows of the training side that the run whose list this is began with, and their hash; all where it begins now.

    Where some are gone, or are other than they were, what has learnt from them is not gone on with: the run begins anew over what
    there is, and its hash is another. Raises OtherRunError where most are.
    """
    marks = list(_marks(train, columns))
    begun = None
    if processes.first:
        begun = _read(listed)
        kept = begun.marks if begun else tuple(marks)
        if gone := len(set(kept) - set(marks)):
            if len(kept) - gone < LEAST_LEFT * len(kept):
                raise OtherRunError(
                    f"{listed} is of a run over another dataset: {gone:,} of its {len(kept):,} training tweets are not in this "
                    "one; give that one or another --checkpoint_dir, or remove the list and the checkpoint beside it"
                )
            print(
                f"{gone:,} of the {len(kept):,} training tweets that this run began with are gone or changed; nothing may be "
                f"learnt from those: it begins anew, over {len(marks):,}",
                flush=True,
            )
            kept = tuple(marks)
        elif new := len(marks) - len(kept):
            print(f"the dataset has {new:,} more training tweets than when this run began: it goes on without them", flush=True)
        begun = Begun(cut, kept)
    begun = processes.from_first(begun)
    # Each machine of several keeps the list with its checkpoints.
    _write(listed, begun, processes.rank)
    processes.wait()
    wanted = set(begun.marks)
    if len(begun.marks) < len(marks):
        train = train.filter(pa.array([one in wanted for one in marks], pa.bool_()))
    return train.combine_chunks(), hashlib.sha256(b"".join(begun.marks)).hexdigest()


def _marks(table: pa.Table, columns: Sequence[str]) -> Iterator[bytes]:
    for part in table.select(columns).to_batches(max_chunksize=CHUNK):
        for row in part.to_pylist():
            body = json.dumps({name: _learnt(value) for name, value in row.items()}, ensure_ascii=False)
            yield hashlib.blake2b(body.encode(), digest_size=SIZE).digest()


def _learnt(value: Any) -> Any:
    """Without the scores of entities and phrases, which nothing learns from."""
    if isinstance(value, list):
        return [{key: kept for key, kept in one.items() if key != "score"} if isinstance(one, dict) else one for one in value]
    return value


def _read(path: Path) -> Begun | None:
    """None where there is no list. Raises OtherRunError for a torn one: nobody knows what its checkpoint has learnt from."""
    if not path.is_file():
        return None
    cut, line, marks = path.read_bytes().partition(b"\n")
    if not line or not marks or len(marks) % SIZE:
        raise OtherRunError(f"{path} is no list of rows; remove it, and the checkpoint beside it, to start afresh")
    return Begun(cut.decode(), tuple(marks[at : at + SIZE] for at in range(0, len(marks), SIZE)))


def _write(path: Path, begun: Begun, rank: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".part{rank}")
    partial.write_bytes(begun.cut.encode() + b"\n" + b"".join(begun.marks))
    partial.replace(path)
