"""Deploy, first step: what one release is called and what SageMaker needs for it, made once however often it is announced.

The model's name follows from the package and what its container is told, its configuration's also from how it is to be served.
The model carries the execution that makes the release: EventBridge may deliver one approval several times, and editing an
approved package is announced as its approval is. The candidate is the execution's own, so that no execution meets what another
one left.
"""

import hashlib
import json
from collections.abc import Mapping
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
UNTOLD: Mapping[str, str] = {}
UNMARKED: Mapping[str, str] = {"WATERMARK": "false"}
"""What a container is told where it is not to do what it does untold: `inference.server` has the names."""
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
    told, otherwise = (UNTOLD, UNMARKED) if environment.serving_watermark() else (UNMARKED, UNTOLD)
    model, other = _name(endpoint, package, told), _name(endpoint, package, otherwise)
    sagemaker, again = environment.client("sagemaker"), bool(event["approval"].get("again"))
    # A version that was released and told otherwise was released: only a person has it served once more.
    elsewhere = _is_kept(_holder(sagemaker, other), execution, again=again)
    held = not elsewhere and _hold(sagemaker, model, package, told, execution, again=again)
    config = _configuration(model)
    # Named after what it says as well: one version may be served in another way later.
    release = f"{model}-{_digest(json.dumps(config, sort_keys=True))[:6]}"
    if held:
        _once(sagemaker.create_endpoint_config, EndpointConfigName=release, **config)
    return {
        "endpoint": endpoint,
        "release": release,
        "candidate": f"{endpoint}-candidate-{_digest(execution)}",
        "deadline": write_time(environment.now() + LONGEST),
        "held": held,
    }


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def _name(endpoint: str, package: str, told: Mapping[str, str]) -> str:
    return f"{endpoint}-{_digest(package + ''.join(f' {name}={value}' for name, value in told.items()))}"


def _hold(sagemaker: Any, name: str, package: str, told: Mapping[str, str], execution: str, *, again: bool) -> bool:
    """Make the model, or take it over from an execution that let it go; False where another one has it, or had it."""
    made = _once(
        sagemaker.create_model,
        ModelName=name,
        ExecutionRoleArn=environment.serving_role(),
        PrimaryContainer={"ModelPackageName": package, **({"Environment": dict(told)} if told else {})},
        Tags=[{"Key": HOLDER, "Value": execution}],
    )
    if made:
        return True
    holder = _holder(sagemaker, name)
    if _is_kept(holder, execution, again=again):
        return False
    if holder != execution:  # else it is this very step, tried again
        model = sagemaker.describe_model(ModelName=name)["ModelArn"]
        sagemaker.add_tags(ResourceArn=model, Tags=[{"Key": HOLDER, "Value": execution}])
    return True


def _holder(sagemaker: Any, name: str) -> str | None:
    """The execution that a model of this name was made, or taken over, by; None where there is none of either."""
    try:
        model = sagemaker.describe_model(ModelName=name)["ModelArn"]
    except ClientError as error:
        if "could not find model" not in error.response["Error"]["Message"].lower():
            raise
        return None
    tags = {one["Key"]: one["Value"] for one in sagemaker.list_tags(ResourceArn=model)["Tags"]}
    return tags.get(HOLDER)


def _is_kept(holder: str | None, execution: str, *, again: bool) -> bool:
    """Whether this execution may not have what that one holds."""
    if holder is None or holder == execution:
        return False
    status = _status(holder)
    return status not in _LEFT and not (again and status == "SUCCEEDED")


def _configuration(model: str) -> dict[str, Any]:
    """What the endpoint is made of: machines, and where the deployer wants it, what is kept of requests and answers."""
    variant = {
        "VariantName": VARIANT,
        "ModelName": model,
        "InstanceType": environment.serving_instance(),
        "InitialInstanceCount": environment.serving_instances(),
    }
    percent, uri = environment.data_capture()
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": f"{uri}{model}",
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
        **({"KmsKeyId": key} if (key := environment.kms_key()) else {}),
    }
    return {"ProductionVariants": [variant], **({"DataCaptureConfig": capture} if percent else {})}


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
