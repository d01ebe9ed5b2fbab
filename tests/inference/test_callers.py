"""Who waits for the endpoint: at most so many, none too long, and nobody who has hung up."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import uvicorn
from starlette.testclient import TestClient

from inference import callers as module
from inference.callers import BusyError, Caller, Callers, DeadlineError, HungUpError
from inference.engine import Engine
from inference.model import Model, load_model
from inference.server import create_app
from local.processes.ports import HOST, free_port
from politico.page.failures import failure_of
from tests.politico.page.test_page import model_error
from tests.support.models import listening, micro_model

LONG = {"inputs": "", "parameters": {"max_new_tokens": 100, "min_new_tokens": 100, "seed": 7}}
SHORT = {"inputs": "", "parameters": {"max_new_tokens": 2, "seed": 7}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.set_num_threads(1)
    return load_model(micro_model(tmp_path_factory.mktemp("callers") / "micro"))


@contextmanager
def slowed(model: Model, seconds: float) -> Iterator[list[float]]:
    """Every token takes so long; when each was begun."""
    steps: list[float] = []

    def wait(logits: torch.Tensor, begins: bool) -> None:
        steps.append(time.monotonic())
        time.sleep(seconds)

    with listening(model.network, wait):
        yield steps


@contextmanager
def served(model: Model) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(Engine(model)), host=HOST, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


def post(port: int, body: Any) -> tuple[int, Any, dict[str, str]]:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("POST", "/invocations", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()), {name.lower(): value for name, value in answer.getheaders()}


def hang_up_on(port: int, body: Any, headers: str = "") -> socket.socket:
    """A request whose answer is never read: close what comes back."""
    content = json.dumps(body).encode()
    lines = ("POST /invocations HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(content)}")
    head = "\r\n".join(lines) + f"\r\n{headers}\r\n"
    held = socket.create_connection((HOST, port))
    held.sendall(head.encode() + content)
    return held


@pytest.mark.parametrize("headers", ["", "Accept: application/jsonlines\r\n"])
def test_who_hangs_up_frees_the_model_whether_it_writes_for_them_or_they_wait(model: Model, headers: str) -> None:
    """Twelve heavy requests with closed sockets once held the next small one for 23 seconds."""
    with served(model) as port, slowed(model, 0.02) as steps:
        held = [hang_up_on(port, LONG, headers) for _ in range(5)]
        until = time.monotonic() + 20
        while not steps and time.monotonic() < until:
            time.sleep(0.01)
        for one in held:
            one.close()
        status, _tweets, _headers = post(port, SHORT)
        assert status == 200
        time.sleep(1.0)
        written = len(steps)
        time.sleep(0.2)
        assert len(steps) == written < 100, "nobody writes on, and less than one of the five was written"


def test_a_server_that_is_told_to_stop_stops_whatever_is_queued(model: Model) -> None:
    """SageMaker kills a container after 30 seconds: what is not written by then is given up, and no thread writes on."""
    port, engine = free_port(), Engine(model)
    settings = uvicorn.Config(create_app(engine), host=HOST, port=port, log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    with slowed(model, 0.05) as steps:
        thread.start()
        while not server.started:
            time.sleep(0.01)
        held = [hang_up_on(port, LONG) for _ in range(6)]
        until = time.monotonic() + 20
        while not steps and time.monotonic() < until:
            time.sleep(0.01)
        server.should_exit = True
        thread.join(4)
        assert not thread.is_alive()
        while engine.rows and time.monotonic() < until:
            time.sleep(0.01)
        assert engine.rows == 0
        assert len(steps) < 100
        for one in held:
            one.close()


def test_more_than_can_be_written_is_turned_away_at_once_and_told_when_to_come_back(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Callers.__init__, "__defaults__", (3,))
    with served(model) as port, slowed(model, 0.01), ThreadPoolExecutor(8) as pool:
        found = [one.result() for one in [pool.submit(post, port, LONG) for _ in range(8)]]
        statuses = sorted(status for status, _body, _headers in found)
        assert statuses == [200] * 3 + [503] * 5
        told = next((body, headers) for status, body, headers in found if status == 503)
        assert (told[0]["error"], told[1]["retry-after"]) == ("BusyError", "5")
        assert post(port, SHORT)[0] == 200, "the places are free again"


def test_an_answer_that_takes_too_long_is_given_up_and_the_next_one_written(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Caller.__init__, "__defaults__", (0.3,))
    with TestClient(create_app(Engine(model))) as client:
        with slowed(model, 0.02) as steps:
            answer = client.post("/invocations", json=LONG)
            assert (answer.status_code, answer.json()["error"]) == (504, "DeadlineError")
            assert len(steps) < 60
        assert client.post("/invocations", json=SHORT).status_code == 200


def test_a_stream_that_takes_too_long_ends_as_failed(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Caller.__init__, "__defaults__", (0.3,))
    with TestClient(create_app(Engine(model))) as client, slowed(model, 0.02):
        answer = client.post("/invocations", json=LONG, headers={"accept": "application/jsonlines"})
    assert json.loads(answer.text.splitlines()[-1])["error"] == "DeadlineError"


def test_a_request_that_is_refused_takes_no_place(model: Model) -> None:
    with TestClient(create_app(Engine(model))) as client:
        for _ in range(2 * module.MOST_CALLERS):
            assert client.post("/invocations", json={"inputs": {"partido": "XYZ"}}).status_code == 400
        assert client.post("/invocations", json=SHORT).status_code == 200


def test_a_caller_is_looked_at() -> None:
    callers, caller = Callers(1), Caller(60)
    caller.check()
    caller.hang_up()
    with pytest.raises(HungUpError):
        caller.check()
    with pytest.raises(DeadlineError):
        Caller(-1).check()
    callers.enter()
    with pytest.raises(BusyError, match="1 requests are under way"):
        callers.enter()
    callers.leave()
    callers.enter()


@pytest.mark.parametrize(("status", "error"), [(503, "EndpointBusy"), (504, "EndpointTimeout"), (500, "ModelFailed")])
def test_an_app_behind_the_api_is_told_the_same(status: int, error: str) -> None:
    assert failure_of(model_error(status, "{}"), 22).error == error


def test_texts_are_brought_to_one_form(model: Model, tmp_path: Path) -> None:
    """A decomposed `Raíz Obrera` was refused with a message that showed the same words."""
    with TestClient(create_app(Engine(model))) as client:
        whole, apart = "Hoy la educaci\u00f3n", "Hoy la educacio\u0301n"
        first, second = (client.post("/invocations", json={**SHORT, "inputs": text}).json() for text in (whole, apart))
        assert first == second
