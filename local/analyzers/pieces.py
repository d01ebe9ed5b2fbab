"""A text cut into pieces: words, numbers, mentions, hashtags, addresses and single marks, each with its place.

Offsets count characters (code points), as Comprehend's do, so `text[piece.begin:piece.end] == piece.text` always.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# Combining accents belong to the letter before them: without them "mayo\u0301" would be two pieces.
_LETTERS = r"[^\W_](?:\w|[\u0300-\u036f])*"

# Most words end at a blank or a comma: told first, they are spared the search for addresses.
_PIECE = re.compile(
    rf"""
      (?P<plain> [^\W\d_]++ (?=[\s,;!?)"]|\Z) )
    | (?P<address> https?://\S+ | www\.\S+ | \w+(?:[.-]\w+){0, 5}\.(?:com|org|net|gob|gov|edu|ar|cl|ly|tv)\b(?:/\S*)? )
    | (?P<email> \w[\w.+-]{0, 63}@\w+(?:[.-]\w+)+ )
    | (?P<mention> (?<!\w)[@＠]\w+ )
    | (?P<hashtag> (?<!\w)[\#＃](?:\w|[\u0300-\u036f])+ )
    | (?P<number> (?:(?:[uU][sS]?\$[sSdD]?|[$€])\s?)? \d++(?:[.,:/]\d++)*+ (?:[°º]|(?:ro|do|er)\b)? (?:\s?%)?
        (?![^\W\d_](?<!h)(?<!H)|-\d) )
    | (?P<word> {_LETTERS}(?:[-’'&]{_LETTERS})* )
    | (?P<mark> \S )
    """,
    re.VERBOSE,
)

_KINDS = {name: name for name in _PIECE.groupindex} | {"plain": "word"}
_ACCENTED = str.maketrans("áéíóúüñàèìòùâêîôûäëïöçãõ", "aeiouunaeiouaeiouaeiocao")


class Piece(NamedTuple):
    """One piece of a text and where it stands."""

    kind: str
    """address, email, mention, hashtag, number, word or mark."""
    text: str
    begin: int
    end: int


class Span(NamedTuple):
    """A run of pieces that was recognised as an entity: from the piece `first` up to, not including, `end`."""

    first: int
    end: int
    kind: str
    """PERSON, LOCATION, ORGANIZATION, DATE, QUANTITY, EVENT, TITLE, COMMERCIAL_ITEM or OTHER."""
    score: float


# A batch's three analyses are asked for one after another.
@lru_cache(maxsize=128)
def pieces(text: str) -> tuple[Piece, ...]:
    """The text's pieces from left to right; only white space lies between them."""
    return tuple(Piece(_KINDS[match.lastgroup or "mark"], match[0], *match.span()) for match in _PIECE.finditer(text))


@lru_cache(maxsize=100_000)
def plain(word: str) -> str:
    """The word in lower case and without accents: the form in which the word lists are written."""
    lowered = word.lower().translate(_ACCENTED)
    if lowered.isascii():
        return lowered
    return "".join(character for character in unicodedata.normalize("NFKD", lowered) if character.isalnum())


def adjoining(text: str, left: Piece, right: Piece) -> bool:
    """Whether only blanks, and no new line, lie between two pieces: then they may belong to one name or phrase."""
    gap = text[left.end : right.begin]
    return bool(gap) and not gap.strip(" \t\u00a0")
