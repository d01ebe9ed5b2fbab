"""Beam search in the decoding loop: transformers is its judge, and searches and drafts are written side by side."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2LMHeadModel

from inference.writing.decoding import Writer
from inference.writing.network import FP32, INT8, Network
from inference.writing.under_way import Draft
from tests.inference.test_decoding import END, WORDS, draft, trained, written

__all__ = ["trained"]


def search(**given_: Any) -> Draft:
    return draft(**{"num_beams": 4, "num_return_sequences": 3, "min_new_tokens": 0, "do_sample": False, **given_})


def all_of(one: Draft) -> list[list[int]]:
    return [one.ids, *one.others]


@torch.no_grad()
def by_transformers(network: GPT2LMHeadModel, beginning: tuple[int, ...], **how: Any) -> list[list[int]]:
    ids = torch.tensor([list(beginning)])
    rows = network.generate(ids, attention_mask=torch.ones_like(ids), eos_token_id=END, pad_token_id=END, do_sample=False, **how)[
        :, len(beginning) :
    ].tolist()
    return [row[: row.index(END) + 1] if END in row else row for row in rows]


@settings(deadline=None, max_examples=60)
@given(
    beginning=st.lists(st.integers(1, WORDS - 1), min_size=2, max_size=12).map(tuple),
    beams=st.integers(2, 6),
    penalty=st.sampled_from([-2.0, 0.0, 1.0, 2.0]),
    longest=st.integers(1, 14),
    wish=st.sampled_from([0.0, 3.0, 6.0]),
)
def test_its_tweets_are_those_that_transformers_finds(
    trained: GPT2LMHeadModel, beginning: tuple[int, ...], beams: int, penalty: float, longest: int, wish: float
) -> None:
    head = trained.lm_head.weight
    before = head[END].detach().clone()
    with torch.no_grad():
        head[END] *= 1 + wish / 10  # an end that is neither sure nor far
    try:
        how = {"num_beams": beams, "length_penalty": penalty, "max_new_tokens": longest}
        one = search(beginning=beginning, num_return_sequences=min(3, beams), **how)
        Writer(Network(trained, FP32)).write([one])
        assert all_of(one) == by_transformers(trained, beginning, num_return_sequences=min(3, beams), **how)
    finally:
        with torch.no_grad():
            head[END] = before


def test_drawn_beams_come_back_with_their_seed_and_differ_with_another(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, INT8)

    def found(seed: int) -> list[list[int]]:
        one = search(do_sample=True, seed=seed, temperature=1.5, top_k=20)
        Writer(network).write([one])
        return all_of(one)

    assert found(3) == found(3)
    assert found(3) != found(4)
    assert len({tuple(one) for one in found(3)}) == 3


def test_a_search_and_drafts_beside_it_are_what_they_are_alone(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, INT8)
    alone_search, alone_draft = search(do_sample=True, seed=9), draft(seed=5)
    Writer(network).write([alone_search])
    Writer(network).write([alone_draft])
    one, others = search(do_sample=True, seed=9), [draft(seed=5), draft((9, 9, 1), seed=6, guidance_scale=2.0)]
    Writer(network).write([one, *others])
    assert all_of(one) == all_of(alone_search)
    assert others[0].ids == alone_draft.ids


@pytest.mark.parametrize("top_k", [1, 2])
def test_where_there_is_little_to_draw_from_as_many_come_as_were_asked_for(trained: GPT2LMHeadModel, top_k: int) -> None:
    one = search(do_sample=True, top_k=top_k, max_new_tokens=6)
    Writer(Network(trained, FP32)).write([one])
    assert len({tuple(ids) for ids in all_of(one)}) == 3


def test_who_gives_up_ends_the_search(trained: GPT2LMHeadModel) -> None:
    """Beams were once written to their end, whoever had hung up."""
    writer, looks = Writer(Network(trained, FP32)), []

    def look() -> None:
        looks.append(0)
        if len(looks) > 2:
            raise InterruptedError

    one = search(max_new_tokens=80, min_new_tokens=80)
    with pytest.raises(InterruptedError):
        writer.write([one], look)
    assert written(writer, [draft(seed=1)])
    assert len(one.ids) < 80
