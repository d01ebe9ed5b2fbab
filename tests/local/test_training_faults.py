"""A training run through what SageMaker does to one: no machines, a spot machine taken away, a failure; and taken up again."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import local_cloud
from cli.local_cloud import LocalCloud
from cli.services import Services
from cli.training.jobs import show_jobs, watch_job
from cli.training.stack import train_there
from infra.settings import Settings
from local.sagemaker.jobs import NO_CAPACITY
from politico.dataset.manifest import update_manifest
from politico.errors import InputError
from politico.lake import places
from politico.lake.registry import put_registry
from tests.support.faults_world import PEOPLE, ZONE
from tests.support.running import ended, said, until
from tests.training.test_control_samples import START, row, write_days

EXPERIMENT: dict[str, Any] = {
    "experiment": "control-tiny",
    "corpus": "faults",
    "overrides": {
        "corpus": {"vocabulary_size": 400, "held_out_share": 0.2},
        "network": {"layers": 1, "width": 32, "heads": 2, "positions": 128},
        "base": {"max_minutes": 0.15, "max_steps": 1_000_000},
        "control": {"max_steps": 5},
        "evaluation": {"max_tweets": 4, "generated": 2},
    },
}


@pytest.fixture(scope="module")
def services(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """A lake with a dataset of six days and a corpus of one text."""
    services = cloud.services()
    lake, folder = services.lake, tmp_path_factory.mktemp("training-faults")
    put_registry(lake, PEOPLE, ZONE)
    days = [START + timedelta(days=day) for day in range(6)]
    write_days(folder, {day: [row(10 * number + one, day) for one in range(6)] for number, day in enumerate(days)})
    for day in days:
        lake.write(places.dataset_day(day), (folder / f"dt={day}" / "tweets.parquet").read_bytes())
    update_manifest(lake, days)
    words = "\n\n".join(f"El párrafo {number} habla de la educación y del camino de todos." for number in range(900))
    lake.write(places.corpus("faults") + "book.txt", words.encode())
    return services


def start(services: Services, name: str, given: dict[str, Any]) -> str:
    steps = services.client("stepfunctions")
    machine = services.outputs["TrainWorkflow"]
    arn: str = steps.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))["executionArn"]
    return arn


def jobs_of(services: Services, run: str) -> dict[str, list[str]]:
    """The stages' jobs and how they ended, oldest first."""
    sagemaker = services.client("sagemaker")
    found: dict[str, list[str]] = {}
    for kind in ("Training", "Processing"):
        listed = getattr(sagemaker, f"list_{kind.lower()}_jobs")()[f"{kind}JobSummaries"]
        for one in sorted(listed, key=lambda one: one["CreationTime"]):
            name = one[f"{kind}JobName"]
            if name.startswith(run):
                found.setdefault(name.removeprefix(f"{run}-").rpartition("-")[0], []).append(one[f"{kind}JobStatus"])
    return found


def test_a_run_survives_what_sagemaker_does_and_goes_on_where_it_failed(
    cloud: LocalCloud, services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.ask(
        "faults",
        {
            "jobs": [
                {"job": "*-corpus-*", "times": 2},
                {"job": "*-control-*", "reason": "ClientError: the image is gone"},
            ]
        },
    )
    arn = start(services, "through-all-of-it", EXPERIMENT)
    logs = services.client("logs")

    def base_that_learns() -> str | None:
        now = services.client("stepfunctions").describe_execution(executionArn=arn)
        assert now["status"] == "RUNNING", now["cause"]
        try:
            streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        for one in streams:
            name = one["logStreamName"]
            if "-base-" in name:
                events = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=name)["events"]
                if any("% loss" in event["message"] for event in events):
                    return str(name.partition("/")[0])
        return None

    base = until(base_that_learns, every=0.3)
    run = base.rpartition("-base-")[0]
    too_soon = ended(services, start(services, "too-soon", {"resume": run}))
    assert (too_soon["status"], f"the run {run} is still under way" in too_soon["cause"]) == ("FAILED", True)
    cloud.ask(f"interrupt/{base}", {})
    failed = ended(services, arn)
    assert failed["status"] == "FAILED"
    assert "the image is gone" in failed["cause"]
    assert jobs_of(services, run) == {"corpus": ["Failed", "Failed", "Completed"], "base": ["Completed"], "control": ["Failed"]}
    described = services.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
    reasons = {
        services.client("sagemaker").describe_processing_job(ProcessingJobName=one["ProcessingJobName"]).get("FailureReason")
        for one in described
        if one["ProcessingJobName"].startswith(run)
    }
    assert reasons == {NO_CAPACITY, None}
    lines = said(services, base)
    (stopped,) = {line for line in lines if line.startswith("stopped after step")}  # each process says it
    (again,) = [line for line in lines if line.startswith("going on from step")]
    assert stopped.split()[3].rstrip(";") == again.split()[-1]

    again_arn = start(services, "taken-up-again", {"resume": run})
    over = ended(services, again_arn)
    assert over["status"] == "SUCCEEDED", over
    output = json.loads(over["output"])
    assert (output["run"], output["made"]) == (run, {"shards": True, "base": True, "candidate": False})
    found = jobs_of(services, run)
    assert (found["corpus"][2:], found["base"], found["control"]) == (["Completed"], ["Completed"], ["Failed", "Completed"])
    assert found["evaluation"] == ["Completed"]
    see_its_jobs(services, run, base, monkeypatch, capsys)


def see_its_jobs(
    services: Services, run: str, base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`politico jobs`, on the local cloud."""
    monkeypatch.setattr(local_cloud, "stack", lambda **_: services)
    capsys.readouterr()
    show_jobs(run, 50, local=True)
    shown = capsys.readouterr().out
    statuses = [status for of_stage in jobs_of(services, run).values() for status in of_stage]
    assert [shown.count(f"│ {status} ") for status in ("Completed", "Failed")] == [
        statuses.count(status) for status in ("Completed", "Failed")
    ]
    watch_job(base, local=True)
    heard = capsys.readouterr().out
    assert all(line in heard for line in said(services, base))
    assert f"{base}: Completed" in heard


def test_politico_train_makes_a_base_and_a_casual_model_on_a_stack(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cli.training.stack.local_cloud.stack", lambda local: services)
    (tmp_path / "novel.txt").write_text("\n\n".join(f"El párrafo {number} habla del camino." for number in range(900)))
    parts = EXPERIMENT["overrides"]
    base = {"corpus": parts["corpus"], "network": parts["network"], "base": {"max_steps": 3}}
    train_there("gpt2-es-tiny", base, corpus=str(tmp_path / "novel.txt"), base=None, local=True)
    (address,) = re.findall(r"model at (s3://\S+-base-\S+/model.tar.gz)", capsys.readouterr().out)
    free = {"casual": {"max_steps": 3, "parties": "UDI"}}
    train_there("casual-tiny", free, corpus=None, base=address, local=True)
    said = capsys.readouterr().out
    (run,) = re.findall(r"run (\d{8}-\d{6}-[0-9a-f]{8})", said)
    assert jobs_of(services, run) == {"casual": ["Completed"]}
    assert f"model at {services.lake.uri(places.models(run))}" in said
    with pytest.raises(InputError, match="is no model folder"):
        train_there("casual-tiny", free, corpus=None, base=str(tmp_path), local=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"resume": "20260101-000000-0f1e2d3c"}, "there is no run '20260101-000000-0f1e2d3c' to resume"),
        ({"resume": "../secrets"}, "there is no run '../secrets' to resume"),
        ({"resume": ["x"]}, "there is no run ['x'] to resume"),
        ({"resume": "20260101-000000-0f1e2d3c", "overrides": {}}, "leave out overrides"),
    ],
)
def test_a_run_that_can_not_be_resumed_is_told(services: Services, given: dict[str, Any], expected: str) -> None:
    name = f"no-such-run-{abs(hash(json.dumps(given))) % 10**8}"
    over = ended(services, start(services, name, given))
    assert over["status"] == "FAILED"
    assert expected in over["cause"]


def test_a_run_for_which_the_account_may_have_no_machine_ends_before_its_first_job(cloud: LocalCloud, services: Services) -> None:
    low = f"{Settings().training_instance} for spot training job usage"
    cloud.ask("faults", {"quotas": {low: 0}})
    try:
        over = ended(services, start(services, "no-quota", EXPERIMENT))
    finally:
        cloud.ask("faults", {})
    assert over["status"] == "FAILED"
    assert f'the account may have 0 of "{low}"' in json.loads(over["cause"])["errorMessage"]
    assert "request-service-quota-increase" in over["cause"]
