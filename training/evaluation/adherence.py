"""Does a tweet say what was asked of it? Judged by its words, and by a second opinion on its sentiment."""

import re
import unicodedata
from collections.abc import Sequence

from politico.control.format import Context, Schema
from politico.control.political import SCHEMA

SENTIMENT = "sentimiento"
"""The field that is judged by an annotator instead of by words."""

_WORDS = re.compile(r"\w+")
_TILDE = "\N{COMBINING TILDE}"

Honoured = dict[str, list[tuple[str, bool]]]
"""Field to its asked values, each with whether the tweet honours it."""


def honoured(context: Context, text: str, sentiment: str | None, schema: Schema = SCHEMA) -> Honoured:
    """What was asked in the lists is looked for in the text, and the asked sentiment compared with the one that was found.

    A value stands in the text when its words do, one behind the other, whole, in capitals or not, with accents or without.
    A field that can't be judged so (who speaks; the sentiment when nobody found one) is left out.
    """
    found: Honoured = {}
    for name, values in context.items():
        if schema.field(name).many:
            found[name] = [(value, says(text, value)) for value in values]
        elif name == SENTIMENT and sentiment is not None:
            found[name] = [(value, value == sentiment) for value in values]
    return found


def says(text: str, value: str) -> bool:
    """Whether the words of the value stand in the text. A value without words (an emoji) must stand there as it is."""
    wanted = words_of(value)
    if not wanted:
        return value in text
    return f" {' '.join(wanted)} " in f" {' '.join(words_of(text))} "


def words_of(text: str) -> list[str]:
    """The words in lower case, without accents; ñ stays, it is another letter."""
    letters = unicodedata.normalize("NFD", text.casefold())
    plain = "".join(
        one
        for index, one in enumerate(letters)
        if not unicodedata.combining(one) or (one == _TILDE and letters[index - 1] == "n")
    )
    return _WORDS.findall(unicodedata.normalize("NFC", plain))


def adherence(judged: Sequence[Honoured]) -> dict[str, dict[str, float]]:
    """For each field how many values were asked for, and the share of them that was honoured."""
    asked: dict[str, list[bool]] = {}
    for one in judged:
        for name, values in one.items():
            asked.setdefault(name, []).extend(honoured for _, honoured in values)
    return {name: {"asked": len(found), "share": sum(found) / len(found)} for name, found in asked.items()}


def distinct(texts: Sequence[str], length: int) -> float:
    """Different runs of `length` words over all of them (Li et al. 2016, distinct-n). 1 is all different."""
    runs = [tuple(words[start : start + length]) for words in map(words_of, texts) for start in range(len(words) - length + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0
