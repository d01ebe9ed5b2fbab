"""Does a column say that a post repeats or quotes another? What stands there is judged by its form, never by being there.

An id counts where it could be one, a word for yes where people write it so; a word that nobody knows counts for nothing and is
reported. Columns are known by the form of their names.
"""

import ast
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from politico.tweets.kinds import QUOTED, RETWEETED

YES = frozenset(
    [
        "1",
        "1.0",
        "true",
        "t",
        "yes",
        "y",
        "x",
        "on",
        "si",
        "s",
        "sim",
        "verdadero",
        "verdadera",
        "verdadeiro",
        "vero",
        "vrai",
        "v",
        "oui",
        "ja",
        "wahr",
        "j",
        "da",
        "tak",
        "evet",
    ]
)
"""Words for yes, in small letters without accents, as spreadsheets of several languages write them."""
NO = frozenset(
    [
        *(
            "",
            "0",
            "0.0",
            "-1",
            "false",
            "f",
            "no",
            "n",
            "off",
            "falso",
            "falsa",
            "nao",
            "non",
            "faux",
            "nein",
            "falsch",
            "ne",
            "nie",
        ),
        *(
            "nan",
            "none",
            "null",
            "nil",
            "na",
            "<na>",
            "n/a",
            "#n/a",
            "#na",
            "#null!",
            "nat",
            "undefined",
            "missing",
            "empty",
            "vacio",
        ),
        *("\\n", "-", "--", "–", "—", ".", "?", "[]", "{}", "()", "''", '""', "(null)", "<null>", "<none>", "[null]", "[none]"),
    ]
)
"""Words for no, and what programs write where there is nothing."""
UNKNOWN_ID = "0"
"""Of a post that is there, though nobody says which."""

_ID = re.compile(r"""(?:x|'|=?")?(\d{5,19})"?""")
_ANY_ID = re.compile(r"""(?:x|'|=?")?(\d{1,19})"?""")
_ROUNDED = re.compile(r"\d{5,19}\.0|\d(\.\d+)?[eE]\+?\d{1,2}")
_ADDRESS = re.compile(r"/status(?:es)?/(\d+)")
_LINK = re.compile(r"(?:https?://)?[\w.-]+\.[a-z]{2,}/\S*", re.IGNORECASE)
_ID_NAMES = ("id_str", "id", "tweetId", "tweet_id", "rest_id")

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_STEMS: Mapping[str, tuple[str, ...]] = {
    RETWEETED: ("retweet", "retuit", "rt", "repost"),
    QUOTED: ("quot", "qrt", "qt", "cita", "citad", "zitat", "zitiert"),
}
"""How the words in a column's name begin."""
_WHOLE_WORDS = ("rt", "qt", "qrt")
"""Stems that are words of their own: others begin so, too."""
_COUNTS = frozenset(
    [
        "count",
        "counts",
        "number",
        "num",
        "n",
        "nb",
        "total",
        "cnt",
        "anzahl",
        "numero",
        "cantidad",
        "qty",
        "sum",
        "retweets",
        "quotes",
        "retuits",
        "citas",
        "tweets",
        "reposts",
        "rts",
    ]
)
"""Columns with one of these words count, and mark nothing."""
_OF_THE_READER = ("retweeted", "favorited")
"""v1.1's own columns of what the reader has done with the post."""
_NAMING = frozenset(
    [
        "user",
        "username",
        "author",
        "name",
        "screen",
        "text",
        "content",
        "date",
        "time",
        "timestamp",
        "created",
        "at",
        "source",
        "lang",
        "url",
        "link",
        "permalink",
    ]
)
"""Columns with one of these words tell of the other post: whatever stands there says that there is one."""


@dataclass(frozen=True)
class Mark:
    """A column that tells whether a post repeats or quotes another."""

    name: str
    place: int
    kind: str
    """RETWEETED or QUOTED."""
    naming: bool = False
    """It tells of the other post, in any words."""
    bare: bool = False
    """Its name could as well be a count's: small numbers say nothing."""
    of_ids: bool = False
    """Its name says that ids stand there: short numbers are some."""


@dataclass
class Marks:
    """The columns of one table that mark posts, and the words in them that nobody knows."""

    columns: Sequence[Mark] = ()
    unknown: Counter[str] = field(default_factory=Counter)
    """How often each word stood there that counts for nothing, as `column=word`."""

    def of(self, row: Sequence[Any]) -> dict[str, str]:
        """What a row repeats or quotes: the kind, and the post's id or UNKNOWN_ID."""
        found: dict[str, str] = {}
        for mark in self.columns:
            told = judged(row[mark.place], bare=mark.bare, of_ids=mark.of_ids)
            if told is None and mark.naming:
                told = UNKNOWN_ID
            if told is None:
                self.unknown[f"{mark.name}={str(row[mark.place])[:20]}"] += 1
            elif told and found.get(mark.kind, UNKNOWN_ID) == UNKNOWN_ID:
                found[mark.kind] = told
        return found


def find_marks(header: Sequence[str], taken: Mapping[str, Sequence[int]]) -> list[Mark]:
    """The columns that mark posts, by their names' form; `taken` are places that are known to do so, by kind."""
    marks = [_mark(header[place], place, kind, may_be_bare=False) for kind, places in taken.items() for place in places]
    known = {mark.place for mark in marks}
    for place, name in enumerate(header):
        words = _words(name)
        if place in known or _COUNTS & set(words) or "".join(words) in _OF_THE_READER:
            continue
        for kind, stems in _STEMS.items():
            if any(word in stems if word in _WHOLE_WORDS else word.startswith(_longer(stems)) for word in words):
                marks.append(_mark(name, place, kind, may_be_bare=True))
                break
    return marks


def _mark(name: str, place: int, kind: str, *, may_be_bare: bool) -> Mark:
    words = _words(name)
    return Mark(
        name.strip(),
        place,
        kind,
        naming=bool(_NAMING & set(words)),
        bare=may_be_bare and len(words) == 1 and not words[0].endswith("d"),
        of_ids=any(word == "id" or (len(word) > 3 and word.endswith("id")) for word in words),
    )


def judged(value: Any, *, bare: bool = False, of_ids: bool = False) -> str | None:
    """The id of the post that is there, or UNKNOWN_ID; an empty text for no; None for an unknown word."""
    if value is None or value is False or (isinstance(value, float) and value != value):
        return ""
    if value is True:
        return UNKNOWN_ID
    if isinstance(value, Mapping):
        return _id_in(value) if value else ""
    if isinstance(value, list | tuple):
        return UNKNOWN_ID if len(value) else ""
    return _judged_text(" ".join(str(value).split()), bare, of_ids)


@lru_cache(maxsize=4096)
def _judged_text(text: str, bare: bool, of_ids: bool) -> str | None:
    word = _folded(text)
    if word in NO:
        return ""
    if word in YES and not (bare and word[:1].isdigit()):
        return UNKNOWN_ID
    if found := (_ANY_ID if of_ids else _ID).fullmatch(text):
        return found[1]
    if _ROUNDED.fullmatch(text):
        return UNKNOWN_ID
    if found := _ADDRESS.search(text):
        return found[1]
    if _LINK.fullmatch(text):
        return UNKNOWN_ID
    return _judged_object(text) if text[:1] in "{[" else None


def _judged_object(text: str) -> str:
    """A dictionary or a list as text, of JSON's or Python's making. One that is torn was one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return UNKNOWN_ID
    return judged(value) or "" if isinstance(value, dict | list | tuple) else UNKNOWN_ID


def _id_in(value: Mapping[str, Any]) -> str:
    found = next((str(value[name]) for name in _ID_NAMES if value.get(name)), UNKNOWN_ID)
    return found if found.isdigit() else UNKNOWN_ID


def _words(name: str) -> list[str]:
    """The words of a column's name, `isQuoteTweet` or `is_quote-tweet` alike."""
    plain = unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode()
    return [word.lower() for word in _PIECES.findall(plain)]


def _longer(stems: Sequence[str]) -> tuple[str, ...]:
    return tuple(stem for stem in stems if stem not in _WHOLE_WORDS)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).strip().strip("'\"").strip()
