"""SageMaker jobs as Step Functions states: what CDK's own tasks can't say (spot, checkpoints, retries on capacity)."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws
from aws_cdk.aws_stepfunctions import JsonPath

from infra.settings import Settings

PROCESSING = "/opt/ml/processing"
CHECKPOINTS = "/opt/ml/checkpoints"
VOLUME_GIGABYTES = 100
PROCESSING_HOURS = 12

_RETRY = [
    {
        # Capacity, throttling and outages pass; each attempt is a job of its own name over the same checkpoints.
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

# A processing job is not given code: it unpacks ours, brings what the image lacks, and runs the module named
# by its arguments.
_RUN_MODULE = (
    f"set -e; mkdir -p {PROCESSING}/code; tar -xzf {PROCESSING}/input/source/*.gz -C {PROCESSING}/code; "
    f'cd {PROCESSING}/code; python -m pip install --quiet -r requirements.txt; exec python -m "$@"'
)


def training(
    stage: str,
    *,
    role: str,
    image: str,
    settings: Settings,
    channels: Mapping[str, str],
    result_path: str,
) -> dict[str, Any]:
    """A training job on spot machines, waited for; its model's address comes out under `result_path`.uri."""
    hour = 3600
    return {
        "Type": "Task",
        "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createTrainingJob.sync",
        "Parameters": {
            "TrainingJobName.$": f"States.Format('{{}}-{stage}-{{}}', $.run, $$.State.RetryCount)",
            "RoleArn": role,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters.$": f"$.{stage}",
            "InputDataConfig": [_channel(name, path) for name, path in channels.items()],
            "OutputDataConfig": {"S3OutputPath.$": "$.paths.models"},
            "ResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": settings.training_instance,
                "VolumeSizeInGB": VOLUME_GIGABYTES,
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
    inputs: Mapping[str, str],
    output: str,
) -> dict[str, Any]:
    """A processing job, waited for, that runs a module of the training code with the arguments in `$.NAME_arguments`."""
    return {
        "Type": "Task",
        "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName.$": f"States.Format('{{}}-{name}-{{}}', $.run, $$.State.RetryCount)",
            "RoleArn": role,
            "AppSpecification": {
                "ImageUri": image,
                "ContainerEntrypoint": ["/bin/bash", "-c", _RUN_MODULE, name],
                "ContainerArguments.$": f"$.{name}_arguments",
            },
            "Environment": {"AWS_DEFAULT_REGION": Aws.REGION},
            "ProcessingInputs": [
                _input("source", {"S3Uri": source}),
                *(_input(one, {"S3Uri.$": path}) for one, path in inputs.items()),
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": name,
                        "S3Output": {"S3Uri.$": output, "LocalPath": f"{PROCESSING}/output/{name}", "S3UploadMode": "EndOfJob"},
                    }
                ]
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": settings.processing_instance,
                    "VolumeSizeInGB": VOLUME_GIGABYTES,
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": PROCESSING_HOURS * 3600},
        },
        "ResultPath": JsonPath.DISCARD,  # not None, which is lost on its way into the definition
        "Retry": _RETRY,
    }


def _channel(name: str, path: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri.$": path, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _input(name: str, uri: dict[str, str]) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {**uri, "LocalPath": f"{PROCESSING}/input/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }
