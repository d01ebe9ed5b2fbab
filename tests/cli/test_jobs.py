"""`politico jobs`: what SageMaker's own SDK finds of the workflow's jobs, and what a person is told of them."""

import os
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cli import flows, local_cloud
from cli.services import Services
from cli.training import jobs
from cli.training.jobs import resume_run, show_jobs, stop_job, watch_job
from politico.errors import InputError, JobError
from politico.runs import run_of
from tests.support.edges import stack

RUN, OTHER = "20261126-021500-1a2b3c4d", "20261126-031500-5a6b7c8d"
REGION = "us-east-1"


def training(name: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/train",
        "OutputDataConfig": {"S3OutputPath": "s3://lake/models"},
        "ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def processing(name: str) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "RoleArn": "arn:aws:iam::123456789012:role/train",
        "AppSpecification": {"ImageUri": "image"},
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.2xlarge", "VolumeSizeInGB": 30}},
    }


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A stack with jobs of two runs, and somebody else's."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with stack() as made, jobs.reached(made):
        monkeypatch.setattr(local_cloud, "stack", lambda **_: made)
        monkeypatch.setattr(jobs, "POLL_SECONDS", 0.01)
        sagemaker = boto3.client("sagemaker", region_name=REGION)
        for name in (f"{RUN}-base-0", f"{RUN}-control-0", "somebody-elses"):
            sagemaker.create_training_job(**training(name))
        sagemaker.create_processing_job(**processing(f"{OTHER}-corpus-0"))
        yield made


def test_the_runs_jobs_are_listed_and_nobody_elses(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs(None, 20, local=False)
    shown = capsys.readouterr().out
    assert "somebody-elses" not in shown
    for name in (f"{RUN}-base-0", f"{RUN}-control-0", f"{OTHER}-corpus-0"):
        (line,) = [one for one in shown.splitlines() if name in one]
        assert "Completed" in line or "InProgress" in line
        assert "corpus" in name or "2 ml.g5.12xlarge" in line  # moto does not tell a processing job's
    show_jobs(OTHER, 20, local=False)
    assert RUN not in capsys.readouterr().out
    show_jobs(None, 1, local=False)
    shown = capsys.readouterr().out
    assert sum(name in shown for name in (f"{RUN}-base-0", f"{RUN}-control-0", f"{OTHER}-corpus-0")) == 1
    with pytest.raises(InputError, match="--run is 'x'"):
        show_jobs("x", 20, local=False)


def test_where_there_are_no_jobs_it_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with stack() as made:
        monkeypatch.setattr(local_cloud, "stack", lambda **_: made)
        show_jobs(None, 20, local=False)
    assert "there are no jobs yet" in capsys.readouterr().out


def test_a_job_is_watched_with_all_it_says_until_it_ends(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    logs = boto3.client("logs", region_name=REGION)
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    for machine in ("algo-1-1", "algo-2-1"):
        stream = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": f"{RUN}-base-0/{machine}"}
        logs.create_log_stream(**stream)
        logs.put_log_events(**stream, logEvents=[{"timestamp": int(time.time() * 1000), "message": f"step 1/9 [50%] {machine}"}])
    watch_job(f"{RUN}-base-0", local=False)
    said = capsys.readouterr().out
    assert "step 1/9 [50%] algo-1-1" in said
    assert "step 1/9 [50%] algo-2-1" in said
    assert f"{RUN}-base-0: Completed" in said


def test_a_stream_that_appears_later_is_heard_too(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spot job that starts again writes to new streams; SageMaker's SDK would hear the first ones only."""
    logs = boto3.client("logs", region_name=REGION)
    group, now = "/aws/sagemaker/TrainingJobs", int(time.time() * 1000)
    lines = jobs.Jobs(services).lines("training", f"{RUN}-base-0")
    assert list(lines.new()) == []
    logs.create_log_group(logGroupName=group)
    for number, name in enumerate((f"{RUN}-base-0/algo-1-1", f"{RUN}-base-0/algo-1-2", f"{RUN}-base-01/algo-1-1")):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        event = {"timestamp": now + number, "message": f"line {number}"}
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=[event])
        assert list(lines.new()) == ([f"line {number}"] if "-0/" in name else [])


def test_the_sdk_forgets_the_clients_that_it_made_for_another_cloud(services: Services) -> None:
    from sagemaker.core.utils import logs

    elsewhere = Services(services.session, "http://localhost:1", services.outputs, services.stack)
    with jobs.reached(elsewhere):
        first = logs.CloudWatchLogsClient().client
    with jobs.reached(services):
        second = logs.CloudWatchLogsClient().client
    assert (first.meta.endpoint_url, first is second) == ("http://localhost:1", False)


def test_a_job_that_failed_ends_the_watching_with_its_reason(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failed:
        training_job_name, training_job_status, failure_reason = f"{RUN}-base-0", "Failed", "AlgorithmError: loss nan"

        def refresh(self) -> None:
            """As it is."""

    monkeypatch.setattr(jobs.Jobs, "find", lambda *_: ("training", Failed()))
    with pytest.raises(JobError, match="failed: AlgorithmError: loss nan"):
        watch_job(f"{RUN}-base-0", local=False)


def test_a_job_that_has_ended_or_is_not_there_can_not_be_stopped(services: Services) -> None:
    with pytest.raises(InputError, match=f"{RUN}-base-0 has ended: Completed"):
        stop_job(f"{RUN}-base-0", local=False)
    with pytest.raises(InputError, match=f"there is no job '{RUN}-base-9'; `politico jobs list` shows"):
        stop_job(f"{RUN}-base-9", local=False)


def test_what_reaches_the_local_cloud_leaves_the_environment_as_it_was(services: Services) -> None:
    before = dict(os.environ)
    here = Services(services.session, "http://localhost:1", services.outputs, services.stack)
    with jobs.reached(here):
        assert os.environ["AWS_ENDPOINT_URL"] == "http://localhost:1"
        assert os.environ["AWS_ACCESS_KEY_ID"] == services.session.get_credentials().access_key
    assert dict(os.environ) == before


def test_a_run_is_resumed_by_its_id(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[dict[str, Any]] = []

    def train(_services: Services, _name: str, given: dict[str, Any], _show: object) -> dict[str, Any]:
        started.append(given)
        return {"run": RUN, "goal": "base", "base_model": {"uri": "s3://lake/models/x"}}

    monkeypatch.setattr(flows, "train", train)
    resume_run(RUN, local=False)
    assert started == [{"resume": RUN}]
    assert "model at s3://lake/models/x" in capsys.readouterr().out
    with pytest.raises(InputError, match="is no run's id"):
        resume_run(f"{RUN}-base-0", local=False)


@pytest.mark.parametrize(
    ("job", "run"),
    [(f"{RUN}-base-0", RUN), (RUN, None), (f"{RUN}0-base", None), ("somebody-elses", None), (f"x-{RUN}-base", None)],
)
def test_a_jobs_name_says_its_run(job: str, run: str | None) -> None:
    assert run_of(job) == run
