"""The novelty guard: what a model has learnt by heart does not leave its endpoint, and what it was given is no copy."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from inference import streaming
from inference.engine import Engine
from inference.model import Model, load_model, save_model
from inference.rules.novelty import FILE, OWN, SHINGLE, Shingles
from inference.server import create_app
from politico.control.request import Parameters, Request
from politico.errors import CopyError, FileFormatError
from tests.support.models import MICRO_SCHEMA, listening, micro_network, micro_tokenizer

BY_HEART = "Hoy la educación pública es el camino para un país más justo y más libre gracias a los vecinos"
OTHER = "El barrio trabaja por la salud de todas las vecinas con la región y con el gobierno de mañana sin falta"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.set_num_threads(1)
    tokenizer, folder = micro_tokenizer(), tmp_path_factory.mktemp("novelty") / "micro"
    card = {"name": "micro", "kind": "test"}
    save_model(folder, micro_network(tokenizer, length=256), tokenizer, MICRO_SCHEMA, card, shingles=Shingles.of([BY_HEART]))
    return load_model(folder)


def dictating(model: Model, *drafts: str) -> Any:
    """The network writes these texts, one for each beginning that it reads; the last one from then on."""
    end = model.codec.ids[model.codec.schema.end]
    spelled = [[*model.codec.encode(" " + draft), end] for draft in drafts]
    place = {"draft": -1, "step": 0}

    def raise_logits(logits: torch.Tensor, begins: bool) -> None:
        if begins:
            place.update(draft=place["draft"] + 1, step=0)
        wished = spelled[min(place["draft"], len(spelled) - 1)]
        logits[:, wished[min(place["step"], len(wished) - 1)]] += 1000
        place["step"] += 1

    return listening(model.network, raise_logits)


def asked(context: Any = None, prompt: str = "", **parameters: Any) -> Request:
    given_parameters = {"max_new_tokens": 100, "insistence": 0.0, "known_words": False, "seed": 3, **parameters}
    return Request(context or {}, prompt, Parameters(**given_parameters))


def texts(engine: Engine, request: Request) -> list[str]:
    return [one.generated_text for one in engine.generate(request)]


def test_what_was_learnt_by_heart_is_drawn_again(model: Model) -> None:
    with dictating(model, BY_HEART, OTHER):
        assert texts(Engine(model, guarded=True), asked()) == [OTHER]
    with dictating(model, BY_HEART, OTHER):
        assert texts(Engine(model), asked()) == [BY_HEART], "an engine that judges a model writes as the model does"


@pytest.mark.parametrize("how", [{}, {"do_sample": False}, {"candidates": 3}, {"num_return_sequences": 2}])
def test_where_nothing_new_comes_it_is_refused(model: Model, how: dict[str, Any]) -> None:
    with dictating(model, BY_HEART), pytest.raises(CopyError, match="near copies of tweets that the model has learnt from"):
        Engine(model, guarded=True).generate(asked(**how))


def test_a_model_that_learnt_from_no_tweets_is_not_guarded(model: Model) -> None:
    with dictating(model, BY_HEART):
        assert texts(Engine(replace(model, shingles=None), guarded=True), asked()) == [BY_HEART]


def test_words_that_were_given_are_nobodys_copy(model: Model) -> None:
    engine = Engine(model, guarded=True)
    with dictating(model, BY_HEART):
        assert texts(
            engine, asked({"frases": ("la educación pública es el camino", "un país más justo y más libre", "a los vecinos")})
        )
    begun = "Hoy la educación pública es el camino para un país más justo y más"
    with dictating(model, "libre gracias a todas"):
        assert texts(engine, asked(prompt=begun)) == [begun + " libre gracias a todas"]


def test_the_endpoint_says_so_and_a_stream_shows_nothing_of_it(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "EVERY_SECONDS", 0.0)

    def shown(guarded: bool) -> tuple[int, dict[str, Any]]:
        """Words of the longest text that a stream shows as it grows, and its last event."""
        with TestClient(create_app(Engine(model, guarded=guarded))) as client, dictating(model, BY_HEART):
            events = client.post("/invocations", json=body, headers={"accept": streaming.MEDIA_TYPE}).text.splitlines()
        *progress, last = map(json.loads, events)
        return max(len(one["text"].split()) for one in progress), last

    body = {"inputs": "", "parameters": {"max_new_tokens": 100, "seed": 3, "insistence": 0, "known_words": False}}
    with TestClient(create_app(Engine(model, guarded=True))) as client, dictating(model, BY_HEART):
        answer = client.post("/invocations", json=body)
        assert (answer.status_code, answer.json()["error"]) == (409, "CopyError")
    words, last = shown(True)
    assert (last["status"], last["error"]) == (409, "CopyError")
    assert 0 < words < SHINGLE
    assert shown(False)[0] == len(BY_HEART.split()), "unguarded it is shown as it grows"


# What is known


words = st.lists(
    st.sampled_from(["la", "ley", "del", "agua", "pasa", "hoy", "por", "el", "norte", "y", "sur"]), min_size=1, max_size=24
)


@settings(max_examples=60)
@given(learnt=st.lists(words, max_size=6), text=words)
def test_the_file_knows_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory, learnt: list[list[str]], text: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("shingles")
    known = Shingles.of(map(" ".join, learnt))
    known.write(folder)
    read = Shingles.read(folder)
    assert read is not None
    assert len(read) == len(known)
    assert read.covered(" ".join(text)) == known.covered(" ".join(text))
    assert all(read.is_near_copy(" ".join(one)) for one in learnt)


@pytest.mark.parametrize("body", [b"1234567", (9).to_bytes(8, "little") + (3).to_bytes(8, "little")])
def test_a_torn_file_is_refused(tmp_path: Path, body: bytes) -> None:
    (tmp_path / FILE).write_bytes(body)
    with pytest.raises(FileFormatError, match="no list of fingerprints"):
        Shingles.read(tmp_path)
    assert Shingles.read(tmp_path / "elsewhere") is None


def test_few_words_of_ones_own_are_no_copy() -> None:
    known = Shingles.of([BY_HEART])
    own = BY_HEART.split()[: OWN - 1]
    assert not known.is_near_copy(BY_HEART, [" ".join(BY_HEART.split()[OWN - 1 :])])
    assert known.is_near_copy(BY_HEART, ["nada de esto"])
    assert own
