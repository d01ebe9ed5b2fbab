"""Does a tweet say what was asked of it? Judged by its words."""

import re
from collections.abc import Sequence

from politico.control.format import Context, Schema
from politico.control.words import words_at, words_of

HASHTAGS = "hashtags"
"""The political field whose items are hashtags, with their sign or, in models of version 1, without."""

Honoured = dict[str, list[tuple[str, bool]]]
"""Field to its asked values, each with whether the tweet honours it."""


def honoured(context: Context, text: str, sentiment: str | None, schema: Schema) -> Honoured:
    """What was asked in the lists is looked for in the text, and the asked sentiment compared with the one that was found.

    A value stands in the text when its words do, one behind the other, whole, in capitals or not, with accents or without;
    a hashtag or a mention with its sign. A field that can't be judged so (who speaks; the sentiment when nobody found one) is
    left out.
    """
    found: Honoured = {}
    for name, values in context.items():
        if schema.field(name).many:
            found[name] = [(value, says(text, as_said(schema, name, value))) for value in values]
        elif name == schema.sentiment and sentiment is not None:
            found[name] = [(value, value == sentiment) for value in values]
    return found


def as_said(schema: Schema, name: str, value: str) -> str:
    """An asked item of a list as a tweet spells it."""
    return "#" + value.lstrip("#") if name == HASHTAGS and not schema.spelled else value


def asked_items(context: Context, schema: Schema) -> list[str]:
    """The items of a context's lists, as a tweet spells them, each once."""
    said = (as_said(schema, name, item) for name, items in context.items() if schema.field(name).many for item in items)
    return list(dict.fromkeys(said))


def says(text: str, value: str) -> bool:
    """Whether the words of the value stand in the text. A value without words (an emoji) must stand there as it is."""
    return stands_in(words_of(text), text, value)


def places(text: str, value: str) -> list[tuple[int, int]]:
    """Where in the text the value stands, as often as it does: from and to, in characters. As `says` looks for it."""
    wanted = words_of(value)
    if not wanted:
        return [found.span() for found in re.finditer(re.escape(value), text)] if value else []
    written = words_at(text)
    words = [word for word, _begins, _ends in written]
    at = [first for first in range(len(words) - len(wanted) + 1) if words[first : first + len(wanted)] == wanted]
    return [(written[first][1], written[first + len(wanted) - 1][2]) for first in at]


def stands_in(words: Sequence[str], text: str, value: str) -> bool:
    """As `says`, where the text's words are at hand."""
    wanted = words_of(value)
    if not wanted:
        return value in text
    return f" {' '.join(wanted)} " in f" {' '.join(words)} "
