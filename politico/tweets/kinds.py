"""What kind of post one is: an original, a retweet or a quote. Every reader of posts asks here."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

ORIGINAL, RETWEET, QUOTE = "original", "retweet", "quote"
NOT_ORIGINAL = (RETWEET, QUOTE)
"""Somebody else's words, or words about them. A reply is an original."""

RETWEETED, QUOTED, REPLIED_TO = "retweeted", "quoted", "replied_to"
"""How X's API v2 names what a post refers to."""

_RETWEET_BEGINS = re.compile(r"\s*RT\s?:?\s@\w")
_QUOTES_BY_HAND = re.compile(r"(?<!\w)(?:QT|MT)\s?:?\s@\w|^\s*[\"“«]\s?@\w+:")
"""`so true QT @name …`, `“@name: …”`: another's words with one's own beside them."""


def kind_of(references: Iterable[Mapping[str, Any]] | None, text: str) -> str:
    """ORIGINAL, RETWEET or QUOTE, of a post with these `referenced_tweets` and this text."""
    types = {one.get("type") for one in references} if references else ()
    if RETWEETED in types or begins_as_retweet(text):
        return RETWEET
    return QUOTE if QUOTED in types or ("@" in text and _QUOTES_BY_HAND.search(text)) else ORIGINAL


def begins_as_retweet(text: str) -> bool:
    """Does it begin as people and programs write a retweet by hand: `RT @name …`, `RT: @name …`?"""
    return _RETWEET_BEGINS.match(text) is not None


def retweeted_ids(references: Any) -> list[str]:
    """The ids of the posts that are retweeted, in `referenced_tweets` of whatever shape."""
    return [str(one.get("id")) for one in references or () if isinstance(one, Mapping) and one.get("type") == RETWEETED]
