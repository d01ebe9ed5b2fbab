"""The flows as a person runs them: start a workflow, show how far it is, hand back what it made."""

import io
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.executions import Execution, latest
from cli.services import Services
from politico.errors import LimitError
from politico.lake import places
from politico.lake.registry import DEFAULT_TIME_ZONE, time_zone_if_any
from politico.runs import digest

Show = Callable[[str, float | None, float | None], None]
"""What is being done, how much of it is done, of how much."""

SHOWN = 90
"""Characters of a log's line."""
LOG_GROUPS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")


def days_of(services: Services, wanted: str) -> str:
    """The time zone whose days the lake's dataset is cut into: the one it began with, for a tweet must not stand in two days."""
    if held := time_zone_if_any(services.lake):
        return held
    has_days = next(iter(services.lake.keys(places.ANNOTATED)), None) is not None  # cut before anybody named a zone
    return DEFAULT_TIME_ZONE if has_days else wanted


def ingest(services: Services, name: str, given: dict[str, Any], show: Show) -> dict[str, Any]:
    """Run the ingest workflow; its report. Raises JobError."""
    return follow_ingest(start_ingest(services, name, given), show)


def start_ingest(services: Services, name: str, given: dict[str, Any]) -> Execution:
    """Start the ingest workflow."""
    return Execution.start(services, "IngestWorkflow", name, given)


def follow_ingest(execution: Execution, show: Show) -> dict[str, Any]:
    """Show how far it is until it is through; its report. Raises JobError."""
    services, run = execution.services, execution.run

    def watch() -> None:
        parts = services.lake.read_if_any(places.parts(run))
        if parts is None:
            pages = sum(1 for _ in services.lake.keys(places.raw_of_run(run)))
            show(f"fetching: {pages:,} pages" if pages else "listing accounts", None, None)
            return
        total = parts[0].count(b'"part"')
        annotated = sum(1 for _ in services.lake.keys(places.part_counts_folder(run)))
        batches = sum(1 for _ in services.lake.keys(places.day_counts_folder(run)))
        touched = services.lake.read_if_any(places.touched_days(run))
        if touched is None:
            show(f"annotating: {annotated} of {total} parts", annotated, total)
        else:
            all_batches = touched[0].count(b'"days"')
            show(f"curating: {batches} of {all_batches} batches of days", batches, all_batches)

    output: dict[str, Any] = execution.wait(watch)
    report: dict[str, Any] = services.lake.read_json(places.report(output["run"]))
    return report


def train(services: Services, name: str, given: dict[str, Any], show: Show) -> dict[str, Any]:
    """Run the train workflow; its output: `run`, `gate`, and `package` when the model may be approved. Raises JobError."""
    execution = Execution.start(services, "TrainWorkflow", name, given)
    logs = JobLogs(services, f"-{digest(name)}-")

    def watch() -> None:
        show(*logs.latest())

    output: dict[str, Any] = execution.wait(watch)
    return output


def approve(services: Services, package: str) -> None:
    """Say that a registered model may be deployed; the deploy workflow starts by itself."""
    services.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")


def deploy(services: Services, package: str, show: Show) -> str:
    """Approve a model package and wait until its model serves; the endpoint's name. Raises JobError."""
    began = time.time()
    approve(services, package)
    show("approved; waiting for the event to start the release", None, None)
    execution = latest(services, "DeployWorkflow", began)
    sagemaker = services.client("sagemaker")

    def watch() -> None:
        endpoints = [f"{one['EndpointName']} {one['EndpointStatus']}" for one in sagemaker.list_endpoints()["Endpoints"]]
        show("; ".join(endpoints) or "making the candidate", None, None)

    execution.wait(watch)
    return services.outputs["Endpoint"]


def upload_base(services: Services, folder: Path, name: str) -> str:
    """Put a model folder into the lake, packed, for the train workflow to begin with; its address there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    services.client("s3").put_object(Bucket=services.lake.bucket, Key=places.base(name), Body=packed.getvalue())
    return services.lake.uri(places.base(name))


def upload_corpus(services: Services, path: Path, name: str) -> None:
    """Put a text collection, a file or a folder of them, where the train workflow looks for it; then what was there goes."""
    prefix = places.corpus(name)
    s3, bucket = services.client("s3"), services.lake.bucket
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
    if not files:
        raise LimitError(f"{path} holds no file to upload")
    keys = {prefix + (one.name if one == path else one.relative_to(path).as_posix()): one for one in files}
    for key, one in keys.items():
        s3.upload_file(str(one), bucket, key)
    for key in list(services.lake.keys(prefix)):
        if key not in keys:
            s3.delete_object(Bucket=bucket, Key=key)


class JobLogs:
    """The newest words of a run's jobs, from CloudWatch Logs."""

    def __init__(self, services: Services, mark: str) -> None:
        """`mark` is what the names of the run's jobs hold."""
        self._logs = services.client("logs")
        self._mark = mark

    def latest(self) -> tuple[str, float | None, float | None]:
        """The last line of the newest job, and how far it is when the line says so (`… 40% …`)."""
        newest: tuple[int, str, str] = (0, "", "")
        for group in LOG_GROUPS:
            try:
                streams = self._logs.describe_log_streams(logGroupName=group)["logStreams"]
            except self._logs.exceptions.ResourceNotFoundException:
                continue
            for stream in streams:
                if self._mark in stream["logStreamName"] and stream.get("lastEventTimestamp", 0) >= newest[0]:
                    newest = (stream.get("lastEventTimestamp", 0), group, stream["logStreamName"])
        if not newest[1]:
            return "preparing", None, None
        events = self._logs.get_log_events(logGroupName=newest[1], logStreamName=newest[2], limit=1, startFromHead=False)[
            "events"
        ]
        job = newest[2].split("/")[0].split(self._mark)[1].rpartition("-")[0]
        line = events[-1]["message"] if events else "starting"
        share = next(
            (float(word[:-1]) for word in line.split() if word.endswith("%") and word[:-1].replace(".", "").isdigit()), None
        )
        return f"{job}: {line if len(line) <= SHOWN else line[: SHOWN - 1] + '…'}", share, 100.0 if share is not None else None
