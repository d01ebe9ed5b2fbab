"""API: a tweet on demand for an app without AWS credentials. The endpoint's own answers come through; its failures get names."""

import base64
from collections.abc import Mapping
from typing import Any

from functions import environment
from functions.telemetry import observed, warn
from politico.page.failures import ASKING_FAILS, failure_of

LONGEST_SECONDS = 22
"""API Gateway gives up after 29: that leaves the rest for a connection and for a function that starts anew."""
JSON = "application/json"


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: API Gateway's, of a POST. Answer: `statusCode`, `headers`, `body`, as API Gateway takes it."""
    body = event.get("body") or ""
    given = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    status, answer = ask(
        environment.impatient_client("sagemaker-runtime", LONGEST_SECONDS), given, _content_type(event.get("headers") or {})
    )
    headers = {"Content-Type": JSON}
    if origin := environment.api_origin():
        headers["Access-Control-Allow-Origin"] = origin
    return {"statusCode": status, "headers": headers, "body": answer}


def ask(runtime: Any, body: bytes, content_type: str) -> tuple[int, str]:
    """The status and the body for what the endpoint says.

    A request that can't be met keeps the endpoint's status and words. 502: the model failed. 503: the endpoint is not there, or
    has too much to do. 504: it took too long.
    """
    try:
        answer = runtime.invoke_endpoint(EndpointName=environment.endpoint(), ContentType=content_type, Body=body)
        return 200, answer["Body"].read().decode()
    except ASKING_FAILS as error:
        failure = failure_of(error, LONGEST_SECONDS)
    if failure.status >= 500:
        warn("endpoint did not answer", status=failure.status, reason=failure.error)
    return failure.status, failure.body


def _content_type(headers: Mapping[str, str]) -> str:
    """As the request names it: what is no JSON the endpoint itself refuses."""
    return next((value for name, value in headers.items() if name.lower() == "content-type"), JSON)
