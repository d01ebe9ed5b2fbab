"""API: a tweet on demand for an app without AWS credentials. The endpoint's own answers come through; its failures get names."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from botocore import exceptions
from botocore.exceptions import ClientError, ReadTimeoutError

from functions import environment
from functions.telemetry import observed, warn

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
    except ReadTimeoutError:
        return _failure(504, "EndpointTimeout", f"the endpoint did not answer within {LONGEST_SECONDS} seconds")
    except ClientError as error:
        return _refusal(error)
    except (exceptions.ConnectionError, exceptions.HTTPClientError):
        return _failure(503, "EndpointUnavailable", "the endpoint can't be reached; try again later")


def _refusal(error: ClientError) -> tuple[int, str]:
    code, said = error.response["Error"]["Code"], error.response
    if code == "ModelError":
        status = int(said.get("OriginalStatusCode") or 500)
        if 400 <= status < 500:
            return status, str(said.get("OriginalMessage", ""))
        if status in (503, 504) or "timed out" in str(said.get("OriginalMessage", "")).lower():
            return _failure(504, "EndpointTimeout", "the model took too long")
        return _failure(502, "ModelFailed", "the model failed; the endpoint's log says why")
    if code in ("ValidationError", "ValidationException"):
        return _failure(503, "EndpointUnavailable", "no model is being served; try again once one is released")
    if "Throttl" in code or code in ("ServiceUnavailable", "ModelNotReadyException", "InternalDependencyException"):
        return _failure(503, "EndpointBusy", "the endpoint has too much to do; try again later")
    return _failure(502, "EndpointFailed", "the endpoint could not be asked")


def _failure(status: int, error: str, message: str) -> tuple[int, str]:
    warn("endpoint did not answer", status=status, reason=error)
    return status, json.dumps({"error": error, "message": message})


def _content_type(headers: Mapping[str, str]) -> str:
    """As the request names it: what is no JSON the endpoint itself refuses."""
    return next((value for name, value in headers.items() if name.lower() == "content-type"), JSON)
