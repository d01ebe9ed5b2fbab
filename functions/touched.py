"""Ingest: list the days that a run's annotation touched, in batches for the curation."""

from typing import Any

from functions import environment
from functions.telemetry import observed
from politico import lake as places

DAYS_A_BATCH = 30


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`. Answer: how many `days` there are."""
    lake, run = environment.lake(), event["run"]
    days = sorted({day for key in lake.keys(places.part_counts_folder(run)) for day in lake.read_json(key)["days"]})
    batches = [days[start : start + DAYS_A_BATCH] for start in range(0, len(days), DAYS_A_BATCH)]
    lake.write_json(places.touched_days(run), [{"run": run, "days": batch} for batch in batches])
    return {"days": len(days)}
