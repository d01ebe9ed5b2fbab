"""Posts as X itself gives them, in JSON: pages and posts of API v2, statuses of v1.1, the tweets of an account's archive."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from politico.archives.entries import Author, Built, Post, Reject, checked
from politico.archives.json_values import Broken, read_values
from politico.archives.marks import judged
from politico.archives.note_tweets import Notes
from politico.archives.records import from_record, is_record
from politico.archives.tables import TableReading
from politico.archives.times import written_at
from politico.errors import FileFormatError, TweetError
from politico.tweets.kinds import QUOTED, REPLIED_TO, RETWEETED
from politico.tweets.tweet import write_time

_QUOTED = re.compile(r"https?://(?:(?:www|mobile)\.)?(?:twitter|x)\.com/(?:i/web|\w+)/status(?:es)?/(\d+)/?(?:\?\S*)?")
"""The address of a post itself, not of a photo in it."""
_NOTICES = ("delete", "limit", "scrub_geo", "status_withheld", "user_withheld", "warning", "includes", "errors")
"""What a stream or a collector writes between posts."""


def read_json(path: Path, text: TextIO, reading: TableReading, notes: Notes | None = None) -> Iterator[Post | Reject]:
    """Every post of a JSON text; `notes` has the whole of those that are long. Raises FileFormatError when it has none at all."""
    whole = _Reading(reading.author, notes or Notes(), reading)
    good = False
    for line, value in read_values(text):
        if isinstance(value, Broken):
            yield Reject(line, "broken_row", value.detail)
            continue
        for entry in _from_value(line, value, whole):
            good = good or isinstance(entry, Post) or entry.reason in _OF_TWEETS
            yield entry
    if not good:
        raise FileFormatError(
            f"{path} is no tweets file: none of its lines is an API v2 page or post, a v1.1 status (alone or in arrays), or an "
            "object with an id, a time, a text and a writer under names that tables have"
        )


_OF_TWEETS = ("truncated_text", "rounded_id", "no_author_id", "no_hour", "deleted")
"""Reasons for which only a tweet is set aside."""


@dataclass(frozen=True)
class _Reading:
    """What a text does not say of its statuses."""

    author: Author | None
    notes: Notes
    table: TableReading
    """How an object that is like a table's row is read."""


def _from_value(line: int, value: Any, reading: _Reading) -> Iterator[Post | Reject]:
    if isinstance(value, list):
        for one in value:
            yield from _from_value(line, one, reading)
    elif isinstance(value, dict) and isinstance(value.get("statuses"), list):  # v1.1's search
        yield from _from_value(line, value["statuses"], reading)
    elif isinstance(value, dict) and isinstance(value.get("_json"), dict):  # tweepy's objects, written whole
        yield from _from_value(line, value["_json"], reading)
    elif isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _NOTICES:
        return
    elif isinstance(value, dict) and (isinstance(value.get("data"), (list, dict)) or "meta" in value):
        names, data = _screen_names(value), value.get("data") or ()  # the last page of a timeline may have none
        for post in [data] if isinstance(data, dict) else data:  # X gives a single post so
            yield checked(line, _from_post, post, names)
    elif isinstance(value, dict) and isinstance(value.get("tweet"), dict) and "text" not in value:
        yield _status(line, value["tweet"], reading)
    elif isinstance(value, dict) and _is_status(value):
        yield _status(line, value, reading)
    elif isinstance(value, dict) and is_record(value):
        yield checked(line, from_record, value, reading.table, may_be_cut=True)
    else:
        yield checked(line, _from_post, value, {})


def _is_status(value: Mapping[str, Any]) -> bool:
    """A status of v1.1, or of X's own web pages: its time and its text under v1.1's names, its writer an object or an id."""
    named = "user" in value or "user_id_str" in value or ("id_str" in value and "author_id" not in value)
    return named and "created_at" in value and any(name in value for name in ("full_text", "text", "extended_tweet"))


def _status(line: int, status: Mapping[str, Any], reading: _Reading) -> Post | Reject:
    # Without the mark of what was cut, as collections that keep few fields leave it, the text itself is looked at.
    unmarked = "truncated" not in status and "full_text" not in status
    return checked(line, _from_status, status, reading, may_be_cut=unmarked)


def _screen_names(page: Mapping[str, Any]) -> dict[str, str]:
    """Of the users that came with a page, by id."""
    includes = page.get("includes")
    users = includes.get("users") if isinstance(includes, dict) else None
    return {str(user.get("id")): str(user.get("username", "")) for user in users or () if isinstance(user, dict)}


def _from_post(post: dict[str, Any], screen_names: Mapping[str, str]) -> Built:
    """A post of API v2 as it is. Raises TweetError where it is a long one whose whole text is not there."""
    if not isinstance(post, dict):
        return Built(post, "")
    if not (post.get("note_tweet") or {}).get("text") and _ends_in_itself(post):
        raise TweetError("truncated_text", "the post ends in its own address in place of the rest, and has no note_tweet")
    author = post.get("author")  # twarc puts it there
    beside = str(author.get("username", "")) if isinstance(author, Mapping) else ""
    return Built(post, screen_names.get(str(post.get("author_id")), beside))


def _from_status(status: Mapping[str, Any], reading: _Reading) -> Built:
    """A v1.1 status in the shape of v2. Raises TweetError when its text was cut and the whole of it is not there."""
    user_id, screen_name = _writer(status, reading.author)
    references = _references(status)
    whole = status.get("extended_tweet") or {}
    text = whole.get("full_text") or status.get("full_text") or status.get("text")
    id_value = status["id_str"] if status.get("id_str") else status["id"]
    moment = written_at(status["created_at"], id_value, reading.table.zone, from_ids=reading.table.from_ids)
    written = moment.at
    note = reading.notes.whole(written, text) if isinstance(text, str) else None
    complete = note or whole.get("full_text") or status.get("retweeted_status")
    if not complete and (_ends_in_itself(status) or (status.get("truncated") and not status.get("full_text"))):
        raise TweetError("truncated_text", "the status is marked as truncated and its whole text is not there")
    entities = (whole.get("entities") if whole.get("full_text") else None) or status.get("entities") or {}
    tags = [{"tag": one["text"]} for one in entities.get("hashtags") or ()]
    versions = _versions(status)
    post = {
        "id": id_value,
        "author_id": user_id,
        "created_at": write_time(written),
        "text": text,
        **({"note_tweet": note} if note else {}),
        **({"lang": status["lang"]} if status.get("lang") else {}),
        **({"source": re.sub("<[^>]*>", "", status["source"])} if status.get("source") else {}),
        **({"entities": {"hashtags": tags}} if tags else {}),
        **({"referenced_tweets": references} if references else {}),
        **({"edit_history_tweet_ids": versions} if versions else {}),
    }
    return Built(post, screen_name, moment.resolution)


def _writer(status: Mapping[str, Any], author: Author | None) -> tuple[Any, str]:
    user = status.get("user")
    if isinstance(user, Mapping):
        return user["id_str"] if user.get("id_str") else user["id"], str(user.get("screen_name", ""))
    if own := status.get("user_id_str") or status.get("user_id"):  # as X's web pages have it
        return own, str(status.get("screen_name", ""))
    if author is None:
        raise TweetError("no_author_id", "the tweet does not say who wrote it; name the account with --author")
    return author.user_id, author.screen_name


def _references(status: Mapping[str, Any]) -> list[dict[str, str]]:
    references = []
    if repeated := status.get("retweeted_status"):
        references.append({"type": RETWEETED, "id": str(repeated.get("id_str") or repeated["id"])})
    if status.get("is_quote_status") or _told_of_a_quote(status):
        references.append({"type": QUOTED, "id": str(status.get("quoted_status_id_str", "0"))})
    elif "is_quote_status" not in status and (quoted := _quoted_at_the_end(status)):
        references.append({"type": QUOTED, "id": quoted})
    if status.get("in_reply_to_status_id_str"):
        references.append({"type": REPLIED_TO, "id": status["in_reply_to_status_id_str"]})
    return references


def _quoted_at_the_end(status: Mapping[str, Any]) -> str | None:
    """The post that an archive's tweet quotes: an archive does not mark quotes, but they end in the quoted post's address, behind
    which only the addresses of its own pictures stand."""
    text = str(status.get("full_text") or status.get("text") or "").rstrip()
    own = [str(one["url"]) for kind in ("extended_entities", "entities") for one in _media(status, kind) if one.get("url")]
    while ending := next((url for url in own if text.endswith(url)), ""):
        text = text.removesuffix(ending).rstrip()
    return next((found[1] for url, found in _posts_linked(status) if text.endswith(url) and found[1] != _id(status)), None)


def _media(status: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [one for one in (status.get(kind) or {}).get("media") or () if isinstance(one, Mapping)]


def _told_of_a_quote(status: Mapping[str, Any]) -> bool:
    """Whether any of `quoted_status`, `quoted_status_id_str`, … holds something."""
    return any(judged(value) != "" for name, value in status.items() if name.startswith("quoted_status"))


def _ends_in_itself(status: Mapping[str, Any]) -> bool:
    """Was the text cut and an address of the post itself put in the place of the rest?"""
    return any(found[1] == _id(status) for _url, found in _posts_linked(status))


def _posts_linked(status: Mapping[str, Any]) -> Iterator[tuple[str, re.Match[str]]]:
    """Short addresses in the text, and the posts that they lead to."""
    for one in (status.get("entities") or {}).get("urls") or ():
        found = _QUOTED.fullmatch(str(one.get("expanded_url")))
        if found and one.get("url"):
            yield str(one["url"]), found


def _id(status: Mapping[str, Any]) -> str:
    return str(status.get("id_str") or status.get("id"))


def _versions(status: Mapping[str, Any]) -> list[str]:
    """The ids of an archive's tweet in all its versions, oldest first."""
    info = status.get("edit_info") or {}
    control = info.get("initial") or (info.get("edit") or {}).get("editControlInitial") or {}
    return [str(one) for one in control.get("editTweetIds") or ()]
