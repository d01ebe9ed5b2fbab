"""Tweets in tables: CSV (also with `;` or tabs) and Parquet, row by row, to posts in the shape of API v2."""

import ast
import csv
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from politico.archives.columns import Columns, find_columns, looks_like_header
from politico.archives.entries import UNREAD, Author, Built, Post, Reject, checked
from politico.archives.marks import UNKNOWN_ID, Marks, judged
from politico.archives.moments import at_clock
from politico.archives.times import written_at
from politico.errors import FileFormatError, TweetError
from politico.tweets.kinds import QUOTE, QUOTED, REPLIED_TO, RETWEET, RETWEETED, begins_as_retweet
from politico.tweets.tweet import LABELS, write_time

_SEPARATOR = re.compile(r"\"?sep=(.)\"?", re.IGNORECASE)
_PROTECTED_ID = re.compile(r"""(?:x|'|=?")?(\d+)"?""")
_BYTES = re.compile(r"""b(['"]).*\1""", re.DOTALL)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PARTED = re.compile(r"[;|]")
_DELIMITERS = (",", ";", "\t", "|")
_HEADER_LINES = 30
"""A report's lines may stand before a table's header: so many are looked through."""
_BATCH = 2_000
_MARKS = {RETWEETED: RETWEET, QUOTED: QUOTE}
"""How a column in words names them."""
_MISSING = ("NA", "<NA>", "NaN", "nan", "None", "NULL", "null")
"""What programs write where there is nothing."""


@dataclass
class Told:
    """What a table's columns decided, for whoever wants to know."""

    kinds_by: tuple[str, ...] = ()
    """The columns that tell retweets and quotes."""
    marks: Marks = field(default_factory=Marks)
    """With the words in them that nobody knows."""
    is_table: bool = False
    notes: list[str] = field(default_factory=list)
    """Sentences on what was read otherwise than as it stands."""


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
    labels: Mapping[str, bool] = field(default_factory=dict)
    """A domain's own columns, each with whether it may have several values, parted by `;` or `|`."""
    from_ids: bool = False
    """Whether a time that can't be read is the one in the id."""
    told: Told = field(default_factory=Told)
    """Where the reader says what it has found out about the table."""
    wanted: Callable[[int], bool] | None = None
    """Which rows of a CSV file to read, by their number from 0; UNREAD stands for the others. None: all."""


def read_csv(path: Path, text: TextIO, reading: TableReading) -> Iterator[Post | Reject]:
    """Every row of a table in text. Raises FileFormatError when it is no table of tweets."""
    first, skipped, separator = _begin(text)
    # Strict: a quotation mark out of place would otherwise take what follows into its value, other rows too, without a word.
    reader = csv.reader(itertools.chain([first], text), delimiter=separator or max(_DELIMITERS, key=first.count), strict=True)
    try:
        header = next(reader)
    except csv.Error as error:
        raise FileFormatError(f"{path} is no tweets file: {error}") from error
    columns = columns_in(path, header, reading)
    wanted, plain_header = reading.wanted or (lambda number: True), _without_marks(header)
    number = -1
    while True:
        line = skipped + reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = skipped + reader.line_num
            lines = f"lines {line} to {last}, taken together by a quotation mark" if last > line else f"line {line}"
            number += 1
            yield Reject(line, "broken_row", f"{lines}: {error}")
            continue
        if not row:
            continue
        if row[0].strip("\ufeff") == plain_header[0] and _without_marks(row) == plain_header:  # two tables in one file
            continue
        number += 1
        if not wanted(number):
            yield UNREAD
        elif len(row) != len(header):
            yield Reject(line, "broken_row", f"{len(row)} values for {len(header)} columns")
        else:
            yield checked(line, from_row, row, columns, reading, may_be_cut=True)


def _without_marks(row: Sequence[str]) -> list[str]:
    """The values without the byte order mark, which a file that was joined of others has inside."""
    return [one.strip("\ufeff") for one in row]


def _names(line: str, separator: str) -> list[str]:
    """The line's values; none where it is no line of a table."""
    try:
        return next(csv.reader([line], delimiter=separator or max(_DELIMITERS, key=line.count)), [])
    except csv.Error:
        return []


def columns_in(path: Path, header: Sequence[str], reading: TableReading) -> Columns:
    """Where a table with this header has what, and what of that decides the kinds, for who asks. Raises FileFormatError."""
    given = reading.author is not None
    columns = find_columns(path, header, reading.columns, author_is_given=given, labels=reading.labels)
    named = [header[place].strip() for place in columns.places.get("kind", ())]
    told = reading.told
    told.is_table = True
    told.kinds_by = tuple(dict.fromkeys((*told.kinds_by, *(one.name for one in columns.marks.columns), *named)))
    columns.marks.unknown = told.marks.unknown  # one count, also over objects that have names of their own each
    return columns


def _begin(text: TextIO) -> tuple[str, int, str]:
    """The header's line, how many lines stand before it, and the separator where a spreadsheet's `sep=;` names it."""
    skipped, separator = 0, ""
    first: tuple[str, int] | None = None
    while (line := text.readline()) and skipped < _HEADER_LINES:
        plain = line.strip().strip("\ufeff")
        if found := _SEPARATOR.fullmatch(plain):
            separator = found[1]
        elif plain:
            if looks_like_header(_names(plain, separator)):
                return line.lstrip("\ufeff"), skipped, separator
            first = first or (line, skipped)
        skipped += 1
    if first is None:
        return "", skipped, separator
    text.seek(0)  # no header anywhere: what stands first is shown in the refusal, or has names of the person's own
    for _ in range(first[1] + 1):
        text.readline()
    return *first, separator


def read_parquet(path: Path, reading: TableReading) -> Iterator[Post | Reject]:
    """Every row of a Parquet file, a batch at a time. Raises FileFormatError."""
    try:
        with pq.ParquetFile(path) as file:
            header = _leaf_names(file.schema_arrow)
            columns = columns_in(path, header, reading)
            marking = [one.place for one in columns.marks.columns]
            used = sorted({place for places in (*columns.places.values(), columns.labels.values(), marking) for place in places})
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH, columns=[header[place] for place in used]):
                flat = _flattened(batch)
                values = {place: _values(flat[header[place]]) for place in used}
                for index in range(batch.num_rows):
                    number += 1
                    row = [values[place][index] if place in values else None for place in range(len(header))]
                    yield checked(number, from_row, row, columns, reading, may_be_cut=True)
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


def from_row(row: Sequence[Any], columns: Columns, reading: TableReading) -> Built:
    """The post that a row is. Raises TweetError."""
    values = {what: _first_given(row, places) for what, places in columns.values.items()}
    if values["text"] is None:  # somebody may have written just that
        values["text"] = row[columns.places["text"][-1]]
    if any(judged(row[place]) for place in columns.places.get("deleted", ())):
        raise TweetError("deleted", "the file marks the post as deleted")
    author_id, screen_name = _writer(values, reading)
    id_value = _as_id(values["id"])
    moment = written_at(_moment(values), id_value, reading.zone, from_ids=reading.from_ids)
    post: dict[str, Any] = {
        "id": id_value,
        "author_id": author_id,
        "created_at": write_time(moment.at),
        "text": _as_text(values["text"]),
        **({"lang": values["lang"]} if values.get("lang") else {}),
    }
    if columns.labels:
        post[LABELS] = _labels(row, columns, reading)
    references = _references(row, columns)
    body = {**post, "referenced_tweets": references} if references else post
    return Built(body, screen_name, moment.resolution)


def _labels(row: Sequence[Any], columns: Columns, reading: TableReading) -> dict[str, list[str]]:
    """What the row says in a domain's own columns; a column that it leaves empty is left out."""
    found = {}
    for label, place in columns.labels.items():
        value = row[place]
        if not _is_given(value):
            continue
        given = value if isinstance(value, list) else _PARTED.split(str(value)) if reading.labels[label] else [str(value)]
        if texts := [text for one in given if (text := " ".join(str(one).split()))]:
            found[label] = texts
    return found


def _references(row: Sequence[Any], columns: Columns) -> list[dict[str, str]]:
    """What the row repeats, quotes or answers, by whichever of its columns says so; the id is 0 where none tells it."""
    found = columns.marks.of(row)
    answered = [judged(row[place], of_ids=True) for place in columns.places.get(REPLIED_TO, ())]
    if given := [one for one in answered if one]:
        found[REPLIED_TO] = next((one for one in given if one != UNKNOWN_ID), UNKNOWN_ID)
    words = " ".join(str(row[place]) for place in columns.places.get("kind", ())).lower()
    for kind, mark in _MARKS.items():
        if mark in words:
            found.setdefault(kind, UNKNOWN_ID)
    if any(isinstance(row[place], str) and begins_as_retweet(row[place]) for place in columns.places["text"]):
        found.setdefault(RETWEETED, UNKNOWN_ID)
    return [{"type": kind, "id": id_str} for kind, id_str in found.items()]


def _moment(values: Mapping[str, Any]) -> Any:
    """When it was written; the hour of a bare date may stand in columns of its own."""
    given, clock = values["created_at"], str(values.get("clock") or "").strip()
    if given is None:
        return ""
    if not (_DATE.fullmatch(str(given).strip()) and clock):
        return given
    zone = values.get("clock_zone")
    return at_clock(str(given).strip(), clock, "" if zone is None else str(zone))


def _writer(values: Mapping[str, Any], reading: TableReading) -> tuple[str | float, str]:
    """User id and screen name: of the row, else of whose table it is."""
    screen_name = str(values.get("screen_name") or "").strip()
    if screen_name[:1] == "{":  # the whole user, as text
        user = _user_in(screen_name)
        values = {"user_id": user.get("id_str") or user.get("id"), **{what: one for what, one in values.items() if one}}
        screen_name = str(user.get("screen_name") or user.get("username") or "")
    screen_name = screen_name.lstrip("@")
    author_id = _as_id(values.get("user_id"))
    if author_id != "" or "user_id" in values:
        return author_id, screen_name
    if screen_name:
        return reading.user_ids.get(screen_name.casefold(), ""), screen_name
    return (reading.author.user_id, reading.author.screen_name) if reading.author else ("", "")


def _user_in(text: str) -> Mapping[str, Any]:
    """The user that somebody wrote as a dictionary. Raises TweetError."""
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise TweetError("no_author_id", "the writer is written as an object that can't be read") from error
    return found if isinstance(found, Mapping) else {}


def _first_given(row: Sequence[Any], places: Sequence[int]) -> Any:
    """The first of these values that is one, or None."""
    for place in places:
        if _is_given(row[place]):
            return row[place]
    return None


def _is_given(value: Any) -> bool:
    return value is not None and value != "" and not (isinstance(value, str) and value in _MISSING)


def _as_id(value: Any) -> Any:
    """An id as it stands, without what R and spreadsheets put around it so that it stays a text; one that is a floating-point
    number stays one, so that its rounding is seen."""
    if isinstance(value, float):
        return "" if value != value else value
    text = "" if value is None else str(value).strip()
    found = _PROTECTED_ID.fullmatch(text)
    return found[1] if found else text


def _as_text(value: Any) -> Any:
    """A text; one that a program wrote as Python's bytes (`b'ma\\xc3\\xb1ana'`) as what they say. Raises TweetError."""
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        return "" if value is None else value
    try:
        return str(ast.literal_eval(value).decode())
    except (ValueError, SyntaxError) as error:
        raise TweetError("bad_encoding", "the text is written as bytes, and they are no UTF-8") from error
