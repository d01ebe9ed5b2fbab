"""What was read of each account, what is on its way, and what may still be spent: one DynamoDB table.

The spending cap and the rate limit belong to the app, not to an account: one atomic counter a month, one shared reset time.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from politico.errors import SpendingCapError

KEY = "key"
"""The table's partition key."""


@dataclass(frozen=True)
class Cursor:
    """How far one account's timeline is read."""

    since_id: str | None = None
    """Everything up to here is stored."""
    newest_id: str | None = None
    """The newest post of the sweep under way."""
    until_id: str | None = None
    """The sweep under way has stored everything from `newest_id` down to here."""
    unsettled_id: str | None = None
    """The oldest post of the sweep under way that could still be edited when it was stored."""

    def after_page(self, newest: str, oldest: str, oldest_unsettled: str | None) -> "Cursor":
        return Cursor(self.since_id, self.newest_id or newest, oldest, oldest_unsettled or self.unsettled_id)

    def completed(self) -> "Cursor":
        """After the sweep's last page. What could still be edited, and all that came after, is read again by the next sweep."""
        if self.unsettled_id is not None:
            return Cursor(str(int(self.unsettled_id) - 1))
        return Cursor(self.newest_id or self.since_id)


class Ledger:
    """The table through boto3's Table resource."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def cursor(self, user_id: str) -> Cursor:
        item = self._get(_account(user_id))
        return Cursor(item.get("since_id"), item.get("newest_id"), item.get("until_id"), item.get("unsettled_id"))

    def note(self, user_id: str, cursor: Cursor) -> None:
        """Remember how far an account is read."""
        self._table.update_item(
            Key={KEY: _account(user_id)},
            UpdateExpression="SET since_id = :s, newest_id = :n, until_id = :u, unsettled_id = :e",
            ExpressionAttributeValues={
                ":s": cursor.since_id,
                ":n": cursor.newest_id,
                ":u": cursor.until_id,
                ":e": cursor.unsettled_id,
            },
        )

    def hand_over(self, user_id: str, run: str) -> None:
        """Say, before the first page is stored, that this run has pages of the account to annotate."""
        self._table.update_item(
            Key={KEY: _account(user_id)},
            UpdateExpression="ADD pending :run",
            ExpressionAttributeValues={":run": {run}},
        )

    def pending(self, user_id: str) -> list[str]:
        """Runs with pages of this account that did not yet reach the dataset, oldest first."""
        return sorted(self._get(_account(user_id)).get("pending", ()))

    def settle(self, user_id: str, run: str) -> None:
        """Say that the run's pages of the account are in the dataset."""
        self._table.update_item(
            Key={KEY: _account(user_id)},
            UpdateExpression="DELETE pending :run",
            ExpressionAttributeValues={":run": {run}},
        )

    def reserve(self, posts: int, cap: int, now: datetime) -> None:
        """Set posts of this month's cap aside before they are asked for. Raises SpendingCapError."""
        refusal = f"this month's cap of {cap} posts is reached; raise it in the settings or wait for the next month"
        if posts > cap:  # a new month has no count yet that the condition below could look at
            raise SpendingCapError(refusal)
        try:
            self._table.update_item(
                Key={KEY: _month(now)},
                UpdateExpression="ADD posts :posts",
                ConditionExpression="attribute_not_exists(posts) OR posts <= :room",
                ExpressionAttributeValues={":posts": posts, ":room": cap - posts},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise SpendingCapError(refusal) from error

    def give_back(self, posts: int, now: datetime) -> None:
        """Return what was reserved and not received."""
        if posts:
            self._table.update_item(
                Key={KEY: _month(now)}, UpdateExpression="ADD posts :posts", ExpressionAttributeValues={":posts": -posts}
            )

    def spent(self, now: datetime) -> int:
        """Posts received this month."""
        return int(self._get(_month(now)).get("posts", 0))

    def reset(self) -> int:
        """The epoch second before which X is not to be asked; 0 when it may be."""
        return int(self._get("rate-limit").get("reset", 0))

    def note_reset(self, reset: int) -> None:
        self._table.put_item(Item={KEY: "rate-limit", "reset": reset})

    def _get(self, key: str) -> dict[str, Any]:
        item: dict[str, Any] = self._table.get_item(Key={KEY: key}, ConsistentRead=True).get("Item", {})
        return item


def _account(user_id: str) -> str:
    return f"account#{user_id}"


def _month(now: datetime) -> str:
    return f"posts#{now.astimezone(UTC):%Y-%m}"
