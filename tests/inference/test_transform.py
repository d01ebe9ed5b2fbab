"""Batch transform: a line for each request, whatever the request is, and what is counted and described."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from inference import telemetry, transform
from inference.about import ASKING
from inference.engine import Engine
from inference.model import Model, load_model
from inference.server import create_app
from tests.support.models import listening, micro_model

GOOD: dict[str, Any] = {"inputs": {"partido": "UDI"}, "parameters": {"max_new_tokens": 4, "seed": 7}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.set_num_threads(1)
    return load_model(micro_model(tmp_path_factory.mktemp("transform") / "micro"))


@pytest.fixture(scope="module")
def client(model: Model) -> Iterator[TestClient]:
    with TestClient(create_app(Engine(model))) as client:
        yield client


def sent(client: TestClient, lines: list[str]) -> list[Any]:
    body = "\n".join(lines).encode()
    answer = client.post("/invocations", content=body, headers={"content-type": transform.MEDIA_TYPE})
    assert (answer.status_code, answer.headers["content-type"]) == (200, transform.MEDIA_TYPE)
    return [json.loads(line) for line in answer.content.splitlines()]


def test_a_line_is_what_the_request_alone_would_get_and_a_failure_is_one_line(client: TestClient) -> None:
    other = {**GOOD, "parameters": {"max_new_tokens": 3, "seed": 8, "num_return_sequences": 2}}
    bad = {"inputs": {"partido": "nobody"}}
    first, refused, broken, second = sent(client, [json.dumps(GOOD), json.dumps(bad), "{", "", json.dumps(other), ""])
    assert first == client.post("/invocations", json=GOOD).json()
    assert second == client.post("/invocations", json=other).json()
    assert refused == client.post("/invocations", json=bad).json()
    assert broken["error"] == "LimitError"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.just(json.dumps(GOOD)),
            st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1).filter(str.strip),
            st.just('{"inputs": {"partido": "\\ud800"}}'),
            st.just("[" * 5_000),
            st.integers(50, 900).map(lambda deep: '{"inputs": ' + '{"partido": ' * deep + "1" + "}" * deep + "}"),
        ),
        max_size=20,
    )
)
def test_whatever_the_lines_are_there_are_as_many_answers_in_their_order(client: TestClient, lines: list[str]) -> None:
    found = sent(client, lines)
    assert len(found) == len([line for line in lines if line.encode().strip()])
    kinds = [isinstance(one, list) for one in found]
    assert kinds == [line == json.dumps(GOOD) for line in lines if line.encode().strip()]


def test_many_lines_are_written_side_by_side(client: TestClient, model: Model) -> None:
    rows: list[int] = []
    with listening(model.network, lambda logits, begins: rows.append(len(logits))):
        assert len(sent(client, [json.dumps(GOOD)] * 30)) == 30
    assert max(rows) > 4


def test_what_fails_inside_is_a_line_without_a_word_of_it(client: TestClient, model: Model) -> None:
    def fail(logits: torch.Tensor, begins: bool) -> None:
        raise ValueError("#Salud is a word of the request")

    with listening(model.network, fail):
        (found,) = sent(client, [json.dumps(GOOD)])
    assert found["error"] == "ServiceError"
    assert "Salud" not in found["message"]
    assert sent(client, [json.dumps(GOOD)])[0][0]["tokens"] == 4


def test_a_batch_that_is_too_large_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"\n" * (transform.MAX_BODY_BYTES + 1)
    answer = client.post("/invocations", content=body, headers={"content-type": transform.MEDIA_TYPE})
    assert (answer.status_code, answer.json()["error"]) == (413, "LimitError")


def test_sagemaker_is_told_how_to_send_a_batch(client: TestClient) -> None:
    assert client.get("/execution-parameters").json() == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


# The description


def test_the_endpoint_describes_itself_with_its_own_models_values(client: TestClient) -> None:
    told = client.get("/openapi.json").json()
    validate(told)
    request = told["components"]["schemas"]["Request"]["properties"]["inputs"]["oneOf"][1]
    assert request["properties"]["partido"] == {"enum": ["PVA", "UDI"]}
    answers = told["paths"]["/invocations"]["post"]["responses"]
    for body, status in ((GOOD, "200"), (ASKING, "200"), ({"inputs": {"partido": "X"}}, "400"), ({}, "400")):
        answer = client.post("/invocations", json=body)
        assert str(answer.status_code) == status
        schema = answers[status]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": told["components"]}).validate(answer.json())
    taken = told["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    valid = Draft202012Validator({**taken, "components": told["components"]})
    assert [valid.is_valid(body) for body in (GOOD, ASKING, {**GOOD, "x": 1}, {})] == [True, True, False, False]


# What is counted


def test_what_was_written_is_counted_in_lines_that_cloudwatch_reads(
    client: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    client.post("/invocations", json=GOOD)
    (line,) = [line for line in capfd.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    said = json.loads(line)
    (metrics,) = said["_aws"]["CloudWatchMetrics"]
    assert metrics["Namespace"] == "politico"
    assert {one["Name"]: one["Unit"] for one in metrics["Metrics"]} == {
        name: unit for name, unit in telemetry.UNITS.items() if name != "EndpointTurnedAway"
    }
    assert (said["EndpointTweets"], said["EndpointTokens"], said["EndpointCallers"]) == (1, 4, 1)
    assert "UDI" not in line
