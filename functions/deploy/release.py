"""Deploy, first step: the names that one release uses, and whether there is an endpoint to update or one to make."""

import hashlib
from typing import Any

from botocore.exceptions import ClientError

from functions import environment
from functions.telemetry import observed


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the approved `package` and the execution's `name`; the same pair gives the same names."""
    endpoint = environment.endpoint()
    digest = hashlib.sha256(f"{event['package']} {event['name']}".encode()).hexdigest()[:12]
    return {
        "package": event["package"],
        "endpoint": endpoint,
        "release": f"{endpoint}-{digest}",
        "candidate": f"{endpoint}-candidate-{digest}",
        "exists": _exists(environment.client("sagemaker"), endpoint),
    }


def _exists(sagemaker: Any, endpoint: str) -> bool:
    try:
        sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":  # SageMaker's word for "no such endpoint"
            raise
        return False
    return True
