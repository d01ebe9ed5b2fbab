"""What `benchmarks.dataset` measures, each as a process of its own. Run: python -m benchmarks.curating WHAT FOLDER NUMBER"""

import functools
import hashlib
import inspect
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.dataset

from benchmarks import replay
from benchmarks.folder_bucket import FolderS3
from benchmarks.peer import build_with_pandas
from functions import environment
from functions.ingest import annotate, curate, report, touched
from functions.ingest.gather import in_parts
from politico.lake import places
from politico.lake.bucket import Lake
from politico.tweets.politician import read_registry
from politico.tweets.tweet import write_time

WORKERS = 2
MADE = {"politico": ("annotated", "dataset", "runs"), "pandas": ("pandas",), "polars": ("polars",)}
"""What each one writes into the folder."""


def main() -> None:
    what, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:WORKERS])
    doing = {"store": store, "politico": build, "pandas": build_peer, "polars": build_polars, "digest": digest}
    print(json.dumps(doing[what](folder, number)))


def lake_in(folder: Path) -> Lake:
    return Lake(FolderS3(folder), "folder")


def store(folder: Path, size: int) -> dict[str, int]:
    """The raw pages and the registry of so many tweets, and of the further days."""
    found = replay.accounts(size)
    lake_in(folder).write(places.REGISTRY, replay.registry(found).to_csv().encode())
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as workers:
        pages = sum(workers.map(functools.partial(_store_one, folder), found, chunksize=8))
    return {"pages": pages}


def _store_one(folder: Path, account: replay.Account) -> int:
    lake = lake_in(folder)
    for day in range(1, 4):
        replay.store_further_day(lake, account, day)
    return replay.store(lake, account)


def build(folder: Path, day: int) -> dict[str, Any]:
    """The dataset of all tweets (day 0), or a further day on top, as the workflow's maps make it."""
    lake, run = lake_in(folder), replay.run_of_day(day)
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), _prepare, (folder,)) as workers:
        list(workers.map(time.sleep, [0.5] * WORKERS))  # all are up
        began = time.perf_counter()
        parts = _parts(lake, run, day)
        lake.write_json(places.parts(run), parts)
        lake.write_json(places.accounts(run), [])
        list(workers.map(_annotate, parts))
        annotated = time.perf_counter()
        _prepare(folder)
        inspect.unwrap(touched.handler)({"run": run}, None)
        list(workers.map(_curate, lake.read_json(places.touched_days(run))))
        found = report.report(run, lake, lambda *_part: True)
        report.note_registry(run, lake, found)
        ended = time.perf_counter()
        processes = [os.getpid(), *workers._processes]
        gigabytes = sum(map(_peak_gigabytes, processes))
    assert not found["failed_parts"], "every part is done"
    assert not found["failed_days"], "every day is done"
    return {
        "seconds": ended - began,
        "parts": annotated - began,
        "days": ended - annotated,
        "gigabytes": gigabytes,
        "read": found["read"],
        "rows": found["dataset"]["rows"],
        "sha256": found["dataset"]["sha256"],
    }


def _parts(lake: Lake, run: str, day: int) -> list[dict[str, Any]]:
    """As `gather` cuts them."""
    registry = read_registry(lake.read_text(places.REGISTRY))
    told = {"pages_run": run, "mark": "", "reference": write_time(replay.REFERENCE + timedelta(days=day, hours=12 if day else 0))}
    pending = ({**told, "user_id": one.user_id, "keys": list(lake.keys(places.raw_pages(run, one.user_id)))} for one in registry)
    return [{"run": run, "part": f"{number:04}", "accounts": accounts} for number, accounts in enumerate(in_parts(pending))]


def _prepare(folder: Path) -> None:
    """A warm function whose bucket is a folder and whose Comprehend has the answers ready: annotation is not measured."""
    pool = replay.canned_annotations()

    def canned(texts: Sequence[str], *_more: Any) -> list[Any]:
        return list(itertools.islice(itertools.cycle(pool), len(texts)))

    assert callable(vars(annotate)["annotate"]), "this is where the annotations come from"
    setattr(annotate, "annotate", canned)  # noqa: B010  (a name that the module only imports)
    environment.lake = lambda: lake_in(folder)  # type: ignore[assignment]
    environment.client = lambda service: None  # type: ignore[assignment]
    environment.comprehend_pace = lambda: None  # type: ignore[assignment,return-value]


def _annotate(part: dict[str, Any]) -> None:
    inspect.unwrap(annotate.handler)(part, None)


def _curate(batch: dict[str, Any]) -> None:
    inspect.unwrap(curate.handler)(batch, None)


def _peak_gigabytes(process: int) -> float:
    """Of one process, since it began. Their sum is no less than what they ever held together."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1e6


def build_peer(folder: Path, _day: int) -> dict[str, Any]:
    """The peer's dataset, from the pages of the run that brought them all."""
    return _build_peer(folder, build_with_pandas, "pandas")


def build_polars(folder: Path, _day: int) -> dict[str, Any]:
    """The same by the other peer."""
    from benchmarks.polars_peer import build_with_polars

    return _build_peer(folder, build_with_polars, "polars")


def _build_peer(folder: Path, build: Callable[..., int], name: str) -> dict[str, Any]:
    lake = lake_in(folder)
    pages = sorted((folder / places.RAW / f"run={replay.run_of_day(0)}").glob("*/*.jsonl.gz"))
    annotations = [one.to_json() for one in replay.canned_annotations()]
    registry = folder / places.REGISTRY
    began = time.perf_counter()
    rows = build(pages, registry, annotations, replay.REFERENCE, folder / name)
    ended = time.perf_counter()
    assert lake.read(places.REGISTRY), "the registry is where the peer found it"
    return {"seconds": ended - began, "gigabytes": _peak_gigabytes(os.getpid()), "rows": rows}


def digest(folder: Path, _number: int) -> list[Any]:
    """How many tweets there are, and a hash of ids, words and parties in order of id."""
    columns = ["id_str", "text", "party", "sentiment"]
    days: Iterable[Path] = sorted(folder.glob("dt=*/*.parquet"))
    table = pyarrow.dataset.dataset(list(map(str, days))).to_table(columns=columns).sort_by("id_str")
    hashed = hashlib.sha256()
    for batch in table.select(columns[:3]).to_batches(10_000):
        hashed.update(repr(batch.to_pylist()).encode())
    return [len(table), hashed.hexdigest()]


if __name__ == "__main__":
    main()
