"""Names that nobody has: what a model practises on, so that it copies a name it never saw instead of recalling one it knows.

They are built of syllables, and of words that are handed in. Nothing of the shipped sample's vocabulary is read.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from politico.control.format import Context, Schema
from politico.control.political import SCHEMA
from politico.control.rows import naming

PERSON, PLACE, ORGANISATION, MENTION, HASHTAG = "PERSON", "LOCATION", "ORGANIZATION", "@", "#"
"""Kinds of names: Comprehend's types of entities, and the signs of mentions and hashtags. Any other is named as a person is."""

_ONSETS = (*"bcdfgjlmnprstvz", "br", "cl", "cr", "dr", "fl", "gr", "ll", "pl", "pr", "tr", "ch")
_NUCLEI = ("a", "e", "i", "o", "u", "a", "e", "o", "ia", "ie", "ue", "á", "é", "í", "ó")
_CODAS = ("", "", "", "", "n", "r", "s", "l")
_PLACES = ("San", "Santa", "Villa", "Cerro", "Río", "Laguna", "Valle", "Alto", "Paso", "Isla")
_ORGANISATIONS = ("Fundación", "Instituto", "Comisión", "Corporación", "Asociación", "Sindicato", "Universidad", "Club", "Red")
_DIGIT = re.compile(r"\d")


def made_up(kind: str, random: np.random.Generator, words: Sequence[str] = ()) -> str:
    """A name of this kind, of syllables or, where `words` are given, now and then of those."""
    if kind == HASHTAG:
        return HASHTAG + "".join(_word(random, words) for _ in range(random.integers(1, 4)))
    if kind == MENTION:
        ends = ("", "", f"_{_word(random, ()).lower()[:3]}", str(random.integers(100)))
        return MENTION + _unaccented(_word(random, words).lower() + ends[random.integers(len(ends))])
    if kind == PLACE:
        first = [_PLACES[random.integers(len(_PLACES))]] if random.random() < 0.4 else []
        return " ".join([*first, *(_word(random, words) for _ in range(random.integers(1, 3 - len(first))))])
    if kind == ORGANISATION:
        if random.random() < 0.25:
            return "".join(_ONSETS[random.integers(15)] for _ in range(random.integers(3, 5))).upper()
        return " ".join([_ORGANISATIONS[random.integers(len(_ORGANISATIONS))], _word(random, words)])
    return " ".join(_word(random, words) for _ in range(random.integers(1, 4)))


def swapped(
    context: Context,
    text: str,
    share: float,
    random: np.random.Generator,
    *,
    kinds: Mapping[str, str] | None = None,
    words: Sequence[str] = (),
    schema: Schema = SCHEMA,
) -> tuple[dict[str, tuple[str, ...]], str]:
    """The context and the text with this share of the names that both hold replaced by made-up ones, in both alike.

    `kinds` tells an entity's kind; what begins with a sign is of the sign's kind. Names with digits stay as they are. An item
    that stood in the text and no longer does (a part of a name that was replaced) leaves the context.
    """
    lists = {name: list(values) for name, values in context.items()}
    changed = text
    for item in [item for name in naming(schema) for item in context.get(name, ())]:
        if random.random() >= share or _DIGIT.search(item) or not (pattern := _whole(item)).search(changed):
            continue
        kind = item[0] if item[0] in (MENTION, HASHTAG) else (kinds or {}).get(item, PERSON)
        new = made_up(kind, random, words)
        changed = pattern.sub(new, changed)
        lists = {name: [pattern.sub(new, value) for value in values] for name, values in lists.items()}
    if changed == text:
        return {name: tuple(values) for name, values in context.items()}, text
    kept = {
        name: tuple(dict.fromkeys(new for old, new in zip(values, lists[name], strict=True) if old not in text or new in changed))
        for name, values in context.items()
    }
    return {name: values for name, values in kept.items() if values}, changed


def _whole(item: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w@#]){re.escape(item)}(?!\w)")


def _word(random: np.random.Generator, words: Sequence[str]) -> str:
    if words and random.random() < 0.5:
        return words[int(random.integers(len(words)))].capitalize()
    syllables = [
        _ONSETS[random.integers(len(_ONSETS))] + _NUCLEI[random.integers(len(_NUCLEI))] for _ in range(random.integers(2, 4))
    ]
    return ("".join(syllables) + _CODAS[random.integers(len(_CODAS))]).capitalize()


def _unaccented(text: str) -> str:
    return text.translate(str.maketrans("áéíóúüñ", "aeiouun"))
