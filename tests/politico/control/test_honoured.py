"""Where in a tweet stands what was asked of it: the very places that say whether it says it."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from politico.control.honoured import places, says
from politico.control.words import words_at, words_of

LETTERS = "aáñn bB.,#@_1 🎉—ªßİ"
TEXTS = st.text(alphabet=st.sampled_from(LETTERS) | st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=30)


@given(TEXTS, st.booleans())
@example(text="ᬆ", decomposed=True)
def test_the_words_with_places_are_the_words_and_their_places_hold_them(text: str, decomposed: bool) -> None:
    text = unicodedata.normalize("NFD" if decomposed else "NFC", text)
    found = words_at(text)
    assert [word for word, _begins, _ends in found] == words_of(text)
    for word, begins, ends in found:
        assert word in words_of(text[begins:ends])


@given(TEXTS, TEXTS)
def test_a_value_has_a_place_exactly_where_a_text_says_it(text: str, value: str) -> None:
    text, value = (unicodedata.normalize("NFC", one) for one in (text, value))
    found = places(text, value)
    assert bool(found) == (says(text, value) and bool(value))
    for begins, ends in found:
        assert says(text[begins:ends], value)


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("La SALUD y la salud", "salud", ["SALUD", "salud"]),
        ("más  justo,\nmás JUSTO.", "mas justo", ["más  justo", "más JUSTO"]),
        ("Viva #Salud y salud", "#salud", ["#Salud"]),
        ("saludos", "salud", []),
        ("🎉 fiesta 🎉", "🎉", ["🎉", "🎉"]),
        ("Rai\u0301z Obrera", "Raíz Obrera", ["Rai\u0301z Obrera"]),
        ("hola", "", []),
    ],
)
def test_places_are_those_that_a_reader_would_mark(text: str, value: str, wanted: list[str]) -> None:
    assert [text[begins:ends] for begins, ends in places(text, value)] == wanted
