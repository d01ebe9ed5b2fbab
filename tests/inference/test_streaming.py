"""An answer as it is being written, and what an endpoint says of itself."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from starlette.testclient import TestClient

from inference import streaming
from inference.about import ASKING
from inference.callers import Caller
from inference.engine import Engine, Written
from inference.model import Model, load_model
from inference.offered import FILE, LEAST, MOST, most_named, read_offered, to_json
from inference.server import create_app
from politico.control.request import Parameters, Request
from politico.errors import FileFormatError
from tests.support.models import MICRO_SCHEMA, counting_calls, listening, micro_model, wanting

INPUTS = {"partido": "UDI", "hashtags": ["#Salud"], "prompt": "Hoy"}
OFFERED = {"entidades": ("Chile",), "hashtags": ("#Salud", "#Paz"), "frases": ()}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.set_num_threads(1)
    folder = micro_model(tmp_path_factory.mktemp("streaming") / "micro")
    (folder / FILE).write_text(to_json(OFFERED), encoding="utf-8")
    return load_model(folder)


@pytest.fixture(scope="module")
def client(model: Model) -> Iterator[TestClient]:
    with TestClient(create_app(Engine(model))) as client:
        yield client


def asked(**parameters: Any) -> dict[str, Any]:
    return {"inputs": INPUTS, "parameters": {"max_new_tokens": 12, "seed": 7, **parameters}}


def events_of(client: TestClient, body: Any) -> list[dict[str, Any]]:
    answer = client.post("/invocations", json=body, headers={"accept": streaming.MEDIA_TYPE})
    assert (answer.status_code, answer.headers["content-type"]) == (200, streaming.MEDIA_TYPE)
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def untrimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token is told."""
    monkeypatch.setattr(streaming, "EVERY_SECONDS", 0.0)


@pytest.mark.usefixtures("untrimmed")
@pytest.mark.parametrize(
    "parameters", [{}, {"candidates": 4}, {"num_return_sequences": 3}, {"num_beams": 3}, {"bad_words": ["x"]}]
)
def test_a_stream_ends_with_the_tweets_of_the_answer_at_once(client: TestClient, parameters: dict[str, Any]) -> None:
    events = events_of(client, asked(**parameters))
    written = [one["tweet"] for one in events if one["event"] == streaming.TWEET]
    assert written == client.post("/invocations", json=asked(**parameters)).json()
    assert events[-len(written) :] == [{"event": streaming.TWEET, "tweet": one} for one in written]


@pytest.mark.usefixtures("untrimmed")
def test_one_draft_is_shown_as_it_grows_letter_by_letter(client: TestClient) -> None:
    *progress, last = events_of(client, asked())
    tokens = [one["tokens"] for one in progress]
    assert tokens == sorted(tokens)
    assert tokens[0] == 0
    assert {one["longest"] for one in progress} == {12}
    texts = [one["text"] for one in progress]
    assert texts[0] == "Hoy"
    assert texts[-1] == last["tweet"]["generated_text"]
    for before, after in pairwise(texts):
        assert after.startswith(before)


@pytest.mark.usefixtures("untrimmed")
@pytest.mark.parametrize("parameters", [{"candidates": 4}, {"num_return_sequences": 2}, {"bad_words": ["ley"]}])
def test_what_may_yet_be_taken_back_is_not_shown(client: TestClient, parameters: dict[str, Any]) -> None:
    progress = [one for one in events_of(client, asked(**parameters)) if one["event"] == streaming.PROGRESS]
    assert max(one["tokens"] for one in progress) > 1
    assert {one["text"] for one in progress if one["tokens"]} == {""}


def test_progress_is_not_told_more_often_than_anybody_reads(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "EVERY_SECONDS", 1_000.0)
    assert [one["event"] for one in events_of(client, asked())] == [streaming.PROGRESS, streaming.TWEET]


@pytest.mark.parametrize(
    "body", [asked(temperature=99), asked(max_new_tokens=200), asked(bad_words=["hoy"]), {"inputs": {"partido": "XYZ"}}]
)
def test_what_can_not_be_met_is_refused_before_a_stream_begins(client: TestClient, model: Model, body: Any) -> None:
    with counting_calls(model.network) as calls:
        answer = client.post("/invocations", json=body, headers={"accept": streaming.MEDIA_TYPE})
    assert (answer.status_code, calls) == (400, [])
    assert answer.json() == client.post("/invocations", json=body).json()


def test_a_failure_in_the_middle_is_an_event_without_a_word_of_the_request(client: TestClient, model: Model) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("#Salud is a word of the request")

    with listening(model.network, broken):
        events = events_of(client, asked())
    assert events[-1]["event"] == streaming.FAILED
    assert "Salud" not in json.dumps(events[-1])


def test_bad_words_that_stay_end_a_stream_as_a_failure(client: TestClient, model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that finds a spelling each time that nobody has banned."""
    monkeypatch.setattr(Engine, "_bad_ids", lambda self, words: [])
    monkeypatch.setattr(Engine, "_spelling", lambda self, ids, word: list(model.codec.encode(" educación")))
    (sal, *rest) = model.codec.encode(" sal")
    assert rest == []
    parameters = {"bad_words": ["sal"], "max_new_tokens": 4, "do_sample": False, "insistence": 0, "known_words": False}
    with wanting(model.network, {sal: 1_000.0}):
        events = events_of(client, {"inputs": "", "parameters": parameters})
    (end,) = [one for one in events if one["event"] != streaming.PROGRESS]
    assert (end["event"], end["status"], end["error"]) == (streaming.FAILED, 500, "ServiceError")
    assert {one["text"] for one in events if one["event"] == streaming.PROGRESS} == {""}


def test_who_is_told_may_end_the_writing(model: Model) -> None:
    """And the next request does not wait for the rest of it."""
    engine, heard = Engine(model), []

    def tell(written: Written) -> None:
        heard.append(written.tokens)
        if written.tokens >= 3:
            raise InterruptedError

    request = Request({}, "Hoy", Parameters(max_new_tokens=60, min_new_tokens=60, seed=7))
    steps: list[int] = []

    def count(logits: torch.Tensor, begins: bool) -> None:
        steps.append(len(logits))
        time.sleep(0.005)

    with listening(model.network, count), pytest.raises(InterruptedError):
        engine.generate(request, tell)
    assert heard[:2] in ([0, 0], [0, 1])
    assert heard == sorted(heard)
    assert len(steps) < 60
    assert len(engine.generate(Request({}, "Hoy", Parameters(max_new_tokens=2, seed=7)))) == 1


def test_who_hangs_up_stops_the_writing(model: Model) -> None:
    """Closed after the first line, a stream's thread ends long before the tweet would."""
    import asyncio

    steps, threads = [0], ThreadPoolExecutor(1)

    def count(logits: torch.Tensor, begins: bool) -> None:
        steps[0] += 1
        time.sleep(0.005)

    async def listen_once() -> None:
        request = Request({}, "Hoy", Parameters(max_new_tokens=100, min_new_tokens=100, seed=7))
        stream = streaming.lines(Engine(model), request, Caller(), threads, lambda tweets, seconds: None)
        assert json.loads(await anext(stream))["tokens"] == 0
        await stream.aclose()  # type: ignore[attr-defined]

    with listening(model.network, count):
        with ThreadPoolExecutor(1) as elsewhere:  # where no browser's loop is running
            elsewhere.submit(asyncio.run, listen_once()).result()
        threads.shutdown(wait=True)  # the writing is over, one way or the other
    assert steps[0] < 100


# What it says of itself


def test_an_endpoint_says_what_it_takes(client: TestClient, model: Model) -> None:
    with counting_calls(model.network) as calls:
        said = client.post("/invocations", json=ASKING).json()
    assert calls == []
    assert (said["model"], said["schema"]) == ("micro", {"name": MICRO_SCHEMA.name, "version": MICRO_SCHEMA.version})
    fields = {one["name"]: one for one in said["fields"]}
    assert list(fields) == list(MICRO_SCHEMA.names)
    assert fields["partido"]["values"] == ["PVA", "UDI"]
    assert (fields["hashtags"]["many"], fields["hashtags"]["sign"], fields["hashtags"]["offered"]) == (
        True,
        "#",
        ["#Salud", "#Paz"],
    )
    assert said["parameters"]["temperature"] == {"default": 0.9, "low": 0.05, "high": 5.0}


def test_a_request_may_not_be_both_a_question_and_a_wish(client: TestClient) -> None:
    assert client.post("/invocations", json={**ASKING, "inputs": ""}).status_code == 400


# What is offered


def test_what_is_offered_is_what_most_tweets_name_and_no_rarity() -> None:
    contexts = [{"hashtags": ("#a", "#b")}] * LEAST + [{"hashtags": ("#b",)}, {"hashtags": ("#rare",)}] * (LEAST - 1)
    assert most_named(contexts, MICRO_SCHEMA) == {"entidades": (), "hashtags": ("#b", "#a"), "frases": ()}
    many = [{"frases": tuple(f"p{number:03}" for number in range(MOST + 50))}] * LEAST
    assert most_named(many, MICRO_SCHEMA)["frases"] == tuple(f"p{number:03}" for number in range(MOST))


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"partido": ["UDI"]}', '{"hashtags": [7]}', '{"hashtags": 7}', '{"x": []}'])
def test_a_torn_list_of_what_is_offered_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(FileFormatError, match=FILE):
        read_offered(tmp_path, MICRO_SCHEMA)
