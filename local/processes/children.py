"""Child processes that never outlive us: each leads a group of its own, and the group goes when we stop it, or with us."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from local.processes import reaper

GRACE_SECONDS = 5.0

_running: set[subprocess.Popen[bytes]] = set()
_lock = threading.Lock()
_reaper: subprocess.Popen[str] | None = None


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own."""
    with _lock:
        to_reaper = _reaper_input()  # up before the child is, so that it hears of it at once
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=tuple(pass_descriptors),
            start_new_session=True,
        )
        _running.add(process)
        _tell(to_reaper, f"+{process.pid}")
    return process


def stop(process: subprocess.Popen[bytes], grace: float = GRACE_SECONDS) -> None:
    """Ask the process's group to end, then make it."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
            break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left behind
    with _lock:
        if process in _running:
            _running.discard(process)
            _tell(_reaper_input(), f"-{process.pid}")


def terminate(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask the process alone to end, as a container's first one is asked, and after so many seconds make its group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    stop(process, 0.0)


def stop_all() -> None:
    """Stop every process that was started here and not stopped since."""
    with _lock:
        left = list(_running)
    threads = [threading.Thread(target=stop, args=(process, 2.0)) for process in left]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _reaper_input() -> IO[str]:
    """The reaper is told of every group, so that a kill -9 of this process still ends them."""
    global _reaper
    if _reaper is None:
        _reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", reaper.__file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )
    assert _reaper.stdin is not None, "the reaper is started with a pipe"
    return _reaper.stdin


def _tell(to_reaper: IO[str], line: str) -> None:
    to_reaper.write(line + "\n")
    to_reaper.flush()
