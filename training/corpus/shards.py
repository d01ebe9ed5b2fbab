"""A corpus folder: its tokenizer, and its documents as token shards.

A shard is one row of 16-bit little-endian token ids, each document followed by the end token.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from tokenizers import Tokenizer

from politico.errors import FileFormatError
from politico.lake.places import SHARD_FILES

Tokens: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint16]]"

TOKENIZER_FILE, TRAIN_FILE, HELD_OUT_FILE, STATISTICS_FILE = SHARD_FILES

DTYPE = np.dtype("<u2")
BLOCK = 256
"""Documents encoded at once, over all cores."""


def write_shard(path: Path, documents: Iterable[str], tokenizer: Tokenizer, end_id: int) -> Iterator[int]:
    """Write the documents' tokens; yields how many tokens each block added, so that a caller can show progress."""
    remaining = iter(documents)
    with path.open("wb") as out:
        while block := list(islice(remaining, BLOCK)):
            encoded = tokenizer.encode_batch_fast(block, add_special_tokens=False)
            ids = np.concatenate([np.array([*one.ids, end_id], dtype=DTYPE) for one in encoded])
            out.write(ids.tobytes())
            yield len(ids)


def read_shard(path: Path) -> Tokens:
    """The tokens of a shard, mapped from disk. Raises FileFormatError when there are none."""
    if not path.is_file():
        raise FileFormatError(f"{path} is missing; it is written by training.corpus")
    if path.stat().st_size < DTYPE.itemsize or path.stat().st_size % DTYPE.itemsize:
        raise FileFormatError(f"{path} has {path.stat().st_size} bytes; a shard has two for each token and at least one token")
    return np.memmap(path, dtype=DTYPE, mode="r")
