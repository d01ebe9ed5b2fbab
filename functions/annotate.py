"""Ingest: one part of a run, some accounts' raw pages to annotated originals, and what became of every post."""

from typing import Any

from functions import environment
from politico import lake as places
from politico.annotating import Outcome, annotate_posts, by_day
from politico.dataset import annotated_line, open_registry
from politico.tweet import Rules, read_time


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: one part of the run's manifest. What it did stands in the lake; the answer only names it."""
    lake = environment.lake()
    run, part = event["run"], event["part"]
    _registry, zone = open_registry(lake)
    outcomes = [(account, _annotated(account, event["reference"])) for account in event["accounts"]]
    days = by_day([one for _account, outcome in outcomes for one in outcome.kept], zone)
    for day, kept in days.items():
        lake.write_lines(places.annotated_part(day, run, part), [annotated_line(*one) for one in kept])
    lake.write_lines(places.rejected(run, part), [reject for _account, outcome in outcomes for reject in outcome.rejects])
    accounts = [{**account, **outcome.counts()} for account, outcome in outcomes]
    lake.write_json(places.part_counts(run, part), {"part": part, "accounts": accounts, "days": [str(day) for day in days]})
    return {"part": part}


def _annotated(account: dict[str, str], reference: str) -> Outcome:
    lake = environment.lake()
    pages = [
        page for key in lake.keys(places.raw_pages(account["pages_run"], account["user_id"])) for page in lake.read_lines(key)
    ]
    posts = [post for page in pages for post in page.get("data", ())]
    return annotate_posts(posts, Rules(), read_time(reference), environment.client("comprehend"))
