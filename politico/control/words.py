"""A text's words, as they are compared."""

import re
import unicodedata
from itertools import pairwise

SIGNS = ("@", "#")
"""What makes a word a mention or a hashtag; it belongs to the word."""

WORD = re.compile(r"[@#]?\w+")
_SPELLED = re.compile(r"[@#]?\w(?:\w|[\u0300-\u036f])*")
"""The same in a text as it is written, where an accent may be a character of its own."""
_ACCENTS = re.compile("(?<!n)\N{COMBINING TILDE}|[\u0300-\u0302\u0304-\u036f]")


def words_of(text: str) -> list[str]:
    """The words in lower case, without accents, a hashtag or mention with its sign; ñ stays, it is another letter."""
    if text.isascii():
        return WORD.findall(text.lower())
    plain = _ACCENTS.sub("", unicodedata.normalize("NFD", text.casefold()))
    return WORD.findall(unicodedata.normalize("NFC", plain))


def words_at(text: str) -> list[tuple[str, int, int]]:
    """The same words, each with where it begins and ends in the text, in characters."""
    spelled = _SPELLED if text.isascii() or unicodedata.is_normalized("NFC", text) else _spelled_with_marks_of(text)
    return [(word, *found.span()) for found in spelled.finditer(text) for word in words_of(found[0])]


def _spelled_with_marks_of(text: str) -> re.Pattern[str]:
    """For a decomposed text: also the signs of other scripts are letters' parts."""
    marks = "".join(sorted({one for one in text if unicodedata.category(one).startswith("M")}))
    return re.compile(rf"[@#]?\w(?:\w|[\u0300-\u036f{re.escape(marks)}])*")


def repeated_share(text: str) -> float:
    """The share of a text's pairs of neighbouring words that stood in it before; 0 for a text of one word."""
    words = words_of(text)
    pairs = list(pairwise(words))
    return 1 - len(set(pairs)) / len(pairs) if pairs else 0.0
