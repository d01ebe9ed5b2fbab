"""Deploy, first step: what one release is called and what SageMaker needs for it, made once however often it is announced.

The model's name follows from the package alone, and the model carries the execution that makes the release: EventBridge may
deliver one approval several times, and editing an approved package is announced as its approval is. The candidate is the
execution's own, so that no execution meets what another one left.
"""

import hashlib
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from functions import environment
from functions.telemetry import observed
from politico.models.packages import VARIANT
from politico.tweets.tweet import write_time

HOLDER = "politico:execution"
"""The tag of a model that names the execution which releases it."""
LONGEST = timedelta(hours=2)
"""A release that is not done by then is given up: what it has started must not bill unseen."""
_LEFT = ("FAILED", "TIMED_OUT", "ABORTED", "GONE")
"""An execution that ended so has let its release go."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the `approval` as EventBridge tells it, and the `execution`'s address.

    An approval with `again` is a person's, who wants a version back that was released before. `held` in the answer says whether
    this execution is the one to go on.
    """
    package, execution = event["approval"]["detail"]["ModelPackageArn"], event["execution"]
    endpoint = environment.endpoint()
    release = f"{endpoint}-{_digest(package)}"
    sagemaker = environment.client("sagemaker")
    held = _hold(sagemaker, release, package, execution, again=bool(event["approval"].get("again")))
    if held:
        _configure(sagemaker, release)
    return {
        "endpoint": endpoint,
        "release": release,
        "candidate": f"{endpoint}-candidate-{_digest(execution)}",
        "deadline": write_time(environment.now() + LONGEST),
        "held": held,
    }


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def _hold(sagemaker: Any, release: str, package: str, execution: str, *, again: bool) -> bool:
    """Make the model, or take it over from an execution that let it go; False where another one has it, or had it."""
    made = _once(
        sagemaker.create_model,
        ModelName=release,
        ExecutionRoleArn=environment.serving_role(),
        PrimaryContainer={"ModelPackageName": package},
        Tags=[{"Key": HOLDER, "Value": execution}],
    )
    if made:
        return True
    model = sagemaker.describe_model(ModelName=release)["ModelArn"]
    tags = {one["Key"]: one["Value"] for one in sagemaker.list_tags(ResourceArn=model)["Tags"]}
    holder = tags.get(HOLDER)
    if holder == execution:  # this very step, tried again
        return True
    status = _status(holder) if holder else "GONE"
    if status not in _LEFT and not (again and status == "SUCCEEDED"):
        return False
    sagemaker.add_tags(ResourceArn=model, Tags=[{"Key": HOLDER, "Value": execution}])
    return True


def _configure(sagemaker: Any, release: str) -> None:
    variant = {
        "VariantName": VARIANT,
        "ModelName": release,
        "InstanceType": environment.serving_instance(),
        "InitialInstanceCount": environment.serving_instances(),
    }
    _once(sagemaker.create_endpoint_config, EndpointConfigName=release, ProductionVariants=[variant], **_capture(release))


def _capture(release: str) -> dict[str, Any]:
    """What is kept of requests and answers, where the deployer wants that."""
    percent, uri = environment.data_capture()
    if not percent:
        return {}
    return {
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": percent,
            "DestinationS3Uri": f"{uri}{release}",
            "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
            "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        }
    }


def _once(create: Any, **request: Any) -> bool:
    """Whether this call made it; False where it was there already."""
    try:
        create(**request)
    except ClientError as error:
        if "already existing" not in error.response["Error"]["Message"]:  # SageMaker has no code of its own for it
            raise
        return False
    return True


def _status(execution: str) -> str:
    try:
        found = environment.client("stepfunctions").describe_execution(executionArn=execution)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ExecutionDoesNotExist", "InvalidArn", "ValidationException"):
            raise
        return "GONE"
    return str(found["status"])
