"""The X API's timelines: pages of one account's posts, as they come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from politico.errors import AccountError, ServiceError
from politico.x.connection import Connection
from politico.x.refusals import Question, titles

PAGE_SIZE = 100
"""Posts a page, the most that X gives."""
WINDOW = 3_200
"""X shows no more than an account's newest so many posts."""

POST_FIELDS = (
    "id,text,author_id,created_at,lang,entities,public_metrics,referenced_tweets,note_tweet,"
    "edit_history_tweet_ids,edit_controls,in_reply_to_user_id"
)


@dataclass(frozen=True)
class Page:
    """One answer of X."""

    body: Mapping[str, Any]
    """The JSON as it came."""
    last: bool
    """No older posts follow."""

    @property
    def posts(self) -> list[Any]:
        return list(self.body.get("data") or ())

    @property
    def token(self) -> str | None:
        """Where the next page begins; None on the last."""
        token = (self.body.get("meta") or {}).get("next_token")
        return None if token is None else str(token)


class Timeline:
    """Reads timelines with an app's bearer token."""

    def __init__(self, bearer_token: str, address: str | None = None) -> None:
        """`address` replaces X's own, for a stand-in."""
        self._connection = Connection(bearer_token, address)

    @classmethod
    def over(cls, connection: Connection) -> "Timeline":
        """Reads timelines over a connection that others use too."""
        timeline = cls.__new__(cls)
        timeline._connection = connection
        return timeline

    def page(
        self,
        user_id: str,
        since_id: str | None,
        until_id: str | None,
        exclude_retweets: bool = False,
        token: str | None = None,
    ) -> Page:
        """The newest page of posts after `since_id` and before `until_id`; with the `token` of a page the one behind that.

        X can leave retweets out, which then cost nothing; quotes it can't. (Leaving replies out would cut its window from 3,200
        posts to 800.) Nothing that could come along is asked for: X sells the author anew every day, and strangers' posts are
        none of ours to keep.

        Raises RateLimitedError, SpendingCapError, AccessError, AccountError when this account can't be read, and ServiceError
        for all else.
        """
        question = Question(f"account {user_id}", "timelines", one_account=True)
        chosen = {"exclude": "retweets"} if exclude_retweets else {}
        chosen |= {"pagination_token": token} if token else {}
        body = self._connection.ask(
            question,
            lambda client: client.get_users_tweets(
                user_id, max_results=PAGE_SIZE, since_id=since_id, until_id=until_id, tweet_fields=POST_FIELDS, **chosen
            ),
        )
        if "data" not in body and ("meta" not in body or body.get("errors")):
            raise AccountError(f"account {user_id} can't be read: {titles(body)}")
        _require_posts(body, question)
        return Page(body, last="next_token" not in (body.get("meta") or {}))


def _require_posts(body: Mapping[str, Any], question: Question) -> None:
    """Posts are objects with ids: without them nobody could say what was read."""
    posts = body.get("data") or []
    if not isinstance(posts, list) or not all(isinstance(one, Mapping) and str(one.get("id")).isdigit() for one in posts):
        raise ServiceError(f"X did not answer for {question.about}: its posts have no ids")
