"""The dataset's manifest: each day's rows and checksum, and one hash that names the whole, so that a model can name its data."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from politico.lake import places
from politico.lake.bucket import Lake
from politico.tweets.tweet import write_time

SCHEMA_VERSION = 1
"""Of the manifest and of what the hash is taken over."""


def content_hash(days: Mapping[str, str]) -> str:
    """One SHA-256 for a dataset, from each day (`YYYY-MM-DD`) to the SHA-256 of its file."""
    return hashlib.sha256("".join(f"{day} {days[day]}\n" for day in sorted(days)).encode()).hexdigest()


@dataclass(frozen=True)
class DayEntry:
    """One day's file."""

    sha256: str
    rows: int
    parties: Mapping[str, Mapping[str, int]]
    """Rows by coalition and party."""
    oldest: str
    newest: str
    """When the first and the last tweet was written, as X writes times."""

    @classmethod
    def of(cls, body: bytes) -> "DayEntry":
        """What a Parquet file of the dataset holds; it has at least one row."""
        table = pq.ParquetFile(io.BytesIO(body)).read(columns=["created_at", "coalition", "party"])
        pairs = Counter(zip(table["coalition"].to_pylist(), table["party"].to_pylist(), strict=True))
        parties: dict[str, dict[str, int]] = {}
        for (coalition, party), count in sorted(pairs.items()):
            parties.setdefault(coalition, {})[party] = count
        ends = pc.min_max(table["created_at"])
        oldest, newest = (write_time(ends[name].as_py()) for name in ("min", "max"))
        return cls(hashlib.sha256(body).hexdigest(), len(table), parties, oldest, newest)


@dataclass(frozen=True)
class Manifest:
    """The whole dataset, by day."""

    days: Mapping[str, DayEntry] = field(default_factory=dict)
    """`YYYY-MM-DD`, in the registry's time zone."""

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.days.values())

    @property
    def sha256(self) -> str:
        return content_hash({day: one.sha256 for day, one in self.days.items()})

    def identity(self) -> dict[str, Any]:
        """What names the data in a report, an event or a model's card."""
        return {"sha256": self.sha256, "rows": self.rows, "days": len(self.days)}

    def to_json(self) -> dict[str, Any]:
        days = {day: vars(self.days[day]) for day in sorted(self.days)}
        return {"schema": SCHEMA_VERSION, "dataset": self.identity(), "days": days}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Manifest":
        return cls({day: DayEntry(**one) for day, one in body["days"].items()})


def read_manifest(lake: Lake) -> Manifest:
    """The lake's manifest; an empty one before the first curation."""
    held = lake.read_if_any(places.DATASET_MANIFEST)
    return Manifest.from_json(json.loads(held[0])) if held else Manifest()


def update_manifest(lake: Lake, days: Iterable[date]) -> None:
    """Note these days as their files are now. Whoever writes or removes a day's file calls it afterwards.

    The files are read after the manifest's own version was looked up: of two writers of a day the slower one's older state
    can't stay. A lake without a manifest gets one of all its days.
    """
    touched = set(days)

    def compute() -> bytes:
        if lake.read_if_any(places.DATASET_MANIFEST) is None:
            touched.update(places.day_of(key) for key in lake.keys(places.DATASET) if places.is_dataset_day(key))
        entries = dict(read_manifest(lake).days)
        for day in touched:
            found = lake.read_if_any(places.dataset_day(day))
            entries.pop(str(day), None)
            if found:
                entries[str(day)] = DayEntry.of(found[0])
        return json.dumps(Manifest(entries).to_json(), ensure_ascii=False, indent=1).encode()

    lake.replace(places.DATASET_MANIFEST, compute)
