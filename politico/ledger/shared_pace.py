"""Requests at one even pace over all programs that ask the same service: their next free time slot is an item of the table."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from politico.annotation.pace import slot_milliseconds
from politico.errors import LimitError
from politico.ledger.table import KEY

AHEAD = 4
"""Slots a program takes at once: a write in the table for every so many requests."""
STALE_MILLISECONDS = 1_000
"""A slot unused for so long has lapsed: late ones, saved up, would come as a burst."""


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
        self._gap = slot_milliseconds(rate)
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
