"""Requests at an even pace, from one process. (`politico/ledger/shared_pace.py` keeps one pace over many.)"""

import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from politico.errors import LimitError

HIGHEST_RATE = 1_000
"""Slots are counted in whole milliseconds."""


class Paced(Protocol):
    """What a caller waits for before each request."""

    def wait(self) -> None:
        """Returns when the next request may go out."""


class Pace:
    """So many requests a second from this process, evenly spaced, however many threads ask."""

    def __init__(
        self, rate: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`clock` is in seconds. Raises LimitError."""
        self._gap = slot_milliseconds(rate) / 1000
        self._clock, self._sleep = clock, sleep
        self._next = -math.inf
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = self._clock()
            slot = max(now, self._next)
            self._next = slot + self._gap
        if slot > now:
            self._sleep(slot - now)


def slot_milliseconds(rate: float) -> int:
    """Milliseconds from slot to slot: rounded up, so that the pace stays under the rate."""
    if not 0 < rate <= HIGHEST_RATE:
        raise LimitError(f"the rate is {rate} requests a second; it takes more than 0 and at most {HIGHEST_RATE}")
    return math.ceil(1000 / rate)
