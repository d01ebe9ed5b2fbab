"""What is buried, out of what the lake holds: API pages, annotated lines, tables for people, and any JSON that names an id."""

import re
from collections.abc import Mapping
from typing import Any

from politico.lake.tombstones import Tombstones
from politico.tweets.kinds import retweeted_ids

_NUMBER = re.compile(r"\d{3,20}")
_NOBODY = "0"
"""Stands where a buried id stood; X gives it to nobody."""
_NAMES = ("screen_name", "username", "name")
"""Beside the id of a buried user these go too."""


def names_buried(text: str, buried: Tombstones) -> bool:
    """Does any number of the text equal the id of a buried tweet or user? The quick look before anything is parsed."""
    return bool(buried) and any(_is_buried(number, buried) for number in set(_NUMBER.findall(text)))


def redact_page(body: Mapping[str, Any], buried: Tombstones) -> dict[str, Any] | None:
    """An API v2 page without what is buried, or None when no post is left. A page that holds nothing of it comes back equal.

    A buried post goes, in `data` and among the posts that came with it, and so do retweets of it, which repeat its text.
    Others' posts stay; where they name a buried id (a quote, a reply, a link) it becomes `0`.
    """
    includes = body.get("includes") if isinstance(body.get("includes"), Mapping) else {}
    included = _posts(includes.get("tweets")) if includes else []
    gone = {str(post.get("id")) for post in included if _goes(post, buried)}
    posts = [  # what is no object is no tweet either, and stays to be counted as rejected
        post
        for post in body.get("data") or ()
        if not isinstance(post, Mapping) or not (_goes(post, buried) or _repeats(post, gone, buried))
    ]
    if not posts:
        return None
    page: dict[str, Any] = {**body, "data": posts}
    if includes:
        page["includes"] = {
            **includes,
            **({"tweets": [post for post in included if not _goes(post, buried)]} if "tweets" in includes else {}),
            **(
                {"users": [one for one in includes["users"] if not buried.user(str(one.get("id")))]}
                if "users" in includes
                else {}
            ),
        }
    if len(posts) < len(body.get("data") or ()):
        page["meta"] = _meta(body.get("meta"), posts)
    redacted: dict[str, Any] = scrub(page, buried)
    return redacted


def redact_line(line: Mapping[str, Any], buried: Tombstones) -> dict[str, Any] | None:
    """An annotated tweet's line, or the marker of versions that an edit replaced; None when nothing of it may stay."""
    if "replaced" in line:
        left = [one for one in line["replaced"] if not buried.tweet(one)]
        return {**line, "replaced": left} if left else None
    if buried.covers(line["id_str"], line["author_id"], line["previous_ids"]):
        return None
    return dict(line)


def scrub(value: Any, buried: Tombstones) -> Any:
    """The JSON value with every id of what is buried replaced by `0`; a buried user's names beside their id are emptied."""
    if isinstance(value, str):
        return _NUMBER.sub(lambda found: _NOBODY if _is_buried(found[0], buried) else found[0], value)
    if isinstance(value, Mapping):
        about = next((value[name] for name in ("user_id", "id") if isinstance(value.get(name), str)), "")
        hidden = _NAMES if about and buried.user(about) else ()
        return {name: "" if name in hidden else scrub(one, buried) for name, one in value.items()}
    if isinstance(value, list):
        return [scrub(one, buried) for one in value]
    return value


def _is_buried(number: str, buried: Tombstones) -> bool:
    return buried.tweet(number) or buried.user(number)


def _posts(posts: Any) -> list[Any]:
    return [post for post in posts or () if isinstance(post, Mapping)]


def _goes(post: Mapping[str, Any], buried: Tombstones) -> bool:
    return buried.covers(str(post.get("id")), str(post.get("author_id")), map(str, post.get("edit_history_tweet_ids") or ()))


def _repeats(post: Mapping[str, Any], gone: set[str], buried: Tombstones) -> bool:
    """Is it a retweet of what is buried? Where the page does not say whose post it repeats, the user named after RT tells."""
    if any(one in gone or buried.tweet(one) for one in retweeted_ids(post.get("referenced_tweets"))):
        return True
    text = str(post.get("text", ""))
    mentions = _posts((post.get("entities") or {}).get("mentions"))
    return any(text.startswith(f"RT @{one.get('username')}:") and buried.user(str(one.get("id"))) for one in mentions)


def _meta(meta: Any, posts: list[Any]) -> dict[str, Any]:
    ids = sorted((one for post in _posts(posts) if (one := str(post.get("id"))).isdigit()), key=int)
    ends = {"newest_id": ids[-1], "oldest_id": ids[0]} if ids else {}
    return {**(meta if isinstance(meta, Mapping) else {}), "result_count": len(posts), **ends}
