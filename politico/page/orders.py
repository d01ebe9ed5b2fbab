"""Where orders and what becomes of them lie for an hour: a DynamoDB table, or this process's memory; and the day's count."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from politico.errors import SpendingCapError
from politico.page.writing import State, queued

KEY, EXPIRES = "key", "expires"
"""The table's partition key, and the attribute by which DynamoDB throws items away."""
KEPT = timedelta(hours=1)
COUNTED = timedelta(days=2)
_STATE, _COUNT = "state", "orders"


class Orders(Protocol):
    """What the page's requests need of it."""

    def open(self, now: datetime) -> str:
        """A new order's name, which nobody guesses. Raises SpendingCapError where the day's are used up."""

    def put(self, order: str, state: State, now: datetime) -> None:
        """What has become of an order."""

    def get(self, order: str, now: datetime) -> State | None:
        """What has become of it; None where there is none, or none any more."""


class OrdersTable:
    """In a DynamoDB table, through boto3's Table resource."""

    def __init__(self, table: Any, cap: int) -> None:
        """`cap` is how many orders a day are taken."""
        self._table, self._cap = table, cap

    def open(self, now: datetime) -> str:
        self._count(now)
        order = uuid.uuid4().hex
        self.put(order, queued(), now)
        return order

    def put(self, order: str, state: State, now: datetime) -> None:
        item = {KEY: f"order#{order}", _STATE: json.dumps(state, ensure_ascii=False), EXPIRES: _epoch(now + KEPT)}
        self._table.put_item(Item=item)

    def get(self, order: str, now: datetime) -> State | None:
        item = self._table.get_item(Key={KEY: f"order#{order}"}, ConsistentRead=True).get("Item")
        if item is None or item[EXPIRES] <= _epoch(now):  # DynamoDB takes its time
            return None
        state: State = json.loads(item[_STATE])
        return state

    def _count(self, now: datetime) -> None:
        try:
            self._table.update_item(
                Key={KEY: f"day#{now.astimezone(UTC):%Y-%m-%d}"},
                UpdateExpression="SET #expires = :expires ADD #orders :one",
                ConditionExpression="attribute_not_exists(#orders) OR #orders < :cap",
                ExpressionAttributeNames={"#orders": _COUNT, "#expires": EXPIRES},
                ExpressionAttributeValues={":one": 1, ":cap": self._cap, ":expires": _epoch(now + COUNTED)},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise cap_reached(self._cap) from error


class OrdersHere:
    """In this process: for one person at their own machine."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}

    def open(self, now: datetime) -> str:
        order = uuid.uuid4().hex
        self.put(order, queued(), now)
        return order

    def put(self, order: str, state: State, now: datetime) -> None:
        self._states[order] = state

    def get(self, order: str, now: datetime) -> State | None:
        return self._states.get(order)


def cap_reached(cap: int) -> SpendingCapError:
    return SpendingCapError(f"today's {cap} tweets are written; the page writes again after midnight, UTC")


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
