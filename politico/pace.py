"""Requests at an even pace: for one process, or shared by every program that asks the same service under one table item."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError

from politico.errors import LimitError
from politico.ledger import KEY

AHEAD = 4
"""Slots a program takes at once: a write in the table for every so many requests."""
STALE_MILLISECONDS = 1_000
"""A slot unused for so long has lapsed: late ones, saved up, would come as a burst."""
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
        self._gap = _gap(rate) / 1000
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


class SharedPace:
    """So many requests a second from all programs together that share the item `name` of a DynamoDB table.

    The item holds the next free time slot, in milliseconds since 1970. Taking slots moves it on, atomically; what is taken and
    not used is lost time and nothing else. Programs whose clocks differ by d seconds may crowd rate × d requests together.
    """

    def __init__(
        self,
        table: Any,
        name: str,
        rate: float,
        *,
        ahead: int = AHEAD,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`table` is boto3's Table resource, keyed as the ledger's; `clock` is in seconds. Raises LimitError."""
        if ahead < 1:
            raise LimitError(f"ahead is {ahead}; it takes 1 or more slots")
        self._table, self._name, self._ahead = table, name, ahead
        self._gap = _gap(rate)
        self._clock, self._sleep = clock, sleep
        self._slots: deque[int] = deque()
        self._lock = threading.Lock()

    def wait(self) -> None:
        slot = self._slot()
        now = self._clock() * 1000
        if slot > now:
            self._sleep((slot - now) / 1000)

    def _slot(self) -> int:
        with self._lock:
            lapsed = self._now() - STALE_MILLISECONDS
            while self._slots and self._slots[0] < lapsed:
                self._slots.popleft()
            if not self._slots:
                first = self._take()
                self._slots.extend(first + number * self._gap for number in range(self._ahead))
            return self._slots.popleft()

    def _take(self) -> int:
        """The first of `ahead` slots that are ours from now on: after all that are taken, and never in the past."""
        length = self._ahead * self._gap
        while True:  # a round fails only when another program took slots in between, so somebody always gets on
            now = self._now()
            queued = self._update("SET next_slot = next_slot + :length", "next_slot >= :now", {":length": length, ":now": now})
            if queued is not None:
                return queued - length
            fresh = self._update(
                "SET next_slot = :after",
                "attribute_not_exists(next_slot) OR next_slot < :now",
                {":after": now + length, ":now": now},
            )
            if fresh is not None:
                return fresh - length

    def _update(self, change: str, condition: str, values: dict[str, int]) -> int | None:
        """The next free slot after the change, or None when the condition does not hold."""
        try:
            answer = self._table.update_item(
                Key={KEY: self._name},
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return int(answer["Attributes"]["next_slot"])

    def _now(self) -> int:
        return math.ceil(self._clock() * 1000)


def _gap(rate: float) -> int:
    """Milliseconds from slot to slot: rounded up, so that the pace stays under the rate."""
    if not 0 < rate <= HIGHEST_RATE:
        raise LimitError(f"the rate is {rate} requests a second; it takes more than 0 and at most {HIGHEST_RATE}")
    return math.ceil(1000 / rate)
