"""Ingest: write the manifest of a run: every account and run whose pages are not in the dataset yet, in parts of even size."""

from collections.abc import Iterable, Iterator
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico import lake as places
from politico.dataset import open_registry

PAGES_A_PART = 100
"""Ten thousand posts: some minutes of Comprehend's time, far within a function's, and few objects a day in the lake."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`, `reference` and `fetched`, what became of each account. Answer: how many `parts` there are."""
    lake, ledger = environment.lake(), environment.ledger()
    registry, _zone = open_registry(lake)
    pending = [
        {"pages_run": run, "user_id": one.user_id, "pages": list(lake.keys(places.raw_pages(run, one.user_id)))}
        for one in registry
        for run in ledger.pending(one.user_id)
    ]
    manifest = [
        {"run": event["run"], "reference": event["reference"], "part": f"{number:04}", "accounts": accounts}
        for number, accounts in enumerate(in_parts(pending))
    ]
    lake.write_json(places.manifest(event["run"]), manifest)
    lake.write_json(places.fetched(event["run"]), event["fetched"])
    return {"parts": len(manifest)}


def in_parts(pending: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Accounts side by side until a part has its pages; an account is never split."""
    part: list[dict[str, Any]] = []
    pages = 0
    for account in pending:
        if part and pages + len(account["pages"]) > PAGES_A_PART:
            yield part
            part, pages = [], 0
        part.append({"pages_run": account["pages_run"], "user_id": account["user_id"]})
        pages += len(account["pages"])
    if part:
        yield part
