"""The political schema, the project's default: what steers a politician's tweet, and how a dataset row fills it."""

from collections.abc import Mapping
from typing import Any

from politico.control.format import MAX_ITEMS, MAX_VALUE_CHARACTERS, Field, Schema

SCHEMA = Schema(
    name="political",
    version=1,
    fields=(
        Field("coalicion", "[COALICION]", closed=True),
        Field("partido", "[PARTIDO]", closed=True),
        Field("sentimiento", "[SENTIMIENTO]", closed=True),
        Field("entidades", "[ENTIDADES]", many=True),
        Field("hashtags", "[HASHTAGS]", many=True),
        Field("frases", "[FRASES]", many=True),
    ),
    text_marker="[TWEET]",
    end="<|endoftext|>",
    drop_order=("frases", "entidades", "hashtags"),
)

UNNAMED_ENTITY_TYPE = "OTHER"
"""Comprehend's type for what it can't name; left out of the context, as in the thesis."""


def context_of_row(row: Mapping[str, Any], schema: Schema = SCHEMA) -> dict[str, tuple[str, ...]]:
    """The whole context of one dataset row, in the schema's shape. Overlong lists are cut: they steer, they do not tell all."""
    return schema.context(
        {
            "coalicion": row["coalition"],
            "partido": row["party"],
            "sentimiento": row["sentiment"],
            "entidades": _items(one["text"] for one in row["entities"] if one["type"] != UNNAMED_ENTITY_TYPE),
            "hashtags": _items(row["hashtags"]),
            "frases": _items(one["text"] for one in row["key_phrases"]),
        }
    )


def _items(texts: Any) -> list[str]:
    return [text for text in dict.fromkeys(texts) if len(text) <= MAX_VALUE_CHARACTERS][:MAX_ITEMS]
