"""Raw pages to dataset, annotation excluded: time, memory, what a further day costs, and the same in pandas and in Polars.

    python -m benchmarks.dataset [--size 1173079] [--write]

Replays real tweets with new ids and days (see replay.py), cuts them into the parts and batches that the ingest workflow makes,
and gives them to two worker processes that call the functions' own code on a folder instead of a bucket. Every measurement
is a process of its own on two processors; a tenth is measured twice, in turn with its peers. Needs `pip install polars`.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import curating, replay

RESULTS = Path(__file__).parent / "results" / "dataset.json"
LIMIT_SECONDS, LIMIT_GIGABYTES, LIMIT_RATIO, LIMIT_DAY = 150, 2, 1.2, 0.02
"""What the full size must reach on two processors."""
FURTHER_DAYS = 3
WHO = ("politico", "pandas", "polars")
ROUNDS_OF_A_TENTH = 2


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--size", type=int, default=replay.FULL_SIZE, help="how many tweets")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    if not replay.TWEETS.exists():
        print(f"nothing was measured: {replay.TWEETS} is not here; its tweets may not be shipped")
        return
    figures = measure(given.size)
    show(figures)
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
        print(f"written to {RESULTS}")


def measure(size: int) -> dict[str, Any]:
    """All figures, ready for JSON."""
    tenth: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        lake = prepared(Path(name), size // 10)
        for _ in range(ROUNDS_OF_A_TENTH):
            for who, found in tenth.items():
                found.append(one(who, lake))
        require_equal(lake)
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        lake = prepared(Path(name), size)
        full = {who: one(who, lake) for who in reversed(WHO)}
        require_equal(lake)
        days = [one("politico", lake, day) for day in range(1, FURTHER_DAYS + 1)]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python -m benchmarks.dataset --size {size}",
        "machine": machine(),
        "tweets": size,
        "full": full,
        "tenth": tenth,
        "further_days": days,
    }


def prepared(folder: Path, size: int) -> Path:
    print(f"replaying {size:,} tweets …", flush=True)
    call("store", folder, size)
    return folder


def one(who: str, folder: Path, day: int = 0) -> dict[str, Any]:
    """One measurement."""
    print(f"measuring {who}{f', further day {day}' if day else ''} …", flush=True)
    if not day:
        for made in curating.MADE[who]:
            shutil.rmtree(folder / made, ignore_errors=True)
    os.sync()  # what the last one wrote is not this one's to wait for
    found: dict[str, Any] = call(who, folder, day)
    return found


def call(what: str, folder: Path, number: int) -> Any:
    """In a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.curating", what, str(folder), str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def require_equal(folder: Path) -> None:
    """Peers and project must have done the same: the same tweets, with the same words. Polars folds blanks and resolves
    references a little differently, for its users call no Python for each text: its rows may differ by a thousandth."""
    ours, theirs, rows = (call("digest", folder / made, 0) for made in ("dataset", "pandas", "polars"))
    assert ours == theirs, f"the datasets differ: {ours} and {theirs}"
    assert abs(rows[0] - ours[0]) <= ours[0] / 1_000, f"polars has {rows[0]:,} rows, ours {ours[0]:,}"


def machine() -> dict[str, Any]:
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
        platform.processor(),
    )
    packages = {name: version(name) for name in ("pyarrow", "pandas", "polars")}
    return {"processor": processor, "processors": 2, "python": platform.python_version(), **packages}


def show(figures: dict[str, Any]) -> None:
    full, tenth, size = figures["full"], figures["tenth"], figures["tweets"]
    print(f"\n{size:,} tweets, {figures['machine']['processor']}, 2 processors")
    print(f"{'':22}{'seconds':>9}{'µs a tweet':>12}{'GB':>7}{'rows':>11}")
    for who in WHO:
        for label, runs, tweets in ((f"{who}, a tenth", tenth[who], size // 10), (f"{who}, full", [full[who]], size)):
            seconds = statistics.median(run["seconds"] for run in runs)
            gigabytes = max(run["gigabytes"] for run in runs)
            print(f"{label:22}{seconds:9.1f}{seconds / tweets * 1e6:12.1f}{gigabytes:7.2f}{runs[0]['rows']:11,}")
    ours = full["politico"]
    day = statistics.median(run["seconds"] for run in figures["further_days"])
    small = statistics.median(run["seconds"] for run in tenth["politico"])
    ratio = (ours["seconds"] / size) / (small / (size // 10))
    print(
        f"\nfull build {ours['seconds']:.1f} s ({ours['parts']:.1f} s parts, {ours['days']:.1f} s days): at most {LIMIT_SECONDS}"
    )
    print(f"memory {ours['gigabytes']:.2f} GB: at most {LIMIT_GIGABYTES}")
    print(f"time a tweet, full against a tenth {ratio:.2f}: at most {LIMIT_RATIO}")
    print(f"a further day {day:.2f} s, {day / ours['seconds']:.1%} of the full build: at most {LIMIT_DAY:.0%}")


if __name__ == "__main__":
    main()
