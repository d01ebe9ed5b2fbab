"""Ingest: one part of a run, some accounts' raw pages to annotated originals, and what became of every post."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from functions import environment
from functions.telemetry import observed
from politico.annotation.comprehend import annotate
from politico.annotation.labels import Annotation
from politico.dataset.days import annotated_line
from politico.ingest.annotating import Outcome, annotate_posts, by_day, replaced_elsewhere
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.registry import open_registry
from politico.lake.tombstones import Tombstones, read_tombstones, write_clean
from politico.tweets.tweet import Rules, read_time


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: one of the run's parts. What it did stands in the lake; the answer only names it."""
    lake = environment.lake()
    run, part, accounts = event["run"], event["part"], event["accounts"]
    _registry, zone = open_registry(lake)
    client, pace = environment.client("comprehend"), environment.comprehend_pace()

    def annotated(texts: Sequence[str]) -> Sequence[Annotation | str]:
        return annotate(texts, client, pace)

    lists = ((_posts(lake, account), read_time(account["reference"])) for account in accounts)
    found = annotate_posts(lists, Rules(), annotated, read_tombstones(lake))

    def write(buried: Tombstones) -> list[str]:
        return _write(lake, run, part, accounts, [one.without(buried) for one in found], zone)

    write_clean(lake, write)  # annotated, and paid for, once; written again when something is buried meanwhile
    return {"part": part}


def _posts(lake: Lake, account: dict[str, str]) -> Iterator[Any]:
    """Those of the account's pages that belong to the part: all, unless the account is split."""
    after, until = account.get("after", ""), account.get("until", "")
    for key in lake.keys(places.raw_pages(account["pages_run"], account["user_id"])):
        if key <= after or (until and key > until):
            continue
        for page in lake.read_lines(key):
            yield from page.get("data", ())


def _write(
    lake: Lake, run: str, part: str, accounts: Iterable[dict[str, str]], outcomes: list[Outcome], zone: ZoneInfo
) -> list[str]:
    """The part's own objects, the same ones every time; their keys."""
    kept = [one for outcome in outcomes for one in outcome.kept]
    days, replaced = by_day(kept, zone), replaced_elsewhere(kept, zone)
    touched = sorted({*days, *replaced})
    for day in touched:
        lines: list[dict[str, Any]] = [annotated_line(*one) for one in days.get(day, ())]
        markers = [{"replaced": replaced[day]}] if day in replaced else []
        lake.write_lines(places.annotated_part(day, run, part), [*lines, *markers])
    lake.write_lines(places.rejected(run, part), [one.to_json() for outcome in outcomes for one in outcome.rejects])
    counts = [{**account, **outcome.counts()} for account, outcome in zip(accounts, outcomes, strict=True)]
    lake.write_json(places.part_counts(run, part), {"part": part, "accounts": counts, "days": [str(day) for day in touched]})
    written = [places.annotated_part(day, run, part) for day in touched]
    return [*written, places.rejected(run, part), places.part_counts(run, part)]
