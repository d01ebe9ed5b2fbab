"""Whole characters: whatever a model would like to write, its tweet is UTF-8."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.rules.characters import Characters, WholeCharacters, unfinished

END = 256
VOCABULARY = [bytes([byte]) for byte in range(256)] + [b"", "ñ".encode(), "😀".encode(), b"\x9f\x98", b" \xf0", "¡Hola".encode()]
RULE = WholeCharacters(Characters(VOCABULARY, END))


@settings(deadline=None, max_examples=100)
@given(wishes=st.lists(st.permutations(range(len(VOCABULARY))), min_size=1, max_size=12))
def test_whatever_the_model_likes_best_the_text_is_utf_8(wishes: list[list[int]]) -> None:
    ids: list[int] = []
    for order in wishes:
        likes = torch.zeros(1, len(VOCABULARY))
        likes[0, order] = torch.arange(len(order), 0, -1).float()
        ids.append(int(RULE(torch.tensor([ids], dtype=torch.int64), likes).argmax()))
        if ids[-1] == END:
            break
    written = b"".join(VOCABULARY[one] for one in ids)
    whole = written[: len(written) - len(unfinished(written))]
    assert whole.decode() is not None
    assert ids[-1] != END or whole == written, "no tweet ends in the middle of a character"


@given(text=st.text(max_size=20))
def test_every_text_can_be_written(text: str) -> None:
    ids: list[int] = []
    for byte in text.encode():
        assert torch.isfinite(RULE(torch.tensor([ids], dtype=torch.int64), torch.zeros(1, len(VOCABULARY)))[0, byte])
        ids.append(byte)
    assert torch.isfinite(RULE(torch.tensor([ids], dtype=torch.int64), torch.zeros(1, len(VOCABULARY)))[0, END])


def test_a_vocabulary_that_can_not_finish_a_character_is_not_left_without_a_word() -> None:
    rule = WholeCharacters(Characters([b"\xc3", b"a", b""], 2))
    assert torch.isfinite(rule(torch.tensor([[0]]), torch.zeros(1, 3))).all()


@pytest.mark.parametrize("begun", [b"\xed\xa0", b"\xed\xbf", b"\xf4\x90", b"\xc0", b"\xe0\x80", b"\xff"])
def test_what_no_character_begins_with_is_not_begun(begun: bytes) -> None:
    """Python's decoder waits for the rest of half a surrogate pair; then no token fitted, and nothing could be drawn."""
    ids = list(begun[:-1])
    assert not torch.isfinite(RULE(torch.tensor([ids], dtype=torch.int64), torch.zeros(1, len(VOCABULARY)))[0, begun[-1]])


@pytest.mark.parametrize("lead", range(0xC2, 0xF5))
def test_every_character_that_is_begun_can_be_finished(lead: int) -> None:
    ids = [lead]
    while ids[-1] != END and len(ids) < 6:
        free = torch.isfinite(RULE(torch.tensor([ids], dtype=torch.int64), torch.zeros(1, len(VOCABULARY)))[0])
        assert free.any()
        ids.append(END if free[END] else int(free.nonzero()[-1 if lead % 2 else 0]))
    assert ids[-1] == END
    assert b"".join(VOCABULARY[one] for one in ids).decode()
