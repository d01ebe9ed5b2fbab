"""The dataset: one row a tweet, joined with its politician, in one Parquet file a day."""

import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import json as arrow_json

from politico.annotation.labels import Annotation
from politico.dataset.manifest import update_manifest
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import Tombstones, write_clean
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import Tweet, write_time

COMPRESSION = "snappy"
"""Not zstd: AWS's layer with pyarrow is built without it."""

_SCORES = pa.struct([(name, pa.float64()) for name in ("positive", "negative", "neutral", "mixed")])
_ENTITIES = pa.list_(pa.struct([("text", pa.string()), ("type", pa.string()), ("score", pa.float64())]))
_KEY_PHRASES = pa.list_(pa.struct([("text", pa.string()), ("score", pa.float64())]))

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
        ("entities", _ENTITIES),
        ("key_phrases", _KEY_PHRASES),
        ("sentiment", pa.string()),
        ("sentiment_score", _SCORES),
        ("lang", pa.string()),
        ("source", pa.string()),
        ("edited", pa.bool_()),
    ]
)

LABELS = pa.field("labels", pa.list_(pa.struct([("name", pa.string()), ("items", pa.list_(pa.string()))])))
"""A further column, in days that have any: what an imported table said of its texts, in another domain than politics."""

ANNOTATED = pa.schema(
    [
        ("id_str", pa.string()),
        ("author_id", pa.string()),
        ("created_at", pa.string()),
        ("text", pa.string()),
        ("hashtags", pa.list_(pa.string())),
        ("lang", pa.string()),
        ("source", pa.string()),
        ("previous_ids", pa.list_(pa.string())),
        (
            "annotation",
            pa.struct(
                [("sentiment", pa.string()), ("sentiment_score", _SCORES), ("entities", _ENTITIES), ("key_phrases", _KEY_PHRASES)]
            ),
        ),
        LABELS,
        # A line with nothing else says which versions of this day an edit on another day replaced.
        ("replaced", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Day:
    """One day's table and what became of its annotated tweets: read = rows + the dropped."""

    table: pa.Table
    """As COLUMNS say, with LABELS behind them where there are any; in order of id."""
    read: int
    dropped: Mapping[str, int]
    """By reason: `duplicate`, `replaced_by_edit`, `tombstone`, `not_in_registry`."""

    @property
    def rows(self) -> int:
        return len(self.table)


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
        **({"labels": [{"name": name, "items": list(items)} for name, items in tweet.labels]} if tweet.labels else {}),
    }


def assemble_day(parts: Iterable[bytes], registry: Registry, buried: Tombstones) -> Day:
    """One day's rows in order of id, from JSON lines. Of several copies of a tweet the last wins: parts come oldest run first."""
    lines = _read_lines(parts)
    # A mapping keeps the place of the last line of each id.
    last = {id_str: index for index, id_str in enumerate(lines["id_str"].to_pylist()) if id_str is not None}
    read = len(lines) - lines["id_str"].null_count
    latest = lines.take(pa.array(last.values(), pa.int64()))
    replaced = pa.concat_arrays([_flat(latest["previous_ids"]), _flat(lines["replaced"])])
    place = pc.index_in(latest["author_id"], pa.array([one.user_id for one in registry], pa.string()))
    reasons = {
        "tombstone": _covered(latest, buried),
        "replaced_by_edit": pc.is_in(latest["id_str"], replaced),
        "not_in_registry": pc.is_null(place),
    }
    dropped = {"duplicate": read - len(latest)}
    left = pa.chunked_array([pa.repeat(True, len(latest))])
    for reason, gone in reasons.items():  # a tweet that several speak against counts for the first
        dropped[reason] = pc.sum(pc.and_(left, gone)).as_py() or 0
        left = pc.and_not(left, gone)
    kept = _in_order(latest.append_column("place", place).filter(left))
    return Day(_joined(kept, registry), read, {reason: count for reason, count in dropped.items() if count})


def to_parquet(table: pa.Table) -> bytes:
    """The rows as one Parquet file. The same rows give the same bytes."""
    out = io.BytesIO()
    pq.write_table(table.combine_chunks(), out, compression=COMPRESSION)
    return out.getvalue()


def curate(days: Sequence[date], lake: Lake, registry: Registry) -> dict[date, Day]:
    """Rebuild days of the dataset from what is annotated, minus tombstones, and note them in its manifest.

    Two at once end in the same files, and what is buried while this runs does not survive, not even in an old version.
    """
    built: dict[date, Day] = {}

    def write(buried: Tombstones) -> list[str]:
        for day in days:
            built[day] = _rebuild(day, lake, registry, buried)
        return [places.dataset_day(day) for day in days if built[day].rows]

    write_clean(lake, write)
    update_manifest(lake, days)
    return built


def _rebuild(day: date, lake: Lake, registry: Registry, buried: Tombstones) -> Day:
    latest = []

    def compute() -> bytes | None:
        parts = (gzip.decompress(lake.read(key)) for key in lake.keys(places.annotated_day(day)))
        latest.append(assemble_day(parts, registry, buried))
        return to_parquet(latest[-1].table) if latest[-1].rows else None

    lake.replace(places.dataset_day(day), compute)
    return latest[-1]


def _read_lines(parts: Iterable[bytes]) -> pa.Table:
    """Annotated lines as ANNOTATED says, in their order."""
    body = b"".join(parts)
    if not body.strip():
        return ANNOTATED.empty_table()
    # One block: a line may not lie across two, and a day is small.
    whole = arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1)
    shape = arrow_json.ParseOptions(explicit_schema=ANNOTATED, unexpected_field_behavior="ignore")
    return arrow_json.read_json(io.BytesIO(body), read_options=whole, parse_options=shape).combine_chunks()


def _flat(lists: pa.ChunkedArray) -> pa.Array:
    return pc.list_flatten(lists).combine_chunks()


def _covered(tweets: pa.Table, buried: Tombstones) -> pa.Array:
    """Which tweets are buried. Fingerprints cost time, and most days there is none to compare with."""
    if not buried:
        return pa.repeat(False, len(tweets))
    columns = (tweets[name].to_pylist() for name in ("id_str", "author_id", "previous_ids"))
    return pa.array([buried.covers(one, author, other or ()) for one, author, other in zip(*columns, strict=True)], pa.bool_())


def _in_order(tweets: pa.Table) -> pa.Table:
    """By the number that the id is, however long: by its digits' count, then by its digits."""
    digits = pc.utf8_ltrim(tweets["id_str"], characters="0")
    keys = pa.table({"length": pc.binary_length(digits), "digits": digits, "id_str": tweets["id_str"]})
    return tweets.take(pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]))


def _joined(tweets: pa.Table, registry: Registry) -> pa.Table:
    """The dataset's columns; `place` says which politician wrote each tweet."""
    columns: dict[str, Any] = {name: tweets[name] for name in ("id_str", "text", "hashtags", "lang", "source")}
    columns["created_at"] = pc.cast(tweets["created_at"], COLUMNS.field("created_at").type)
    columns["edited"] = pc.greater(pc.fill_null(pc.list_value_length(tweets["previous_ids"]), 0), 0)
    for name in ("sentiment", "sentiment_score", "entities", "key_phrases"):
        columns[name] = pc.struct_field(tweets["annotation"], name)
    for name in (one.name for one in fields(Politician) if one.name in COLUMNS.names):
        columns[name] = pa.array([getattr(one, name) for one in registry], pa.string()).take(tweets["place"].combine_chunks())
    if tweets[LABELS.name].null_count == len(tweets):
        return pa.table([columns[name] for name in COLUMNS.names], schema=COLUMNS)
    columns[LABELS.name] = tweets[LABELS.name]
    whole = COLUMNS.append(LABELS)
    return pa.table([columns[name] for name in whole.names], schema=whole)
