"""The watermark: what a model drew is known again, what people wrote is not, and chance stays what it was."""

import copy
import gzip
import json
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from transformers import GPT2LMHeadModel
from typer.testing import CliRunner

from cli.detect import read_texts
from cli.main import app
from inference.detecting import FALSE_ALARMS, LEAST_REAL, Limit, detect, limit_in, limit_of, real_limit, to_card
from inference.engine import Engine
from inference.model import CARD_FILE, Model, load_model
from inference.server import ServerSettings, create_app
from inference.writing.watermark import CONTEXT, LAYERS, Watermark, _at_least
from politico.control.request import Parameters, Request
from politico.errors import FileFormatError
from tests.support.models import SENTENCES, micro_model
from training.ship import ship

LONG = {"max_new_tokens": 90, "min_new_tokens": 90, "top_p": 1.0, "temperature": 1.0, "known_words": False, "max_characters": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return micro_model(tmp_path_factory.mktemp("watermark") / "micro", length=256)


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load_model(folder)


def texts(engine: Engine, count: int = 10, seed: int = 3, **parameters: object) -> list[str]:
    how = {**LONG, "num_return_sequences": count, "seed": seed, **parameters}
    return [one.generated_text for one in engine.generate(Request({}, "", Parameters(**how)))]  # type: ignore[arg-type]


# What is known again


def test_what_a_model_drew_is_known_again_and_what_it_did_not_is_not(model: Model) -> None:
    marked, plain = texts(Engine(model, watermarked=True), 20), texts(Engine(model), 20)
    other = replace(model, network=load_other(model))
    assert sum(one.found for one in detect(model, marked, Limit())) >= 19
    assert sum(one.found for one in detect(model, plain, Limit())) <= 2
    assert sum(one.found for one in detect(other, marked, Limit())) <= 2, "another model's marks are others"
    assert not any(one.found for one in detect(model, SENTENCES, Limit()))


def load_other(model: Model) -> GPT2LMHeadModel:
    """A network whose position embeddings differ by a hair."""
    network = copy.deepcopy(model.network)
    with torch.no_grad():
        network.transformer.wpe.weight[0, 0] += 0.01
    return network


def test_a_part_of_a_tweet_and_one_with_a_word_changed_are_known_too(model: Model) -> None:
    marked = texts(Engine(model, watermarked=True), 20)
    halves = [one[len(one) // 3 :] for one in marked]
    changed = [one[: len(one) // 2] + " otra cosa " + one[len(one) // 2 :] for one in marked]
    for some in (halves, changed):
        assert sum(one.found for one in detect(model, some, Limit())) >= 18


def test_seeds_still_mean_something_and_still_repeat(model: Model) -> None:
    engine = Engine(model, watermarked=True)
    assert texts(engine, 5, seed=1) == texts(engine, 5, seed=1)
    assert len({*texts(engine, 5, seed=1), *texts(engine, 5, seed=2)}) == 10


def test_only_what_is_drawn_can_be_marked_and_the_answer_says_which(model: Model) -> None:
    engine = Engine(model, watermarked=True)
    said = [
        [
            one.watermarked
            for one in engine.generate(Request({}, "", Parameters(max_new_tokens=5, min_new_tokens=5, seed=1, **how)))
        ]
        for how in ({}, {"num_return_sequences": 2, "candidates": 2}, {"do_sample": False}, {"num_beams": 2}, {"top_k": 1})
    ]
    assert said == [[True], [True, True], [False], [False], [False]]
    assert texts(engine, 1, do_sample=False) == texts(Engine(model), 1, do_sample=False)
    assert [one.watermarked for one in Engine(model).generate(Request({}, "", Parameters(max_new_tokens=5)))] == [False]


def test_the_endpoint_marks_unless_it_is_told_not_to(model: Model) -> None:
    assert ServerSettings().watermark
    for marks in (True, False):
        with TestClient(create_app(Engine(model, watermarked=marks))) as client:
            (tweet,) = client.post("/invocations", json={"inputs": "Hoy es", "parameters": {"max_new_tokens": 4}}).json()
        assert tweet["watermarked"] is marks


# Chance


shares_of_tokens = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=40)


@settings(max_examples=100, deadline=None)
@given(shares=shares_of_tokens, secret=st.binary(min_size=16, max_size=32), before=st.lists(st.integers(0, 50_000), max_size=6))
def test_shares_stay_shares(shares: list[float], secret: bytes, before: list[int]) -> None:
    given_shares = torch.tensor(shares)
    found = Watermark(secret).drawn_from(given_shares, torch.arange(len(shares)), before)
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-9)
    assert bool((found >= 0).all())
    if len(before) < CONTEXT:  # the first tokens are not marked
        assert found.tolist() == pytest.approx((given_shares.double() / given_shares.double().sum()).tolist())


def test_over_all_secrets_a_token_is_as_likely_as_it_was() -> None:
    shares, tokens = torch.tensor([0.5, 0.3, 0.15, 0.05]), torch.tensor([7, 400, 3, 49_999])
    secrets = [bytes([one % 256, one // 256]) * 8 for one in range(4_096)]
    found = torch.stack([Watermark(secret).drawn_from(shares, tokens, [1, 2, 3]) for secret in secrets])
    assert found.mean(0).tolist() == pytest.approx(shares.tolist(), abs=0.02)


@settings(max_examples=30, deadline=None)
@given(before=st.lists(st.integers(0, 60_000), min_size=CONTEXT, max_size=CONTEXT), secret=st.binary(min_size=16, max_size=16))
def test_marks_are_fair_coins(before: list[int], secret: bytes) -> None:
    marks = Watermark(secret)._marks(before, np.arange(4_000, dtype=np.uint64))
    assert marks.shape == (LAYERS, 4_000)
    assert all(abs(float(one.mean()) - 0.5) < 0.05 for one in marks)
    for one in range(LAYERS):
        for other in range(one):
            assert abs(float((marks[one] == marks[other]).mean()) - 0.5) < 0.05, "no layer tells another"


def test_marks_are_the_same_on_every_machine() -> None:
    """Numbers that were worked out once: a new release must know what an old one drew."""
    marks = Watermark(b"a secret of some bytes")._marks([5, 6, 7], np.array([1, 2, 50_000], dtype=np.uint64))
    assert ["".join(str(int(one)) for one in column) for column in marks.T] == PINNED


PINNED = ["010111", "100100", "101111"]


@given(runs=st.lists(st.integers(0, 5), max_size=60))
def test_what_is_said_again_is_counted_once(runs: list[int]) -> None:
    mark = Watermark(b"again")
    assert mark.chance(runs * 4) == mark.chance(runs * 5)
    assert 0 < mark.chance(runs) <= 1


# The limit


def test_a_book_takes_no_time() -> None:
    assert Watermark(b"long").chance([one * 7 % 50_000 for one in range(6_000)]) > 1e-6, "and not minutes"


@given(throws=st.integers(0, 300), heads=st.integers(0, 300))
def test_the_chance_of_so_many_marks_is_that_of_a_fair_coin(throws: int, heads: int) -> None:
    heads = min(heads, throws)
    ways = sum(comb(throws, number) for number in range(heads, throws + 1))
    assert _at_least(heads, throws) == pytest.approx(ways / 2**throws, rel=1e-12)


@given(chances=st.lists(st.floats(1e-12, 1.0), max_size=400))
def test_of_real_texts_a_hundredth_at_most_are_taken_for_the_models(chances: list[float]) -> None:
    limit = limit_of(chances)
    assert limit.real == (len(chances) if len(chances) >= LEAST_REAL else 0), "of few nothing is said to be measured"
    assert not limit.real or sum(one < limit.chance for one in chances) <= FALSE_ALARMS * len(chances)
    assert limit.chance <= FALSE_ALARMS
    assert limit_in(to_card(limit)) == limit


def test_real_tweets_that_look_marked_lower_the_limit(model: Model) -> None:
    marked = texts(Engine(model, watermarked=True), 20) * 5
    limit = real_limit(Watermark.of(model.network), model.codec, marked)
    assert limit.real == 100
    assert sum(one.found for one in detect(model, marked, limit)) <= 1


def test_a_shipped_copy_has_the_marks_of_its_original(folder: Path, model: Model, tmp_path: Path) -> None:
    ship(folder, tmp_path / "shipped")
    copied = texts(Engine(load_model(tmp_path / "shipped"), watermarked=True), 5)
    assert all(one.found for one in detect(model, copied, Limit()))


@pytest.mark.parametrize("told", ["yes", {"limit": 0.01}, {"limit": "much", "real": 3}])
def test_a_card_that_says_something_else_is_refused(told: object) -> None:
    with pytest.raises(FileFormatError, match="it takes limit and real"):
        limit_in({"watermark": told})


# The command


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["detect", *words], env={"COLUMNS": "200"})
    return result.exit_code, result.output if result.exception is None or result.exit_code == 0 else str(result.exception)


def test_the_command_says_of_each_text_what_its_marks_say(model: Model, folder: Path, tmp_path: Path) -> None:
    marked = " ".join(texts(Engine(model, watermarked=True), 1)[0].split())
    (tmp_path / "texts.txt").write_text(f"{marked}\n\n{SENTENCES[0]}\n", encoding="utf-8")
    code, said = run("--model", str(folder), "--file", str(tmp_path / "texts.txt"), "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert [(one["text"], one["found"], one["limit"]) for one in rows] == [(marked, True, 0.01), (SENTENCES[0], False, 0.01)]
    code, said = run("--model", str(folder), marked, "Hoy")
    assert code == 0
    assert "1 of 2 have the watermark of micro" in said
    assert "by arithmetic" in said
    card = json.loads((folder / CARD_FILE).read_text())
    measured = micro_model(tmp_path / "measured", length=256)
    (measured / CARD_FILE).write_text(json.dumps({**card, "watermark": {"limit": 0.004, "real": 1200}}))
    assert "measured on 1,200 real tweets" in run("--model", str(measured), marked)[1]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.csv", "id,text\n1,Hoy\n2,NA\n"),
        ("a.jsonl", '{"generated_text": "Hoy"}\n{"generated_text": "NA"}\n'),
        ("a.tsv", "id\ttext\n1\tHoy\n2\tNA\n"),
        ("a.json", '[{"generated_text": "Hoy"}, {"generated_text": "NA"}]'),
        ("a.txt", "Hoy\nNA\n"),
        ("a", "Hoy\n\n NA \n"),
    ],
)
def test_texts_come_from_tables_and_plain_files(name: str, body: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(body, encoding="utf-8")
    assert read_texts(tmp_path / name, None) == ["Hoy", "NA"]
    if name.endswith((".csv", ".txt", ".jsonl")):
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(body.encode()))
        assert read_texts(packed, None) == ["Hoy", "NA"]
        packed.write_bytes(packed.read_bytes()[:-9])
        with pytest.raises(FileFormatError, match="can't be read"):
            read_texts(packed, None)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("Hoy")
    with pytest.raises(FileFormatError, match=r"is a \.docx file; it takes \.txt, \.csv"):
        read_texts(tmp_path / "a.docx", None)


def test_a_table_without_texts_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.csv").write_text("id,cuerpo\n1,Hoy\n")
    with pytest.raises(FileFormatError, match="it has id, cuerpo: name one with --column"):
        read_texts(tmp_path / "a.csv", None)
    assert read_texts(tmp_path / "a.csv", "cuerpo") == ["Hoy"]
    (tmp_path / "b.jsonl").write_text('{"text": "Hoy"}\n{"text": 7}\n')
    with pytest.raises(FileFormatError, match="row 2: text is 7"):
        read_texts(tmp_path / "b.jsonl", None)
    code, said = run("--model", str(folder))
    assert code != 0
    assert "there is no text to look at" in said
