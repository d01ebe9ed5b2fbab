"""What the doctor finds: on the local cloud, and where something is missing, each with its remedy."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.deployment import doctor
from cli.deployment.doctor import MISSING, OK, UNKNOWN, Finding
from cli.local_cloud import LocalCloud
from cli.settings import STACK_VARIABLE, deployers_settings, stack_name
from infra.settings import Settings
from politico.cost import quotas
from politico.errors import InputError


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {one.what: one for one in findings}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker that answers, and nothing else on the path."""
    tool = tmp_path / "docker"
    tool.write_text("#!/bin/sh\nexit 0\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tool


@pytest.fixture
def on_the_cloud(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return cloud


def test_on_the_local_cloud_all_is_there_but_what_it_has_none_of(
    on_the_cloud: LocalCloud, docker: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    code = doctor.examine(as_json=True)
    found = {one["what"]: one for one in json.loads(capsys.readouterr().out)}
    expected = dict.fromkeys(
        ("Python", "Node", "Docker", "region", "credentials", "bootstrap", "stack", "X's token", "quotas"), OK
    )
    assert {what: found[what]["state"] for what in expected} == expected, found
    assert found["layers"]["state"] == UNKNOWN  # moto fails at the question
    assert code == 0


def test_a_quota_that_is_too_low_is_named_with_what_to_ask_for(
    on_the_cloud: LocalCloud, docker: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    low = f"{Settings().training_instance} for spot training job usage"
    on_the_cloud.ask("faults", {"quotas": {low: 0}})
    try:
        assert doctor.examine(as_json=False) == 1
    finally:
        on_the_cloud.ask("faults", {})
    said = " ".join(capsys.readouterr().out.split())
    assert f'the account may have 0 of "{low}", and 1 are needed' in said
    assert "request-service-quota-increase --service-code sagemaker --quota-code L-" in said


def test_a_machine_without_docker_is_told_of_the_way_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = doctor._docker(Settings())
    assert (found.state, "serving_image" in found.remedy) == (MISSING, True)
    built = Settings(serving_image="123456789012.dkr.ecr.us-east-1.amazonaws.com/politico:1")
    assert doctor._docker(built).state == OK


def test_a_docker_that_does_not_answer_is_none(docker: Path) -> None:
    docker.write_text("#!/bin/sh\nexit 1\n")
    assert doctor._docker(Settings()).state == MISSING


@pytest.mark.parametrize(("region", "state"), [("us-east-1", OK), ("sa-east-1", MISSING), ("eu-west-1", OK)])
def test_a_region_that_lacks_a_service_is_no_place_for_the_stack(region: str, state: str) -> None:
    assert doctor._region(region).state == state


def test_who_has_no_region_and_no_credentials_is_told_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ENDPOINT_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert [(one.what, one.state) for one in doctor._account(Settings())] == [("region", MISSING)]
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    found = by_name(list(doctor._account(Settings())))
    assert {what: one.state for what, one in found.items()} == {"region": OK, "credentials": MISSING}
    assert "AWS_PROFILE" in found["credentials"].told


def test_the_deployers_own_settings_are_what_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert deployers_settings(tmp_path) == Settings()
    (tmp_path / "cdk.json").write_text(
        json.dumps({"context": {"settings": {"training_instance": "ml.p4d.24xlarge", "stack_name": "Ours"}}})
    )
    monkeypatch.chdir(tmp_path)
    assert stack_name() == "Ours"
    monkeypatch.setenv(STACK_VARIABLE, "Theirs")
    assert (stack_name(), deployers_settings(tmp_path).endpoint_name) == ("Theirs", "theirs")
    assert deployers_settings(tmp_path).training_instance == "ml.p4d.24xlarge"
    (tmp_path / "cdk.json").write_text(json.dumps({"context": {"settings": {"no_such": 1}}}))
    with pytest.raises(InputError, match="no_such"):
        deployers_settings(tmp_path)


class Pages:
    """Service Quotas' client with one page."""

    def __init__(self, *there: dict[str, Any]) -> None:
        self._there = there

    def get_paginator(self, _name: str) -> "Pages":
        return self

    def paginate(self, **_asked: str) -> list[dict[str, Any]]:
        return [{"Quotas": list(self._there)}]


def test_a_quota_is_too_low_only_where_service_quotas_lists_it() -> None:
    there = {"QuotaName": "a for endpoint usage", "QuotaCode": "L-1", "Value": 5.0}
    assert quotas.shortages(Pages(there), {"a for endpoint usage": 5}) == []
    (low,) = quotas.shortages(Pages(there), {"a for endpoint usage": 6}) or []
    assert (low.allowed, low.needed, low.code) == (5.0, 6, "L-1")
    assert quotas.shortages(Pages(there), {"b for endpoint usage": 1}) == []
    assert quotas.shortages(Pages(), {"a for endpoint usage": 1}) is None
    assert quotas.of_endpoint("a", 1, 2) == {"a for endpoint usage": 4}
