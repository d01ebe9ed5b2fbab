"""A dataset as the report needs it: a line a tweet without its text, and how often each name and hashtag is said."""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from politico.dataset.days import LABELS as LABELLED
from politico.dataset.summary import DatasetSummary, read_summary
from politico.errors import FileFormatError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.registry import DEFAULT_TIME_ZONE, time_zone_if_any

LABELS = ["screen_name", "name", "party", "coalition", "sentiment"]
COLUMNS = ["created_at", *LABELS, "text", "hashtags", "entities"]
UNNAMED = "OTHER"
"""Entities that Comprehend has no kind for: words rather than names."""
RECENT = timedelta(days=90)
"""What rises does so in the last so many days, beside those before."""
SAMPLED = 3_000
"""Tweets of a party that Word2Vec learns from, at most."""


@dataclass
class Said:
    """In how many tweets each item stands, in the last days and before."""

    recent: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Tweets:
    """A dataset, without its texts."""

    frame: pd.DataFrame
    """A row a tweet: `at` (in the dataset's time zone), labels as categories, `characters`, `words`, `begins_with_mention`."""
    said: dict[str, Said]
    """By kind: `hashtag`, `entity`."""
    recent_tweets: int
    """Of the last days: what `Said.recent` is a share of."""
    sample: pa.Table
    """Texts with their party and coalition, at most so many of each party, with a fixed seed; empty where none were asked for."""
    time_zone: str
    origin: str
    """Where the dataset lies, as a person names it."""
    labels: dict[str, Counter[str]]
    """In another domain than politics: how often each value of an imported table's own columns stands there, by column."""
    summary: DatasetSummary | None
    """What runs read, kept and left out; None where that is not known, as of a folder."""


def of_folder(folder: Path, time_zone: str, *, texts: bool) -> Tweets:
    """Raises FileFormatError for a folder that is no dataset."""
    found = {path.parent.name.partition("=")[2]: path for path in sorted(folder.glob("dt=*/tweets.parquet"))}
    if not found:
        raise FileFormatError(f"{folder} is no dataset; it takes dt=YYYY-MM-DD/tweets.parquet")
    days = ((day, str(path)) for day, path in found.items())
    return _read(days, last=max(found), time_zone=time_zone, origin=str(folder), summary=None, texts=texts)


def of_lake(lake: Lake, *, texts: bool) -> Tweets:
    """Raises FileFormatError where the lake has no dataset yet."""
    keys = {str(places.day_of(key)): key for key in lake.keys(places.DATASET) if places.is_dataset_day(key)}
    if not keys:
        raise FileFormatError("the lake has no dataset yet; run the ingest workflow, or politico import, first")
    days = ((day, io.BytesIO(lake.read(keys[day]))) for day in sorted(keys))
    zone = time_zone_if_any(lake) or DEFAULT_TIME_ZONE
    return _read(days, last=max(keys), time_zone=zone, origin=lake.bucket, summary=read_summary(lake), texts=texts)


def _read(
    days: Iterator[tuple[str, Any]], *, last: str, time_zone: str, origin: str, summary: DatasetSummary | None, texts: bool
) -> Tweets:
    """Day after day, so that a million tweets' texts never stand in memory together."""
    since = str(date.fromisoformat(last) - RECENT + timedelta(days=1))
    parts: list[pa.Table] = []
    said = {"hashtag": Said(), "entity": Said()}
    labels: dict[str, Counter[str]] = {}
    sample, recent = _Sample(), 0
    for day, file in days:
        try:
            whole_day = pq.ParquetFile(file)
            labelled = LABELLED.name in whole_day.schema_arrow.names
            table = whole_day.read(columns=[*COLUMNS, LABELLED.name] if labelled else COLUMNS)
        except (pa.ArrowException, OSError) as error:
            raise FileFormatError(f"the day {day} of {origin} can't be read as a dataset: {error}") from error
        parts.append(_measured(table))
        is_recent = day >= since
        recent += len(table) if is_recent else 0
        for kind, counts in _items(table):
            (said[kind].recent if is_recent else said[kind].before).update(counts)
        if labelled:
            for row in table[LABELLED.name].to_pylist():
                for one in row or ():
                    labels.setdefault(one["name"], Counter()).update(one["items"])
        if texts:
            sample.add(table)
    whole = pa.concat_tables(parts)
    if not len(whole):
        raise FileFormatError(f"{origin} holds no tweet")
    frame = whole.to_pandas(categories=LABELS)
    frame["at"] = frame.pop("created_at").dt.tz_convert(time_zone)
    return Tweets(frame, said, recent, sample.table(), time_zone, origin, dict(sorted(labels.items())), summary)


def _measured(table: pa.Table) -> pa.Table:
    text = table["text"]
    measured = table.select(["created_at", *LABELS])
    for name, values in (
        ("characters", pc.utf8_length(text)),
        ("words", pc.list_value_length(pc.utf8_split_whitespace(pc.utf8_trim_whitespace(text)))),
        ("begins_with_mention", pc.starts_with(text, "@")),
    ):
        measured = measured.append_column(name, values)
    return measured


def _items(table: pa.Table) -> Iterator[tuple[str, Counter[str]]]:
    """In how many tweets each is said: one that a tweet says twice counts once."""
    found: dict[str, Counter[str]] = {"hashtag": Counter(), "entity": Counter()}
    for tags, entities in zip(table["hashtags"].to_pylist(), table["entities"].to_pylist(), strict=True):
        found["hashtag"].update({f"#{tag.lstrip('#')}" for tag in tags or ()})
        found["entity"].update({one["text"] for one in entities or () if one["type"] != UNNAMED})
    yield from found.items()


class _Sample:
    """Of each party's texts as many as fit, each with the same chance (Vitter 1985), the same ones each time."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._kept: dict[str, list[tuple[str, str, str]]] = {}
        self._met: Counter[str] = Counter()

    def add(self, table: pa.Table) -> None:
        columns = (table[name].to_pylist() for name in ("party", "coalition", "text"))
        for party, coalition, text in zip(*columns, strict=True):
            kept = self._kept.setdefault(party or "", [])
            self._met[party or ""] += 1
            if len(kept) < SAMPLED:
                kept.append((party, coalition, text))
            elif (place := int(self._random.integers(self._met[party or ""]))) < SAMPLED:
                kept[place] = (party, coalition, text)

    def table(self) -> pa.Table:
        rows = [row for party in sorted(self._kept) for row in self._kept[party]]
        names = ("party", "coalition", "text")
        return pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)})
