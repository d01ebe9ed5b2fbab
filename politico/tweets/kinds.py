"""What kind of post one is: an original, a retweet or a quote. Every reader of posts asks here."""

from collections.abc import Iterable, Mapping
from typing import Any

ORIGINAL, RETWEET, QUOTE = "original", "retweet", "quote"
NOT_ORIGINAL = (RETWEET, QUOTE)
"""Somebody else's words, or words about them. A reply is an original."""

RETWEETED, QUOTED, REPLIED_TO = "retweeted", "quoted", "replied_to"
"""How X's API v2 names what a post refers to."""

_RETWEET_BEGINS = "RT @"


def kind_of(references: Iterable[Mapping[str, Any]] | None, text: str) -> str:
    """ORIGINAL, RETWEET or QUOTE, of a post with these `referenced_tweets` and this text."""
    types = {one.get("type") for one in references} if references else ()
    if RETWEETED in types or begins_as_retweet(text):
        return RETWEET
    return QUOTE if QUOTED in types else ORIGINAL


def begins_as_retweet(text: str) -> bool:
    """Does it begin as people and programs write a retweet by hand: `RT @name …`?"""
    return text.lstrip().startswith(_RETWEET_BEGINS)


def retweeted_ids(references: Any) -> list[str]:
    """The ids of the posts that are retweeted, in `referenced_tweets` of whatever shape."""
    return [str(one.get("id")) for one in references or () if isinstance(one, Mapping) and one.get("type") == RETWEETED]
