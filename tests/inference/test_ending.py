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
        ("¡Vamos Chile #Orgullo @vecina", "¡Vamos Chile #Orgullo @vecina!"),
        ("¡Vamos con #Orgullo", "¡Vamos con #Orgullo!"),
        ("¡Gracias a @vecina y @otro", "¡Gracias a @vecina y @otro!"),
        ("¡Mira esto: https://t.co/a", "¡Mira esto!: https://t.co/a"),
        ("(¿Qué pasa) dijo", "(¿Qué pasa?) dijo"),
        ("«¡Vamos Chile» gritó", "«¡Vamos Chile!» gritó"),
        ("¿Por qué EE.UU. sí y nosotros no", "¿Por qué EE.UU. sí y nosotros no?"),
        ("¡Felicitaciones al Sr. Pérez por su premio", "¡Felicitaciones al Sr. Pérez por su premio!"),
        ("(de sept. de 2020", "(de sept. de 2020)"),
        ("¿Cuándo... van a responder", "¿Cuándo... van a responder?"),
        ("¿Línea uno,\nlínea dos", "¿Línea uno?,\nlínea dos"),
        ("¡#Orgullo", "¡#Orgullo!"),
        ("Hoy (con la ministra) y (con los vecinos", "Hoy (con la ministra) y (con los vecinos)"),
        ("Hoy (con la ministra en la región. Seguimos", "Hoy (con la ministra en la región). Seguimos"),
        ("Hoy «un gran día", "Hoy «un gran día»"),
        ('Dijo "nunca más', 'Dijo "nunca más"'),
        ('Dijo "nunca más" y "siempre', 'Dijo "nunca más" y "siempre"'),
        ("¡Qué gran día (en «Arica", "¡Qué gran día (en «Arica»)!"),
        ("Seguimos (", "Seguimos"),
        ("Seguimos ¿", "Seguimos"),
        ("Seguimos) trabajando", "Seguimos trabajando"),
        ("Seguimos» trabajando", "Seguimos trabajando"),
        ("Seguimos]trabajando", "Seguimos trabajando"),
        ('La ley corta" y otras', "La ley corta y otras"),
        # What people leave as it is.
        ("Vamos! Que se puede?", "Vamos! Que se puede?"),
        ("Gracias :) y ;-) y :(", "Gracias :) y ;-) y :("),
        ("1) salud 2) pan a) agua", "1) salud 2) pan a) agua"),
        ('Una pantalla de 50" y más', 'Una pantalla de 50" y más'),
        ("¿Sí? ¡No! (a) [b] «c» “d”", "¿Sí? ¡No! (a) [b] «c» “d”"),
        ("¡¿Cómo?! Así.", "¡¿Cómo?! Así."),
        *[
            (same, same)
            for same in (
                *("", "(:", "Total=(5+3) y", "Nota:(ver todo) y", "Ver más:(https://t.co/x) hoy", "Mira https://t.co/abc(1"),
                *("¿Qué pasa!", "¡Hasta cuándo?", "Feliz (: día", ":o) hola", "¿a) o b)?", '“gran día" dijo', "jeje xD)"),
                *('TV de 55" a "oferta"', "¿ ? ¡ !", "(1/2) Hoy", "^^) ok", "( " * 300 + "hola"),
            )
        ],
    ],
)
def test_marks_are_closed_where_their_sentence_ends(written: str, found: str) -> None:
    assert balanced(written) == found


PIECES = [*CLOSED_BY, *CLOSED_BY.values(), QUOTE, "hola", "día", ".", ",", " ", "\n", "…", "#Sur", ":", "x"]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def open_in(text: str) -> Counter[str]:
    """How many of each opening there are more than of what closes it, where nothing else is meant by it."""
    counts, left = Counter(text), Counter[str]()
    for one in ("[", "{", "«"):
        left[one] = counts[one] - counts[CLOSED_BY[one]]
    left["¿¡"] = counts["¿"] + counts["¡"] - counts["?"] - counts["!"]
    return +left


@given(text=texts)
def test_nothing_stays_open_and_nothing_is_said_otherwise(text: str) -> None:
    found = balanced(text)
    if re.search(r"\w", text):
        assert not open_in(found), "nothing stays open"
        assert re.search(r"\w", found), "what says something goes on saying something"
    assert balanced(found) == found, "what is balanced stays"
    assert re.findall(r"[#\w]+", found) == re.findall(r"[#\w]+", text), "no word changes"


nested = st.recursive(
    st.sampled_from(["hola", "día", "a y b", "Sí", "#Sur", "@vecina"]),
    lambda inner: (
        st.tuples(st.sampled_from(list(CLOSED_BY)), inner).map(lambda two: two[0] + two[1] + CLOSED_BY[two[0]])
        | st.lists(inner, min_size=1, max_size=3).map(" ".join)
    ),
    max_leaves=8,
)


@given(text=nested)
def test_a_text_whose_marks_pair_up_stays(text: str) -> None:
    assert balanced(text) == text


@given(text=texts, place=st.integers(0, 30))
def test_what_was_given_stays(text: str, place: int) -> None:
    beginning = text[:place].strip()
    text = (beginning + text[place:]).strip()
    for longest in (0, 20):
        assert ended(text, longest, len(beginning))[0].startswith(beginning)


@given(text=texts, longest=st.integers(1, 60))
def test_a_closed_text_is_no_longer_than_allowed(text: str, longest: int) -> None:
    found, cut = ended(text.strip(), longest, 0)
    assert weighted_length(found) <= longest or len(found.split()) <= 1, "a first word that is too long stays"
    assert cut == (weighted_length(balanced(text.strip())) > longest) or len(found.split()) <= 1


def test_many_open_marks_take_no_time() -> None:
    """A prompt of five hundred of them once took eleven seconds a tweet."""
    text = "( " * 500 + "hola que tal " * 25
    found, cut = ended(text.strip(), 1_300, 999)
    assert (cut, text.startswith(found), weighted_length(found) <= 1_300) == (True, True, True)
    steps = "( " * 18 + "hola que tal " * 90
    found, cut = ended(steps.strip(), 1_190, 36)
    assert cut
    assert found.count("(") == found.count(")") == 18


@pytest.mark.parametrize(
    ("written", "given_part", "found"),
    [
        ("Seguimos por el cami", "", "Seguimos por el"),
        ("Seguimos por el camino.", "", "Seguimos por el camino."),
        ("Seguimos, cami", "", "Seguimos"),
        ("Seguimos por el camino, ", "", "Seguimos por el camino"),
        ("Un alza de 3,5", "", "Un alza de"),
        ("Mira https://t.co/aB3x", "", "Mira"),
        ("El EE.U", "", "El"),
        ("Vamos #", "", "Vamos"),
        ("Seguimos (hol", "", "Seguimos"),
        ("¿Qu", "", "¿Qu"),
        ("Seguimos ¿ley", "", "Seguimos ¿ley"),
        ("Seguimos 3,ley", "", "Seguimos"),
        ("Seguimos por #Sal", "", "Seguimos por"),
        ("Seg", "", "Seg"),
        ("Hoy cami", "Hoy ca", "Hoy cami"),  # the word began in what was given
        ("Hoy cami", "Hoy", "Hoy cami"),  # an only word behind it
        ("Hoy por el cami", "Hoy", "Hoy por el"),
        ("Seguimos por la ley", "", "Seguimos por la ley"),
    ],
)
def test_half_a_word_at_the_end_goes(written: str, given_part: str, found: str) -> None:
    assert whole_words(written, len(given_part), lambda word, before: word == "ley") == found
