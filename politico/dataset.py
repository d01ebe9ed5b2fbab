"""The dataset: one row a tweet, joined with its politician, in one Parquet file a day."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from politico import lake as places
from politico.annotation import Annotation
from politico.errors import RegistryError
from politico.lake import Lake
from politico.politician import Registry, read_registry
from politico.tweet import Tweet, read_time, write_time

DEFAULT_TIME_ZONE = "America/Santiago"

COLUMNS = pa.schema(
    [
        ("id_str", pa.string()),
        ("created_at", pa.timestamp("ms", tz="UTC")),
        ("screen_name", pa.string()),
        ("name", pa.string()),
        ("office", pa.string()),
        ("coalition", pa.string()),
        ("party", pa.string()),
        ("text", pa.string()),
        ("hashtags", pa.list_(pa.string())),
        ("entities", pa.list_(pa.struct([("text", pa.string()), ("type", pa.string()), ("score", pa.float64())]))),
        ("key_phrases", pa.list_(pa.struct([("text", pa.string()), ("score", pa.float64())]))),
        ("sentiment", pa.string()),
        (
            "sentiment_score",
            pa.struct([(name, pa.float64()) for name in ("positive", "negative", "neutral", "mixed")]),
        ),
        ("lang", pa.string()),
        ("source", pa.string()),
        ("edited", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Day:
    """One day's table and what became of its annotated tweets: read = rows + the dropped."""

    rows: list[dict[str, Any]]
    read: int
    dropped: Mapping[str, int]
    """By reason: `duplicate`, `replaced_by_edit`, `tombstone`, `not_in_registry`."""


def open_registry(lake: Lake) -> tuple[Registry, ZoneInfo]:
    """The reviewed registry and the time zone whose days the dataset is cut into. Raises RegistryError."""
    settings = lake.read_if_any(places.REGISTRY_SETTINGS)
    zone = json.loads(settings[0])["time_zone"] if settings else DEFAULT_TIME_ZONE
    held = lake.read_if_any(places.REGISTRY)
    if held is None:
        raise RegistryError(f"there is no {places.REGISTRY} in the lake; put the reviewed list of politicians there first")
    return read_registry(held[0].decode("utf-8-sig")), ZoneInfo(zone)


def annotated_line(tweet: Tweet, annotation: Annotation) -> dict[str, Any]:
    """A kept tweet as the lake's annotated files hold it."""
    return {
        "id_str": tweet.id_str,
        "author_id": tweet.author_id,
        "created_at": write_time(tweet.created_at),
        "text": tweet.text,
        "hashtags": tweet.hashtags,
        "lang": tweet.lang,
        "source": tweet.source,
        "previous_ids": tweet.previous_ids,
        "annotation": annotation.to_json(),
    }


def assemble_day(parts: Iterable[Iterable[Mapping[str, Any]]], registry: Registry, tombstones: frozenset[str]) -> Day:
    """One day's rows in order of id. Of several copies of a tweet the last part's wins: parts come oldest run first."""
    latest: dict[str, Mapping[str, Any]] = {}
    read = 0
    for part in parts:
        for line in part:
            latest[line["id_str"]] = line
            read += 1
    dropped = Counter(duplicate=read - len(latest))
    replaced = {previous for line in latest.values() for previous in line["previous_ids"]}
    rows = []
    for id_str in sorted(latest, key=int):
        line = latest[id_str]
        politician = registry.by_id(line["author_id"])
        if id_str in tombstones:
            dropped["tombstone"] += 1
        elif id_str in replaced:
            dropped["replaced_by_edit"] += 1
        elif politician is None:
            dropped["not_in_registry"] += 1
        else:
            annotation = line["annotation"]
            rows.append(
                {
                    "id_str": id_str,
                    "created_at": read_time(line["created_at"]),
                    "screen_name": politician.screen_name,
                    "name": politician.name,
                    "office": politician.office,
                    "coalition": politician.coalition,
                    "party": politician.party,
                    "text": line["text"],
                    "hashtags": line["hashtags"],
                    "lang": line["lang"],
                    "source": line["source"],
                    "edited": bool(line["previous_ids"]),
                    **annotation,
                }
            )
    return Day(rows, read, {reason: count for reason, count in dropped.items() if count})


def to_parquet(rows: list[dict[str, Any]]) -> bytes:
    """The rows as one Parquet file. The same rows give the same bytes."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=COLUMNS), out, compression="zstd")
    return out.getvalue()


def curate(days: Sequence[date], lake: Lake, registry: Registry) -> dict[date, Day]:
    """Rebuild days of the dataset from what is annotated, minus tombstones.

    Two at once end in the same files, and an id that is buried while this runs does not survive: the tombstones are read
    again after writing.
    """
    while True:
        tombstones = lake.tombstones()
        built = {day: _rebuild(day, lake, registry, tombstones) for day in days}
        if lake.tombstones() <= tombstones:
            return built


def _rebuild(day: date, lake: Lake, registry: Registry, tombstones: frozenset[str]) -> Day:
    latest = []

    def compute() -> bytes | None:
        parts = (lake.read_lines(key) for key in lake.keys(places.annotated_day(day)))
        latest.append(assemble_day(parts, registry, tombstones))
        return to_parquet(latest[-1].rows) if latest[-1].rows else None

    lake.replace(places.dataset_day(day), compute)
    return latest[-1]
