"""The X API through tweepy: pages of one account's timeline, as they come."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import tweepy
from requests.adapters import HTTPAdapter

from politico.errors import AccountError, RateLimitedError, ServiceError

PAGE_SIZE = 100
"""Posts a page, the most that X gives."""
RATE_WINDOW_SECONDS = 15 * 60
"""How long X's rate limits last; waited out where it does not say until when."""
TIMEOUT_SECONDS = 30.0
"""How long X may be silent before a request is given up."""

_FIELDS = {
    "tweet_fields": (
        "id,text,author_id,created_at,lang,entities,public_metrics,referenced_tweets,note_tweet,"
        "edit_history_tweet_ids,edit_controls,in_reply_to_user_id"
    ),
    "expansions": "author_id,referenced_tweets.id",
    "user_fields": "id,name,username,public_metrics,created_at,description",
}


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


class _Transport(HTTPAdapter):
    """What tweepy leaves out: no request waits for ever, and another address can stand in for X's, which tweepy has fixed."""

    def __init__(self, address: str | None) -> None:
        super().__init__()
        self._address = urlsplit(address) if address else None

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if self._address is not None:
            parts = urlsplit(str(request.url))
            request.url = urlunsplit(parts._replace(scheme=self._address.scheme, netloc=self._address.netloc))
        return super().send(request, *args, **{**options, "timeout": options.get("timeout") or TIMEOUT_SECONDS})


class Timeline:
    """Reads timelines with an app's bearer token."""

    def __init__(self, bearer_token: str, address: str | None = None) -> None:
        """`address` replaces X's own, for a stand-in."""
        self._client = tweepy.Client(bearer_token, return_type=requests.Response, wait_on_rate_limit=False)
        self._client.session.mount("https://", _Transport(address))

    def page(self, user_id: str, since_id: str | None, until_id: str | None) -> Page:
        """The newest page of posts after `since_id` and before `until_id`.

        Raises RateLimitedError, AccountError when this account can't be read, ServiceError for all else.
        """
        try:
            answer = self._client.get_users_tweets(
                user_id, max_results=PAGE_SIZE, since_id=since_id, until_id=until_id, **_FIELDS
            )
            body = answer.json()
        except tweepy.TooManyRequests as error:
            told = error.response.headers.get("x-rate-limit-reset")
            raise RateLimitedError(int(told) if told else int(time.time()) + RATE_WINDOW_SECONDS) from error
        except (tweepy.NotFound, tweepy.Forbidden) as error:
            raise AccountError(f"account {user_id} can't be read: {_said(error)}") from error
        except tweepy.Unauthorized as error:
            raise ServiceError("X refused the bearer token; renew the secret that holds it") from error
        except (tweepy.TweepyException, requests.RequestException) as error:
            raise ServiceError(f"X did not answer for account {user_id}: {_said(error)}") from error
        if not isinstance(body, Mapping):
            raise ServiceError(f"X did not answer for account {user_id}: its answer is no object")
        if "data" not in body and "meta" not in body:
            raise AccountError(f"account {user_id} can't be read: {_titles(body)}")
        return Page(body, last="next_token" not in body.get("meta", {}))


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _titles(body: Mapping[str, Any]) -> str:
    return "; ".join(str(one.get("title")) for one in body.get("errors", ())) or "no data"
