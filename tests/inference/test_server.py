"""The endpoint's contract: SageMaker's two routes, what is refused and how, and the real program as a process."""

import http.client
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import torch
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from inference.engine import Engine
from inference.model import Model, load_model
from inference.server import MAX_BODY_BYTES, create_app, main
from local.processes.ports import HOST
from politico.control.honoured import says
from politico.control.political import SCHEMA
from politico.control.request import Parameters, parameters_to_json
from politico.errors import FileFormatError
from tests.inference.test_callers import served
from tests.support.models import counting_calls, listening, micro_model

INPUTS = {"partido": "UDI", "sentimiento": "POSITIVE", "entidades": ["la salud"], "prompt": "Hoy"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return micro_model(tmp_path_factory.mktemp("server") / "micro")


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    torch.set_num_threads(1)  # a micro model only loses when cores share its sums
    return load_model(folder)


@pytest.fixture(scope="module")
def client(model: Model) -> Iterator[TestClient]:
    with TestClient(create_app(Engine(model))) as client:
        yield client


def body(**parameters: Any) -> dict[str, Any]:
    return {"inputs": INPUTS, "parameters": {"max_new_tokens": 8, **parameters}}


def refusal(client: TestClient, model: Model, content: bytes, status: int = 400) -> tuple[str, str]:
    """The error and message of an answer that was given without running the model."""
    with counting_calls(model.network) as calls:
        answer = client.post("/invocations", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, calls) == (status, [])
    assert set(answer.json()) == {"error", "message"}
    return answer.json()["error"], answer.json()["message"]


# The contract


def test_ping_says_ok(client: TestClient) -> None:
    answer = client.get("/ping")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_an_invocation_answers_with_a_list_of_tweets(client: TestClient) -> None:
    answer = client.post("/invocations", json=body(num_return_sequences=3, seed=7))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    tweets = answer.json()
    assert len(tweets) == 3
    for tweet in tweets:
        assert list(tweet) == [
            *("generated_text", "finish_reason", "tokens", "model", "honoured", "synthetic"),
            *("watermarked", "dataset", "precision", "parameters"),
        ]
        assert (tweet["dataset"], tweet["precision"]) == ("", "fp32")
        assert tweet["parameters"] == parameters_to_json(Parameters(max_new_tokens=8, seed=7, num_return_sequences=3))
        assert tweet["synthetic"] is True
        assert tweet["generated_text"].startswith("Hoy")
        assert tweet["finish_reason"] in ("stop", "length")
        assert tweet["tokens"] <= 8
        assert tweet["model"] == "micro"
        assert tweet["honoured"] == {
            name: {item: says(tweet["generated_text"], item) for item in items}
            for name, items in SCHEMA.context({name: INPUTS[name] for name in INPUTS if name != "prompt"}).items()
            if SCHEMA.field(name).many
        }
    assert client.post("/invocations", json=body(num_return_sequences=3, seed=7)).json() == tweets


@pytest.mark.parametrize("inputs", ["Hoy", "", {}, {"prompt": "Hoy"}, {"partido": None, "hashtags": []}, INPUTS])
def test_inputs_may_be_a_text_or_some_fields(client: TestClient, inputs: Any) -> None:
    answer = client.post("/invocations", json={"inputs": inputs, "parameters": {"max_new_tokens": 4}})
    assert answer.status_code == 200


@pytest.mark.parametrize("given", [{"inputs": "Hoy"}, {"inputs": "Hoy", "parameters": None}])
def test_parameters_may_be_left_out(client: TestClient, given: Any) -> None:
    assert len(client.post("/invocations", json=given).json()) == 1


def test_the_content_type_may_name_its_character_set(client: TestClient) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = client.post("/invocations", content=json.dumps(body()).encode(), headers=headers)
    assert answer.status_code == 200


def test_markers_in_values_and_prompt_are_text(client: TestClient) -> None:
    marker, end = SCHEMA.text_marker, SCHEMA.end
    prompt = f"{marker} hola {end}{SCHEMA.markers[0]}"
    answer = client.post(
        "/invocations",
        json={
            "inputs": {"frases": [f"{marker} x", end], "hashtags": list(SCHEMA.markers), "prompt": prompt},
            "parameters": {"max_new_tokens": 4},
        },
    )
    assert answer.status_code == 200
    assert answer.json()[0]["generated_text"].startswith(prompt)


def test_other_paths_and_methods_are_not_there(client: TestClient) -> None:
    assert client.get("/model").status_code == 404
    assert client.get("/invocations").status_code == 405


# What is refused


@pytest.mark.parametrize(
    ("name", "value", "limit"),
    [
        ("num_return_sequences", 21, "from 1 to 20"),
        ("num_return_sequences", 0, "from 1 to 20"),
        ("num_return_sequences", "3", "a whole number"),
        ("num_return_sequences", True, "a whole number"),
        ("max_new_tokens", 257, "from 1 to 256"),
        ("max_new_tokens", 128, "at most 127"),  # the micro model reads 128 tokens
        ("max_new_tokens", 10**400, "from 1 to 256"),
        ("min_new_tokens", 9, "at most max_new_tokens, 8"),
        ("min_new_tokens", -1, "from 0 to 256"),
        ("do_sample", 1, "true or false"),
        ("temperature", 0, "from 0.05 to 5.0"),
        ("temperature", float("nan"), "from 0.05 to 5.0"),
        ("temperature", float("inf"), "from 0.05 to 5.0"),
        ("temperature", None, "from 0.05 to 5.0"),
        ("top_k", 1001, "from 0 to 1000"),
        ("top_k", 1.5, "a whole number"),
        ("top_p", 0, "from 0.01 to 1.0"),
        ("top_p", 1.1, "from 0.01 to 1.0"),
        ("num_beams", 11, "from 1 to 10"),
        ("no_repeat_ngram_size", 11, "from 0 to 10"),
        ("repetition_penalty", 0.4, "from 0.5 to 5.0"),
        ("length_penalty", 5.1, "from -5.0 to 5.0"),
        ("guidance_scale", 0.9, "from 1.0 to 10.0"),
        ("seed", 2**32, f"from 0 to {2**32 - 1}"),
        ("bad_words", "idiota", "a list of words"),
        ("bad_words", ["a", " "], "a list of words"),
    ],
)
def test_a_parameter_out_of_its_limits_is_a_400_with_field_value_and_limit(
    client: TestClient, model: Model, name: str, value: Any, limit: str
) -> None:
    error, message = refusal(client, model, json.dumps(body(**{name: value})).encode())
    assert error == "LimitError"
    assert message.startswith(name)
    assert repr(value)[:57] in message
    assert limit in message


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"partido": ["UDI", "PVA"]}, "partido has 2 values; at most 1"),
        ({"partido": 7}, "partido is 7; it takes one text"),
        ({"frases": [["a"]]}, "frases is [['a']]; it takes a list of texts"),
        ({"frases": [str(n) for n in range(21)]}, "frases has 21 values; at most 20"),
        ({"frases": ["a" * 201]}, "frases has a value of 201 characters; at most 200"),
        ({"prompt": 3}, "prompt is 3; it takes a text of at most 1000 characters"),
        ("a" * 1001, "at most 1000 characters"),
        ("hola " * 100, "the prompt takes "),
        (7, "inputs is 7; it takes a text or an object"),
        (None, "inputs is None; it takes a text or an object"),
    ],
)
def test_inputs_out_of_their_limits_are_a_400(client: TestClient, model: Model, inputs: Any, message: str) -> None:
    error, said = refusal(client, model, json.dumps({"inputs": inputs}).encode())
    assert error == "LimitError"
    assert message in said


@pytest.mark.parametrize("parameters", [[], "", 0, False])
def test_parameters_that_are_no_object_are_a_400(client: TestClient, model: Model, parameters: Any) -> None:
    _, message = refusal(client, model, json.dumps({"inputs": "", "parameters": parameters}).encode())
    assert message == f"parameters is {parameters!r}; it takes an object"


def test_more_tweets_than_beams_are_a_400(client: TestClient, model: Model) -> None:
    for do_sample in (True, False):  # transformers refuses this under sampling too, with an error of its own
        asked = body(num_beams=2, num_return_sequences=3, do_sample=do_sample)
        _, message = refusal(client, model, json.dumps(asked).encode())
        assert message.startswith("num_return_sequences is 3; with beams")


def test_an_unknown_party_is_a_400_that_lists_those_the_model_knows(client: TestClient, model: Model) -> None:
    given = refusal(client, model, json.dumps({"inputs": {"partido": "XYZ"}}).encode())
    assert given == ("UnknownValueError", "unknown partido 'XYZ'; the model knows PVA, UDI")


@pytest.mark.parametrize(
    "given",
    [{"inputs": "", "options": 1}, {"inputs": {"party": "UDI"}}, {"inputs": "", "parameters": {"longest": 9}}],
)
def test_an_unknown_name_is_a_400(client: TestClient, model: Model, given: Any) -> None:
    error, message = refusal(client, model, json.dumps(given).encode())
    assert error == "UnknownFieldError"
    assert "knows" in message


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"hola", b"\xff\xfe\xfa", b"9" * 5000, b"[" * 60000, b"[" * 900 + b"]" * 900, b"null", b"[]", b"{}"],
    ids=lambda content: repr(content[:5]),
)
def test_a_body_that_is_no_request_is_a_400(client: TestClient, model: Model, content: bytes) -> None:
    _, message = refusal(client, model, content)
    assert message.startswith("the body")


def test_values_nested_deep_inside_a_request_are_a_400(client: TestClient, model: Model) -> None:
    for depth in (100, 900, 990, 5000, 7000):
        refusal(client, model, b'{"inputs": {"frases": ' + b"[" * depth + b"]" * depth + b"}}")
        refusal(client, model, b'{"inputs": "", "parameters": ' + b'{"seed":' * depth + b"1" + b"}" * depth + b"}")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (rb'{"inputs": "\ud800"}', "prompt"),
        (rb'{"inputs": {"frases": ["a \udfff b"]}}', "frases"),
        (rb'{"inputs": {"partido": "\ud800"}}', "partido"),
        (rb'{"inputs": "", "parameters": {"bad_words": ["\ud800"]}}', "bad_words"),
    ],
)
def test_half_a_surrogate_pair_is_a_400_and_not_a_failure(client: TestClient, model: Model, content: bytes, field: str) -> None:
    error, message = refusal(client, model, content)
    assert error == "LimitError"
    assert message.startswith(f"{field} is '")
    assert "surrogate" in message
    refusal(client, model, rb'{"inputs": {"\ud800": "x"}}')  # and a name can hold one too


def test_a_whole_surrogate_pair_is_an_emoji(client: TestClient) -> None:
    headers = {"content-type": "application/json"}
    answer = client.post("/invocations", content=rb'{"inputs": "Hoy \ud83d\ude00"}', headers=headers)
    assert answer.json()[0]["generated_text"].startswith("Hoy 😀")


@pytest.mark.parametrize("media_type", ["text/plain", "text/csv", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_a_415(client: TestClient, model: Model, media_type: str) -> None:
    with counting_calls(model.network) as calls:
        answer = client.post("/invocations", content=b'{"inputs": ""}', headers={"content-type": media_type})
    assert (answer.status_code, calls) == (415, [])
    assert answer.json() == {
        "error": "LimitError",
        "message": f"Content-Type is {media_type!r}; it takes application/json or application/jsonlines",
    }


def test_a_body_over_64_kilobytes_is_a_413_however_it_is_sent(client: TestClient, model: Model) -> None:
    _, message = refusal(client, model, b" " * (MAX_BODY_BYTES + 1), status=413)
    assert "at most 65536 bytes" in message
    headers = {"content-type": "application/json"}
    chunks = client.post("/invocations", content=iter([b" " * 1000] * 70), headers=headers)
    assert chunks.status_code == 413
    fits = b'{"inputs": "", "parameters": {"max_new_tokens": 1}}'.ljust(MAX_BODY_BYTES)
    assert client.post("/invocations", content=fits, headers=headers).status_code == 200


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
inputs_like = st.dictionaries(st.sampled_from([*SCHEMA.names, "prompt"]), st.text() | st.lists(st.text()) | anything)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=st.text() | inputs_like | anything)
def test_whatever_is_sent_the_answer_is_tweets_or_a_400(client: TestClient, inputs: Any) -> None:
    content = json.dumps({"inputs": inputs, "parameters": {"max_new_tokens": 1}}).encode()
    answer = client.post("/invocations", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400)


# Failures and load


def test_a_failure_inside_is_a_500_that_tells_neither_the_trace_nor_in_the_log_the_request(
    client: TestClient, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any) -> None:
        raise RuntimeError(INPUTS["prompt"])

    with listening(model.network, fail), caplog.at_level(logging.INFO):
        answer = client.post("/invocations", json=body())
    assert answer.status_code == 500
    assert answer.json()["error"] == "ServiceError"
    assert not [word for word in ("Traceback", "File", "memory", "RuntimeError", "Hoy") if word in answer.text]
    assert "RuntimeError while generating" in caplog.text
    assert "in fail" in caplog.text
    assert "Hoy" not in caplog.text
    assert client.post("/invocations", json=body()).status_code == 200


def test_the_log_of_a_good_request_holds_no_text(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "inference"):
        client.post("/invocations", json=body())
    (record,) = [record for record in caplog.records if record.name == "inference"]
    assert "1 tweets" in record.getMessage()
    assert "Hoy" not in caplog.text


def test_ping_answers_while_a_tweet_is_being_written(client: TestClient, model: Model) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def wait(*arguments: Any) -> None:
        writing.set()
        assert go_on.wait(20)

    answers: list[int] = []
    with listening(model.network, wait):
        try:
            thread = threading.Thread(target=lambda: answers.append(client.post("/invocations", json=body()).status_code))
            thread.start()
            assert writing.wait(20)
            assert client.get("/ping").status_code == 200
            assert answers == []
        finally:
            go_on.set()
            thread.join()
    assert answers == [200]


# The program


def test_a_bad_model_folder_ends_the_program_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve"], {"SM_MODEL_DIR": str(tmp_path)}) == 2
    assert capsys.readouterr().err == f"FileFormatError: {tmp_path} is no model folder: tokenizer.json is missing\n"


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["train"], {}, "no arguments but 'serve'"),
        ([], {"SAGEMAKER_BIND_TO_PORT": "http"}, "port is 'http'"),
        ([], {"SAGEMAKER_BIND_TO_PORT": "70000"}, "port is 70000; it takes 1 to 65535"),
        ([], {"TORCH_THREADS": "-1"}, "threads is -1"),
    ],
)
def test_bad_settings_end_the_program_with_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], environment: dict[str, str], message: str
) -> None:
    assert main(arguments, environment) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_program_serves_and_finishes_what_is_under_way_when_told_to_stop(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "SM_MODEL_DIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "TORCH_THREADS": "1",
    }
    command = [sys.executable, "-m", "inference.server", "serve"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as http:
            _wait_for(http, process)
            assert len(http.post("/invocations", json=body(num_return_sequences=2)).json()) == 2
            assert http.post("/invocations", json={"inputs": {"partido": "XYZ"}}).status_code == 400
            answers: list[httpx.Response] = []
            slow = {
                "inputs": "",
                "parameters": {"num_return_sequences": 20, "max_new_tokens": 120, "min_new_tokens": 120},
            }
            thread = threading.Thread(target=lambda: answers.append(http.post("/invocations", json=slow)))
            thread.start()
            time.sleep(0.3)  # under way; were it done already, the rest would hold all the same
            process.terminate()
            thread.join()
            assert len(answers[0].json()) == 20
        assert process.wait(20) == 0
    finally:
        process.kill()
        _, said = process.communicate()
    assert f"serving {folder} on 127.0.0.1:{port}" in said
    assert "Traceback" not in said


def _wait_for(http: httpx.Client, process: "subprocess.Popen[str]") -> None:
    for _ in range(600):
        assert process.poll() is None, process.stderr and process.stderr.read()
        try:
            assert http.get("/ping").status_code == 200
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server never answered")


@pytest.mark.parametrize(("told", "marks"), [({}, True), ({"WATERMARK": "false"}, False)])
def test_the_program_does_as_its_environment_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], marks: bool
) -> None:
    given: dict[str, Any] = {}

    def run(app: Any, **settings: Any) -> None:
        with TestClient(app) as client:
            given.update(settings, tweets=client.post("/invocations", json=body(seed=7)).json())

    monkeypatch.setattr(uvicorn, "run", run)
    threads = torch.get_num_threads()
    try:
        assert main(["serve"], {"SM_MODEL_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": "8123", **told}) == 0
    finally:
        torch.set_num_threads(threads)
    assert given["port"] == 8123
    assert [one["watermarked"] for one in given["tweets"]] == [marks]
    assert given["timeout_keep_alive"] > 60, "longer than a proxy keeps its connections"


def test_a_connection_that_a_proxy_keeps_serves_one_caller_after_the_other(model: Model) -> None:
    """Whatever became of the request before: answered, streamed, refused, or turned away before its body was read."""
    large = b" " * (MAX_BODY_BYTES + 1)
    requests = [
        (json.dumps(body(seed=7)).encode(), {}, 200),
        (b"{", {}, 400),
        (json.dumps(body(seed=7)).encode(), {"Accept": "application/jsonlines"}, 200),
        (json.dumps(body(seed=7)).encode(), {"Content-Type": "text/csv"}, 415),
        (b"\n".join([json.dumps(body(seed=7)).encode()] * 3), {"Content-Type": "application/jsonlines"}, 200),
        (large, {}, 413),
        (json.dumps(body(seed=7)).encode(), {}, 200),
    ]
    with served(model) as port:
        connection = http.client.HTTPConnection(HOST, port, timeout=30)  # it opens another one where the server closes this one
        answers = []
        for content, headers, status in [*requests, *requests]:
            connection.request("POST", "/invocations", content, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            said = answer.read()
            assert (answer.status, said[:200]) == (status, said[:200])
            answers.append(said)
        connection.close()
    half = len(requests)
    assert answers[0] == answers[half - 1] == answers[half] == answers[-1], "nobody gets another's answer"


def test_whoever_serves_a_model_may_read_what_another_saved(tmp_path: Path) -> None:
    folder = micro_model(tmp_path / "micro")
    assert {oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {"0o644"}


def test_a_model_that_may_not_be_read_is_not_said_to_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = micro_model(tmp_path / "micro")
    monkeypatch.setattr("inference.model.os.access", lambda path, mode: path.name != "model.safetensors")  # root may read all
    with pytest.raises(FileFormatError, match=r"model\.safetensors may not be read by this user"):
        load_model(folder)
