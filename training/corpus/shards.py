"""A corpus folder: its tokenizer, and its documents as token shards.

A shard is one row of 16-bit little-endian token ids, each document followed by the end token.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from tokenizers import Encoding, Tokenizer

from politico.errors import FileFormatError
from politico.lake.places import SHARD_FILES

Tokens: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint16]]"

TOKENIZER_FILE, TRAIN_FILE, HELD_OUT_FILE, STATISTICS_FILE = SHARD_FILES

DTYPE = np.dtype("<u2")
BLOCK = 256
"""Documents encoded at once, over all cores."""


def write_shard(path: Path, documents: Iterable[str], tokenizer: Tokenizer, end_id: int) -> Iterator[int]:
    """Write the documents' tokens; yields how many tokens each block added, so that a caller can show progress.

    While one block is written the next is encoded: what Python does with the ids takes a fifth of the time, and one core.
    """
    remaining = iter(documents)

    def encoded() -> list[Encoding]:
        block = list(islice(remaining, BLOCK))
        found: list[Encoding] = tokenizer.encode_batch_fast(block, add_special_tokens=False) if block else []
        return found

    with path.open("wb") as out, ThreadPoolExecutor(max_workers=1) as ahead:
        following = ahead.submit(encoded)
        while block := following.result():
            following = ahead.submit(encoded)
            ids = np.concatenate([np.array([*one.ids, end_id], dtype=DTYPE) for one in block])
            out.write(ids.tobytes())
            yield len(ids)


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of tokenizer and shards by file name, as they are. Raises FileFormatError for one that is missing."""
    found = {}
    for name in (TOKENIZER_FILE, TRAIN_FILE, HELD_OUT_FILE):
        if not (folder / name).is_file():
            raise FileFormatError(f"{folder / name} is missing; it is written by training.corpus")
        with (folder / name).open("rb") as body:
            found[name] = hashlib.file_digest(body, "sha256").hexdigest()
    return found


def hashes_of(folder: Path) -> dict[str, str]:
    """The same, held against what the corpus's statistics say that was written. Raises FileFormatError for one that differs."""
    found = file_hashes(folder)
    for name, written in _written(folder / STATISTICS_FILE).items():
        if found.get(name, written) != written:
            raise FileFormatError(
                f"{folder / name} is damaged: its SHA-256 is {found[name]}, and was {written} when it was written"
            )
    return found


def _written(statistics: Path) -> dict[str, str]:
    """What a corpus's statistics say of its files; nothing where they are older than that."""
    try:
        found: dict[str, str] = json.loads(statistics.read_text(encoding="utf-8")).get("sha256", {})
    except (OSError, ValueError, AttributeError) as error:
        raise FileFormatError(f"{statistics} is no corpus statistics; it is written by training.corpus") from error
    return found


def read_shard(path: Path) -> Tokens:
    """The tokens of a shard, mapped from disk. Raises FileFormatError when there are none."""
    if not path.is_file():
        raise FileFormatError(f"{path} is missing; it is written by training.corpus")
    if path.stat().st_size < DTYPE.itemsize or path.stat().st_size % DTYPE.itemsize:
        raise FileFormatError(f"{path} has {path.stat().st_size} bytes; a shard has two for each token and at least one token")
    return np.memmap(path, dtype=DTYPE, mode="r")
