"""A text collection, read as a stream of documents: MediaWiki exports and plain text, compressed or not."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from politico.control.format import composed
from politico.errors import FileFormatError
from training.corpus.templates import LISTS
from training.corpus.wikitext import Markup, read_pages

DOCUMENT_CHARACTERS = 4_000
"""A plain text's paragraphs are grouped to documents of about this length."""

_OPENERS: dict[str, Any] = {".bz2": bz2.open, ".gz": gzip.open, ".xz": lzma.open}
_UNREADABLE = (OSError, EOFError, UnicodeDecodeError, zlib.error, lzma.LZMAError, ParseError)


@dataclass(frozen=True)
class Document:
    """One text, still in wikitext when it has a markup."""

    text: str
    markup: Markup | None = None


@dataclass(frozen=True)
class LeftOut:
    """A document that is not for training, and why: `other_namespace`, `redirect`, `list`."""

    reason: str


def collection_files(folder: Path) -> list[Path]:
    """The files of a collection, by name. Raises FileFormatError for none, or for one that is neither XML nor text."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        raise FileFormatError(f"{folder} holds no file; put a MediaWiki export (.xml) or plain text (.txt) there")
    for path in files:
        if _kind(path) not in (".xml", ".txt"):
            raise FileFormatError(f"{path.name} is neither .xml nor .txt, alone or with .bz2, .gz or .xz behind it")
    return files


def read_documents(files: Iterable[Path]) -> Iterator[Document | LeftOut]:
    """Every document of the files, one at a time. Raises FileFormatError for a file that is torn or not what it says."""
    for path in files:
        opened = _OPENERS.get(path.suffix, open)
        try:
            if _kind(path) == ".xml":
                with opened(path, "rb") as stream:
                    yield from _articles(stream)
            else:
                with opened(path, "rt", encoding="utf-8") as stream:
                    yield from (Document(composed(text)) for text in group_paragraphs(stream))
        except FileFormatError as error:
            raise FileFormatError(f"{path.name} {error}") from error
        except _UNREADABLE as error:
            raise FileFormatError(f"{path.name} can't be read: {error}") from error


def group_paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Documents of whole paragraphs, which blank lines part. A paragraph longer than a document ends where its line does."""
    paragraphs: list[str] = []
    paragraph: list[str] = []
    length = 0
    for line in lines:
        words = " ".join(line.split())
        length += len(words)
        if words:
            paragraph.append(words)
        if paragraph and (not words or length >= DOCUMENT_CHARACTERS):
            paragraphs.append(" ".join(paragraph))
            paragraph = []
        if length >= DOCUMENT_CHARACTERS:
            yield "\n".join(paragraphs)
            paragraphs, length = [], 0
    if paragraph:
        paragraphs.append(" ".join(paragraph))
    if paragraphs:
        yield "\n".join(paragraphs)


def _articles(stream: IO[bytes]) -> Iterator[Document | LeftOut]:
    for page in read_pages(stream):
        if page.namespace != 0:
            yield LeftOut("other_namespace")
        elif page.redirect:
            yield LeftOut("redirect")
        elif LISTS.match(page.title):
            yield LeftOut("list")
        else:
            yield Document(composed(page.text), page.markup)


def _kind(path: Path) -> str:
    """The suffix under the compression's."""
    return Path(path.stem).suffix.lower() if path.suffix in _OPENERS else path.suffix.lower()
