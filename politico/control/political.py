"""The political schema, the project's default: what steers a politician's tweet, and where a dataset row has it."""

from collections.abc import Mapping
from dataclasses import replace

from politico.control.format import Field, Schema
from politico.errors import SchemaError

FIELDS = (
    Field("coalicion", "[COALICION]", closed=True, source="coalition"),
    Field("partido", "[PARTIDO]", closed=True, source="party"),
    Field("sentimiento", "[SENTIMIENTO]", closed=True, source="sentiment"),
    Field("entidades", "[ENTIDADES]", many=True, source="entities"),
    Field("hashtags", "[HASHTAGS]", many=True, source="hashtags"),
    Field("frases", "[FRASES]", many=True, source="key_phrases"),
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


def known_schema(schema: Schema) -> Schema:
    """A model's schema without the model's values, as rows are read by it: the project's own of that version, or a domain's,
    whose fields say where they come from. Raises SchemaError for one that nobody knows how to fill."""
    bare = replace(schema, values={})
    if schema.name != SCHEMA.name and all(one.source for one in schema.fields):
        return bare
    own = SCHEMAS.get(schema.version)
    # Models of before do not say where their fields come from.
    if own is None or replace(own, fields=_without_sources(own)) != replace(bare, fields=_without_sources(bare)):
        raise SchemaError(
            f"the model was trained with control schema {schema.name!r} version {schema.version}; this program knows "
            f"{SCHEMA.name!r} version {' and '.join(map(str, SCHEMAS))}: use the version of the program it came from"
        )
    return own


def completed(schema: Schema) -> Schema:
    """A model's schema with where its fields come from, as models of before did not say."""
    own = SCHEMAS.get(schema.version) if schema.name == SCHEMA.name else None
    sources = {one.name: one.source for one in own.fields} if own else {}
    return replace(schema, fields=tuple(replace(one, source=one.source or sources.get(one.name, "")) for one in schema.fields))


def _without_sources(schema: Schema) -> tuple[Field, ...]:
    return tuple(replace(one, source="") for one in schema.fields)
