"""A collection's documents to plain texts, on all cores: one JSON string a line.

What a stopped run had cleaned is there for the next: the collection is read again up to where it was, and cleaned from there on.
"""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from training.cores import cores
from training.corpus.documents import Document, LeftOut, read_documents
from training.corpus.templates import DisambiguationError
from training.corpus.wikitext import clean_wikitext

DOCUMENTS_FILE = "documents.part.jsonl"
"""The texts, in the corpus folder for as long as it is being made."""
_STATE, _WRITING = ".json", ".writing"
BLOCK = 1_000
"""Documents cleaned at once, over all cores."""
ALONE = 100
"""Fewer documents than this are cleaned faster than processes start."""
MEGABYTE = 1_000_000
SECONDS_BETWEEN_LINES = 3.0


class Progress:
    """At most one line every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def line(self, text: str) -> None:
        if time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            print(text, flush=True)


def collect(files: Sequence[Path], texts: Path, max_megabytes: float) -> tuple[int, Counter[str]]:
    """Write the texts to keep. Gives how many documents were read, and those left out by reason.

    Raises FileFormatError for a file that is torn or not what it says.
    """
    of = {
        "files": [[str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns] for path in files],
        "max_megabytes": max_megabytes,
        "rules": _rules(),
    }
    state = _state_of(texts, of)
    read, size, limit = state["read"], state["size"], max_megabytes * MEGABYTE
    left_out: Counter[str] = Counter(state["left_out"])
    if state["done"]:
        return read, left_out
    if read:
        print(f"going on after {read:,} documents", flush=True)
    progress = Progress()
    remaining = islice(read_documents(files), read, None)
    with texts.open("r+b" if read else "wb") as out, _Cleaner() as cleaner:
        out.truncate(state["length"])
        out.seek(state["length"])
        while block := list(islice(remaining, BLOCK)):
            read += len(block)
            documents = []
            for one in block:
                if isinstance(one, LeftOut):
                    left_out[one.reason] += 1
                else:
                    documents.append(one)
            if size >= limit:
                left_out["over_max_megabytes"] += len(documents)
                documents = []
            for text in cleaner.clean(documents):
                if isinstance(text, LeftOut):
                    left_out[text.reason] += 1
                elif not text.strip():
                    left_out["empty"] += 1
                elif size >= limit:
                    left_out["over_max_megabytes"] += 1
                else:
                    size += len(text.encode())
                    out.write(json.dumps(text, ensure_ascii=False).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
            _keep(texts, {**of, "read": read, "left_out": left_out, "size": size, "length": out.tell(), "done": False})
            progress.line(f"read {read:,} documents, {size / MEGABYTE:.1f} MB kept")
        _keep(texts, {**of, "read": read, "left_out": left_out, "size": size, "length": out.tell(), "done": True})
    return read, left_out


def forget_documents(texts: Path) -> None:
    """Remove the texts and what is known of them."""
    for path in (texts, texts.with_suffix(_STATE), texts.with_suffix(_WRITING)):
        path.unlink(missing_ok=True)


def _rules() -> str:
    """What says how texts are cleaned: half a collection by other rules would be no collection."""
    modules = [sys.modules[name] for name in (Document.__module__, clean_wikitext.__module__, DisambiguationError.__module__)]
    return hashlib.sha256(b"".join(Path(str(module.__file__)).read_bytes() for module in modules)).hexdigest()


def _state_of(texts: Path, of: dict[str, Any]) -> dict[str, Any]:
    """Where a stopped run was over this very collection; the beginning where there was none."""
    begin = {"read": 0, "left_out": {}, "size": 0, "length": 0, "done": False}
    try:
        found: dict[str, Any] = json.loads(texts.with_suffix(_STATE).read_text(encoding="utf-8"))
        whole = texts.stat().st_size >= found["length"]
    except (OSError, ValueError, KeyError, TypeError):
        return begin
    same = all(found.get(name) == value for name, value in of.items()) and set(begin) <= set(found)
    return found if same and whole else begin


def _keep(texts: Path, state: dict[str, Any]) -> None:
    path = texts.with_suffix(_STATE)
    partial = path.with_suffix(_WRITING)
    partial.write_text(json.dumps(state), encoding="utf-8")
    partial.replace(path)


class _Cleaner:
    """Cleans wikitext on all cores, which are only called in for a large block."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    def __enter__(self) -> "_Cleaner":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.terminate()

    def clean(self, documents: list[Document]) -> Iterable[str | LeftOut]:
        """The texts in order; for one that is none, or whose markup the parser can't cope with, why not."""
        if sum(one.markup is not None for one in documents) < ALONE:
            return map(_plain, documents)
        if self._pool is None:
            self._pool = multiprocessing.get_context("spawn").Pool(cores())
        return self._pool.imap(_plain, documents, chunksize=20)


def _plain(document: Document) -> str | LeftOut:
    if document.markup is None:
        return document.text
    try:
        return clean_wikitext(document.text, document.markup)
    except DisambiguationError:
        return LeftOut("disambiguation")
    except Exception:  # one odd page in a million must not end the job, whatever the parser stumbles over
        return LeftOut("unparsable")
