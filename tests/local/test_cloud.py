"""The deployed stack on the local cloud: what runs is what was synthesized, and what fails says so."""

import base64
import hashlib
import io
import json
import sys
import tarfile
import textwrap
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli import local_cloud
from cli.deployment.retire import retire
from cli.executions import Execution
from cli.flows import approve
from cli.local_cloud import LocalCloud
from cli.services import Services
from functions import environment
from infra.settings import Settings
from local.account import X_TOKEN
from politico.errors import JobError
from politico.lake import places
from tests.support.running import ended, said, until
from tests.support.template import ACCOUNT, REGION, Template

MACHINES = ("IngestWorkflow", "ComplianceWorkflow", "TrainWorkflow", "DeployWorkflow")


@pytest.fixture(scope="module")
def services(cloud: LocalCloud) -> Services:
    return cloud.services()


@pytest.fixture(scope="module")
def names(services: Services, template: Template) -> dict[str, str]:
    """What CloudFormation made, by logical id."""
    pages = (
        services.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=template.assembly.stack_name)
    )
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}


@pytest.fixture
def no_registry(services: Services) -> Iterator[None]:
    """The lake as it is before anyone has put the registry there."""
    before = services.lake.read_if_any(places.REGISTRY)
    services.client("s3").delete_object(Bucket=services.lake.bucket, Key=places.REGISTRY)
    yield
    if before:
        services.lake.write(places.REGISTRY, before[0])


def role_named(services: Services, names: dict[str, str], beginning: str) -> str:
    """The ARN of the role whose logical id begins so."""
    (name,) = [made for logical, made in names.items() if logical.startswith(beginning) and "Policy" not in logical]
    found: str = services.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    return found


@pytest.fixture
def role(services: Services, names: dict[str, str]) -> str:
    """That of the training jobs."""
    return role_named(services, names, "TrainJobRole")


@pytest.fixture
def runner(services: Services, names: dict[str, str]) -> str:
    """The role of the machine that starts such jobs."""
    return role_named(services, names, "TrainWorkflowRole")


def executions(services: Services) -> dict[str, set[str]]:
    """Every execution there is, by machine."""
    steps = services.client("stepfunctions")
    return {
        machine: {one["executionArn"] for one in steps.list_executions(stateMachineArn=services.outputs[machine])["executions"]}
        for machine in MACHINES
    }


# --- what is deployed ---


def test_deployed_code_is_the_assemblys_zip(services: Services, template: Template, names: dict[str, str]) -> None:
    functions = list(template.assembly.resources("AWS::Lambda::Function"))
    assert functions
    for name, properties in functions:
        bucket, key = template.resolve(properties["Code"]["S3Bucket"]), properties["Code"]["S3Key"]
        packed = services.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        deployed = services.client("lambda").get_function(FunctionName=names[name])["Configuration"]
        assert deployed["CodeSha256"] == base64.b64encode(hashlib.sha256(packed).digest()).decode()
        folder = template.asset(key)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            held = {one: archive.read(one) for one in archive.namelist()}
        assert held == {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_the_lake_keeps_old_versions_as_the_template_has_it(services: Services) -> None:
    found = services.client("s3").get_bucket_versioning(Bucket=services.lake.bucket)
    assert found["Status"] == "Enabled", "nothing that is done with old versions would be tested"


def test_deployed_functions_are_told_what_the_template_says(
    services: Services, template: Template, names: dict[str, str]
) -> None:
    for name, properties in template.assembly.resources("AWS::Lambda::Function"):
        deployed = services.client("lambda").get_function(FunctionName=names[name])["Configuration"]
        told = deployed.get("Environment", {}).get("Variables", {})
        meant = template.resolve(properties.get("Environment", {}).get("Variables", {}), names)
        # The one word that differs: here nothing real is read, so X's terms are taken as acknowledged.
        assert told == {**meant, **({environment.X_TERMS: "yes"} if environment.X_TERMS in meant else {})}
        assert (deployed["Timeout"], deployed["Handler"]) == (properties["Timeout"], properties["Handler"])


@pytest.mark.parametrize("machine", MACHINES)
def test_deployed_machines_are_the_templates(services: Services, template: Template, names: dict[str, str], machine: str) -> None:
    deployed = services.client("stepfunctions").describe_state_machine(stateMachineArn=services.outputs[machine])
    assert json.loads(deployed["definition"]) == template.machine(machine, names)


def test_deployed_machines_call_functions_that_are_there(services: Services, template: Template, names: dict[str, str]) -> None:
    there = {one["FunctionArn"] for one in services.client("lambda").list_functions(MaxItems=100)["Functions"]}
    called = {
        word
        for machine in MACHINES
        for word in json.dumps(template.machine(machine, names)).split('"')
        if word.startswith(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:")
    }
    assert len(called) == len(template.functions) - 1, "all but the one behind the REST API"
    assert called <= there


def test_the_operators_secret_is_there_and_the_template_does_not_hold_it(services: Services, template: Template) -> None:
    secret = services.client("secretsmanager").get_secret_value(SecretId=Settings().x_secret_name)["SecretString"]
    assert secret == X_TOKEN
    assert secret not in template.text


def test_the_models_group_is_there(services: Services) -> None:
    groups = services.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert services.outputs["ModelGroup"] in {one["ModelPackageGroupName"] for one in groups}


def test_the_cloud_says_how_it_is_reached(cloud: LocalCloud) -> None:
    assert cloud.ask("status") == asdict(cloud)


# --- what fails ---


def test_a_failing_function_fails_its_execution_with_a_readable_cause(services: Services) -> None:
    execution = Execution.start(services, "TrainWorkflow", "no-such-experiment", {"experiment": "huge"})
    found = ended(services, execution.arn)
    assert (found["status"], found["error"]) == ("FAILED", "TrainingFailed")
    assert json.loads(found["cause"])["errorType"] == "UnknownValueError"
    with pytest.raises(JobError, match=r"ended as FAILED: unknown experiment 'huge'; there are casual, .*, gpt2-es-tiny$"):
        execution.wait(lambda: None)


@pytest.mark.usefixtures("no_registry")
def test_executions_that_nobody_names_have_names_of_their_own(services: Services) -> None:
    steps, machine = services.client("stepfunctions"), services.outputs["TrainWorkflow"]
    given = json.dumps({"experiment": "huge"})
    arns = [steps.start_execution(stateMachineArn=machine, input=given)["executionArn"] for _ in range(2)]
    assert len(set(arns)) == 2, "the second would be refused, or taken for the first"
    assert [ended(services, arn)["error"] for arn in arns] == ["TrainingFailed"] * 2


def test_an_ingest_without_a_registry_fails_with_a_readable_cause(services: Services) -> None:
    execution = Execution.start(services, "IngestWorkflow", "no-registry", {"fetch": False})
    with pytest.raises(JobError, match=r"ended as FAILED: .*registry/politicians\.csv"):
        execution.wait(lambda: None)


def machine_that_runs(services: Services, role: str, runner: str, script: str, name: str) -> str:
    """A state machine of one state, a processing job that runs a shell's script; its address."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName": name,
            "RoleArn": role,
            "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["/bin/sh", "-c", script]},
            "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
        "End": True,
    }
    return machine_of_one(services, runner, state, name)


def machine_of_one(services: Services, role: str, state: dict[str, Any], name: str) -> str:
    """A state machine of one state; its address."""
    definition = json.dumps({"StartAt": "One", "States": {"One": state}})
    steps = services.client("stepfunctions")
    made: str = steps.create_state_machine(name=name, definition=definition, roleArn=role)["stateMachineArn"]
    return made


def run(services: Services, machine: str) -> dict[str, Any]:
    arn = services.client("stepfunctions").start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    return ended(services, arn)


def test_a_processing_job_that_fails_fails_its_state_with_its_reason(services: Services, role: str, runner: str) -> None:
    found = run(services, machine_that_runs(services, role, runner, "echo the corpus is empty; exit 3", "exits-with-3"))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    job = json.loads(found["cause"])
    assert (job["ProcessingJobName"], job["ProcessingJobStatus"]) == ("exits-with-3", "Failed")
    assert job["FailureReason"] == "AlgorithmError: the corpus is empty, exit code: 3"
    assert "ExitMessage" not in job


def test_a_processing_job_that_leaves_a_message_has_it_beside_its_reason(services: Services, role: str, runner: str) -> None:
    script = "mkdir -p /opt/ml/output; echo its own words > /opt/ml/output/message; echo noise; exit 1"
    found = run(services, machine_that_runs(services, role, runner, script, "leaves-a-message"))
    job = json.loads(found["cause"])
    assert (job["FailureReason"], job["ExitMessage"]) == ("AlgorithmError: noise, exit code: 1", "its own words\n")


def test_a_processing_job_that_succeeds_hands_its_description_on(services: Services, role: str, runner: str) -> None:
    found = run(services, machine_that_runs(services, role, runner, "echo fine", "goes-well"))
    assert (found["status"], json.loads(found["output"])["ProcessingJobStatus"]) == ("SUCCEEDED", "Completed")


def test_an_endpoint_that_never_scaled_is_told_so_under_the_name_that_aws_gives_it(
    services: Services, names: dict[str, str]
) -> None:
    size = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/none/variant/one",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = services.client("application-autoscaling")
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**size)
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:applicationautoscaling:putScalingPolicy",
        "Parameters": {**size, "PolicyName": "requests", "PolicyType": "NoSuchType"},
        "End": True,
    }
    deployer = role_named(services, names, "DeployWorkflowRole")
    found = run(services, machine_of_one(services, deployer, state, "never-scaled"))
    assert found["status"] == "FAILED"
    assert found["error"].startswith("ApplicationAutoScaling.")


def test_a_job_sees_only_what_it_was_given(services: Services, role: str, runner: str) -> None:
    found = run(services, machine_that_runs(services, role, runner, f"{sys.executable} -c 'import politico'", "sees-nothing"))
    assert "No module named 'politico'" in json.loads(found["cause"])["FailureReason"]


def training_job(name: str, role: str, bucket: str, source: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": "image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash", "-c", "tar -xzf /opt/ml/input/data/code/*.gz; exec python -u count.py /opt/ml"],
        },
        "HyperParameters": {"up-to": "5"},
        "InputDataConfig": [
            {"ChannelName": "code", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": source}}},
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models/{name}"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "EnableManagedSpotTraining": True,
        "CheckpointConfig": {"S3Uri": f"s3://{bucket}/models/{name}/checkpoints", "LocalPath": "/opt/ml/checkpoints"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
    }


@pytest.mark.parametrize("name", ["under_scored", "n" * 64, "-dash-first"])
def test_a_training_job_with_a_name_that_sagemaker_refuses_is_refused(services: Services, role: str, name: str) -> None:
    with pytest.raises(ClientError, match="TrainingJobName") as raised:
        services.client("sagemaker").create_training_job(**training_job(name, role, "bucket", "s3://bucket/code.tar.gz"))
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    there = services.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert name not in {one["TrainingJobName"] for one in there}


COUNT = """
    import json, pathlib, signal, sys, time

    root = pathlib.Path(sys.argv[1])
    goal = int(json.loads((root / "input/config/hyperparameters.json").read_text())["up-to"])
    saved, stop = root / "checkpoints" / "count.json", []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    began = json.loads(saved.read_text()) if saved.exists() else 0
    for count in range(began + 1, goal + 1):
        print("counted to", count, flush=True)
        while count == 3 and began == 0 and not stop:
            time.sleep(0.1)  # until the machine is taken away
        if stop:
            saved.write_text(json.dumps(count))
            sys.exit(143)
    (root / "model" / "model.json").write_text(json.dumps({"began": began, "ended": count}))
"""


@pytest.fixture
def source(services: Services) -> str:
    """The address of a training archive that counts, keeping its count among its checkpoints."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in {"count.py": textwrap.dedent(COUNT)}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    services.lake.write("corpora/counting/sourcedir.tar.gz", packed.getvalue())
    return services.lake.uri("corpora/counting/sourcedir.tar.gz")


def finished(services: Services, job: str) -> dict[str, Any]:
    """The training job, once it runs no more."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = services.client("sagemaker").describe_training_job(TrainingJobName=job)
        return None if found["TrainingJobStatus"] == "InProgress" else found

    over: dict[str, Any] = until(look)
    return over


def test_an_interrupted_training_job_goes_on_from_its_checkpoint(
    cloud: LocalCloud, services: Services, role: str, source: str
) -> None:
    job = "counts"
    services.client("sagemaker").create_training_job(**training_job(job, role, services.lake.bucket, source))
    until(lambda: "counted to 3" in said(services, job))
    cloud.ask(f"interrupt/{job}", {})
    found = finished(services, job)
    assert (found["TrainingJobStatus"], found.get("FailureReason")) == ("Completed", None)
    bucket, _slash, key = found["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    assert bucket == services.lake.bucket
    with tarfile.open(fileobj=io.BytesIO(services.lake.read(key))) as model:
        held = model.extractfile("model.json")
        assert held is not None
        assert json.load(held) == {"began": 3, "ended": 5}
    assert services.lake.read_json(f"models/{job}/checkpoints/count.json") == 3
    assert said(services, job) == [f"counted to {count}" for count in range(1, 6)]


def test_a_job_that_is_out_of_time_is_told_so_and_stopped_with_what_it_saved(services: Services, role: str, source: str) -> None:
    request = training_job("slow", role, services.lake.bucket, source)
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 3, "MaxWaitTimeInSeconds": 3}
    services.client("sagemaker").create_training_job(**request)
    found = finished(services, "slow")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert services.lake.read_json("models/slow/checkpoints/count.json") == 3


def test_a_job_that_is_stopped_keeps_what_it_saved_and_can_not_be_stopped_again(
    services: Services, role: str, source: str
) -> None:
    sagemaker, job = services.client("sagemaker"), {"TrainingJobName": "unwanted"}
    sagemaker.create_training_job(**training_job("unwanted", role, services.lake.bucket, source))
    until(lambda: "counted to 3" in said(services, "unwanted"))
    sagemaker.stop_training_job(**job)

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_training_job(**job)
        return None if found["TrainingJobStatus"] == "Stopping" else found

    found = until(look)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert services.lake.read_json("models/unwanted/checkpoints/count.json") == 3
    with pytest.raises(ClientError, match="rejected because the training job is in status Stopped"):
        sagemaker.stop_training_job(**job)
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.stop_training_job(TrainingJobName="nobody")


def test_a_job_may_find_no_machines(cloud: LocalCloud, services: Services, role: str, source: str) -> None:
    cloud.ask("faults", {"jobs": [{"job": "homeless-*"}]})
    services.client("sagemaker").create_training_job(**training_job("homeless-1", role, services.lake.bucket, source))
    found = finished(services, "homeless-1")
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("CapacityError: ")
    assert said(services, "homeless-1") == []


def test_another_job_over_the_same_checkpoints_goes_on_from_them(services: Services, role: str, source: str) -> None:
    services.lake.write_json("models/retried/checkpoints/count.json", 4)
    request = training_job("retried-1", role, services.lake.bucket, source)
    request["CheckpointConfig"]["S3Uri"] = services.lake.uri("models/retried/checkpoints")
    services.client("sagemaker").create_training_job(**request)
    assert finished(services, "retried-1")["TrainingJobStatus"] == "Completed"
    assert said(services, "retried-1") == ["counted to 5"]


def test_a_job_whose_input_is_missing_fails_with_its_address(services: Services, role: str, source: str) -> None:
    request = training_job("reads-nothing", role, services.lake.bucket, source)
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = services.lake.uri("nothing-here/")
    services.client("sagemaker").create_training_job(**request)
    found = finished(services, "reads-nothing")
    assert found["TrainingJobStatus"] == "Failed"
    assert "nothing-here/" in found["FailureReason"]


def test_a_job_name_is_used_once(services: Services, role: str, source: str) -> None:
    services.lake.write_json("models/once/checkpoints/count.json", 5)
    request = training_job("once", role, services.lake.bucket, source)
    services.client("sagemaker").create_training_job(**request)
    with pytest.raises(ClientError, match="Job name must be unique"):
        services.client("sagemaker").create_training_job(**request)
    finished(services, "once")


def test_an_endpoint_that_is_not_there_is_a_validation_error(services: Services) -> None:
    with pytest.raises(ClientError, match="Endpoint nowhere of account") as raised:
        services.client("sagemaker-runtime").invoke_endpoint(EndpointName="nowhere", Body=b"{}")
    assert raised.value.response["Error"]["Code"] == "ValidationError"


# --- events and the schedule ---


@pytest.fixture
def package(services: Services) -> Iterator[str]:
    """A registered model that nobody can run."""
    sagemaker = services.client("sagemaker")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=services.outputs["ModelGroup"],
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": "nobody/has:it", "ModelDataUrl": "s3://nowhere/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    yield arn
    # Nothing that comes after may take it for the champion.
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")


def test_an_approval_starts_the_deploy_machine_and_no_other(services: Services, package: str) -> None:
    before = executions(services)
    services.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected")
    assert executions(services) == before, "a rejection started something"
    approve(services, package)
    started = {machine: found - before[machine] for machine, found in executions(services).items()}
    assert {machine: len(found) for machine, found in started.items()} == {
        "IngestWorkflow": 0,
        "ComplianceWorkflow": 0,
        "TrainWorkflow": 0,
        "DeployWorkflow": 1,
    }
    (arn,) = started["DeployWorkflow"]
    event = json.loads(services.client("stepfunctions").describe_execution(executionArn=arn)["input"])
    assert (event["source"], event["detail"]["ModelPackageArn"]) == ("aws.sagemaker", package)
    # Its image is none that runs here: the release must fail, and leave no endpoint behind.
    found = ended(services, arn)
    assert (found["status"], found["error"]) == ("FAILED", "ReleaseFailed")
    assert "the candidate did not come into service" in found["cause"]
    assert services.client("sagemaker").list_endpoints(NameContains="-candidate-")["Endpoints"] == []
    # Approved again, it is tried again, in spite of the model and the configuration that the first try left.
    tried = executions(services)["DeployWorkflow"]
    approve(services, package)
    (second,) = executions(services)["DeployWorkflow"] - tried
    assert "the candidate did not come into service" in ended(services, second)["cause"]


def test_an_approval_that_is_told_twice_is_released_once(services: Services, package: str) -> None:
    steps, sagemaker = services.client("stepfunctions"), services.client("sagemaker")
    before, models = executions(services)["DeployWorkflow"], len(sagemaker.list_models()["Models"])
    approve(services, package)
    (first,) = executions(services)["DeployWorkflow"] - before
    event = steps.describe_execution(executionArn=first)["input"]
    until(lambda: len(sagemaker.list_models()["Models"]) > models)
    again = steps.start_execution(stateMachineArn=services.outputs["DeployWorkflow"], input=event)["executionArn"]
    assert ended(services, again)["status"] == "SUCCEEDED"
    assert ended(services, first)["error"] == "ReleaseFailed"  # its own image can't be run here, and that alone was wrong


def test_a_group_that_holds_versions_stays_until_they_are_retired(
    cloud: LocalCloud, services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker, group = services.client("sagemaker"), services.outputs["ModelGroup"]
    sagemaker.create_model_package(ModelPackageGroupName=group)
    there = len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"])
    with pytest.raises(ClientError, match="ConflictException"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    monkeypatch.setattr(local_cloud, "stack", lambda *, local: services)
    retire(versions=False, local=True)
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == there
    retire(versions=True, local=True)
    assert sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"] == []
    assert f"deleted {there} versions of {group}; their weights stay in the lake" in capsys.readouterr().out
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)  # for those who come after


def test_an_event_of_somebody_else_starts_nothing(services: Services, package: str) -> None:
    before = executions(services)
    detail = {"ModelPackageGroupName": "another", "ModelApprovalStatus": "Approved", "ModelPackageArn": package}
    services.client("events").put_events(
        Entries=[
            {"Source": "somebody.else", "DetailType": "SageMaker Model Package State Change", "Detail": json.dumps(detail)},
        ]
    )
    assert executions(services) == before


@pytest.mark.usefixtures("no_registry")
@pytest.mark.parametrize("scheduled", ["IngestWorkflow", "ComplianceWorkflow"])
def test_a_schedule_starts_its_machine(cloud: LocalCloud, services: Services, scheduled: str) -> None:
    before = executions(services)
    started = cloud.ask("schedule", {"machine": services.outputs[scheduled]})["executions"]
    after = executions(services)
    assert len(started) == 1
    assert {machine: after[machine] - before[machine] for machine in MACHINES} == {
        machine: set(started) if machine == scheduled else set() for machine in MACHINES
    }
    assert ended(services, started[0])["input"] == "{}"
