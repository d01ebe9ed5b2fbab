"""`politico import`: an archive's tweets into the lake as pages of API v2, then through the ingest workflow without X."""

import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli import flows, local_cloud
from cli.inputs import open_zone, read_files
from cli.screen import Screen, counted
from cli.services import Services
from politico import lake as places
from politico.runs import run_id
from politico.tweet import write_time

POSTS_A_PAGE = 100


def import_archive(tweets: Path, politicians: Path, rejected: Path, time_zone: str, *, local: bool) -> None:
    """Import one file. Raises InputError for what the person can mend, JobError when the workflow fails."""
    screen = Screen()
    services = local_cloud.stack(local=local)
    zone = open_zone(time_zone)
    with tempfile.TemporaryDirectory(prefix="politico-") as folder:
        with screen.stage("read") as stage:
            inputs = read_files(tweets, politicians, Path(folder) / "posts.jsonl", rejected, zone)
            stage.result = f"{inputs.read:,} read = {inputs.kept:,} kept + {sum(inputs.rejected.values()):,} rejected"
            if inputs.rejected:
                stage.result += f" ({counted(inputs.rejected)}; see {rejected})"
        name = f"import-{time.time_ns()}"
        with screen.stage("store") as stage:
            flows.set_registry(services, inputs.registry, time_zone)
            pages = store(services, inputs.posts, run_id(datetime.now(UTC), name))
            stage.result = f"{pages} pages"
    with screen.stage("ingest") as stage:
        given = {"fetch": False, "reference": write_time(inputs.reference)}
        report = flows.ingest(services, name, given, stage.show)
        stage.result = describe(report)


def store(services: Services, posts: Path, run: str) -> int:
    """Write the posts as raw pages, account by account, and hand them over to the workflow; how many pages."""
    pages = 0
    by_author: dict[str, list[dict[str, Any]]] = {}
    with posts.open(encoding="utf-8") as lines:
        for post in map(json.loads, lines):
            by_author.setdefault(post["author_id"], []).append(post)
    for user_id, timeline in by_author.items():
        timeline.sort(key=lambda post: int(post["id"]), reverse=True)
        services.ledger.hand_over(user_id, run)
        for page in _batches(timeline):
            key = places.raw_page(run, user_id, newest=page[0]["id"], oldest=page[-1]["id"])
            services.lake.write_lines(key, [{"data": page, "meta": {"result_count": len(page)}}])
            pages += 1
    return pages


def describe(report: dict[str, Any]) -> str:
    """An ingest report as one line."""
    failures = sum(len(report[name]) for name in ("failed_accounts", "failed_parts", "failed_days"))
    return (
        f"{report['read']:,} read = {report['kept']:,} kept + {sum(report['filtered'].values()):,} filtered "
        f"({counted(report['filtered'])}) + {sum(report['rejected'].values()):,} rejected; "
        f"{report['rows']:,} rows in {report['days']:,} days" + (f"; [red]{failures} failures[/]" if failures else "")
    )


def _batches(timeline: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(timeline)
    while page := list(itertools.islice(remaining, POSTS_A_PAGE)):
        yield page
