"""SageMaker jobs as Step Functions states: what CDK's own tasks can't say (spot, checkpoints, retries on capacity)."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws
from aws_cdk.aws_stepfunctions import JsonPath

from infra.settings import Settings
from training.exit_codes import REASON_FILE

ML = "/opt/ml"
PROCESSING = f"{ML}/processing"
CHECKPOINTS = f"{ML}/checkpoints"
PROCESSING_HOURS = 12
WHEELS = "wheels"
UNIQUE = "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0)"
"""A job's name is its own for ever: a retry, a redrive and a run taken up again are each a job over the same checkpoints."""

_RETRY = [
    {
        # What the call itself is refused for, and passes. A job that finds no machines is a failed job: the workflow waits.
        "ErrorEquals": [
            "SageMaker.AmazonSageMakerException",
            "SageMaker.ResourceLimitExceededException",
            "SageMaker.ThrottlingException",
        ],
        "IntervalSeconds": 60,
        "MaxAttempts": 3,
        "BackoffRate": 2.0,
    }
]


def _run(code: str, source: str, module: str) -> list[str]:
    """A container's first process: our code unpacked, what the image lacks brought, and then the module in its place."""
    line = (
        f"set -e; mkdir -p {code}; tar -xzf {source}/*.gz -C {code}; cd {code}; "
        f"python -m pip install --quiet -r requirements.txt -c constraints.txt; exec python -m {module}"
    )
    return ["/bin/bash", "-c", line]


def training(
    stage: str,
    *,
    role: str,
    image: str,
    settings: Settings,
    source: str,
    wheels: str,
    channels: Mapping[str, str],
    result_path: str,
) -> dict[str, Any]:
    """A training job on spot machines, waited for; its model's address comes out under `result_path`.uri.

    The container is started by our own line, not by the image's toolkit: that keeps SIGTERM from the program that it starts.
    `wheels` is where the libraries lie that the image lacks; empty, they come from PyPI.
    """
    hour = 3600
    inputs = {"source": {"S3Uri": source}, **{one: {"S3Uri.$": path} for one, path in channels.items()}, **_wheels(wheels)}
    return {
        "Type": "Task",
        "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createTrainingJob.sync",
        "Parameters": {
            "TrainingJobName.$": f"States.Format('{{}}-{stage}-{{}}', $.run, {UNIQUE})",
            "RoleArn": role,
            "AlgorithmSpecification": {
                "TrainingImage": image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": _run(f"{ML}/code", f"{ML}/input/data/source", f"training.launch {ML}"),
            },
            **_environment(f"{ML}/input/data", wheels),
            "HyperParameters.$": f"$.{stage}",
            "InputDataConfig": [_channel(name, where) for name, where in inputs.items()],
            "OutputDataConfig": {"S3OutputPath.$": "$.paths.models", **_key(settings)},
            "ResourceConfig": {
                "InstanceCount": settings.training_instances,
                "InstanceType": settings.training_instance,
                "VolumeSizeInGB": settings.training_gigabytes,
            },
            "EnableManagedSpotTraining": True,
            "CheckpointConfig": {"S3Uri.$": f"$.paths.checkpoints_{stage}", "LocalPath": CHECKPOINTS},
            "StoppingCondition": {
                "MaxRuntimeInSeconds": settings.training_hours * hour,
                "MaxWaitTimeInSeconds": (settings.training_hours + settings.spot_wait_hours) * hour,
            },
        },
        "ResultSelector": {"uri.$": "$.ModelArtifacts.S3ModelArtifacts"},
        "ResultPath": result_path,
        "Retry": _RETRY,
    }


def processing(
    name: str,
    *,
    role: str,
    image: str,
    settings: Settings,
    source: str,
    wheels: str,
    inputs: Mapping[str, str],
    output: str,
) -> dict[str, Any]:
    """A processing job, waited for, that runs a module of the training code with the arguments in `$.NAME_arguments`."""
    brought = {"source": {"S3Uri": source}, **{one: {"S3Uri.$": path} for one, path in inputs.items()}, **_wheels(wheels)}
    return {
        "Type": "Task",
        "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName.$": f"States.Format('{{}}-{name}-{{}}', $.run, {UNIQUE})",
            "RoleArn": role,
            "AppSpecification": {
                "ImageUri": image,
                # Bash takes the word after its line for its own name, and the arguments for "$@".
                "ContainerEntrypoint": [*_run(f"{PROCESSING}/code", f"{PROCESSING}/input/source", '"$@"'), name],
                "ContainerArguments.$": f"$.{name}_arguments",
            },
            **_environment(
                f"{PROCESSING}/input", wheels, {"AWS_DEFAULT_REGION": Aws.REGION, REASON_FILE: f"{ML}/output/message"}
            ),
            "ProcessingInputs": [_input(one, where) for one, where in brought.items()],
            "ProcessingOutputConfig": {
                **_key(settings),
                "Outputs": [
                    {
                        "OutputName": name,
                        "S3Output": {"S3Uri.$": output, "LocalPath": f"{PROCESSING}/output/{name}", "S3UploadMode": "EndOfJob"},
                    }
                ],
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": settings.processing_instance,
                    "VolumeSizeInGB": settings.processing_gigabytes,
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": PROCESSING_HOURS * 3600},
        },
        "ResultPath": JsonPath.DISCARD,  # not None, which is lost on its way into the definition
        "Retry": _RETRY,
    }


def _environment(inputs: str, wheels: str, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The field, where there is anything to say. `inputs` is the folder of all that is brought."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{inputs}/{WHEELS}"} if wheels else {}
    told = {**(more or {}), **offline}
    return {"Environment": told} if told else {}


def _key(settings: Settings) -> dict[str, str]:
    """The deployer's own key, where there is one: SageMaker would take AWS's, whatever the bucket has."""
    return {"KmsKeyId": settings.kms_key} if settings.kms_key else {}


def _wheels(uri: str) -> dict[str, dict[str, str]]:
    return {WHEELS: {"S3Uri": uri}} if uri else {}


def _channel(name: str, where: dict[str, str]) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", **where, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _input(name: str, where: dict[str, str]) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {**where, "LocalPath": f"{PROCESSING}/input/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }
