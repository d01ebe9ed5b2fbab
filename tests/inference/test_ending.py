"""Tweets end cleanly: no half words, no mark left open, nothing of what was given changed."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.rules.ending import CLOSED_BY, QUOTE, balanced, ended, whole_words
from inference.rules.length import weighted_length


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("¿Qué pasa con la salud", "¿Qué pasa con la salud?"),
        ("¿Qué pasa con la salud. Seguimos", "¿Qué pasa con la salud? Seguimos"),
        ("¡Vamos Chile #Orgullo @vecina", "¡Vamos Chile! #Orgullo @vecina"),
        ("¡Vamos con #Orgullo", "¡Vamos con! #Orgullo"),
        ("¡#Orgullo", "¡#Orgullo!"),
        ("Hoy (con la ministra) y (con los vecinos", "Hoy (con la ministra) y (con los vecinos)"),
        ("Hoy (con la ministra en la región. Seguimos", "Hoy (con la ministra en la región). Seguimos"),
        ("Hoy «un gran día", "Hoy «un gran día»"),
        ('Dijo "nunca más', 'Dijo "nunca más"'),
        ('Dijo "nunca más" y "siempre', 'Dijo "nunca más" y "siempre"'),
        ("¡Qué gran día (en «Arica", "¡Qué gran día (en «Arica»)!"),
        ("Seguimos (", "Seguimos"),
        ("Seguimos ¿", "Seguimos"),
        ("Seguimos ) trabajando", "Seguimos trabajando"),
        ("Seguimos» trabajando", "Seguimos trabajando"),
        ("Seguimos]trabajando", "Seguimos trabajando"),
        # What people leave as it is.
        ("Vamos! Que se puede?", "Vamos! Que se puede?"),
        ("Gracias :) y ;-) y :(", "Gracias :) y ;-) y :("),
        ("1) salud 2) pan a) agua", "1) salud 2) pan a) agua"),
        ("¿Sí? ¡No! (a) [b] «c» “d”", "¿Sí? ¡No! (a) [b] «c» “d”"),
        ("¡¿Cómo?! Así.", "¡¿Cómo?! Así."),
        ("", ""),
    ],
)
def test_marks_are_closed_where_their_sentence_ends(written: str, found: str) -> None:
    assert balanced(written) == found


PIECES = [*CLOSED_BY, *CLOSED_BY.values(), QUOTE, "hola", "día", ".", ",", " ", "\n", "…", "#Sur", ":", "1"]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def marks_left(text: str) -> Counter[str]:
    """How many of each opening there are more than of what closes it."""
    counts = Counter(text)
    return Counter({one: counts[one] - counts[close] for one, close in CLOSED_BY.items() if one != "("}) + Counter(
        {QUOTE: counts[QUOTE] % 2}
    )


@given(text=texts)
def test_nothing_stays_open_and_nothing_is_said_otherwise(text: str) -> None:
    found = balanced(text)
    assert not marks_left(found), "nothing stays open"
    assert balanced(found) == found, "what is balanced stays"
    assert re.findall(r"[#\w]+", found) == re.findall(r"[#\w]+", text), "no word changes"


@given(text=texts, place=st.integers(0, 30))
def test_what_was_given_stays(text: str, place: int) -> None:
    beginning = text[:place].strip()
    text = (beginning + text[place:]).strip()
    for longest in (0, 20):
        assert ended(text, longest, len(beginning))[0].startswith(beginning)


@given(text=texts, longest=st.integers(1, 60))
def test_a_closed_text_is_no_longer_than_allowed(text: str, longest: int) -> None:
    found, cut = ended(text.strip(), longest, 0)
    if len(text.split()) > 1:
        assert weighted_length(found) <= longest or len(found.split()) <= 1
    assert cut or weighted_length(balanced(text.strip())) <= longest or found == text.strip()


@pytest.mark.parametrize(
    ("written", "given_part", "found"),
    [
        ("Seguimos por el cami", "", "Seguimos por el"),
        ("Seguimos por el camino.", "", "Seguimos por el camino."),
        ("Seguimos, cami", "", "Seguimos"),
        ("Seguimos por la ley, ", "", "Seguimos por la ley"),
        ("Seguimos por #Sal", "", "Seguimos por"),
        ("Seg", "", "Seg"),
        ("Hoy cami", "Hoy ca", "Hoy cami"),  # the word began in what was given
        ("Seguimos por la ley", "", "Seguimos por la ley"),
    ],
)
def test_half_a_word_at_the_end_goes(written: str, given_part: str, found: str) -> None:
    assert whole_words(written, len(given_part), lambda word: word == "ley") == found
