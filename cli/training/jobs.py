"""`politico jobs`: the train workflow's jobs, through the resources of SageMaker's SDK, on AWS and on the local cloud."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from cli import flows, local_cloud
from cli.screen import Screen
from cli.services import Services
from cli.training.stack import tell
from politico.errors import JobError, LimitError
from politico.runs import is_run, run_of

KINDS = ("training", "processing")
NOT_THERE = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")
ENDED = ("Completed", "Failed", "Stopped")
SESSION = "AWS_SESSION_TOKEN"
POLL_SECONDS = 5.0
QUIET_POLLS = 2
"""So often nothing new comes of a job that has ended before it is taken to have said all."""


class Jobs:
    """The jobs that a stack's services reach."""

    def __init__(self, services: Services) -> None:
        # Two seconds of imports, and only here. It says what it does at each call; errors reach us as exceptions.
        from sagemaker.core import resources
        from sagemaker.core.utils import logs

        logging.getLogger("sagemaker").setLevel(logging.ERROR)
        self._session, self._logs, self._sagemaker = services.session, logs, services.client("sagemaker")
        self._resources = {"training": resources.TrainingJob, "processing": resources.ProcessingJob}

    def newest(self, run: str | None, count: int) -> list[dict[str, Any]]:
        """The newest jobs of the run, or of all; each as a person is shown it."""
        found: list[dict[str, Any]] = []
        for kind, resource in self._resources.items():
            names = islice((name for name in self._names(kind, run) if run_of(name)), count)  # not somebody else's
            found += [_facts(resource.get(name, session=self._session), kind) for name in names]
        return sorted(found, key=lambda one: one["began"] or datetime.max.replace(tzinfo=UTC), reverse=True)[:count]

    def _names(self, kind: str, run: str | None) -> Iterator[str]:
        """The newest first. The SDK's own listing describes every job of the account, whoever's it is."""
        asked = {"NameContains": run} if run else {}
        pages = self._sagemaker.get_paginator(f"list_{kind}_jobs").paginate(
            SortBy="CreationTime", SortOrder="Descending", **asked
        )
        for page in pages:
            yield from (one[f"{kind.capitalize()}JobName"] for one in page[f"{kind.capitalize()}JobSummaries"])

    def find(self, name: str) -> tuple[str, Any]:
        """Kind and resource of a job. Raises LimitError when there is none of this name."""
        for kind, resource in self._resources.items():
            try:
                return kind, resource.get(name, session=self._session)
            except ClientError as error:
                if error.response["Error"]["Code"] not in NOT_THERE:
                    raise
        raise LimitError(f"there is no job {name!r}; `politico jobs list` shows those there are")

    def lines(self, kind: str, name: str) -> "_Lines":
        """What the job has said, by and by."""
        return _Lines(self._logs, f"/aws/sagemaker/{kind.capitalize()}Jobs", name)


class _Lines:
    """The lines of a job's streams: one a machine, and new ones whenever a spot job starts again."""

    def __init__(self, logs: Any, group: str, job: str) -> None:
        self._logs, self._group, self._job = logs, group, job
        self._client = logs.CloudWatchLogsClient().client
        self._streams: dict[str, Any] = {}

    def new(self) -> Iterator[str]:
        """Those since the last time."""
        try:
            pages = self._client.get_paginator("describe_log_streams").paginate(
                logGroupName=self._group, logStreamNamePrefix=f"{self._job}/"
            )
            names = [one["logStreamName"] for page in pages for one in page["logStreams"]]
        except self._client.exceptions.ResourceNotFoundException:  # nobody has said anything yet
            return
        for name in names:
            if name not in self._streams:
                self._streams[name] = self._logs.LogStreamHandler(self._group, name, len(self._streams))
            for _, event in self._streams[name].get_latest_log_events():
                yield str(event["message"])


def show_jobs(run: str | None, count: int, *, local: bool) -> None:
    """A table of the newest jobs. Raises InputError."""
    if run is not None and not is_run(run):
        raise LimitError(f"--run is {run!r}; it takes a run's id, such as 20261126-021500-1a2b3c4d")
    services = local_cloud.stack(local=local)
    with reached(services):
        found = Jobs(services).newest(run, count)
    console = Console(width=None if Console().is_terminal else 150)
    if not found:
        console.print("there are no jobs yet; `politico train EXPERIMENT --on stack` starts some", highlight=False)
        return
    table = Table("job", "kind", "status", "began", "minutes", "machines")
    for one in found:
        began = f"{one['began']:%Y-%m-%d %H:%M}" if one["began"] else ""
        minutes = "" if one["minutes"] is None else f"{one['minutes']:.1f}"
        table.add_row(one["name"], one["kind"], one["status"], began, minutes, one["machines"])
    console.print(table)


def watch_job(name: str, *, local: bool) -> None:
    """Show what a job says until it ends. Raises InputError, JobError for one that fails."""
    services, console = local_cloud.stack(local=local), Console()
    with reached(services):
        jobs = Jobs(services)
        kind, job = jobs.find(name)
        lines = jobs.lines(kind, name)
        quiet = 0
        while quiet < QUIET_POLLS:
            job.refresh()
            status = _status(job, kind)
            said = list(lines.new())
            for line in said:
                console.print(line, highlight=False, markup=False, soft_wrap=True)
            quiet = quiet + 1 if status in ENDED and not said else 0  # the last lines come later than the end
            if quiet < QUIET_POLLS:
                time.sleep(POLL_SECONDS)
    if status == "Failed":
        raise JobError(f"{name} failed: {_text(job.failure_reason) or 'SageMaker gives no reason'}")
    console.print(f"{name}: {status}", highlight=False)


def stop_job(name: str, *, local: bool) -> None:
    """Ask a job to stop; a stage writes its checkpoint first. Raises InputError."""
    services = local_cloud.stack(local=local)
    with reached(services):
        kind, job = Jobs(services).find(name)
        if (status := _status(job, kind)) in ENDED:
            raise LimitError(f"{name} has ended: {status}")
        job.stop()
    run = run_of(name)
    told = f"; what it has learnt is kept: politico jobs resume {run}" if kind == "training" and run else ""
    Console().print(f"{name} is asked to stop{told}", highlight=False, soft_wrap=True)


def resume_run(run: str, *, local: bool) -> None:
    """Go on with a run that was stopped or failed, behind what it has made. Raises InputError, JobError."""
    if not is_run(run):
        raise LimitError(f"{run!r} is no run's id, such as 20261126-021500-1a2b3c4d; a job's name begins with its run's")
    services, screen = local_cloud.stack(local=local), Screen()
    with screen.stage("train") as stage:
        made = flows.train(services, f"train-{time.time_ns()}", {"resume": run}, stage.show)
        stage.result = f"run {made['run']}"
    tell(screen.console, made)


@contextmanager
def reached(services: Services) -> Iterator[None]:
    """The SDK makes its clients from the environment: it has to say what the services say."""
    from sagemaker.core.utils.utils import SingletonMeta

    credentials = services.session.get_credentials().get_frozen_credentials()
    wanted = {"AWS_DEFAULT_REGION": services.session.region_name}
    if services.endpoint_url:
        wanted |= {
            "AWS_ENDPOINT_URL": services.endpoint_url,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        }
    before = {name: os.environ.get(name) for name in (*wanted, SESSION)}
    os.environ.update(wanted)
    # It keeps the clients that it made first: of another cloud, they would be asked in this one's place.
    SingletonMeta._instances.clear()
    if services.endpoint_url:
        os.environ.pop(SESSION, None)  # of other credentials
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _facts(job: Any, kind: str) -> dict[str, Any]:
    config = job.resource_config if kind == "training" else getattr(job.processing_resources, "cluster_config", None)
    began, ended = (_moment(getattr(job, f"{kind}_{end}_time", None)) for end in ("start", "end"))
    return {
        "name": _name(job, kind),
        "kind": kind,
        "status": _status(job, kind),
        "began": began or _moment(job.creation_time),
        "minutes": ((ended or datetime.now(UTC)) - began).total_seconds() / 60 if began else None,
        "machines": f"{getattr(config, 'instance_count', '')} {getattr(config, 'instance_type', '')}".strip(),
    }


def _name(job: Any, kind: str) -> str:
    return str(getattr(job, f"{kind}_job_name"))


def _status(job: Any, kind: str) -> str:
    return str(getattr(job, f"{kind}_job_status"))


def _moment(value: Any) -> datetime | None:
    """The SDK has an object of its own for what is not there."""
    return value if isinstance(value, datetime) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
