"""One entry of a tweets file: a post in the shape of API v2, or why it was set aside."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple

from politico.archives.damage import check_id, looks_truncated
from politico.archives.moments import SECOND
from politico.errors import TweetError
from politico.tweets.kinds import RETWEET
from politico.tweets.tweet import Tweet, parse_post


@dataclass(frozen=True)
class Author:
    """Whose tweets these are, where a file does not say."""

    user_id: str
    screen_name: str


class Built(NamedTuple):
    """What a reader makes of one entry."""

    body: dict[str, Any]
    """A post in the shape of API v2."""
    screen_name: str
    """Its writer's, where the file tells it."""
    resolution: timedelta = SECOND
    """How exactly the file tells the time."""


@dataclass(frozen=True)
class Post:
    """One post of a file, in the shape of API v2."""

    line: int
    """Where it begins in the file, counted from 1; the row's number in a Parquet file."""
    body: dict[str, Any]
    tweet: Tweet
    screen_name: str
    file: str = ""
    """Which file of an archive that has several."""
    resolution: timedelta = SECOND
    """How exactly the file tells the time."""
    looks_cut: bool = False
    """Has the text the form of one that v1.1 cut? The whole file tells whether it was."""


@dataclass(frozen=True)
class Reject:
    """One post that was set aside."""

    line: int
    reason: str
    """The short name it is counted under."""
    detail: str
    """Never the post's text."""
    file: str = ""


UNREAD = Reject(0, "unread", "somebody else reads it")
"""Stands for a row that was not to be read this time, so that those behind it keep their numbers."""


def checked(line: int, build: Callable[..., Built], *given: Any, may_be_cut: bool = False) -> Post | Reject:
    """The post that `build` makes of what is given, or why it can't be read.

    Where the file has no mark for texts that were cut (`may_be_cut`), the text itself is looked at.
    """
    try:
        built = build(*given)
        body = built.body
        if isinstance(body, dict):
            body = {**body, **{str(name): check_id(body[name], name) for name in ("id", "author_id") if name in body}}
        tweet = parse_post(body)
        json.dumps(body, ensure_ascii=False).encode()
        looks_cut = may_be_cut and tweet.kind != RETWEET and looks_truncated(body["text"], tweet.created_at)
        screen_name = built.screen_name.strip().lstrip("@")
        return Post(line, body, tweet, screen_name, resolution=built.resolution, looks_cut=looks_cut)
    except TweetError as error:
        return Reject(line, error.reason, str(error))
    except UnicodeEncodeError:
        return Reject(line, "bad_encoding", "the row holds bytes that are no UTF-8")
    except (KeyError, TypeError, AttributeError) as error:
        return Reject(line, "broken_row", f"not the shape of a tweet: {error!r}"[:200])


def of_file(entry: Post | Reject, file: str) -> Post | Reject:
    """The entry, with the name of the file it stands in."""
    return replace(entry, file=file)
