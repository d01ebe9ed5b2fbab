"""Tweets in tables: CSV (also with `;` or tabs) and Parquet, row by row, to posts in the shape of API v2."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from politico.columns import Columns, find_columns
from politico.damage import check_id
from politico.entries import Built, Post, Reject, checked
from politico.errors import FileFormatError, TweetError
from politico.moments import any_time
from politico.statuses import Author
from politico.tweet import write_time

_RETWEET = re.compile(r"RT @\w+")
_DELIMITERS = (",", ";", "\t")
_BATCH = 2_000
_REFERENCES = ("replied_to", "retweeted", "quoted")
_NOTHING = ("", "nan", "none", "null", "na", "<na>")


@dataclass(frozen=True)
class TableReading:
    """What a person says about a table."""

    zone: ZoneInfo
    """Of times without one."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column names, by what they hold."""
    author: Author | None = None
    """Whose tweets these are, where no column says it."""
    user_ids: Mapping[str, str] = field(default_factory=dict)
    """By casefolded screen name, for a table without user ids."""


def read_csv(path: Path, text: TextIO, reading: TableReading) -> Iterator[Post | Reject]:
    """Every row of a table in text. Raises FileFormatError when it is no table of tweets."""
    first = text.readline()
    text.seek(0)
    reader = csv.reader(text, delimiter=max(_DELIMITERS, key=first.count))
    try:
        header = next(reader)
    except csv.Error as error:
        raise FileFormatError(f"{path} is no tweets file: {error}") from error
    columns = find_columns(path, header, reading.columns, author_is_given=reading.author is not None)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Reject(line, "broken_row", str(error))
            continue
        if not row:
            continue
        if len(row) != len(header):
            yield Reject(line, "broken_row", f"{len(row)} values for {len(header)} columns")
            continue
        yield checked(line, _from_row, row, columns, reading, may_be_cut=True)


def read_parquet(path: Path, reading: TableReading) -> Iterator[Post | Reject]:
    """Every row of a Parquet file, a batch at a time. Raises FileFormatError."""
    try:
        with pq.ParquetFile(path) as file:
            header = _leaf_names(file.schema_arrow)
            columns = find_columns(path, header, reading.columns, author_is_given=reading.author is not None)
            used = sorted({place for places in columns.places.values() for place in places})
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=[header[place] for place in used]):
                flat = _flattened(batch)
                values = {place: _values(flat[header[place]]) for place in used}
                for index in range(batch.num_rows):
                    number += 1
                    row = [values[place][index] if place in values else None for place in range(len(header))]
                    yield checked(number, _from_row, row, columns, reading, may_be_cut=True)
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(f"{path} is no whole Parquet file: {str(error)[:200]}; copy it again") from error


def _leaf_names(schema: pa.Schema) -> list[str]:
    """Column names; those of a struct with a dot (`author.id`)."""
    names: list[str] = []
    for one in schema:
        if pa.types.is_struct(one.type):
            names += [f"{one.name}.{inner.name}" for inner in one.type]
        else:
            names.append(one.name)
    return names


def _flattened(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    flat: dict[str, pa.Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_struct(column.type):
            for inner, values in zip(column.type, column.flatten(), strict=True):
                flat[f"{name}.{inner.name}"] = values
        else:
            flat[name] = column
    return flat


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(column.type):  # Python's times end at microseconds
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _from_row(row: Sequence[Any], columns: Columns, reading: TableReading) -> Built:
    values = {
        what: next((row[place] for place in places if _is_given(row[place])), None) for what, places in columns.places.items()
    }
    text = values["text"]
    author_id, screen_name = _writer(values, reading)
    post: dict[str, Any] = {
        "id": _as_text(values["id"]),
        "author_id": author_id,
        "created_at": write_time(any_time("" if values["created_at"] is None else values["created_at"], reading.zone)),
        "text": text if text is not None else "",
        **({"lang": values["lang"]} if values.get("lang") else {}),
    }
    given = [(kind, values[kind]) for kind in _REFERENCES if _names_something(values.get(kind))]
    references = [{"type": kind, "id": _reference_id(value)} for kind, value in given]
    if isinstance(text, str) and _RETWEET.match(text) and "retweeted" not in dict(given):
        references.append({"type": "retweeted", "id": "0"})  # the row does not say which tweet it repeats
    return ({**post, "referenced_tweets": references} if references else post), screen_name


def _writer(values: Mapping[str, Any], reading: TableReading) -> tuple[str | float, str]:
    """User id and screen name: of the row, else of whose table it is."""
    screen_name = str(values.get("screen_name") or "").strip().lstrip("@")
    author_id = _as_text(values.get("user_id"))
    if author_id != "" or "user_id" in values:
        return author_id, screen_name
    if screen_name:
        return reading.user_ids.get(screen_name.casefold(), ""), screen_name
    return (reading.author.user_id, reading.author.screen_name) if reading.author else ("", "")


def _is_given(value: Any) -> bool:
    return value is not None and value != ""


def _names_something(value: Any) -> bool:
    return str(value if value is not None else "").strip().lower() not in (*_NOTHING, "0", "0.0", "false")


def _as_text(value: Any) -> Any:
    """An id as it stands; one that is a floating-point number stays one, so that its rounding is seen."""
    if isinstance(value, float):
        return "" if value != value else value
    return "" if value is None else str(value).strip()


def _reference_id(value: Any) -> str:
    """What a row refers to, or 0: that this id was rounded does not cost the row."""
    try:
        return str(check_id(value, "id")).strip()
    except TweetError:
        return "0"
