"""Another domain's schema, from a TOML file: which fields steer a text, in which order, and where a row has them.

name = "centro-de-contacto"
text_marker = "[MENSAJE]"

[[fields]]
name = "producto"            # as requests and answers spell it
marker = "[PRODUCTO]"        # the special token that opens it
from = "labels.producto"     # a column of the imported table, or one of the dataset's own
closed = true                # only values that training saw
label = "Producto"           # what people call it
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from politico.control.format import Field, Schema, shown
from politico.control.political import SCHEMA
from politico.control.rows import HASHTAGS, LABEL, LISTS, SINGLES
from politico.errors import SchemaError

MOST_FIELDS = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_TITLE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MARKER = re.compile(r"\[[A-ZÁÉÍÓÚÜÑ0-9_]{1,30}\]")
_OF_SCHEMA = {"name": str, "version": int, "text_marker": str, "fields": list, "drop_order": list}
_OF_FIELD = {"name": str, "marker": str, "from": str, "many": bool, "closed": bool, "sign": str, "label": str}
_RESERVED = ("prompt",)
"""Names that mean something else in a request."""


def read_domain(text: str) -> Schema:
    """The schema in a TOML text. Raises SchemaError with the field, what it has and what it takes."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"the schema is no TOML: {error}") from error
    _check(given, _OF_SCHEMA, "the schema", needed=("name", "text_marker", "fields"))
    name = _matching(given["name"], _TITLE, "name", "small letters, digits and hyphens")
    if name == SCHEMA.name:
        raise SchemaError(f"name is {name!r}, which is the project's own schema; take another")
    if not 1 <= len(given["fields"]) <= MOST_FIELDS:
        raise SchemaError(f"the schema has {len(given['fields'])} fields; it takes 1 to {MOST_FIELDS}")
    fields = tuple(_field(one, number) for number, one in enumerate(given["fields"], 1))
    lists = [one.name for one in fields if one.many]
    order = given.get("drop_order", lists[::-1])
    if sorted(map(str, order)) != sorted(lists):
        raise SchemaError(
            f"drop_order is {shown(order)}; it takes each field with several values once: {', '.join(lists) or 'none'}"
        )
    return Schema(
        name=name,
        version=given.get("version", 1),
        fields=fields,
        text_marker=_matching(given["text_marker"], _MARKER, "text_marker", "capitals in brackets, such as [TEXTO]"),
        end=SCHEMA.end,
        drop_order=tuple(order),
    )


def label_columns(schema: Schema) -> dict[str, bool]:
    """The columns of an imported table that the schema's fields come from, each with whether it may have several values."""
    return {one.source.removeprefix(LABEL): one.many for one in schema.fields if one.source.startswith(LABEL)}


def _field(given: Any, number: int) -> Field:
    where = f"field {number}"
    if not isinstance(given, Mapping):
        raise SchemaError(f"{where} is {shown(given)}; it takes a table")
    _check(given, _OF_FIELD, where, needed=("name", "marker", "from"))
    name = _matching(given["name"], _NAME, f"{where}: name", "small letters, digits and underscores")
    if name in _RESERVED:
        raise SchemaError(f"{where}: name is {name!r}, which a request uses for something else; take another")
    source, many, closed = given["from"], given.get("many", False), given.get("closed", False)
    label = source.removeprefix(LABEL) if source.startswith(LABEL) else None
    if label is None and source not in (*SINGLES, *LISTS):
        raise SchemaError(f"{where}: from is {source!r}; it takes {', '.join((*SINGLES, *LISTS))}, or {LABEL}COLUMN")
    if label is not None and not label.strip():
        raise SchemaError(f"{where}: from is {source!r}; it takes the name of a column behind {LABEL}")
    if label is None and many != (source in LISTS):
        raise SchemaError(
            f"{where}: many is {str(many).lower()}, but {source} has {'several values' if source in LISTS else 'one value'}"
        )
    if many and closed:
        raise SchemaError(f"{where}: a field with several values can't be closed")
    sign = given.get("sign", "#" if source == HASHTAGS else "")
    if len(sign) > 1 or sign.isalnum():
        raise SchemaError(f"{where}: sign is {sign!r}; it takes one sign, such as #")
    return Field(
        name,
        _matching(given["marker"], _MARKER, f"{where}: marker", "capitals in brackets, such as [TEMA]"),
        many=many,
        closed=closed,
        sign=sign,
        source=source,
        label=given.get("label", ""),
    )


def _check(given: Mapping[str, Any], known: Mapping[str, type], where: str, needed: tuple[str, ...]) -> None:
    for name, value in given.items():
        if name not in known:
            raise SchemaError(f"{where} has the unknown {name!r}; it knows {', '.join(known)}")
        if type(value) is not known[name]:
            raise SchemaError(f"{where}: {name} is {shown(value)}; it takes a {known[name].__name__}")
    for name in needed:
        if name not in given:
            raise SchemaError(f"{where} has no {name}")


def _matching(value: str, pattern: re.Pattern[str], what: str, takes: str) -> str:
    if not pattern.fullmatch(value):
        raise SchemaError(f"{what} is {shown(value)}; it takes {takes}")
    return value
