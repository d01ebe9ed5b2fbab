"""What was read of each account, what is on its way, and what may still be spent: one DynamoDB table.

The spending cap and the rate limit belong to the app, not to an account: one atomic counter a month, one shared reset time.
"""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from politico.errors import SpendingCapError
from politico.lake.tombstones import Tombstones
from politico.ledger.cursor import ONE_BEYOND, Announced, Cursor

KEY = "key"
"""The table's partition key."""
_ACCOUNT = "account#"
_PENDING = "pending#"
"""With a run's name: the attribute that says which of its pages of the account did not reach the dataset yet."""
_PASSED_AT, _FOLLOWED_FROM = "swept_at", "followed_from"
"""Attributes: when the newest complete pass over an account's timeline ended, and the first one."""


@dataclass(frozen=True)
class Purchases:
    """What an account has cost so far."""

    bought: int
    """Posts, all of them; some twice, when they could still be edited or others may come late."""
    bought_since: int
    """Of these, posts that were bought after the first complete pass over its timeline."""
    followed: timedelta
    """From the first complete pass to the newest one."""

    @property
    def posts_a_day(self) -> float | None:
        """How many are bought of it a day; None while that is not known."""
        return self.bought_since / (self.followed / timedelta(days=1)) if self.followed else None


class Ledger:
    """The table through boto3's Table resource."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def cursor(self, user_id: str) -> Cursor:
        return Cursor.read(self._get(_account(user_id)))

    def progress(self, user_id: str) -> tuple[Cursor, Announced | None]:
        """How far an account is read, and the page that was announced and not noted."""
        item = self._get(_account(user_id))
        return Cursor.read(item), Announced.read(item["storing"]) if item.get("storing") else None

    def announce(self, user_id: str, page: Announced, bought: int) -> None:
        """Say, before a page is stored, which one it is, that its run has pages of the account to annotate, and its price."""
        self._table.update_item(
            Key={KEY: _account(user_id)},
            UpdateExpression="SET storing = :page, #pending = :mark ADD bought :all, bought_since :new",
            ExpressionAttributeNames={"#pending": _PENDING + page.run},
            ExpressionAttributeValues={
                ":page": asdict(page),
                ":mark": _mark(),
                ":all": bought,
                ":new": bought if page.after.since_id is not None else 0,
            },
        )

    def note(self, user_id: str, cursor: Cursor, stored_by: str | None = None) -> None:
        """Remember how far an account is read: what was announced is stored, by the run `stored_by` if there was a page."""
        self._note(user_id, cursor, stored_by)

    def complete(self, user_id: str, cursor: Cursor, now: datetime, stored_by: str | None = None) -> None:
        """Note where a complete pass has come to, and when."""
        self._note(
            user_id,
            cursor,
            stored_by,
            f", {_PASSED_AT} = :now, {_FOLLOWED_FROM} = if_not_exists({_FOLLOWED_FROM}, :now)",
            {":now": int(now.timestamp())},
        )

    def _note(
        self, user_id: str, cursor: Cursor, stored_by: str | None, more: str = "", values: Mapping[str, Any] | None = None
    ) -> None:
        fields: dict[str, Any] = asdict(cursor)
        changes = [f"{name} = :{name}" for name in fields]
        names = {}
        if stored_by is not None:  # once more after it was announced: who counted before it lay there must not settle it
            names["#pending"] = _PENDING + stored_by
            fields["mark"] = _mark()
            changes.append("#pending = :mark")
        self._table.update_item(
            Key={KEY: _account(user_id)},
            UpdateExpression=f"SET {', '.join(changes)}{more} REMOVE storing",
            ExpressionAttributeValues={**{f":{name}": value for name, value in fields.items()}, **(values or {})},
            **({"ExpressionAttributeNames": names} if names else {}),
        )

    def purchases(self, user_id: str) -> Purchases:
        """What the account has cost, and in what time: a month's price can be told from it."""
        item = self._get(_account(user_id))
        followed = timedelta(seconds=int(item.get(_PASSED_AT, 0)) - int(item.get(_FOLLOWED_FROM, 0)))
        return Purchases(int(item.get("bought", 0)), int(item.get("bought_since", 0)), followed)

    def hand_over(self, user_id: str, run: str) -> None:
        """Say that this run has pages of the account to annotate; called after they are stored, or before and after."""
        self._table.update_item(
            Key={KEY: _account(user_id)},
            UpdateExpression="SET #pending = :mark",
            ExpressionAttributeNames={"#pending": _PENDING + run},
            ExpressionAttributeValues={":mark": _mark()},
        )

    def pending(self, user_id: str) -> dict[str, str]:
        """Runs with pages of this account that did not yet reach the dataset, oldest first, each with the mark that its newest
        page left."""
        item = self._get(_account(user_id))
        return {name.removeprefix(_PENDING): item[name] for name in sorted(item) if name.startswith(_PENDING)}

    def settle(self, user_id: str, run: str, mark: str) -> bool:
        """Say that the run's pages of the account, as they were under this mark, are in the dataset. False, and nothing is
        changed, when the run has stored more of them since, or is storing one just now: they are still to be annotated."""
        pending = _PENDING + run
        try:
            self._table.update_item(
                Key={KEY: _account(user_id)},
                UpdateExpression="REMOVE #pending",
                ConditionExpression="#pending = :mark AND (attribute_not_exists(storing) OR storing.#run <> :run)",
                ExpressionAttributeNames={"#pending": pending, "#run": "run"},
                ExpressionAttributeValues={":mark": mark, ":run": run},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return pending not in self._get(_account(user_id))  # settled before, by this step's first try or another run
        return True

    def forget_buried(self, buried: Tombstones) -> int:
        """Let no cursor hold a buried tweet's id, and no item a buried user's; how many items were changed or deleted."""
        changed = 0
        answer = self._table.scan(ConsistentRead=True)
        while True:
            changed += sum(self._forget(item, buried) for item in answer["Items"] if item[KEY].startswith(_ACCOUNT))
            if "LastEvaluatedKey" not in answer:
                return changed
            answer = self._table.scan(ConsistentRead=True, ExclusiveStartKey=answer["LastEvaluatedKey"])

    def _forget(self, item: dict[str, Any], buried: Tombstones) -> bool:
        if buried.user(item[KEY].removeprefix(_ACCOUNT)):
            self._table.delete_item(Key={KEY: item[KEY]})
            return True
        announced = item.get("storing") or {"after": {}}
        held = {f"storing.after.{name}": (announced["after"].get(name), step) for name, step in ONE_BEYOND.items()}
        held |= {name: (item.get(name), step) for name, step in ONE_BEYOND.items()}
        held["storing.newest"] = announced.get("newest"), ONE_BEYOND["newest_id"]
        moved = {place: (one, step) for place, (one, step) in held.items() if one is not None and buried.tweet(one)}
        for place, (one, step) in moved.items():
            self._replace(item[KEY], place, one, str(int(one) + step))
        return bool(moved)

    def _replace(self, key: str, place: str, old: str, new: str) -> None:
        """Put a value in the place of another, unless a run has gone on meanwhile and holds a third."""
        names = {f"#{name}": name for name in place.split(".")}  # `after` is a word of DynamoDB's own
        try:
            self._table.update_item(
                Key={KEY: key},
                UpdateExpression=f"SET {'.'.join(names)} = :new",
                ConditionExpression=f"{'.'.join(names)} = :old",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":new": new, ":old": old},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

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


def _mark() -> str:
    """Like no other: a run that stores more, however often, never leaves the mark it left before."""
    return uuid.uuid4().hex


def _account(user_id: str) -> str:
    return f"{_ACCOUNT}{user_id}"


def _month(now: datetime) -> str:
    return f"posts#{now.astimezone(UTC):%Y-%m}"
