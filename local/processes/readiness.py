"""Waiting for the endpoint's program until it answers."""

import time
import urllib.error
import urllib.request
from subprocess import Popen
from typing import Any

from local.processes.ports import HOST

EVERY_SECONDS = 0.1


def came_up(process: Popen[Any], port: int, seconds: float) -> bool:
    """Wait until the program that listens there is ready; False where it ended, or took longer."""
    deadline = time.monotonic() + seconds
    while not _says_ok(port):
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(EVERY_SECONDS)
    return True


def _says_ok(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/ping", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
