"""Which column of a table is which: known by its usual names, or named by the person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from politico.archives.marks import Marks, find_marks
from politico.errors import FileFormatError, UnknownFieldError
from politico.tweets.kinds import QUOTED, RETWEETED

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("tweet_id", "status_id", "tweetid", "id_str", "id"),
    "created_at": ("created_at", "date", "datetime", "timestamp", "tweet_created", "time"),
    "text": (
        *("note_tweet.text", "extended_tweet.full_text", "full_text", "text"),
        *("tweet", "content", "rawcontent", "tweet_text", "renderedcontent", "body", "message"),
    ),
    "user_id": ("user_id", "author_id", "author.id", "user.id", "user_id_str", "userid"),
    "screen_name": (
        *("screen_name", "username", "author.username", "user.screen_name", "user.username"),
        *("user_screen_name", "user", "handle", "user_name", "author_username", "author", "author_screen_name"),
    ),
    "lang": ("lang", "language"),
    "replied_to": ("in_reply_to_status_id", "in_reply_to_status_id_str", "referenced_tweets.replied_to.id"),
    "retweeted": (
        *("referenced_tweets.retweeted.id", "retweeted_status_id", "retweet_id", "retweeted_status.id_str", "retweet_status_id"),
        *("retweetedtweet", "retweet_tweetid", "is_retweet", "isretweet"),
    ),
    "quoted": (
        *("referenced_tweets.quoted.id", "quoted_status_id", "quoted_status_id_str", "quoted_status.id_str", "quote_id"),
        *("quotedtweet", "quoted_tweet_tweetid", "quote_url", "is_quote_status", "is_quote"),
    ),
    # In words: `quote`, `[{'type': 'quoted', …}]`.
    "kind": ("tweet_type", "sourcetweet_type", "referenced_tweets"),
    # Beside a date without one.
    "clock": ("time",),
    "clock_zone": ("timezone", "time_zone"),
    "deleted": ("isdeleted", "is_deleted", "deleted"),
}
"""What is used of a table, and the column names it goes by, the likeliest first (rtweet, twarc-csv, twint, snscrape, tweepy,
academictwitteR, X's own collections, Kaggle)."""

_NEEDED = ("id", "created_at", "text")
_ANY_OF = ("text", "replied_to", "retweeted", "quoted", "kind")
"""Of these, every column counts that is there."""
_WRITER = ("user_id", "screen_name")
_MARKING = ("replied_to", "retweeted", "quoted", "kind", "deleted")


@dataclass(frozen=True)
class Columns:
    """Where in a row each thing stands; of several columns the first that has a value counts."""

    places: Mapping[str, tuple[int, ...]]
    labels: Mapping[str, int] = field(default_factory=dict)
    """A domain's own columns, by name."""
    marks: Marks = field(default_factory=Marks)
    """Those that tell whether a post repeats or quotes another."""

    @cached_property
    def values(self) -> Mapping[str, tuple[int, ...]]:
        """Those whose values are a post's; the others mark something."""
        return {what: places for what, places in self.places.items() if what not in _MARKING}

    def __contains__(self, what: str) -> bool:
        return what in self.places


def find_columns(
    path: Path, header: Sequence[str], given: Mapping[str, str], *, author_is_given: bool = False, labels: Collection[str] = ()
) -> Columns:
    """The columns of a table with this header; `given` says what the person named (`text` to `contenido`), `labels` which a
    domain has of its own.

    Raises UnknownFieldError for a name that is not there, FileFormatError where something needed is nowhere.
    """
    names = [_plain(name) for name in header]
    shown = repr(", ".join(name.strip().lower() for name in header))[:300]
    places: dict[str, tuple[int, ...]] = {}
    for what, column in given.items():
        if what not in COLUMN_NAMES:
            raise UnknownFieldError(f"--column {what}={column}: unknown {what!r}; it takes one of {', '.join(COLUMN_NAMES)}")
        if _plain(column) not in names:
            raise UnknownFieldError(f"--column {what}={column}: {path} has no column {column!r}; it has {shown}")
        places[what] = (names.index(_plain(column)),)
    taken = {place for (place,) in places.values()}
    for what, usual in COLUMN_NAMES.items():
        found = tuple(names.index(name) for name in usual if name in names and names.index(name) not in taken)
        if what not in places and found:
            places[what] = found if what in _ANY_OF else found[:1]
    for what in (*_NEEDED, *_WRITER):
        for place in places.get(what, ()):
            if names.count(names[place]) > 1:
                raise FileFormatError(
                    f"{path} has {names.count(names[place])} columns {header[place].strip()!r}; rename all but one"
                )
    for what in _NEEDED:
        if what not in places:
            raise FileFormatError(
                f"{path} is no tweets file: no column {' or '.join(COLUMN_NAMES[what])}; it has {shown}; "
                f"name one with --column {what}=NAME"
            )
    if not author_is_given and not any(what in places for what in _WRITER):
        usual_names = " or ".join(name for what in _WRITER for name in COLUMN_NAMES[what])
        raise FileFormatError(
            f"{path} is no tweets file: no column {usual_names}; it has {shown}; name one with --column screen_name=NAME"
        )
    marking = {kind: places.get(kind, ()) for kind in (RETWEETED, QUOTED)}
    marks = [one for one in find_marks(header, marking) if one.place not in used_for_else(places)]
    return Columns(places, _label_places(path, names, labels, shown), Marks(marks))


def used_for_else(places: Mapping[str, Sequence[int]]) -> set[int]:
    """The places that hold something else than marks."""
    return {place for what, held in places.items() if what not in (RETWEETED, QUOTED) for place in held}


def looks_like_header(names: Sequence[str]) -> bool:
    """Whether a line names an id and a text, by their usual names: a report's lines before a table do not."""
    there = {_plain(name) for name in names}
    return all(there & set(COLUMN_NAMES[what]) for what in ("id", "text"))


def _label_places(path: Path, names: Sequence[str], labels: Collection[str], shown: str) -> dict[str, int]:
    places = {}
    for label in labels:
        if names.count(_plain(label)) != 1:
            raise FileFormatError(
                f"{path} has {names.count(_plain(label))} columns {label!r}, which the schema takes; it has {shown}"
            )
        places[label] = names.index(_plain(label))
    return places


def _plain(name: str) -> str:
    return name.strip().strip("\ufeff").strip().lower().replace(" ", "_").replace("-", "_")
