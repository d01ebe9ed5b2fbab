"""More tokens for a base's tokenizer: no text gets longer, none is read otherwise, and a new row means what its pieces meant."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from politico.control.political import SCHEMA
from politico.models.settings import NetworkSettings
from training.corpus.merges import MET, learn_merges
from training.corpus.vocabulary import train_tokenizer
from training.loop.network import add_rows, build_network

BOOKS = ["El capitán cerró la puerta y la noche cayó sobre la mar.", "La puerta de la noche no se abre al capitán."] * 5
TWEETS = ["Vamos con #SemillasLibres y con @lperlanza_av por el campo", "Con #SemillasLibres crece el campo de todos"] * 5


@pytest.fixture(scope="module")
def before() -> Tokenizer:
    return train_tokenizer(BOOKS, 300, SCHEMA)


def length(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text).ids)


def test_the_new_texts_get_shorter_and_ids_that_stand_stay(before: Tokenizer) -> None:
    after, made_of = learn_merges(before, TWEETS, 40)
    known = before.get_vocab()
    assert {token: number for token, number in after.get_vocab().items() if number not in made_of} == known
    assert list(made_of) == list(range(max(known.values()) + 1, max(known.values()) + 1 + 40))
    assert length(after, " #SemillasLibres") < length(before, " #SemillasLibres") / 2
    names = {number: token for token, number in after.get_vocab().items()}
    assert all(names[new] == names[one] + names[other] for new, (one, other) in made_of.items())


@given(text=st.text() | st.sampled_from([*BOOKS, *TWEETS]), count=st.integers(0, 60))
def test_every_text_is_read_back_as_it_was_and_is_no_longer(before: Tokenizer, text: str, count: int) -> None:
    after, _ = learn_merges(before, TWEETS, count)
    assert after.decode(after.encode(text).ids) == before.decode(before.encode(text).ids) == text
    assert length(after, text) <= length(before, text)


def test_going_on_comes_to_what_learning_in_one_go_comes_to() -> None:
    drawn = random.Random(3)
    words = ["".join(drawn.choices("abcde", k=drawn.randint(2, 9))) for _ in range(60)]
    texts = [" ".join(drawn.choices(words, weights=range(1, 61), k=30)) for _ in range(100)]
    on_the_way, in_one_go = (train_tokenizer(texts, size, SCHEMA) for size in (290, 350))
    went_on, _made_of = learn_merges(on_the_way, texts, 60)
    assert went_on.get_vocab_size() == in_one_go.get_vocab_size()
    whole, on, before = (sum(length(one, f" {text}") for text in texts) for one in (in_one_go, went_on, on_the_way))
    assert abs(on - whole) < 0.02 * whole < 0.2 * (before - whole)  # but for pairs that are equally frequent


def test_pairs_that_hardly_occur_get_no_token(before: Tokenizer) -> None:
    _, made_of = learn_merges(before, ["una sola vez dicho"] * (MET - 1), 40)
    assert not made_of


def test_a_marker_in_a_text_stays_ordinary_text(before: Tokenizer) -> None:
    after, _ = learn_merges(before, [f"{SCHEMA.markers[0]} {SCHEMA.end}"] * 9, 40)
    assert after.token_to_id(SCHEMA.markers[0]) not in after.encode(SCHEMA.markers[0]).ids


def test_the_same_texts_in_another_order_make_the_same_tokens(before: Tokenizer) -> None:
    one, other = (learn_merges(before, texts, 40)[0].to_str() for texts in (TWEETS, TWEETS[::-1]))
    assert one == other


def test_a_new_row_is_the_mean_of_its_pieces_and_the_old_ones_stay(before: Tokenizer) -> None:
    _, made_of = learn_merges(before, TWEETS, 90)
    network: Any = build_network(NetworkSettings(layers=1, width=8, heads=2, positions=16), before.get_vocab_size(), 0, seed=1)
    old = network.transformer.wte.weight.detach().clone()
    add_rows(network, made_of)
    rows = network.transformer.wte.weight.detach()
    assert network.lm_head.weight is network.transformer.wte.weight
    assert rows.shape[0] == network.config.vocab_size > max(made_of)
    known = min(made_of)
    assert torch.equal(rows[:known], old[:known])
    for new, pieces in made_of.items():
        assert torch.allclose(rows[new], rows[list(pieces)].mean(0))
