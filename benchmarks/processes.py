"""What several benchmarks need: a server in a process of its own, and the machine that a figure was measured on."""

import os
import platform
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_START_SECONDS = 60


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
