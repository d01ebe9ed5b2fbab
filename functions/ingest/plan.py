"""Ingest, first step: name the run, and list the accounts whose timelines it reads."""

from datetime import datetime, timedelta
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.lake import places
from politico.lake.registry import open_registry
from politico.lake.tombstones import Tombstones, read_tombstones
from politico.runs import run_id
from politico.tweets.politician import Registry
from politico.tweets.tweet import read_time, write_time

FETCHING = timedelta(hours=12)
"""So long a run asks X. What it has then is annotated; a backfill that X keeps waiting goes on in the next run."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the execution's `name`, its `started` time and its `input`, which may ask for `{"fetch": false}`
    (annotate what an import has stored) and name a `reference` date in place of now. Answer: `run`, and how many `accounts`."""
    wanted = event["input"]
    fetch = bool(wanted.get("fetch", True))
    if fetch:
        environment.require_x_terms()
    lake = environment.lake()
    registry, _zone = open_registry(lake)
    started = read_time(event["started"])
    reference = read_time(wanted["reference"]) if wanted.get("reference") else started
    run = run_id(started, event["name"])
    accounts = plan(run, reference, registry, read_tombstones(lake), started + FETCHING) if fetch else []
    lake.write_json(places.plan(run), {"reference": write_time(reference)})
    lake.write_json(places.accounts(run), accounts)
    return {"run": run, "accounts": len(accounts)}


def plan(run: str, reference: datetime, registry: Registry, buried: Tombstones, latest: datetime) -> list[dict[str, Any]]:
    """What each fetch is told; nobody asks X for those who are buried, nor after `latest`."""
    followed = [one for one in registry if not buried.user(one.user_id)]
    return [
        {
            "run": run,
            "reference": write_time(reference),
            "number": f"{number:05}",
            "account": {"user_id": one.user_id, "screen_name": one.screen_name},
            "latest": write_time(latest),
        }
        for number, one in enumerate(followed)
    ]
