"""X's accounts: found by words, or looked up by id."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from politico.errors import LimitError, ServiceError
from politico.tweets.tweet import snowflake_time
from politico.x.connection import Connection
from politico.x.refusals import Question, errors, titles

LOOKED_UP_AT_ONCE = 100
"""Ids a call, the most that X takes."""
FOUND_AT_MOST = 20
"""Accounts a search gives: X sells them by the piece, and the right one is seldom further down."""

_QUERY_CHARACTERS = 50
_FIELDS = "id,name,username,description,public_metrics,verified,protected,most_recent_tweet_id"
_MISSING = "Not Found Error"


@dataclass(frozen=True)
class Account:
    """What X says of one account."""

    user_id: str
    screen_name: str
    name: str
    description: str
    followers: int
    tweets: int
    """All that it ever wrote and did not delete, retweets and all."""
    verified: bool
    protected: bool
    last_active: datetime | None
    """When it wrote its newest post, in UTC; None when X does not tell."""


class Users:
    """Finds accounts. X sells each account that it gives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def search(self, words: str) -> list[Account]:
        """Accounts whose name, screen name or description X finds like these words, best first.

        Raises AccessError where the plan in use has no user search, and LimitError for words without a letter or digit.
        """
        query = _query(words)
        parameters = {"query": query, "max_results": FOUND_AT_MOST, "user.fields": _FIELDS}
        question = Question(f"a search for {query!r}", "the search for users")
        # tweepy lacks this one.
        body = self._connection.ask(question, lambda client: client.request("GET", "/2/users/search", params=parameters))
        if "data" not in body and errors(body):
            raise ServiceError(f"X did not answer for {question.about}: {titles(body)}")
        return _accounts(body, question)

    def look_up(self, user_ids: Sequence[str]) -> tuple[list[Account], dict[str, str]]:
        """The accounts that X has, and why it gave no others: id to X's words, such as `Not Found Error` or `Forbidden`."""
        found: list[Account] = []
        missing: dict[str, str] = {}
        for start in range(0, len(user_ids), LOOKED_UP_AT_ONCE):
            some = list(user_ids[start : start + LOOKED_UP_AT_ONCE])
            question = Question(f"{len(some)} accounts", "the lookup of users")
            body = self._ask(question, some)
            accounts = _accounts(body, question)
            found += accounts
            given = {account.user_id for account in accounts}
            said = {str(one.get("value", one.get("resource_id"))): str(one.get("title") or _MISSING) for one in errors(body)}
            missing |= {user_id: said.get(user_id, _MISSING) for user_id in some if user_id not in given}
        return found, missing

    def _ask(self, question: Question, user_ids: list[str]) -> Mapping[str, Any]:
        body = self._connection.ask(question, lambda client: client.get_users(ids=user_ids, user_fields=_FIELDS))
        if "data" not in body and not errors(body):  # it would read as if all of them were gone
            raise ServiceError(f"X did not answer for {question.about}: neither accounts nor errors")
        return body


def _query(words: str) -> str:
    """Words as X's user search takes them: up to 50 letters without accents, digits, `_`, `'` and blanks."""
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    query = " ".join("".join(one if one.isalnum() or one in "_'" else " " for one in plain).split())
    if len(query) > _QUERY_CHARACTERS:
        query = query[: _QUERY_CHARACTERS + 1].rpartition(" ")[0] or query[:_QUERY_CHARACTERS]
    if not any(one.isalnum() for one in query):
        raise LimitError(f"a search for accounts takes letters or digits; {words[:80]!r} has none that X can look for")
    return query


def _accounts(body: Mapping[str, Any], question: Question) -> list[Account]:
    try:
        return [_account(user) for user in body.get("data") or ()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServiceError(f"X did not answer for {question.about}: its accounts have not their shape ({error!r})") from error


def _account(user: Mapping[str, Any]) -> Account:
    metrics = user.get("public_metrics") or {}
    newest = user.get("most_recent_tweet_id")
    return Account(
        user_id=str(user["id"]),
        screen_name=str(user["username"]),
        name=str(user.get("name") or ""),
        description=str(user.get("description") or ""),
        followers=int(metrics.get("followers_count", 0)),
        tweets=int(metrics.get("tweet_count", 0)),
        verified=bool(user.get("verified")),
        protected=bool(user.get("protected")),
        last_active=snowflake_time(str(newest)) if newest else None,
    )
