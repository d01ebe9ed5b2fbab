"""How long a tweet is as X counts it."""

import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.engine import Engine
from inference.model import load_model
from inference.rules.length import shortened, weighted_length
from politico.control.request import Parameters, Request
from tests.support.models import micro_model, wanting

LONGEST = Parameters().max_characters
WORDS = st.lists(
    st.sampled_from(["agua", "educación", "👩‍👩‍👧", "https://x.com/a/b", "日本", "¡Sí!", "#Salud", "🇨🇱", "1"]), max_size=120
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("Primero el agua.", 16),
        ("educación", 9),
        ("educacio\u0301n", 9),
        ("“así” – sí…", 12),
        ("水", 2),
        ("☺", 2),
        ("🇨🇱", 2),
        ("👩‍👩‍👧 👍🏽", 5),
        ("1️⃣", 2),
        ("© ©\ufe0f", 4),
        ("Ver https://ejemplo.cl/una/direccion/muy/larga/que/no/cuenta", 27),
        ('"Ver http://t.co/abc", (https://t.co/abc).', 57),
        ("ejemplo.com y ejemplo.cl", 49),
        ("Fin.El 3.5 de", 13),
        ("@ejemplo.com", 12),
        ("b" * 63 + ".com", 23),
        ("b" * 64 + ".com", 68),  # no host has so long a label
        ("https://" + "b" * 64 + ".cl/a y https://t.co/a", 78 + 3 + 23 - 1),
        ("水" * 80 + ".com", 164),  # as sent it is longer
    ],
)
def test_characters_are_counted_as_x_counts_them(text: str, length: int) -> None:
    assert weighted_length(text) == length


@given(WORDS, st.integers(23, LONGEST))
def test_what_is_cut_is_the_longest_beginning_of_whole_words_that_fits(words: list[str], longest: int) -> None:
    cut = shortened(" ".join(words), longest)
    kept = len(cut.split())
    assert words[:kept] == cut.split()
    assert weighted_length(cut) <= longest
    assert kept == len(words) or weighted_length(" ".join(words[: kept + 1])) > longest


def test_what_was_given_stays_and_so_does_a_word_that_is_too_long() -> None:
    assert shortened("uno dos tres cuatro", 5, keep=7) == "uno dos"
    assert shortened("a" * 300, LONGEST) == "a" * 300
    assert shortened("a" * 300 + " b", LONGEST) == "a" * 300


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    torch.set_num_threads(1)
    return Engine(load_model(micro_model(tmp_path_factory.mktemp("length") / "micro")))


@pytest.mark.parametrize("candidates", [1, 3])
def test_a_tweet_that_is_too_long_is_cut_back_at_a_word(engine: Engine, candidates: int) -> None:
    for seed in range(6):
        given: dict[str, Any] = {"max_new_tokens": 60, "min_new_tokens": 60, "seed": seed, "candidates": candidates}
        (whole,) = engine.generate(Request({}, "Hoy", Parameters(**given, max_characters=0)))
        (cut,) = engine.generate(Request({}, "Hoy", Parameters(**given, max_characters=40)))
        assert weighted_length(whole.generated_text) > 40
        assert weighted_length(cut.generated_text) <= 40 or " " not in cut.generated_text
        assert cut.finish_reason == "length"
        assert cut.generated_text.startswith("Hoy")
        if candidates == 1:
            words = re.findall(r"\w+", cut.generated_text)
            assert words == re.findall(r"\w+", whole.generated_text)[: len(words)]


def test_a_tweet_that_ended_and_was_cut_has_not_ended(engine: Engine) -> None:
    ended: dict[str, Any] = {"max_new_tokens": 60, "min_new_tokens": 40, "seed": 7}
    model = engine.model
    with wanting(model.network, {model.codec.ids[model.codec.schema.end]: 1_000.0}):
        (whole,) = engine.generate(Request({}, "Hoy", Parameters(**ended, max_characters=0)))
        (cut,) = engine.generate(Request({}, "Hoy", Parameters(**ended, max_characters=40)))
    assert (whole.finish_reason, cut.finish_reason) == ("stop", "length")
    assert len(cut.generated_text) < len(whole.generated_text)
