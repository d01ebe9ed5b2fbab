"""From a dataset's row to a context: where each field of a schema has its values."""

from collections.abc import Iterable, Mapping
from typing import Any

from politico.control.format import MAX_ITEMS, MAX_VALUE_CHARACTERS, Field, Schema
from politico.control.honoured import says
from politico.control.words import SIGNS

ENTITIES, KEY_PHRASES, HASHTAGS, SENTIMENT = "entities", "key_phrases", "hashtags", "sentiment"
LISTS = (ENTITIES, KEY_PHRASES, HASHTAGS)
"""The dataset's columns that hold several values."""
SINGLES = ("coalition", "party", "office", "screen_name", SENTIMENT)
"""And those that hold one."""
LABEL = "labels."
"""With a name behind it: what the imported table had in a column of that name."""
UNNAMED_ENTITY_TYPE = "OTHER"
"""Comprehend's type for what it can't name; left out of the context, as in the thesis."""


def context_of_row(row: Mapping[str, Any], schema: Schema) -> dict[str, tuple[str, ...]]:
    """The whole context of one dataset row, in the schema's shape. Overlong lists are cut: they steer, they do not tell all."""
    return schema.context({one.name: _values(row, one, spelled=schema.spelled) for one in schema.fields})


def columns_of(fields: Iterable[Field]) -> tuple[str, ...]:
    """The dataset's columns that a schema's fields come from, each once, in the dataset's own order."""
    used = {"labels" if one.source.startswith(LABEL) else one.source for one in fields}
    return tuple(name for name in (*SINGLES, HASHTAGS, ENTITIES, KEY_PHRASES, "labels") if name in used)


def naming(schema: Schema) -> tuple[str, ...]:
    """The fields that hold names, such as entities and hashtags: lists, but for key phrases."""
    return tuple(one.name for one in schema.fields if one.many and one.source != KEY_PHRASES)


def value_of_row(row: Mapping[str, Any], field: Field) -> str | None:
    """The value of a field that has one; None where the row has none."""
    if field.source.startswith(LABEL):
        return next(iter(_labels(row, field.source.removeprefix(LABEL))), None)
    value: str | None = row[field.source]
    return value or None


def _values(row: Mapping[str, Any], field: Field, *, spelled: bool) -> Any:
    if field.source.startswith(LABEL):
        labels = _labels(row, field.source.removeprefix(LABEL))
        return _items(labels) if field.many else next(iter(labels), None)
    if field.source == HASHTAGS:
        return _items(row[HASHTAGS])
    if field.source in LISTS:
        named = _items(one["text"] for one in row[field.source] if one.get("type") != UNNAMED_ENTITY_TYPE)
        return [_as_spelled(item, row["text"]) for item in named] if spelled else named
    return row[field.source]


def _labels(row: Mapping[str, Any], name: str) -> list[str]:
    return [value for one in row.get("labels") or () if one["name"] == name for value in one["items"]]


def _as_spelled(item: str, text: str) -> str:
    """The item with the sign that it has in the text: an annotator may name `@ana` as `ana`."""
    if says(text, item) or len(item) == MAX_VALUE_CHARACTERS:
        return item
    return next((sign + item for sign in SIGNS if says(text, sign + item)), item)


def _items(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if len(text) <= MAX_VALUE_CHARACTERS][:MAX_ITEMS]
