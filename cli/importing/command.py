"""`politico import`: an archive's tweets into the lake as pages of API v2, then through the ingest workflow without X."""

import hashlib
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.markup import escape

from cli import flows, local_cloud
from cli.executions import Execution
from cli.importing.inputs import Inputs, open_zone, read_files
from cli.importing.outcome import outcome_of, show, write_report
from cli.importing.posts import pages_of
from cli.importing.registry_merge import merge
from cli.importing.unfinished import Unfinished, begun
from cli.screen import Screen, Stage, counted
from cli.services import Services
from cli.text_files import read_text_file
from politico.control.domain import label_columns, read_domain
from politico.control.format import Schema
from politico.control.political import SCHEMA
from politico.errors import InputError, SchemaError
from politico.lake import places
from politico.lake.bucket import Lake, as_line
from politico.lake.registry import put_registry, registry_text_if_any
from politico.lake.tombstones import Tombstones, read_tombstones, write_clean
from politico.tweets.politician import Registry, read_registry
from politico.tweets.tweet import read_time, write_time

WRITERS = 8
"""Pages on their way to the lake side by side: packing one takes this machine long, sending one S3."""


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

    def as_read(self, schema: Schema) -> dict[str, Any]:
        """What makes the same file another import."""
        said = {"zone": self.time_zone, "columns": self.columns, "author": self.author, "from_ids": self.from_ids}
        return {**said, "schema": schema.to_json()}


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


def _read(
    archive: Archive,
    folder: Path,
    schema: Schema,
    buried: Tombstones | None,
    say: Callable[[str], None],
    *,
    work: bool = False,
    now: datetime | None = None,
) -> Inputs:
    """With `work` what is judged stays in the folder, and what is there is not judged again."""
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
        now=now,
        work=folder if work else None,
        show=say,
    )


def import_archive(archive: Archive, *, local: bool, report: Path | None = None) -> None:
    """Import one file. Raises InputError for what the person can mend, JobError when the workflow fails.

    Again is safe: what the lake has already, it has once in the dataset. The same import, begun again after it was stopped, goes
    on from where it was.
    """
    screen = Screen()
    services = local_cloud.stack(local=local)
    open_zone(archive.time_zone)
    schema = settled_schema(archive.schema, services.lake)
    where = f"{services.lake.bucket} at {services.endpoint_url or 'AWS'}"
    with begun(archive.tweets, archive.politicians, where, archive.as_read(schema)) as unfinished:
        if unfinished.goes_on:
            screen.console.print("going on with this import, which was stopped", highlight=False)
        execution = _started(services, unfinished)
        if execution is None:
            inputs = _read_for(services, archive, unfinished, schema, screen, report)
            with screen.stage("store") as stage:
                stage.result = _store(services, archive, unfinished, schema, inputs, stage)
            execution = flows.start_ingest(services, unfinished.progress.name, {"fetch": False})
            unfinished.note(replace(unfinished.progress, execution=execution.arn))
        with screen.stage("ingest") as stage:
            stage.result = describe(flows.follow_ingest(execution, stage.show))


def _started(services: Services, unfinished: Unfinished) -> Execution | None:
    """The workflow, where it goes on, or went through, behind the import's back; else it is started once more."""
    progress = unfinished.progress
    execution = Execution(services, progress.execution) if progress.execution else None
    if execution is not None and execution.status in ("RUNNING", "SUCCEEDED"):
        return execution
    if execution is not None:  # a name is for one execution
        unfinished.note(replace(progress, name=f"import-{time.time_ns()}", execution=""))
    return None


def _read_for(
    services: Services, archive: Archive, unfinished: Unfinished, schema: Schema, screen: Screen, report: Path | None
) -> Inputs:
    with screen.stage("read") as stage:
        buried = read_tombstones(services.lake)
        inputs = _read(archive, unfinished.folder, schema, buried, stage.show, work=True, now=unfinished.now)
        if report is not None:
            write_report(outcome_of(inputs), report)
        require_right_times(inputs, archive)
        stage.result = describe_reading(inputs, archive.rejected)
    return inputs


def _store(services: Services, archive: Archive, unfinished: Unfinished, schema: Schema, inputs: Inputs, stage: Stage) -> str:
    """Put the list of politicians and the pages into the lake; what that came to, in words."""
    followed = without_forgotten(inputs.registry, read_tombstones(services.lake))
    registry, changes = merge(followed, _held_registry(services))
    days = flows.days_of(services, archive.time_zone)
    put_registry(services.lake, registry, days)
    if schema.name != SCHEMA.name:
        services.lake.write(places.DATASET_SCHEMA, schema.to_json().encode())
    stored = store(services, inputs.posts, unfinished, inputs.reference, lambda done: stage.show(f"{done:,} pages"))
    forgotten = len(inputs.registry) - len(followed)
    return (
        f"{stored.pages:,} pages"
        + (f", {stored.there:,} of them from before" if stored.there else "")
        + f"; registry: {changes}"
        + (f"; {forgotten} who were forgotten stay out" if forgotten else "")
        + (f"; the dataset's days stay those of {days}" if days != archive.time_zone else "")
    )


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


@dataclass(frozen=True)
class Stored:
    """What became of an import's pages."""

    pages: int
    there: int
    """Of them, those that were stored before the import was stopped."""


def store(
    services: Services, posts: Path, unfinished: Unfinished, reference: datetime, show: Callable[[int], None] = lambda done: None
) -> Stored:
    """Write the posts as raw pages, account by account, and hand them over to the workflow.

    Whoever annotates them judges them as of `reference`. What is buried meanwhile stays out. Pages that are there already, of
    the same import, stay as they are. In memory there are few pages at a time.
    """
    run = unfinished.progress.run
    there: set[str] = set()
    pages: list[str] = []

    def write(buried: Tombstones) -> list[str]:
        pages.clear()
        obeyed = _digest(buried)
        there.clear()
        if unfinished.progress.obeyed == obeyed:
            there.update(services.lake.keys(places.raw_of_run(run)))
        unfinished.note(replace(unfinished.progress, obeyed=obeyed))

        def write_page(given: tuple[str, list[bytes]]) -> str | None:
            user_id, lines = given
            clean = _clean(lines, buried, unfinished.now)
            if not clean:
                return None
            key = places.raw_page(run, user_id, newest=_id_of(clean[0]), oldest=_id_of(clean[-1]))
            if key not in there:
                count = b'],"meta":{"result_count":%d}}\n' % len(clean)
                services.lake.write_text(key, b'{"data":[' + b",".join(clean) + count)
            return key

        with ThreadPoolExecutor(WRITERS) as writers:
            waiting = pages_of(posts)
            while batch := list(itertools.islice(waiting, WRITERS * 4)):
                pages.extend(key for key in writers.map(write_page, batch) if key is not None)
                show(len(pages))
        for key in there - set(pages):
            services.lake.erase(key)
        return pages

    services.lake.write_json(places.plan(run), {"reference": write_time(reference)})
    write_clean(services.lake, write)
    for user_id in dict.fromkeys(places.run_and_user(key)[1] for key in pages):
        services.ledger.hand_over(user_id, run)
    return Stored(len(pages), len(there & set(pages)))


def _clean(lines: list[bytes], buried: Tombstones, now: datetime) -> list[bytes]:
    """A page's posts without those that are buried, and without editing times that are over."""
    if not buried and not any(b'"edit_controls"' in line for line in lines):
        return lines
    posts = [_without_past_edits(json.loads(line), now) for line in lines]
    return [as_line(post).encode() for post in posts if not _is_buried(buried, post)]


def _id_of(line: bytes) -> str:
    return str(json.loads(line)["id"])


def _digest(buried: Tombstones) -> str:
    """Of all that was to be forgotten; not empty where nothing was."""
    return hashlib.sha256("\n".join(sorted(buried.keys)).encode()).hexdigest()[:16]


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
