"""A small table that a person keeps, as CSV text: whatever their spreadsheet made of it."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from politico.errors import FileFormatError

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Line:
    """One row."""

    number: int
    """Of the line it ends on, the header's being 1."""
    values: Mapping[str, str]
    """By column, without blanks around them; empty where the row is too short."""
    too_many: int
    """How many values stand beyond the last column: a comma inside a value without quotes."""


@dataclass(frozen=True)
class Sheet:
    """The columns, in lower case, and the rows that hold anything."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read_sheet(text: str) -> Sheet:
    """A table separated by commas, semicolons or tabs, with or without a byte order mark. Raises FileFormatError."""
    text = text.removeprefix("\ufeff")
    header = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=header.count))
    try:
        columns = tuple(name.strip().lower() for name in next(reader, ()))
        lines = tuple(_line(reader.line_num, row, columns) for row in reader if any(value.strip() for value in row))
    except csv.Error as error:
        raise FileFormatError(f"line {reader.line_num} is no line of a CSV: {error}") from error
    return Sheet(columns, lines)


def _line(number: int, row: list[str], columns: tuple[str, ...]) -> Line:
    values = [value.strip() for value in row]
    padded = values + [""] * (len(columns) - len(values))
    return Line(number, dict(zip(columns, padded, strict=False)), max(0, len(values) - len(columns)))
