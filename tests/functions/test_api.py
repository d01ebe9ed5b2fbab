"""The REST API's function: the endpoint's answers come through as they are, its failures as statuses that an app can act on."""

import base64
import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from functions import environment
from functions.api import tweets

TWEETS = '[{"generated_text": "Hoy en el Senado: educaci\u00f3n", "model": "m"}]'
REFUSAL = '{"error": "LimitError", "message": "temperature is 9; it takes a number from 0.05 to 5"}'


class Runtime:
    """SageMaker's runtime, which answers as it is told."""

    def __init__(self, told: Any) -> None:
        self._told = told
        self.asked: dict[str, Any] = {}

    def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        if isinstance(self._told, Exception):
            raise self._told
        return {"Body": io.BytesIO(self._told.encode())}


def refused(code: str, **more: Any) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said"}, **more}, "InvokeEndpoint")


def model_error(status: int, message: str = "") -> ClientError:
    return refused("ModelError", OriginalStatusCode=status, OriginalMessage=message)


def called(monkeypatch: pytest.MonkeyPatch, told: Any, event: dict[str, Any], origin: str = "") -> tuple[Runtime, dict[str, Any]]:
    runtime = Runtime(told)
    monkeypatch.setenv(environment.ENDPOINT, "politico")
    monkeypatch.setenv(environment.API_ORIGIN, origin)
    monkeypatch.setattr(environment, "impatient_client", lambda service, seconds: runtime)
    return runtime, tweets.handler(event, None)


def test_a_request_goes_through_as_it_is_and_so_does_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    event = {"body": '{"inputs": "Señores"}', "headers": {"content-type": "application/json; charset=utf-8"}}
    runtime, answer = called(monkeypatch, TWEETS, event)
    assert runtime.asked == {
        "EndpointName": "politico",
        "ContentType": "application/json; charset=utf-8",
        "Body": '{"inputs": "Señores"}'.encode(),
    }
    assert (answer["statusCode"], answer["body"], answer["headers"]) == (200, TWEETS, {"Content-Type": "application/json"})


def test_a_body_that_is_no_text_and_one_that_is_missing_are_the_endpoints_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = {"body": base64.b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True}
    runtime, answer = called(monkeypatch, model_error(400, REFUSAL), packed)
    assert (runtime.asked["Body"], answer["statusCode"], answer["body"]) == (b"\xff\xfe", 400, REFUSAL)
    runtime, _answer = called(monkeypatch, TWEETS, {"body": None, "headers": None})
    assert runtime.asked["Body"] == b""


@pytest.mark.parametrize(
    ("told", "status", "error"),
    [
        (model_error(400, REFUSAL), 400, "LimitError"),
        (model_error(413, REFUSAL), 413, "LimitError"),
        (model_error(415, REFUSAL), 415, "LimitError"),
        (model_error(500, "Traceback: the model's own affair"), 502, "ModelFailed"),
        (model_error(504, ""), 504, "EndpointTimeout"),
        (model_error(0, "Invocation timed out or was cut off"), 504, "EndpointTimeout"),
        (refused("ValidationError"), 503, "EndpointUnavailable"),
        (refused("ThrottlingException"), 503, "EndpointBusy"),
        (refused("ServiceUnavailable"), 503, "EndpointBusy"),
        (refused("ModelNotReadyException"), 503, "EndpointBusy"),
        (refused("AccessDeniedException"), 502, "EndpointFailed"),
        (ReadTimeoutError(endpoint_url="https://runtime"), 504, "EndpointTimeout"),
        (EndpointConnectionError(endpoint_url="https://runtime"), 503, "EndpointUnavailable"),
    ],
)
def test_every_failure_has_its_status_and_none_of_the_endpoints_inner_words(
    monkeypatch: pytest.MonkeyPatch, told: Exception, status: int, error: str
) -> None:
    _runtime, answer = called(monkeypatch, told, {"body": "{}"})
    said = json.loads(answer["body"])
    assert (answer["statusCode"], said["error"]) == (status, error)
    assert said["message"]
    assert "Traceback" not in answer["body"]
    assert "runtime" not in answer["body"]


def test_a_browsers_page_may_read_the_answer_where_its_origin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _runtime, answer = called(monkeypatch, TWEETS, {"body": "{}"}, origin="https://example.org")
    assert answer["headers"]["Access-Control-Allow-Origin"] == "https://example.org"
