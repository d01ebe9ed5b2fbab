"""Which tweets no training sees: the newest whole days, so that a model is judged on what came after it."""

import re
import unicodedata
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from politico.dataset.cut import cut_day
from politico.errors import LimitError
from training.dataset.folder import DAY

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Split:
    """A dataset in two; rows = train + held out + dropped duplicates."""

    train: pa.Table
    held_out: pa.Table
    cut_day: str
    """The first held-out day."""
    dropped_duplicates: int
    """Held-out tweets whose words stand in a training tweet too: left out, for they would test memory."""


def split(table: pa.Table, held_out_share: float) -> Split:
    """Hold out the fewest newest whole days that have at least this share of the tweets. Raises LimitError for one day."""
    counts = table.group_by(DAY).aggregate([(DAY, "count")])
    rows = dict(zip(counts[DAY].to_pylist(), counts[f"{DAY}_count"].to_pylist(), strict=True))
    return split_at(table, cut_day(rows, held_out_share))


def split_at(table: pa.Table, first_held_out: str) -> Split:
    """Train on the days before this one. Raises LimitError when that leaves either side empty."""
    newer = pc.greater_equal(table[DAY], first_held_out)
    train, newest = table.filter(pc.invert(newer)), table.filter(newer)
    known = {normalised(text) for text in train["text"].to_pylist()}
    fresh = [normalised(text) not in known for text in newest["text"].to_pylist()]
    held_out = newest.filter(pa.array(fresh, pa.bool_()))
    if not len(train) or not len(held_out):
        raise LimitError(f"cut at {first_held_out} the dataset gives {len(train)} training tweets and {len(held_out)} held out")
    return Split(train.combine_chunks(), held_out.combine_chunks(), first_held_out, len(newest) - len(held_out))


def normalised(text: str) -> str:
    """The words alone, in lower case: two tweets that differ in more than punctuation differ here. Without a word, as it is."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold())) or text.strip()
