"""Tweets as objects of other tools' own: twint, snscrape, lists of deputies' tweets. An object is read as a table's row is, its
names being the columns; what stands in an object inside it has that one's name before its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from politico.archives.columns import looks_like_header
from politico.archives.entries import Built
from politico.archives.tables import TableReading, columns_in, from_row
from politico.errors import FileFormatError, TweetError

NESTED = ("user", "author")
"""Objects whose members are columns; others are values."""


def is_record(value: Mapping[str, Any]) -> bool:
    """Whether an object has a table's names for an id and a text, and is none of X's own."""
    return looks_like_header(list(value)) and "author_id" not in value


def from_record(value: Mapping[str, Any], reading: TableReading) -> Built:
    """The post that an object is. Raises TweetError for one that lacks something."""
    row: dict[str, Any] = {}
    for name, held in value.items():
        if name in NESTED and isinstance(held, Mapping):
            row |= {f"{name}.{inner}": one for inner, one in held.items()}
        else:
            row[name] = held
    try:
        columns = columns_in(Path("the object"), list(row), reading)
    except FileFormatError as error:
        raise TweetError("broken_post", str(error)[:200]) from error
    return from_row(list(row.values()), columns, reading)
