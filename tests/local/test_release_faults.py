"""Releases through what SageMaker does to them: a throttled call, an alarm during an update, an endpoint that failed at first."""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sagemaker.core.resources import Endpoint

from cli import local_cloud
from cli.deployment.retire import retire
from cli.local_cloud import LocalCloud
from cli.services import Services
from cli.training.jobs import reached
from infra.settings import Settings
from politico.models.packages import VARIANT
from tests.local.test_door import ask
from tests.support.models import micro_model
from tests.support.paths import ROOT
from tests.support.running import ended, until
from tests.support.template import Template

ENDPOINT = Settings().endpoint_name


@pytest.fixture(scope="module")
def services(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A lake that holds a model, and an endpoint that goes at the end."""
    services, folder = cloud.services(), tmp_path_factory.mktemp("release-faults")
    micro_model(folder / "model")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted((folder / "model").iterdir()):
            archive.add(path, path.name)
    services.lake.write("models/by-hand/model.tar.gz", packed.getvalue())
    yield services
    retired(services, versions=True)
    assert services.client("sagemaker").list_endpoints()["Endpoints"] == []


def retired(services: Services, *, versions: bool = False) -> None:
    """As `politico retire` does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_cloud, "stack", lambda *, local: services)
        retire(versions=versions, local=True)


@pytest.fixture(scope="module")
def image(template: Template) -> str:
    states = template.machine("TrainWorkflow")["States"]
    (container,) = states["Register"]["Parameters"]["InferenceSpecification"]["Containers"]
    return str(container["Image"])


def release(services: Services, image: str) -> dict[str, Any]:
    """Register the model as a new version, approve it, and wait for its release."""
    sagemaker, steps = services.client("sagemaker"), services.client("stepfunctions")
    package = sagemaker.create_model_package(
        ModelPackageGroupName=services.outputs["ModelGroup"],
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": services.lake.uri("models/by-hand/model.tar.gz")}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    machine = services.outputs["DeployWorkflow"]
    before = {one["executionArn"] for one in steps.list_executions(stateMachineArn=machine)["executions"]}
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")

    def begun() -> str | None:
        new = {one["executionArn"] for one in steps.list_executions(stateMachineArn=machine)["executions"]} - before
        return new.pop() if new else None

    return ended(services, until(begun))


def see_it_served(services: Services, image: str) -> None:
    """A test before may have left the endpoint; one that runs alone makes it."""
    if ENDPOINT not in [one["EndpointName"] for one in services.client("sagemaker").list_endpoints()["Endpoints"]]:
        assert release(services, image)["status"] == "SUCCEEDED"


def config(services: Services) -> str:
    return str(services.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"])


def candidates(services: Services) -> list[str]:
    found = services.client("sagemaker").list_endpoints(NameContains="-candidate-")["Endpoints"]
    return [one["EndpointName"] for one in found]


def test_a_release_gets_over_throttled_calls_and_its_endpoint_scales(cloud: LocalCloud, services: Services, image: str) -> None:
    throttled = {"service": "sagemaker", "status": 400, "code": "ThrottlingException", "times": 2}
    calls = ("CreateEndpoint", "DescribeEndpoint", "DeleteEndpoint")
    cloud.ask("faults", {"aws": [{**throttled, "operation": one} for one in calls]})
    over = release(services, image)
    assert over["status"] == "SUCCEEDED", over
    assert [one["struck"] for one in cloud.ask("faults")["aws"]] == [2, 2, 2]
    cloud.ask("faults", {})
    assert config(services) == json.loads(over["output"])["release"]
    assert candidates(services) == []
    scaling, variant = services.client("application-autoscaling"), f"endpoint/{ENDPOINT}/variant/{VARIANT}"
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["ResourceId"], target["MinCapacity"], target["MaxCapacity"]) == (
        variant,
        Settings().serving_instances,
        Settings().serving_most_instances,
    )
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == Settings().serving_requests_a_minute
    answer = services.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=ENDPOINT, Body=b'{"inputs": {}, "parameters": {"max_new_tokens": 3}}', ContentType="application/json"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    with reached(services):  # SageMaker's own SDK, as the README has it
        endpoint = Endpoint.get(ENDPOINT, session=services.session)
        said = endpoint.invoke(body=json.dumps({"inputs": {}, "parameters": {"seed": 7}}), content_type="application/json")
    (tweet,) = json.loads(said.body.read())
    assert tweet["finish_reason"] in ("stop", "length")
    app = [sys.executable, str(ROOT / "examples" / "ask.py"), "--endpoint", ENDPOINT]
    environment = {**os.environ, **cloud.environment}
    for words, wanted in ((["--tweets", "2", "--seed", "3"], 0), (["--sentimiento", "FURIOUS"], 1)):
        done = subprocess.run([*app, *words], capture_output=True, text=True, timeout=120, env=environment)
        assert done.returncode == wanted, done.stderr
        assert "FURIOUS" in done.stderr if wanted else done.stdout.strip()


def test_a_versions_number_never_comes_again(services: Services, image: str) -> None:
    """A new version under a deleted one's name would be taken for it: that it was released already."""
    sagemaker, group = services.client("sagemaker"), services.outputs["ModelGroup"]
    container = {"Image": image, "ModelDataUrl": services.lake.uri("models/by-hand/model.tar.gz")}
    served = {"SupportedContentTypes": ["application/json"], "SupportedResponseMIMETypes": ["application/json"]}

    def register() -> str:
        made = sagemaker.create_model_package(
            ModelPackageGroupName=group, InferenceSpecification={"Containers": [container], **served}
        )
        return str(made["ModelPackageArn"])

    first, second = register(), register()
    sagemaker.delete_model_package(ModelPackageName=first)
    third = register()
    assert len({first, second, third}) == 3
    for one in (second, third):
        assert sagemaker.describe_model_package(ModelPackageName=one)["ModelPackageArn"] == one
        sagemaker.delete_model_package(ModelPackageName=one)
    assert register() not in (first, second, third)


def test_the_rest_api_writes_refuses_and_says_so_when_no_model_is_served(
    cloud: LocalCloud, services: Services, image: str
) -> None:
    see_it_served(services, image)
    status, answer = ask(cloud, {"inputs": {"sentimiento": "POSITIVE"}, "parameters": {"max_new_tokens": 3, "seed": 1}})
    assert status == 200
    assert answer[0]["tokens"] <= 3
    status, answer = ask(cloud, {"inputs": {}, "parameters": {"temperature": 9}})
    assert (status, answer["error"]) == (400, "LimitError")
    assert "temperature is 9" in answer["message"]
    retired(services)
    status, answer = ask(cloud, {"inputs": {}})
    assert (status, answer["error"]) == (503, "EndpointUnavailable")


def test_a_release_under_which_an_alarm_is_raised_is_rolled_back_and_fails(
    cloud: LocalCloud, services: Services, image: str
) -> None:
    cloudwatch = services.client("cloudwatch")
    see_it_served(services, image)
    before = config(services)
    alarm = f"{ENDPOINT}-Invocation5XXErrors"
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test's")
    try:
        over = release(services, image)
    finally:
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test's")
    assert (over["status"], over["error"]) == ("FAILED", "ReleaseFailed")
    assert "rolled back" in over["cause"]
    assert config(services) == before
    assert candidates(services) == []
    # What was wrong is over: the next version takes the endpoint.
    later = release(services, image)
    assert later["status"] == "SUCCEEDED", later
    assert config(services) == json.loads(later["output"])["release"] != before


def test_a_first_endpoint_that_failed_blocks_no_later_release(cloud: LocalCloud, services: Services, image: str) -> None:
    sagemaker = services.client("sagemaker")
    retired(services)
    sagemaker.create_model(
        ModelName="nobody-can-run-it",
        PrimaryContainer={"Image": "nobody/has:it", "ModelDataUrl": "s3://nowhere/model.tar.gz"},
        ExecutionRoleArn=sagemaker.describe_model(ModelName=sagemaker.list_models()["Models"][0]["ModelName"])[
            "ExecutionRoleArn"
        ],
    )
    variant = {"VariantName": VARIANT, "ModelName": "nobody-can-run-it", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="nobody-can-run-it", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName="nobody-can-run-it")
    deadline = time.monotonic() + 30
    while sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] != "Failed":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    over = release(services, image)
    assert over["status"] == "SUCCEEDED", over
    assert config(services) == json.loads(over["output"])["release"]
