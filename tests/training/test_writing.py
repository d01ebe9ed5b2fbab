"""Many tweets at once: the same ones with any number of cores, each behind the context it was written for."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine import Engine
from inference.model import load_model
from politico.errors import LimitError
from tests.support.models import micro_model
from training.evaluation import writing
from training.evaluation.writing import write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process writes all")
CONTEXTS = [{"hashtags": (f"#{'Salud' * count}",), "partido": ("UDI",)} for count in (3, 1, 2, 4, 1)]
HOW = {"temperature": 0.7, "insistence": 1.0, "candidates": 2}


def only_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be written in this process; a forked one has the same rule and another number."""
    here, original = os.getpid(), writing._write

    def write_elsewhere(engine: Engine, batch: Any) -> Any:
        assert os.getpid() != here, "no process of its own"
        return original(engine, batch)

    monkeypatch.setattr(writing, "_write", write_elsewhere)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Engine(load_model(micro_model(tmp_path / "micro")))
    torch.set_num_threads(before)


def test_the_tweets_are_the_same_with_any_number_of_cores(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "TOGETHER", 2)
    monkeypatch.setattr(writing, "cores", lambda: 1)
    alone = write(engine, CONTEXTS, HOW, seed=3)
    monkeypatch.setattr(writing, "cores", lambda: 2)
    only_elsewhere(monkeypatch)
    assert write(engine, CONTEXTS, HOW, seed=3) == alone
    assert [set(one.honoured["hashtags"]) for one in alone] == [set(one["hashtags"]) for one in CONTEXTS]
    assert write(engine, CONTEXTS, HOW, seed=4) != alone
    assert write(engine, [], HOW, seed=3) == []


def test_what_goes_wrong_in_a_process_is_told_as_it_is(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "TOGETHER", 2)
    monkeypatch.setattr(writing, "cores", lambda: 2)
    only_elsewhere(monkeypatch)
    with pytest.raises(LimitError, match="bad_words has 'Salud'"):
        write(engine, [{"hashtags": ("#Salud",)}] * 4, {**HOW, "bad_words": ("Salud",)}, seed=3)
