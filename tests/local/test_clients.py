"""Clients that others wrote, against the local cloud's endpoint; and a container that is killed in the middle of a batch."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint

from cli.local_cloud import LocalCloud
from cli.services import Services
from cli.training.jobs import reached
from infra.settings import Settings
from tests.local.test_release_faults import image, see_it_served, services

__all__ = ["image", "services"]

ENDPOINT = Settings().endpoint_name
ASKED = {"inputs": {"sentimiento": "POSITIVE"}, "parameters": {"max_new_tokens": 6, "seed": 7}}
REFUSED = {"inputs": {"sentimiento": "FURIOUS"}}
LINES = "application/jsonlines"
pytestmark = pytest.mark.usefixtures("_served")


@pytest.fixture
def _served(services: Services, image: str) -> None:
    see_it_served(services, image)


@pytest.fixture
def written(services: Services) -> Any:
    """What boto3 is answered: any other client is to get the same."""
    (tweet,) = json.loads(invoke(services, ASKED))
    assert tweet["parameters"]["seed"] == 7
    return [tweet]


def invoke(services: Services, body: Any, kind: str = "application/json") -> bytes:
    runtime = services.client("sagemaker-runtime")
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return bytes(runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=content, ContentType=kind)["Body"].read())


def test_boto3_reads_a_stream_as_it_is_written(services: Services, written: Any) -> None:
    answer = services.client("sagemaker-runtime").invoke_endpoint_with_response_stream(
        EndpointName=ENDPOINT, Body=json.dumps(ASKED), ContentType="application/json", Accept=LINES
    )
    lines = b"".join(one["PayloadPart"]["Bytes"] for one in answer["Body"]).splitlines()
    events = [json.loads(line) for line in lines]
    assert [one["tweet"] for one in events if one["event"] == "tweet"] == written


def test_sagemakers_own_sdk_is_answered_the_same(services: Services, written: Any) -> None:
    with reached(services):
        said = Endpoint.get(ENDPOINT, session=services.session).invoke(body=json.dumps(ASKED), content_type="application/json")
    assert json.loads(said.body.read()) == written


@pytest.mark.skipif(shutil.which("aws") is None, reason="there is no AWS CLI")
def test_the_aws_cli_is_answered_the_same(cloud: LocalCloud, written: Any, tmp_path: Path) -> None:
    def ask(body: Any, *words: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "asked.json").write_text(json.dumps(body))
        told = ["--endpoint-name", ENDPOINT, "--content-type", "application/json", "--body", f"fileb://{tmp_path}/asked.json"]
        command = ["aws", "sagemaker-runtime", "invoke-endpoint", *told, *words, str(tmp_path / "answer.json")]
        environment = {**os.environ, **cloud.environment, "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)

    done = ask(ASKED)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "answer.json").read_bytes()) == written
    assert json.loads(done.stdout)["ContentType"] == "application/json"
    refused = ask(REFUSED)
    assert refused.returncode != 0
    assert "sentimiento" in refused.stderr
    assert "FURIOUS" in refused.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_is_answered_the_same(cloud: LocalCloud, written: Any) -> None:
    told = cloud.environment
    signed = ["--aws-sigv4", f"aws:amz:{told['AWS_DEFAULT_REGION']}:sagemaker"]
    signed += ["--user", f"{told['AWS_ACCESS_KEY_ID']}:{told['AWS_SECRET_ACCESS_KEY']}"]
    address = f"{told['AWS_ENDPOINT_URL']}/endpoints/{ENDPOINT}/invocations"
    command = [
        "curl",
        "-sS",
        "--max-time",
        "60",
        *signed,
        "-H",
        "Content-Type: application/json",
        "-d",
        json.dumps(ASKED),
        address,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == written


def test_a_batch_of_lines_has_an_answer_a_line(services: Services, written: Any) -> None:
    body = b"\n".join(json.dumps(one).encode() for one in (ASKED, REFUSED, ASKED))
    first, second, third = (json.loads(line) for line in invoke(services, body, LINES).splitlines())
    assert first == third == written
    assert second["error"] == "UnknownValueError"


def container(cloud: LocalCloud) -> int:
    """The process that serves the endpoint of this cloud."""
    key = f"AWS_ENDPOINT_URL={cloud.environment['AWS_ENDPOINT_URL']}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        try:
            words, told = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"inference.server" in words and key in told.split(b"\0"):
            found.append(int(folder.name))
    (process,) = found
    return process


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found as Linux shows them")
def test_a_container_that_is_killed_in_the_middle_of_a_batch_fails_it_at_once_and_serves_again(
    cloud: LocalCloud, services: Services, written: Any
) -> None:
    line = json.dumps({"inputs": {}, "parameters": {"num_return_sequences": 20, "max_new_tokens": 100, "min_new_tokens": 100}})
    failed: list[tuple[float, ClientError]] = []

    def ask() -> None:
        began = time.monotonic()
        try:
            invoke(services, "\n".join([line] * 400).encode(), LINES)
        except ClientError as error:
            failed.append((time.monotonic() - began, error))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(1.0)
    os.kill(container(cloud), signal.SIGKILL)
    asking.join(20)
    assert not asking.is_alive(), "nobody waits for a container that is gone"
    ((seconds, error),) = failed
    assert seconds < 10, "at once"
    assert error.response["Error"]["Code"] == "ModelError"
    until = time.monotonic() + 60
    while True:
        try:
            again = json.loads(invoke(services, ASKED))
            break
        except ClientError:
            assert time.monotonic() < until, "it is started again, as SageMaker does"
            time.sleep(0.5)
    assert again == written
