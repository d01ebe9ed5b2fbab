"""Tweets files of others, in whatever format, to posts in the shape of API v2; and whom of them the registry knows."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast
from zoneinfo import ZoneInfo

from politico.archives.account_archive import is_account_script, is_of_deleted, notes_beside, owner_beside, read_account_archive
from politico.archives.entries import UNREAD, Author, Post, Reject
from politico.archives.statuses import read_json
from politico.archives.tables import TableReading, Told, read_csv, read_parquet
from politico.errors import FileFormatError
from politico.tweets.politician import Registry

__all__ = [
    "UNREAD",
    "Admission",
    "Author",
    "Post",
    "Reject",
    "admit",
    "is_csv",
    "open_text",
    "read_entries",
    "read_posts",
    "user_ids",
]

_OPENERS: Mapping[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 1 << 20
_MARK = "\ufeff"
_WESTERN = frozenset("áéíóúüñÁÉÍÓÚÜÑ¿¡çÇàèìòùÀÈÌÒÙâêîôûãõÃÕäöÄÖßªº°«»“”‘’…–—•€·´\N{NO-BREAK SPACE}")
_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"


def read_posts(
    path: Path,
    zone: ZoneInfo,
    *,
    columns: Mapping[str, str] | None = None,
    author: Author | None = None,
    known_ids: Mapping[str, str] | None = None,
    labels: Mapping[str, bool] | None = None,
    from_ids: bool = False,
    told: Told | None = None,
) -> Iterator[Post | Reject]:
    """Every post of the file, read or rejected, and no more in memory than a few thousand of them.

    Times without a zone are taken to be in `zone`. `columns` names a table's columns, `author` whose tweets these are where
    the file does not say, `known_ids` the user ids by casefolded screen name for a table that has none, `labels` a domain's own
    columns, each with whether it may have several values, `from_ids` that a time that can't be read is the one in the id; `told`
    is told what the file's columns decide.
    Raises FileFormatError when the file is missing, empty, or no tweets file at all.
    """
    return read_entries(path, TableReading(zone, columns or {}, author, known_ids or {}, labels or {}, from_ids, told or Told()))


def read_entries(path: Path, reading: TableReading) -> Iterator[Post | Reject]:
    """The same, as the reading says; of a CSV file it may want some of the rows: for the others stands UNREAD."""
    try:
        head = b"" if path.is_dir() else _head(path)
        if path.is_dir() or head == _ZIP:
            _refuse_labels(path, reading)
            yield from read_account_archive(path, reading)
        elif head == _PARQUET:
            yield from read_parquet(path, reading)
        else:
            yield from _read_text(path, reading)
    except UnicodeError as error:
        raise FileFormatError(f"{path} is no text in the encoding it begins with: {error.__class__.__name__}") from error
    except (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
        raise FileFormatError(f"{path} ends before its time or is damaged: {error}; copy it again") from error


def is_csv(path: Path) -> bool:
    """Whether it is read as a table in text. Raises FileFormatError where it can't be read."""
    if path.is_dir() or _head(path) in (_ZIP, _PARQUET):
        return False
    try:
        with open_text(path) as text:
            first = _first_line(text)
    except (UnicodeError, EOFError, OSError, lzma.LZMAError, zlib.error):
        return False  # whoever reads it says why
    return not (is_of_deleted(first) or is_account_script(first) or first.lstrip()[:1] in ("{", "["))


def _first_line(text: TextIO) -> str:
    """The beginning of the first line that is not blank; nothing where there is none."""
    first = ""
    while not first.strip() and (line := text.readline(1000)):
        first = line
    return first if first.strip() else ""


def _read_text(path: Path, reading: TableReading) -> Iterator[Post | Reject]:
    with open_text(path, reading.told.notes.append) as text:
        first = _first_line(text)
        if not first:
            raise FileFormatError(f"{path} is empty; it takes tweets as CSV or as JSON lines")
        text.seek(0)
        if is_of_deleted(first):
            raise FileFormatError(f"{path} holds tweets that their writer deleted; they are not imported")
        if is_account_script(first) or first.lstrip()[0] in "{[":
            _refuse_labels(path, reading)
        if is_account_script(first):
            yield from read_json(path, text, replace(reading, author=owner_beside(path) or reading.author), notes_beside(path))
        elif first.lstrip()[0] in "{[":
            yield from read_json(path, text, reading)
        else:
            yield from read_csv(path, text, reading)


def _refuse_labels(path: Path, reading: TableReading) -> None:
    """Raises FileFormatError for a file that has no columns where a schema takes some."""
    if reading.labels:
        raise FileFormatError(
            f"{path} is no table, and the schema takes its columns {', '.join(reading.labels)}: give CSV or Parquet"
        )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            return raw.read(4)
    except OSError as error:
        raise FileFormatError(f"{path} can't be read: {error.strerror}") from error


def open_text(path: Path, note: Callable[[str], None] = lambda said: None) -> TextIO:
    """The file as text, unpacked and decoded by what its first bytes say; where it is no UTF-8 at all, `note` is told.

    Raises FileFormatError when there is none.
    """
    try:
        with path.open("rb") as raw:
            head = raw.read(6)
    except OSError as error:
        raise FileFormatError(f"{path} can't be read: {error.strerror}") from error
    opener = next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), open)
    with opener(path, "rb") as binary:
        begin = binary.read(64)
    encoding, errors = "utf-8-sig", "surrogateescape"
    if begin[:2] in _UTF_16:
        encoding, errors = "utf-16", "surrogatepass"
    elif wide := _utf_16_without_mark(begin):
        encoding, errors = wide, "surrogatepass"
        note("the file is UTF-16 without its mark, and was read as such")
    elif _is_latin_1(opener, path):
        encoding, errors = "cp1252", "replace"
        note("the file is no UTF-8, and was read as Windows-1252 (Latin-1)")
    # Else bytes that are no UTF-8 come through as lone surrogates: the row they stand in is rejected, not the file.
    return io.TextIOWrapper(cast(BinaryIO, opener(path, "rb")), encoding=encoding, errors=errors, newline="")


def _utf_16_without_mark(begin: bytes) -> str:
    """The encoding of a text that begins with ASCII in two bytes a letter; nothing for any other."""
    even, odd = begin[::2], begin[1::2]
    if len(begin) >= 8 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(begin) >= 8 and not any(even) and all(odd) else ""


def _is_latin_1(opener: Callable[..., Any], path: Path) -> bool:
    """Whether a file has letters beyond ASCII, none of them UTF-8, and as Windows-1252 all are such as the west writes. Else
    those that are no UTF-8 were damaged on their way."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    broken = False
    with opener(path, "rb") as binary:
        while chunk := binary.read(_CHUNK):
            text = decoder.decode(chunk)
            if text.isascii():
                continue
            bytes_ = bytes(ord(letter) - 0xDC00 for letter in text if "\udc80" <= letter <= "\udcff")
            broken = broken or bool(bytes_)
            if set(bytes_.decode("cp1252", errors="replace")) - _WESTERN:
                return False
            if any(letter > "\x7f" and not "\udc80" <= letter <= "\udcff" and letter != _MARK for letter in text):
                return False
    return broken


def admit(entries: Iterable[Post | Reject], registry: Registry) -> Iterator[Post | Reject]:
    """The posts of the registry's politicians, each id once; all others as rejects."""
    admission = Admission(registry)
    for entry in entries:
        refusal = None
        if isinstance(entry, Post):
            refusal = admission.refusal(str(entry.body["id"]).strip(), str(entry.body["author_id"]).strip(), entry.screen_name)
        yield Reject(entry.line, *refusal, entry.file) if refusal else entry


class Admission:
    """Who gets in: the registry's politicians, with each id once. Holds one number for each post."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: set[int] = set()

    def refusal(self, id_str: str, author_id: str, screen_name: str) -> tuple[str, str] | None:
        """Reason and detail of why this post stays out."""
        if self._registry.by_id(author_id) is None:
            named = self._registry.by_screen_name(screen_name)
            if named is None:
                return "not_in_registry", f"the registry has neither the account {author_id} nor the name {screen_name!r}"
            # Nobody asks for what lies under an id that is not listed.
            return "other_account", f"{screen_name!r} is the account {named.user_id} in the registry; this is by {author_id}"
        if (number := int(id_str)) in self._seen:
            return "duplicate_id", f"id {id_str} came before"
        self._seen.add(number)
        return None


def user_ids(entries: Iterable[Post | Reject]) -> dict[str, str]:
    """Casefolded screen name to user id, for a registry that lacks ids."""
    return {one.screen_name.casefold(): one.tweet.author_id for one in entries if isinstance(one, Post) and one.screen_name}
