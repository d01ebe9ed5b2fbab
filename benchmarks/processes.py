"""What several benchmarks need: a server in a process of its own, and the machine that a figure was measured on."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_START_SECONDS = 60
_ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served(*words: object, address: str) -> Iterator[None]:
    """A Python process that serves an address, from when it answers there until the end."""
    process = subprocess.Popen(
        [sys.executable, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
    )
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(address):
            assert process.poll() is None, f"{' '.join(map(str, words))} ended before it served {address}"
            assert time.monotonic() < until, f"{address} did not answer within {_START_SECONDS} s"
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def measured(words: list[str]) -> dict[str, float]:
    """Seconds of a process, and its largest memory in gigabytes."""
    runner = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    runner += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", runner, *words], cwd=_ROOT, check=True, capture_output=True, text=True)
    unit = 1e9 if sys.platform == "darwin" else 1e6  # bytes there, kilobytes on Linux
    return {"seconds": round(time.monotonic() - began, 1), "gigabytes": round(int(done.stdout.split()[-1]) / unit, 2)}


def in_turn(module: str, ways: Mapping[str, list[str]], *, rounds: int, tweets: int) -> dict[str, Any]:
    """Each way's process, measured so often in turn: what a benchmark stores, with the medians of their seconds."""
    found: dict[str, list[dict[str, float]]] = {who: [] for who in ways}
    for _ in range(rounds):
        for who, words in ways.items():
            found[who].append(measured(words))
            print(who, found[who][-1], flush=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command_line(module),
        "machine": machine(),
        "tweets": tweets,
        **found,
        "seconds": {who: statistics.median(row["seconds"] for row in rows) for who, rows in found.items()},
    }


def keep(figures: Mapping[str, Any], path: Path, *, write: bool) -> None:
    """Show the figures, and keep them where that was asked for."""
    print(json.dumps(figures, indent=1))
    if write:
        path.write_text(json.dumps(figures, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """What a figure was measured on, and how busy that was."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "load_at_the_end": round(os.getloadavg()[0], 2),
    }


def command_line(module: str) -> str:
    """How a benchmark was called, for its results: of paths, which are a machine's own, their names."""
    return " ".join([f"python -m {module}", *(Path(word).name if os.sep in word else word for word in sys.argv[1:])])
