"""One tweet as X's API v2 gives it, and the thesis's rules for which tweets are worth keeping."""

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from politico.errors import TweetError
from politico.tweets.kinds import ORIGINAL, kind_of

_LINK = re.compile(r"https?://\S+")
COMMON_ENDS = "com|net|org|cl|ar|es|mx|pe|co|uy|bo|br|py|ec|ve|info|gob|gov|edu|tv|io|ly|be|gl|me"
"""Of addresses that stand without a scheme, as alternatives of a pattern; there are some 1,500 more."""
_LOOSE_LINK = re.compile(
    r"pic\.(?:twitter|x)\.com/\w+"  # of a picture, also where it is stuck to the word before it
    r"|https?://\s+(?:[\w-]+\.)+[\w-]+(?:/\S*)?"  # a blank inside
    r"|(?<![\w@.])www\.(?:[\w-]+\.)+[a-z]{2,24}(?:/\S*)?"
    rf"|(?<![\w@./])(?:[\w-]+\.)+(?:{COMMON_ENDS})(?:\.[a-z]{{2}})?/\S*"
    r"|(?<![\w@./])(?:[\w-]+\.)+[a-z]{2,24}/(?=\S*[\d/_=?…-])\S*"  # as X shows it
)
"""Addresses without a scheme, or broken."""
_HASHTAG = re.compile(r"(?<![\w&])[#＃]([\w·]*[^\W\d][\w·]*)")
"""With the middle dot, as X's own rules for hashtags have it."""
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);")
_WORD = re.compile(r"[^\W_]\S*")
"""From the first letter or digit of a piece to its end."""
LABELS = "labels"
"""Beside X's own fields of a post: columns of an imported table with their values, in another domain than politics."""
_ID_DIGITS = 19
"""X's ids are 64 bits long; it refuses a whole question for one that is longer."""
_SNOWFLAKE_EPOCH_MILLISECONDS = 1_288_834_974_657
"""When X began to put the time into ids: 4 November 2010."""


@dataclass(frozen=True)
class Tweet:
    """What the project uses of one post."""

    id_str: str
    author_id: str
    created_at: datetime
    """In UTC."""
    text: str
    """Whole, with links out, character references resolved and white space folded; line breaks stay."""
    lang: str | None
    source: str | None
    """The program it was written with; X stopped telling in v2."""
    hashtags: tuple[str, ...]
    """Without `#`, as written, each once."""
    kind: str
    """As `kinds.py` says: original, retweet or quote."""
    previous_ids: tuple[str, ...]
    """Ids of the versions that this one replaced, oldest first."""
    editable_until: datetime | None
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What an imported table said of it, by column, in another domain than politics; X gives none."""

    @property
    def edited(self) -> bool:
        return bool(self.previous_ids)


@dataclass(frozen=True)
class Rules:
    """Which tweets are kept (thesis, section 4.1)."""

    max_age_days: int = 500
    """Counted back from the reference date."""
    min_words: int = 5

    def refusal(self, tweet: Tweet, reference: datetime) -> str | None:
        """Why this tweet is filtered out as of the reference date, or None when it is kept."""
        if tweet.kind != ORIGINAL:
            return tweet.kind
        if tweet.created_at < reference - timedelta(days=self.max_age_days):
            return "too_old"
        if tweet.editable_until is not None and tweet.editable_until > reference:
            return "still_editable"
        if count_words(tweet.text) < self.min_words:
            return "too_short"
        return None


def parse_post(post: Any) -> Tweet:
    """The tweet in one v2 post. Raises TweetError when an id, a time or the text is missing or unreadable."""
    if not isinstance(post, Mapping):
        raise TweetError("not_an_object", f"a post is an object; this is {type(post).__name__}")
    try:
        return _read_post(post)
    except (AttributeError, KeyError, TypeError) as error:
        raise TweetError("broken_post", f"post {post.get('id')!r} has not the shape of a post: {error!r}") from error


def _read_post(post: Mapping[str, Any]) -> Tweet:
    note = post.get("note_tweet") or {}
    text = note.get("text") or post.get("text")
    if not isinstance(text, str) or not text.strip():
        raise TweetError("no_text", f"post {post.get('id')!r} has no text")
    cleaned = clean(text)
    entities = note.get("entities") or post.get("entities") or {}
    hashtags = tuple(one["tag"] for one in entities.get("hashtags", ()) if one.get("tag"))
    if not hashtags and ("#" in cleaned or "＃" in cleaned):
        # Cleaned: the `#top` of a link is no hashtag. Composed: an accent on its own is no letter.
        hashtags = tuple(_HASHTAG.findall(unicodedata.normalize("NFC", cleaned)))
    _check_texts(cleaned, *hashtags, post.get("lang") or "", post.get("source") or "")
    id_str = read_id(post.get("id"), "id")
    editable_until = (post.get("edit_controls") or {}).get("editable_until")
    return Tweet(
        id_str=id_str,
        author_id=read_id(post.get("author_id"), "author_id"),
        created_at=read_time(post.get("created_at")),
        text=cleaned,
        lang=post.get("lang") or None,
        source=post.get("source") or None,
        hashtags=tuple(dict.fromkeys(hashtags)) if len(hashtags) > 1 else hashtags,
        kind=kind_of(post.get("referenced_tweets"), text),
        previous_ids=_versions_before(id_str, post.get("edit_history_tweet_ids") or ()),
        editable_until=read_time(editable_until) if editable_until else None,
        labels=_labels(post.get(LABELS)) if LABELS in post else (),
    )


def _labels(given: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    labels = tuple((name, tuple(values)) for name, values in sorted(given.items()))
    _check_texts(*(text for name, values in labels for text in (name, *values)))
    return labels


def clean(text: str) -> str:
    """The words of a tweet: links out (as the thesis did), references such as `&amp;` resolved, blanks folded."""
    if "&" in text:  # only what ends in `;`: `Ciencia&región` is no reference to ®
        text = _REFERENCE.sub(lambda found: html.unescape(found[0]), text)
    if "://" in text:
        text = _LINK.sub(" ", text)
    if "/" in text or "www." in text:
        text = _LOOSE_LINK.sub(" ", text)
    lines = text.splitlines()
    return "\n".join([folded for line in lines if (folded := " ".join(line.split()))])


def count_words(text: str) -> int:
    """Pieces between blanks that hold a letter or a digit; an emoji alone is no word."""
    return len(_WORD.findall(text))


def read_id(value: Any, name: str) -> str:
    """An id as text. Raises TweetError when it is missing or was rounded by a program that took it for a number."""
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not text:
        raise TweetError(f"no_{name}", f"{name} is {value!r}; it takes digits")
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS):
        raise TweetError(f"bad_{name}", f"{name} is {text[:40]!r}; it takes digits only, at most {_ID_DIGITS}")
    return text


def read_time(value: Any) -> datetime:
    """An ISO 8601 time with its zone, in UTC. Raises TweetError."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise TweetError("bad_created_at", f"time is {value!r}; it takes ISO 8601 with a time zone") from error


def snowflake_time(id_str: str) -> datetime:
    """When the post of this id was written, in UTC, to the millisecond; ids from before November 2010 only say: before then."""
    return datetime.fromtimestamp(((int(id_str) >> 22) + _SNOWFLAKE_EPOCH_MILLISECONDS) / 1000, UTC)


def last_id_before(moment: datetime) -> int:
    """The highest id that X can have given to a post before this moment, where ids tell the time; 0 where they do not."""
    milliseconds = int(moment.timestamp() * 1000) - _SNOWFLAKE_EPOCH_MILLISECONDS
    return max(0, (milliseconds << 22) - 1)


def write_time(moment: datetime) -> str:
    """A time as X writes it: `2024-05-03T14:22:10.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + ".000Z"


def _versions_before(id_str: str, history: Iterable[Any]) -> tuple[str, ...]:
    """X lists every version, oldest first, in each of them: those after this one replaced it."""
    if history == [id_str]:  # as nearly always
        return ()
    return tuple(takewhile(lambda one: one != id_str, map(str, history)))


def _check_texts(*texts: Any) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise TweetError("broken_post", f"{type(text).__name__} stands where a post has a text")
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise TweetError(
            "bad_encoding", "a text of the post holds half a surrogate pair, or bytes of another encoding"
        ) from error
