"""Ingest: list the days that a run's curation is for, in batches: those its annotation touched, or all after a correction."""

from dataclasses import asdict
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.registry import open_registry

DAYS_A_BATCH = 30


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`. Answer: how many `days` there are."""
    lake, run = environment.lake(), event["run"]
    touched = {day for key in lake.keys(places.part_counts_folder(run)) for day in lake.read_json(key)["days"]}
    listed = [asdict(one) for one in open_registry(lake)[0]]
    if reaches_back(listed, lake, run):
        touched |= {str(places.day_of(key)) for key in lake.keys(places.ANNOTATED)}
    days = sorted(touched)
    batches = [days[start : start + DAYS_A_BATCH] for start in range(0, len(days), DAYS_A_BATCH)]
    lake.write_json(places.touched_days(run), [{"run": run, "days": batch} for batch in batches])
    lake.write_json(places.registry_of_run(run), listed)
    return {"days": len(days)}


def reaches_back(listed: list[dict[str, Any]], lake: Lake, run: str) -> bool:
    """Has anybody's entry changed, since every day was last joined with the registry, whose posts stand in days that the run does
    not touch? A party may have been corrected; somebody new has no posts but the run's own."""
    curated = lake.read_json_if_any(places.REGISTRY_CURATED)
    if curated is None:
        return True
    before, now = ({one["user_id"]: one for one in people} for people in (curated, listed))
    changed = {user_id for user_id in {*before, *now} if before.get(user_id) != now.get(user_id)}
    if not changed:
        return False
    accounts = (account for part in lake.read_json(places.parts(run)) for account in part["accounts"])
    own = {(account["pages_run"], account["user_id"]) for account in accounts}
    stored = set(map(places.run_and_user, lake.keys(places.RAW)))
    return any(user_id in changed for _run, user_id in stored - own)
