"""Who waits for the model: at most so many at once, none longer than an answer is worth, and nobody who has hung up."""

import threading
import time

from politico.errors import CopyError, ServiceError

MOST_CALLERS = 32
"""Requests under way and waiting. More would wait longer than anybody does."""
RETRY_SECONDS = 5
"""When it is worth asking again, for whoever is turned away."""
DEADLINE_SECONDS = 50.0
"""From a request's arrival: SageMaker gives up after 60 seconds, and whoever asks again would find it still being written."""


class BusyError(ServiceError):
    """More is asked than can be written in time."""


class DeadlineError(ServiceError):
    """A request took longer than anybody waits for it."""


def status_of(error: ServiceError) -> int:
    """What a request that failed while it was written is answered with."""
    if isinstance(error, CopyError):
        return 409
    return 504 if isinstance(error, DeadlineError) else 500


class HungUpError(Exception):
    """Nobody waits for this answer any more."""


class Caller:
    """One request's caller. Safe to look at from the thread that writes for it."""

    def __init__(self, seconds: float = DEADLINE_SECONDS) -> None:
        self._seconds, self._until = seconds, time.monotonic() + seconds
        self._gone = threading.Event()

    def hang_up(self) -> None:
        """Say that nobody waits any more."""
        self._gone.set()

    def check(self) -> None:
        """Raises HungUpError or DeadlineError where the writing is for nobody."""
        if self._gone.is_set():
            raise HungUpError
        if time.monotonic() > self._until:
            raise DeadlineError(f"the answer was not written within {self._seconds:g} seconds; ask for less, or later")


class Callers:
    """Counts who is under way. Used by the event loop alone."""

    def __init__(self, most: int = MOST_CALLERS) -> None:
        self._most, self._here = most, 0

    @property
    def here(self) -> int:
        """How many there are."""
        return self._here

    def enter(self, seconds: float | None = None) -> Caller:
        """A place until `leave`, for so many seconds or as long as an answer is worth. Raises BusyError where all are taken."""
        if self._here >= self._most:
            raise BusyError(f"{self._most} requests are under way already; ask again in {RETRY_SECONDS} seconds")
        self._here += 1
        return Caller() if seconds is None else Caller(seconds)

    def leave(self) -> None:
        self._here -= 1
