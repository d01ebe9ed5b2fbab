"""What an app is told when the endpoint did not answer: a status, a name, a sentence, and none of SageMaker's inner words."""

import json
from dataclasses import dataclass

from botocore import exceptions
from botocore.exceptions import ClientError, EventStreamError, ReadTimeoutError
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

BUSY = ("ServiceUnavailable", "ModelNotReadyException", "InternalDependencyException")


@dataclass(frozen=True)
class Failure:
    """A refusal or a failure, as an answer's status and body tell it."""

    status: int
    """HTTP's. 4xx: the request can't be met. 502: the model failed. 503: nothing is served, or too much asked. 504: too slow."""
    error: str
    message: str

    @property
    def body(self) -> str:
        """As JSON."""
        return json.dumps({"error": self.error, "message": self.message}, ensure_ascii=False)


ASKING_FAILS = (ClientError, exceptions.BotoCoreError, HTTPError)
"""What a call to the endpoint may raise: boto3's own, and urllib3's while a stream is read, which boto3 hands on as they are."""
UNREACHABLE = (exceptions.ConnectionError, exceptions.HTTPClientError)
"""What boto3 raises where nobody answers at all."""


def failure_of(error: Exception, seconds: int) -> Failure:
    """What came of a call to the endpoint that was given so many seconds: `error` is one of ASKING_FAILS."""
    if isinstance(error, ReadTimeoutError | StreamTimeoutError):
        return Failure(504, "EndpointTimeout", f"the endpoint did not answer within {seconds} seconds")
    if isinstance(error, UNREACHABLE):
        return Failure(503, "EndpointUnavailable", "the endpoint can't be reached; try again later")
    if isinstance(error, EventStreamError | HTTPError):
        return Failure(502, "ModelFailed", "the model's answer broke off")
    return _refusal(error) if isinstance(error, ClientError) else _FAILED


def _refusal(error: ClientError) -> Failure:
    code, said = error.response["Error"]["Code"], error.response
    if code == "ModelError":
        return _said_by_the_model(int(said.get("OriginalStatusCode") or 500), str(said.get("OriginalMessage", "")))
    if code in ("ValidationError", "ValidationException"):
        return Failure(503, "EndpointUnavailable", "no model is being served; try again once one is released")
    if "Throttl" in code or code in BUSY:
        return Failure(503, "EndpointBusy", "the endpoint has too much to do; try again later")
    return _FAILED


def _said_by_the_model(status: int, said: str) -> Failure:
    """A request that can't be met keeps the endpoint's status and words; its failures are its log's affair."""
    if 400 <= status < 500:
        try:
            body = json.loads(said)
            return Failure(status, str(body["error"]), str(body["message"]))
        except (ValueError, KeyError, TypeError):
            return Failure(status, "EndpointRefused", said)
    if status == 503:
        return Failure(503, "EndpointBusy", "the endpoint has too much to do; try again later")
    if status == 504 or "timed out" in said.lower():
        return TOO_SLOW
    return Failure(502, "ModelFailed", "the model failed; the endpoint's log says why")


TOO_SLOW = Failure(504, "EndpointTimeout", "the model took too long")
_FAILED = Failure(502, "EndpointFailed", "the endpoint could not be asked")
