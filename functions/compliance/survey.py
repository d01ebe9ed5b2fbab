"""Compliance: is anything buried that was not surely swept yet, and into how many parts is the lake cut?"""

from datetime import datetime, timedelta
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.forgetting.sweeping import KEYS_A_PART
from politico.lake import places
from politico.lake.bucket import Lake
from politico.runs import run_id
from politico.tweets.tweet import read_time, write_time

WRITERS_LIVE = timedelta(hours=24)
"""A writer that was killed before it looked at the tombstones again may leave something behind: what is buried is swept by
every sweep that begins up to this long after, longer than any workflow runs."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the execution's `name` and its `started` time. Answer: `run`, when the sweep `began`, and its `parts`: none when
    there is nothing to look for."""
    lake, now, run = environment.lake(), environment.now(), run_id(read_time(event["started"]), event["name"])
    answer = {"run": run, "began": write_time(now)}
    if not is_pending(lake):
        return {**answer, "parts": []}
    prefixes = (places.RAW, places.ANNOTATED, places.DATASET, places.RUNS)
    count = -(-sum(1 for prefix in prefixes for _ in lake.keys(prefix)) // KEYS_A_PART) or 1
    return {**answer, "parts": [{"run": run, "part": part, "of": count} for part in range(count)]}


def is_pending(lake: Lake) -> bool:
    """Was anything buried since a day before the last complete sweep began?"""
    newest = max(lake.keys(places.TOMBSTONES), default=None)
    swept = lake.read_if_any(places.COMPLIANCE_SWEPT)
    if newest is None or swept is None:
        return newest is not None
    return places.buried_at(newest) >= _began(lake) - WRITERS_LIVE


def _began(lake: Lake) -> datetime:
    return read_time(lake.read_json(places.COMPLIANCE_SWEPT)["began"])
