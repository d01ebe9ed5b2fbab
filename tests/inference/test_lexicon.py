"""The list of words: what is no word can't be finished, what is one always can, and the request's own words pass."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inference.engine import Engine
from inference.model import load_model, save_model
from inference.rules.lexicon import FILE, KnownWords, Lexicon, read_words, words_in, write_words
from politico.control.request import Parameters, Request
from politico.errors import FileFormatError
from tests.support.models import MICRO_SCHEMA, micro_network, micro_tokenizer

PIECES = ["", " la", " sal", "ud", "ida", ".", " #", "Ley", " 20", "21", " a.b", " @", "x", " 😀"]
SPELLED = [*(one.encode() for one in PIECES), b" \xf0\x9f", b"\x98\x80", b" \xc3", b"\xb1"]
WORDS = frozenset({"la", "salud", "salida", "#Ley", "a"})
LEXICON = Lexicon(WORDS, SPELLED)
NONE: frozenset[str] = frozenset()
EMOJI_AND_MORE = "\U00010000"
"""A model of random weights that is let write emoji writes letters of old scripts, too."""


def allowed(beginning: str, extra: frozenset[str] = NONE) -> set[str]:
    mask = LEXICON.allowed(beginning, extra).tolist()
    return {piece for piece, fits in zip(PIECES, mask, strict=False) if fits}


def test_a_word_goes_on_as_some_word_does_and_ends_where_one_ends() -> None:
    assert allowed("sal") == {"ud", "ida"}
    assert allowed("salud") >= {"", " la", " sal", ".", " #", " 20", " 😀"}
    assert not allowed("salud") & {"ud", "ida", "Ley", "x", "21"}
    assert allowed("") >= {"", " la", " sal", ".", " #", " 20", "21"}
    assert "x" not in allowed("")
    assert " a.b" not in allowed("")  # b is no word, nor the beginning of one


def test_a_hashtag_is_judged_with_its_sign_and_numbers_always_pass() -> None:
    assert allowed("#") == {"Ley"}
    assert "" in allowed("#Ley")
    assert "21" in allowed("20")
    assert "." in allowed("2021")


def test_a_requests_own_words_pass_for_that_request_alone() -> None:
    assert " @" not in allowed("")  # nobody is known who could be meant
    assert allowed("@", frozenset({"@x"})) == {"x"}
    assert " @" in allowed("", frozenset({"@x"}))
    assert "." in allowed("@x", frozenset({"@x"}))
    assert "x" not in allowed("@x")
    assert " @" in allowed("salud", frozenset({"@x"}))  # behind another word, too
    assert " @" not in allowed("sal", frozenset({"@x"}))


def test_an_emoji_may_come_in_pieces_and_a_letter_may_not() -> None:
    for beginning in ("", "salud"):
        mask = LEXICON.allowed(beginning, NONE).tolist()
        assert mask[len(PIECES) :] == [True, False, False, False]
    assert LEXICON.inside_character.tolist() == [*[False] * len(PIECES), False, True, False, True]
    rule = KnownWords(LEXICON, [""], end_id=0)
    within = rule(torch.tensor([[1, len(PIECES)]]), torch.zeros(1, len(SPELLED)))[0]
    assert within.argmax() == len(PIECES) + 1
    after = rule(torch.tensor([[1, len(PIECES), len(PIECES) + 1]]), torch.zeros(1, len(SPELLED)))[0]
    assert after[[1, 5]].tolist() == [0, 0]


CAPITALS = ["", "Mc", "Do", "do", "nald", " paC", "iencia", " pa", "C", "c", "P", "#", "Ley", "eY"]


def test_capitals_do_not_follow_small_letters_but_in_hashtags_and_in_what_was_asked() -> None:
    lexicon = Lexicon(frozenset({"mcdonald", "paciencia", "#LeYa"}), [one.encode() for one in CAPITALS])

    def may_follow(*tokens: str, asked: str = "") -> set[str]:
        row = torch.tensor([[CAPITALS.index(one) for one in tokens]])
        scores = KnownWords(lexicon, [asked], end_id=0)(row, torch.zeros(1, len(CAPITALS)))[0]
        return {piece for piece, score in zip(CAPITALS, scores.tolist(), strict=True) if score == 0}

    assert may_follow("Mc") == {"do"}
    assert may_follow("Mc", asked="Vamos a McDonald") == {"Do", "do"}
    assert may_follow(" pa") == {"c"}
    assert " paC" not in may_follow("Mc", "do", "nald")
    assert may_follow("#") == set()
    assert may_follow("#", asked="#Ley") == {"Ley"}


def test_words_are_folded_and_numbers_are_none() -> None:
    assert words_in("La SALUD, 20 de 2021: #LeyÑandú @Ana_1 covid19") == [
        "la", "salud", "de", "#LeyÑandú", "@Ana_1", "covid19",
    ]  # fmt: skip


@given(st.frozensets(st.text(st.characters(categories=("Ll", "Nd")), min_size=1, max_size=8), min_size=1, max_size=30))
def test_a_list_comes_back_from_its_folder_and_is_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, words: frozenset[str]
) -> None:
    folder = tmp_path_factory.mktemp("words")
    write_words(folder, words)
    first = (folder / FILE).read_bytes()
    assert read_words(folder) == words
    write_words(folder, sorted(words, reverse=True))
    assert (folder / FILE).read_bytes() == first


def test_a_folder_without_a_list_has_none_and_a_torn_list_is_refused(tmp_path: Path) -> None:
    assert read_words(tmp_path) == frozenset()
    write_words(tmp_path, WORDS)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:20])
    with pytest.raises(FileFormatError, match="no list of words"):
        read_words(tmp_path)


def test_a_model_with_a_list_writes_its_words_and_the_requests_alone(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    words = frozenset(words_in("hoy presentamos el nuevo proyecto de ley por la salud de todos los chilenos y las chilenas"))
    tokenizer = micro_tokenizer()
    save_model(tmp_path, micro_network(tokenizer, layers=2), tokenizer, MICRO_SCHEMA, {"name": "micro"}, words)
    engine = Engine(load_model(tmp_path))
    context = {"hashtags": ("#Ñandú",), "frases": ("más empanadas",)}
    known = words | set(words_in("#Ñandú más empanadas"))

    def made_up(**parameters: object) -> list[str]:
        given = Parameters(max_new_tokens=60, num_return_sequences=5, seed=5, **parameters)  # type: ignore[arg-type]
        tweets = engine.generate(Request(context, "", given))
        # What the longest length cuts through may be no word.
        whole = [
            text.rsplit(" ", 1)[0] if one.finish_reason == "length" else text for one in tweets for text in [one.generated_text]
        ]
        return [word for text in whole for word in words_in(text) if word not in known and max(word) < EMOJI_AND_MORE]

    assert not made_up()
    assert not made_up(insistence=0.0)
    assert made_up(known_words=False)
