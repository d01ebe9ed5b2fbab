"""Tweets files of others (CSV, API v2 pages or posts, v1.1 statuses, also compressed) to posts in the shape of API v2."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast
from zoneinfo import ZoneInfo

from politico.errors import FileFormatError, TweetError
from politico.politician import Registry
from politico.tweet import Tweet, parse_post, write_time

_OPENERS: Mapping[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("tweet_id", "id_str", "id", "status_id"),
    "created_at": ("created_at", "date", "datetime", "timestamp"),
    "text": ("text", "full_text", "tweet", "content"),
    "user_id": ("user_id", "author_id", "user_id_str"),
    "screen_name": ("screen_name", "username", "user", "handle"),
}
"""What is needed of a table, and the column names it goes by, the likeliest first."""

_REPLY_COLUMNS = ("in_reply_to_status_id", "in_reply_to_status_id_str")
_RETWEET = re.compile(r"RT @\w+")


@dataclass(frozen=True)
class Post:
    """One post of a file, in the shape of API v2."""

    line: int
    """Where it begins in the file, counted from 1."""
    body: dict[str, Any]
    tweet: Tweet
    screen_name: str


@dataclass(frozen=True)
class Reject:
    """One post that was set aside."""

    line: int
    reason: str
    """The short name it is counted under."""
    detail: str


def read_posts(path: Path, zone: ZoneInfo) -> Iterator[Post | Reject]:
    """Every post of the file, read or rejected. Times without a zone are taken to be in `zone`.

    Raises FileFormatError when the file is missing, empty, or no tweets file at all.
    """
    with open_text(path) as text:
        try:
            first = text.readline()
            if not first.strip():
                raise FileFormatError(f"{path} is empty; it takes tweets as CSV or as JSON lines")
            text.seek(0)
            read = _read_json_lines if first.lstrip()[0] == "{" else _read_table
            yield from read(path, text, zone)
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            raise FileFormatError(f"{path} ends before its time or is damaged: {error}; copy it again") from error


def open_text(path: Path) -> TextIO:
    """The file as text, unpacked by what its first bytes say. Raises FileFormatError when there is no such file."""
    try:
        with path.open("rb") as raw:
            head = raw.read(6)
    except OSError as error:
        raise FileFormatError(f"{path} can't be read: {error.strerror}") from error
    opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), open)
    # Bytes that are no UTF-8 come through as lone surrogates: the row they stand in is rejected, not the file.
    binary = cast(BinaryIO, opener(path, "rb"))
    return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")


def admit(entries: Iterable[Post | Reject], registry: Registry) -> Iterator[Post | Reject]:
    """The posts of the registry's politicians, each id once; all others as rejects."""
    seen: set[str] = set()
    for entry in entries:
        if isinstance(entry, Reject):
            yield entry
        elif registry.by_screen_name(entry.screen_name) is None and registry.by_id(entry.tweet.author_id) is None:
            yield Reject(entry.line, "not_in_registry", f"the registry has no {entry.screen_name!r}")
        elif entry.tweet.id_str in seen:
            yield Reject(entry.line, "duplicate_id", f"id {entry.tweet.id_str} came before")
        else:
            seen.add(entry.tweet.id_str)
            yield entry


def _read_table(path: Path, text: TextIO, zone: ZoneInfo) -> Iterator[Post | Reject]:
    reader = csv.reader(text)
    try:
        header = [name.strip().lower() for name in next(reader)]
    except csv.Error as error:
        raise FileFormatError(f"{path} is no tweets file: {error}") from error
    columns = {}
    for what, names in COLUMN_NAMES.items():
        found = [name for name in names if name in header]
        if not found:
            raise FileFormatError(
                f"{path} is no tweets file: no column {' or '.join(names)}; it has {repr(', '.join(header))[:300]}"
            )
        columns[what] = header.index(found[0])
    replies = [header.index(name) for name in _REPLY_COLUMNS if name in header]
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Reject(line, "broken_row", str(error))
            continue
        if not row:
            continue
        if len(row) != len(header):
            yield Reject(line, "broken_row", f"{len(row)} values for {len(header)} columns")
            continue
        values = {what: row[index] for what, index in columns.items()}
        reply_to = next((row[index] for index in replies if row[index]), None)
        yield _checked(line, _from_row, values, reply_to, zone)


def _from_row(values: Mapping[str, str], reply_to: str | None, zone: ZoneInfo) -> tuple[dict[str, Any], str]:
    post: dict[str, Any] = {
        "id": values["id"].strip(),
        "author_id": values["user_id"].strip(),
        "created_at": write_time(_any_time(values["created_at"], zone)),
        "text": values["text"],
    }
    references = [{"type": "replied_to", "id": reply_to}] if reply_to else []
    if _RETWEET.match(values["text"]):
        references.append({"type": "retweeted", "id": "0"})  # the row does not say which tweet it repeats
    return ({**post, "referenced_tweets": references} if references else post), values["screen_name"]


def _read_json_lines(path: Path, text: TextIO, zone: ZoneInfo) -> Iterator[Post | Reject]:
    good = False
    for line, raw in enumerate(text, 1):
        if not raw.strip():
            continue
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            yield Reject(line, "broken_row", f"no JSON: {error}")
            continue
        for entry in _from_object(line, body, zone):
            good = good or isinstance(entry, Post)
            yield entry
    if not good:
        raise FileFormatError(f"{path} is no tweets file: none of its lines is an API v2 page, an API v2 post or a v1.1 status")


def _from_object(line: int, body: Any, zone: ZoneInfo) -> Iterator[Post | Reject]:
    if isinstance(body, dict) and (isinstance(body.get("data"), list) or "meta" in body):
        names = _screen_names(body)
        for post in body.get("data") or ():  # the last page of a timeline may have none
            yield _checked(line, _from_post, post, names)
    elif isinstance(body, dict) and "user" in body:
        yield _checked(line, _from_status, body, zone)
    else:
        yield _checked(line, _from_post, body, {})


def _screen_names(page: Mapping[str, Any]) -> dict[str, str]:
    """Of the users that came with a page, by id."""
    includes = page.get("includes")
    users = includes.get("users") if isinstance(includes, dict) else None
    return {str(user.get("id")): str(user.get("username", "")) for user in users or () if isinstance(user, dict)}


def _from_post(post: dict[str, Any], screen_names: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    return post, screen_names.get(str(post.get("author_id")), "")


def _from_status(status: Mapping[str, Any], zone: ZoneInfo) -> tuple[dict[str, Any], str]:
    """A v1.1 status in the shape of v2."""
    references = []
    if "retweeted_status" in status:
        references.append({"type": "retweeted", "id": status["retweeted_status"]["id_str"]})
    if status.get("is_quote_status"):
        references.append({"type": "quoted", "id": str(status.get("quoted_status_id_str", "0"))})
    if status.get("in_reply_to_status_id_str"):
        references.append({"type": "replied_to", "id": status["in_reply_to_status_id_str"]})
    tags = [{"tag": one["text"]} for one in (status.get("entities") or {}).get("hashtags", ())]
    post = {
        "id": status["id_str"],
        "author_id": status["user"]["id_str"],
        "created_at": write_time(_any_time(status["created_at"], zone)),
        "text": status.get("full_text") or status["text"],
        **({"lang": status["lang"]} if status.get("lang") else {}),
        **({"source": re.sub("<[^>]*>", "", status["source"])} if status.get("source") else {}),
        **({"entities": {"hashtags": tags}} if tags else {}),
        **({"referenced_tweets": references} if references else {}),
    }
    return post, status["user"]["screen_name"]


def _checked(line: int, build: Callable[..., tuple[dict[str, Any], str]], *given: Any) -> Post | Reject:
    """The post that `build` makes of what is given, or why it can't be read."""
    try:
        body, screen_name = build(*given)
        tweet = parse_post(body)
        json.dumps(body, ensure_ascii=False).encode()
        return Post(line, body, tweet, screen_name.strip().lstrip("@"))
    except TweetError as error:
        return Reject(line, error.reason, str(error))
    except UnicodeEncodeError:
        return Reject(line, "bad_encoding", "the row holds bytes that are no UTF-8")
    except (KeyError, TypeError, AttributeError) as error:
        return Reject(line, "broken_row", f"not the shape of a tweet: {error!r}")


def _any_time(value: str, zone: ZoneInfo) -> datetime:
    """A time in ISO 8601 or in v1.1's form, in UTC. Raises TweetError."""
    text = str(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(_rfc_order(text))
        except (ValueError, TypeError, IndexError) as error:
            raise TweetError("bad_created_at", f"time is {text[:40]!r}; it takes ISO 8601") from error
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise TweetError("bad_created_at", f"time is {text[:40]!r}; it takes one that UTC can hold") from error


def _rfc_order(text: str) -> str:
    """`Wed Oct 10 20:19:24 +0000 2018` as RFC 5322 has it: `Wed, 10 Oct 2018 20:19:24 +0000`."""
    weekday, month, day, clock, offset, year = text.split()
    return f"{weekday}, {day} {month} {year} {clock} {offset}"


def user_ids(entries: Iterable[Post | Reject]) -> dict[str, str]:
    """Casefolded screen name to user id, for a registry that lacks ids."""
    return {one.screen_name.casefold(): one.tweet.author_id for one in entries if isinstance(one, Post) and one.screen_name}
