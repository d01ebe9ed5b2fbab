"""Ingest: list the parts of a run: every account and run whose pages are not in the dataset yet, in parts of even size."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.registry import open_registry

PAGES_A_PART = 100
"""Ten thousand posts: some minutes of Comprehend's time, far within a function's, and few objects a day in the lake."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`. Answer: how many `parts` there are."""
    lake, run = environment.lake(), event["run"]
    parts = enumerate(in_parts(_pending(lake, run)))
    listed = [{"run": run, "part": f"{number:04}", "accounts": accounts} for number, accounts in parts]
    lake.write_json(places.parts(run), listed)
    return {"parts": len(listed)}


def _pending(lake: Lake, run: str) -> Iterator[dict[str, Any]]:
    """Each account and run with the `keys` of its pages in order, the reference date that they are judged by, and the mark under
    which they are settled: what is stored after it was read here, a later run annotates."""
    registry, _zone = open_registry(lake)

    @cache
    def reference(pages_run: str) -> str:
        """The storing run's own: an archive's posts are not too old by today's date, and a nightly run's not by an archive's."""
        found = lake.read_json_if_any(places.plan(pages_run)) or lake.read_json(places.plan(run))
        return str(found["reference"])

    for one in registry:
        for pages_run, mark in environment.ledger().pending(one.user_id).items():
            yield {
                "pages_run": pages_run,
                "user_id": one.user_id,
                "reference": reference(pages_run),
                "mark": mark,
                "keys": list(lake.keys(places.raw_pages(pages_run, one.user_id))),
            }


def in_parts(pending: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Accounts side by side until a part has its pages. One with more than that is split: each of its parts takes the pages
    behind one key, up to another, so that all of them together take every page, also one whose key changes meanwhile."""
    part: list[dict[str, Any]] = []
    pages = 0
    for account in pending:
        keys = account["keys"]
        own = {name: value for name, value in account.items() if name != "keys"}
        if part and pages + len(keys) > PAGES_A_PART:
            yield part
            part, pages = [], 0
        if len(keys) > PAGES_A_PART:
            borders = ["", *keys[PAGES_A_PART - 1 : len(keys) - 1 : PAGES_A_PART], ""]
            *whole, own = [{**own, "after": after, "until": until} for after, until in pairwise(borders)]
            yield from ([one] for one in whole)
            keys = keys[len(whole) * PAGES_A_PART :]
        part.append(own)
        pages += len(keys)
    if part:
        yield part
