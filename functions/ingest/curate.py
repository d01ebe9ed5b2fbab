"""Ingest: rebuild some days of the dataset from what is annotated."""

from datetime import date
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.dataset.days import curate
from politico.lake import places
from politico.lake.registry import open_registry


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run` and its `days`. The counts stand in the lake; the answer only names the first day."""
    lake = environment.lake()
    registry, _zone = open_registry(lake)
    built = curate([date.fromisoformat(day) for day in event["days"]], lake, registry)
    counts = [{"day": str(day), "read": one.read, "rows": one.rows, "dropped": one.dropped} for day, one in built.items()]
    lake.write_json(places.day_counts(event["run"], event["days"][0]), counts)
    return {"first_day": event["days"][0]}
