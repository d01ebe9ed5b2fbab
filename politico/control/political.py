"""The political schema, the project's default: what steers a politician's tweet, and how a dataset row fills it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from politico.control.format import MAX_ITEMS, MAX_VALUE_CHARACTERS, Field, Schema
from politico.control.honoured import says
from politico.control.words import SIGNS
from politico.errors import SchemaError

FIELDS = (
    Field("coalicion", "[COALICION]", closed=True),
    Field("partido", "[PARTIDO]", closed=True),
    Field("sentimiento", "[SENTIMIENTO]", closed=True),
    Field("entidades", "[ENTIDADES]", many=True),
    Field("hashtags", "[HASHTAGS]", many=True),
    Field("frases", "[FRASES]", many=True),
)

VERSION_1 = Schema(
    name="political",
    version=1,
    fields=FIELDS,
    text_marker="[TWEET]",
    end="<|endoftext|>",
    drop_order=("frases", "entidades", "hashtags"),
)
"""Hashtags and mentions stand in the context without `#` and `@`, as datasets have them. Models of 2026 and before."""

SCHEMA = replace(VERSION_1, version=2, fields=tuple(replace(one, sign="#") if one.name == "hashtags" else one for one in FIELDS))
"""What new models are trained with: what is asked is spelled as in the text, so that it can be copied token by token."""

SCHEMAS: Mapping[int, Schema] = {one.version: one for one in (VERSION_1, SCHEMA)}
"""Every version that a model may come with."""

UNNAMED_ENTITY_TYPE = "OTHER"
"""Comprehend's type for what it can't name; left out of the context, as in the thesis."""


def known_schema(schema: Schema) -> Schema:
    """The project's own schema of a model's version, without the model's values. Raises SchemaError for one it does not know."""
    own = SCHEMAS.get(schema.version)
    if own is None or own != replace(schema, values={}):
        raise SchemaError(
            f"the model was trained with control schema {schema.name!r} version {schema.version}; this program knows "
            f"{SCHEMA.name!r} version {' and '.join(map(str, SCHEMAS))}: use the version of the program it came from"
        )
    return own


def context_of_row(row: Mapping[str, Any], schema: Schema = SCHEMA) -> dict[str, tuple[str, ...]]:
    """The whole context of one dataset row, in the schema's shape. Overlong lists are cut: they steer, they do not tell all."""
    entities = _items(one["text"] for one in row["entities"] if one["type"] != UNNAMED_ENTITY_TYPE)
    phrases = _items(one["text"] for one in row["key_phrases"])
    if schema.version > VERSION_1.version:
        entities, phrases = ([_as_spelled(item, row["text"]) for item in items] for items in (entities, phrases))
    return schema.context(
        {
            "coalicion": row["coalition"],
            "partido": row["party"],
            "sentimiento": row["sentiment"],
            "entidades": entities,
            "hashtags": _items(row["hashtags"]),
            "frases": phrases,
        }
    )


def _as_spelled(item: str, text: str) -> str:
    """The item with the sign that it has in the text: an annotator may name `@ana` as `ana`."""
    if says(text, item) or len(item) == MAX_VALUE_CHARACTERS:
        return item
    return next((sign + item for sign in SIGNS if says(text, sign + item)), item)


def _items(texts: Any) -> list[str]:
    return [text for text in dict.fromkeys(texts) if len(text) <= MAX_VALUE_CHARACTERS][:MAX_ITEMS]
