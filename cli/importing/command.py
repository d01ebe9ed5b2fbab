"""`politico import`: an archive's tweets into the lake as pages of API v2, then through the ingest workflow without X."""

import itertools
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from rich.markup import escape

from cli import flows, local_cloud
from cli.importing.inputs import Inputs, open_zone, read_files
from cli.importing.outcome import outcome_of, show, write_report
from cli.importing.registry_merge import merge
from cli.screen import Screen, counted
from cli.services import Services
from cli.text_files import read_text_file
from politico.control.domain import label_columns, read_domain
from politico.control.format import Schema
from politico.control.political import SCHEMA
from politico.errors import InputError, SchemaError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.registry import put_registry, registry_text_if_any
from politico.lake.tombstones import Tombstones, read_tombstones, write_clean
from politico.runs import run_id
from politico.tweets.politician import Registry, read_registry
from politico.tweets.tweet import read_time, write_time

POSTS_A_PAGE = 100


@dataclass(frozen=True)
class Archive:
    """A tweets file, who wrote it, and what a person says about both."""

    tweets: Path
    politicians: Path
    rejected: Path
    """Where what can't be used is written."""
    time_zone: str
    columns: dict[str, str] = field(default_factory=dict)
    author: str = ""
    keep_times: bool = False
    """Also where they are not those that the ids tell."""
    from_ids: bool = False
    """A time that can't be read, or contradicts the id, is the id's."""
    schema: Path | None = None
    """What steers a text, in another domain than politics; None: as the lake has it."""


def look_at(archive: Archive, report: Path | None) -> None:
    """Say what would come in of a file; nothing is stored, and no cloud is asked. Raises InputError."""
    screen = Screen()
    schema = read_domain(read_text_file(archive.schema)) if archive.schema else SCHEMA
    with tempfile.TemporaryDirectory(prefix="politico-") as folder:
        with screen.stage("read") as stage:
            inputs = _read(archive, Path(folder), schema, None, stage.show)
            stage.result = f"{inputs.read:,} rows"
        outcome = outcome_of(inputs)
    show(outcome, archive.rejected)
    if report is not None:
        write_report(outcome, report)


def _read(archive: Archive, folder: Path, schema: Schema, buried: Tombstones | None, say: Callable[[str], None]) -> Inputs:
    return read_files(
        archive.tweets,
        archive.politicians,
        folder / "posts.jsonl",
        archive.rejected,
        open_zone(archive.time_zone),
        columns=archive.columns,
        author=archive.author,
        labels=label_columns(schema),
        buried=buried,
        from_ids=archive.from_ids,
        show=say,
    )


def import_archive(archive: Archive, *, local: bool, report: Path | None = None) -> None:
    """Import one file. Raises InputError for what the person can mend, JobError when the workflow fails.

    Again is safe: what the lake has already, it has once in the dataset. An import that was stopped is made whole by another.
    """
    screen = Screen()
    services = local_cloud.stack(local=local)
    open_zone(archive.time_zone)
    buried = read_tombstones(services.lake)
    schema = settled_schema(archive.schema, services.lake)
    with tempfile.TemporaryDirectory(prefix="politico-") as folder:
        with screen.stage("read") as stage:
            inputs = _read(archive, Path(folder), schema, buried, stage.show)
            if report is not None:
                write_report(outcome_of(inputs), report)
            require_right_times(inputs, archive)
            stage.result = describe_reading(inputs, archive.rejected)
        name = f"import-{time.time_ns()}"
        with screen.stage("store") as stage:
            followed = without_forgotten(inputs.registry, buried)
            registry, changes = merge(followed, _held_registry(services))
            days = flows.days_of(services, archive.time_zone)
            put_registry(services.lake, registry, days)
            if schema.name != SCHEMA.name:
                services.lake.write(places.DATASET_SCHEMA, schema.to_json().encode())
            run = run_id(datetime.now(UTC), f"{name}-pages")  # not the workflow's own run, even within the same second
            pages = store(services, inputs.posts, run, inputs.reference, lambda done: stage.show(f"{done} pages"))
            forgotten = len(inputs.registry) - len(followed)
            stage.result = (
                f"{pages} pages; registry: {changes}"
                + (f"; {forgotten} who were forgotten stay out" if forgotten else "")
                + (f"; the dataset's days stay those of {days}" if days != archive.time_zone else "")
            )
    with screen.stage("ingest") as stage:
        stage.result = describe(flows.ingest(services, name, {"fetch": False}, stage.show))


def settled_schema(given: Path | None, lake: Lake) -> Schema:
    """What steers the lake's texts: as the first import settled it, or as this one says. Raises SchemaError for another."""
    found = lake.read_if_any(places.DATASET_SCHEMA)
    held = Schema.from_json(found[0]) if found else None
    if given is None:
        return held or SCHEMA
    wanted = read_domain(read_text_file(given))
    if held is None and any(lake.keys(places.DATASET)):
        raise SchemaError(
            f"the lake's texts are of {SCHEMA.name!r}, and {given} is of {wanted.name!r}: give that a stack of its own"
        )
    if held is not None and held != wanted:
        raise SchemaError(f"the lake's texts are of {held.name!r} as it was when they were imported, and {given} differs from it")
    return wanted


def without_forgotten(registry: Registry, buried: Tombstones) -> Registry:
    """The list without who is buried: an archive's list does not bring them back into the lake's."""
    return Registry(one for one in registry if not buried.user(one.user_id))


def store(services: Services, posts: Path, run: str, reference: datetime, show: Callable[[int], None] = lambda done: None) -> int:
    """Write the posts as raw pages, account by account, and hand them over to the workflow; how many pages.

    Whoever annotates them judges them as of `reference`. What is buried meanwhile stays out. In memory there is one page at a
    time.
    """
    pages: list[str] = []
    now = datetime.now(UTC)

    def write(buried: Tombstones) -> list[str]:
        pages.clear()
        for user_id, page in _pages(posts):
            clean = [_without_past_edits(post, now) for post in page if not _is_buried(buried, post)]
            if clean:
                key = places.raw_page(run, user_id, newest=clean[0]["id"], oldest=clean[-1]["id"])
                services.lake.write_lines(key, [{"data": clean, "meta": {"result_count": len(clean)}}])
                pages.append(key)
                show(len(pages))
        return pages

    services.lake.write_json(places.plan(run), {"reference": write_time(reference)})
    write_clean(services.lake, write)
    for user_id in dict.fromkeys(places.run_and_user(key)[1] for key in pages):
        services.ledger.hand_over(user_id, run)
    return len(pages)


def describe_reading(inputs: Inputs, rejected: Path) -> str:
    """What became of a file's rows, as one line."""
    words = f"{inputs.read:,} read = {inputs.kept:,} kept + {sum(inputs.rejected.values()):,} rejected"
    words += f" ({counted(inputs.rejected)}; see {rejected})" if inputs.rejected else ""
    words += f"; mended: {counted(inputs.mended)}" if inputs.mended else ""
    return "\n".join([words, *(f"  {escape(note)}" for note in inputs.notes)])


def require_right_times(inputs: Inputs, archive: Archive) -> None:
    """Raises InputError where all times are off by the same hours: each tweet's day would be wrong, and stay so."""
    if not inputs.hours_off or archive.keep_times:
        return
    where = "ahead of" if inputs.hours_off > 0 else "behind"
    raise InputError(
        f"the times in {archive.tweets} are {abs(inputs.hours_off)} h {where} those that the tweets' ids tell; if the file names "
        f"no zone, its times are not those of {archive.time_zone}: give --time-zone UTC or whichever it is; --times-from-ids "
        "takes the ids' own, --keep-times imports them as they are"
    )


def describe(report: dict[str, Any]) -> str:
    """An ingest report as one line."""
    failures = sum(len(report[name]) for name in ("failed_accounts", "failed_parts", "failed_days"))
    return (
        f"{report['read']:,} read = {report['kept']:,} kept + {sum(report['filtered'].values()):,} filtered "
        f"({counted(report['filtered'])}) + {sum(report['rejected'].values()):,} rejected; "
        f"{report['rows']:,} rows in {report['days']:,} days" + (f"; [red]{failures} failures[/]" if failures else "")
    )


def _held_registry(services: Services) -> Registry | None:
    text = registry_text_if_any(services.lake)
    return None if text is None else read_registry(text)


def _is_buried(buried: Tombstones, post: dict[str, Any]) -> bool:
    return buried.covers(post["id"], post["author_id"], map(str, post.get("edit_history_tweet_ids") or ()))


def _without_past_edits(post: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The post without an editing time that is over. An archive's newest hour of posts was once set aside as still editable,
    for a later run that never came."""
    until = (post.get("edit_controls") or {}).get("editable_until")
    over = until is not None and read_time(until) <= now
    return {name: value for name, value in post.items() if not (over and name == "edit_controls")}


def _pages(posts: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Each account's posts, newest first, in pages. An index on disk says where each stands in the file."""
    with (
        tempfile.TemporaryDirectory(prefix="politico-") as folder,
        posts.open("rb") as lines,
        closing(sqlite3.connect(Path(folder) / "index")) as index,
    ):
        index.execute("CREATE TABLE posts (author TEXT, digits INTEGER, id TEXT, place INTEGER)")
        index.executemany("INSERT INTO posts VALUES (?, ?, ?, ?)", _places(lines))
        index.execute("CREATE INDEX by_author ON posts (author, digits, id, place)")
        ordered = index.execute("SELECT author, place FROM posts ORDER BY author, digits DESC, id DESC")
        for user_id, found in itertools.groupby(ordered, key=lambda row: str(row[0])):
            timeline = (_post_at(lines, place) for _user_id, place in found)
            while page := list(itertools.islice(timeline, POSTS_A_PAGE)):
                yield user_id, page


def _places(lines: IO[bytes]) -> Iterator[tuple[str, int, str, int]]:
    place = 0
    while line := lines.readline():
        post = json.loads(line)
        yield post["author_id"], len(post["id"]), post["id"], place
        place += len(line)


def _post_at(lines: IO[bytes], place: int) -> dict[str, Any]:
    lines.seek(place)
    post: dict[str, Any] = json.loads(lines.readline())
    return post
