"""The Spanish analyzers that stand in for Comprehend: their shape, their offsets and their plainest answers."""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from math import isclose
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.analyzers.entities import entities
from local.analyzers.key_phrases import key_phrases
from local.analyzers.pieces import pieces
from local.analyzers.sentiment import sentiment
from tests.support.paths import SHARED

_ANSWERS = SHARED / "comprehend"
_LABELS = {"POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"}
_TYPES = {"PERSON", "LOCATION", "ORGANIZATION", "DATE", "QUANTITY", "EVENT", "TITLE", "COMMERCIAL_ITEM", "OTHER"}

_SAMPLES = [
    "¡Felicitaciones a las vecinas de Puerto Ambar por el nuevo Hospital San Telmo! #SaludDigna 💪",
    "El Ministerio de Aguas anunció 12 millones de pesos para la Región de Quilpal el 3 de mayo de 2019.",
    "Gracias @sebastianpinera 👏👏 por acompañarnos en Villa Ambar, https://ejemplo.com/Villa",
    "Escribir a prensa@quilpal.example por las Elecciones 2019: 45% y $500",
]
# An underscore stands for a blank, a backslash for a new line.
_SCRAP_LINE = (
    "👩\u200d👩\u200d👧 𝐇ola e\u0301 é\u0301 ñ ＃ ＠ @ # $ % ° - ’ \\ ٣ ² İ ß _ _de_ _y_ 3_de_mayo_de 1ro lunes "
    "@ana #José\u0301 U$S Jose\u0301_Díaz 😀Puerto Mari\u0301a_de_la 20hs todos_los LA UDI www.a.com/x 12/5/19 "
    "18:30 a.com ¿Él http://b.cl/Ñ ana@b.cl"
)
_SCRAPS = [scrap.replace("_", " ").replace("\\", "\n") for scrap in _SCRAP_LINE.split()]
# Whole texts of any characters, and texts glued together from what the rules look for.
_ODD_TEXTS = st.one_of(st.text(), st.lists(st.sampled_from([*_SAMPLES, *_SCRAPS]), max_size=12).map("".join))


def _found(text: str) -> dict[str, str]:
    return {entity["Text"]: entity["Type"] for entity in entities(text)}


def _phrases(text: str) -> list[str]:
    return [phrase["Text"] for phrase in key_phrases(text)]


@given(_ODD_TEXTS)
@settings(max_examples=400, deadline=None)
def test_offsets_count_characters_and_cut_out_the_very_text(text: str) -> None:
    entity_spans = [(found["BeginOffset"], found["EndOffset"], found["Text"]) for found in entities(text)]
    phrase_spans = [(found["BeginOffset"], found["EndOffset"], found["Text"]) for found in key_phrases(text)]
    for spans in (entity_spans, phrase_spans):
        for begin, end, found_text in spans:
            assert 0 <= begin < end <= len(text)
            assert text[begin:end] == found_text
        assert all(left[1] <= right[0] for left, right in pairwise(spans)), "overlap or disorder"


@given(_ODD_TEXTS)
@settings(max_examples=200, deadline=None)
def test_pieces_lose_nothing_but_white_space(text: str) -> None:
    kept = "".join(piece.text for piece in pieces(text))
    assert "".join(kept.split()) == "".join(text.split())


@given(_ODD_TEXTS)
@settings(max_examples=200, deadline=None)
def test_scores_are_probabilities_and_the_label_is_the_largest(text: str) -> None:
    label, scores = sentiment(text)
    assert isclose(sum(scores.values()), 1.0)
    assert all(0.0 <= score <= 1.0 for score in scores.values())
    assert label in _LABELS
    assert scores[label.capitalize()] == max(scores.values())
    for entity in entities(text):
        assert entity["Type"] in _TYPES
        assert 0.5 <= entity["Score"] < 1
    assert all(0.5 <= phrase["Score"] < 1 for phrase in key_phrases(text))


def test_a_character_outside_the_basic_plane_counts_once() -> None:
    found = entities("💪💪 en Villa Ambar")
    assert [(entity["BeginOffset"], entity["EndOffset"]) for entity in found] == [(6, 17)]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("¡Felicitaciones a las vecinas de Puerto Ambar por el nuevo Hospital San Telmo! 💪", "POSITIVE"),
        ("Muchas gracias a todos los que nos acompañaron, un orgullo enorme", "POSITIVE"),
        ("Que alegria, que emocion", "POSITIVE"),  # nobody types accents on a phone
        ("👏👏🎉", "POSITIVE"),
        ("Qué vergüenza, un fracaso total de este gobierno corrupto", "NEGATIVE"),
        ("La inflación destruye el salario de las familias", "NEGATIVE"),
        ("NO AL AUMENTO DE LA LUZ, BASTA DE MENTIRAS", "NEGATIVE"),
        ("😡😡", "NEGATIVE"),
        ("El Senado sesiona a las 10 hs", "NEUTRAL"),
        ("Estamos en Buenos Aires con el equipo", "NEUTRAL"),
        ("", "NEUTRAL"),
        ("El puente nuevo es hermoso, pero la corrupción que hay detrás da asco.", "MIXED"),
    ],
)
def test_plain_texts_get_the_plain_label(text: str, label: str) -> None:
    assert sentiment(text)[0] == label


def test_a_denied_success_is_a_complaint() -> None:
    assert sentiment("Es un logro")[0] == "POSITIVE"
    assert sentiment("No es un logro")[0] == "NEGATIVE"


def test_denial_ends_with_its_clause() -> None:
    assert sentiment("No, es un logro maravilloso")[0] == "POSITIVE"


def test_what_is_fought_is_no_complaint() -> None:
    assert sentiment("Sufrimos la violencia")[0] == "NEGATIVE"
    assert sentiment("Trabajamos contra la violencia")[0] != "NEGATIVE"


def test_intensifiers_and_exclamation_raise_the_score() -> None:
    plain = sentiment("Estamos contentos")[1]["Positive"]
    assert sentiment("Estamos muy contentos")[1]["Positive"] > plain
    assert sentiment("¡Estamos contentos!")[1]["Positive"] > plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Llegó el Ministerio de Aguas", {"Ministerio de Aguas": "ORGANIZATION"}),
        ("Inauguramos el Hospital San Telmo de Quilpal", {"Hospital San Telmo de Quilpal": "ORGANIZATION"}),
        ("Ministerio de Aguas y Bosques: concurso abierto", {"Ministerio de Aguas y Bosques": "ORGANIZATION"}),
        ("Hablamos con Julia Montes y Pedro Linares", {"Julia Montes": "PERSON", "Pedro Linares": "PERSON"}),
        ("El presidente Ibarra habló", {"Ibarra": "PERSON"}),
        ("Gracias @sebastianpinera por venir", {"sebastianpinera": "PERSON"}),
        ("Caminamos en Quilpal", {"Quilpal": "LOCATION"}),
        ("Hoy en Puerto Ambar", {"Puerto Ambar": "LOCATION"}),
        ("La UDI y el PRO votaron", {"UDI": "ORGANIZATION", "PRO": "ORGANIZATION"}),
        ("Fue el 3 de mayo de 2019", {"3 de mayo de 2019": "DATE"}),
        ("Nos vemos el lunes o en 2021", {"lunes": "DATE", "2021": "DATE"}),
        ("Sumamos 12 millones, el 45% y $500", {"12 millones": "QUANTITY", "45%": "QUANTITY", "$500": "QUANTITY"}),
        ("Vamos a la Fiesta de la Sandía", {"Fiesta de la Sandía": "EVENT"}),
        ("Se aprobó la Ley 27.551", {"Ley 27.551": "TITLE"}),
        ("Lo vimos por Facebook", {"Facebook": "COMMERCIAL_ITEM"}),
        ("Recorrimos la Plaza 25 de Mayo", {"Plaza 25 de Mayo": "LOCATION"}),
    ],
)
def test_names_dates_and_quantities_are_found_whole_and_typed(text: str, expected: dict[str, str]) -> None:
    assert _found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Hoy trabajamos mucho",
        "Gracias por venir. Seguimos juntos",
        "BASTA DE MENTIRAS EN LA CIUDAD",
        "Fue un FESTEJO enorme para todos nosotros",
        "Nos vemos mañana en tres comunas",
        "Orgullo de #PuertoAmbar y #UDI",
        "Ver https://ejemplo.com/Puerto/Ambar2019",
    ],
)
def test_common_words_shouts_hashtags_and_addresses_are_no_entities(text: str) -> None:
    assert _found(text) == {}


def test_key_phrases_keep_determiner_adjective_and_complement() -> None:
    assert _phrases("Votamos la nueva ley de pensiones") == ["la nueva ley de pensiones"]
    assert _phrases("Invitamos a todos los vecinos") == ["todos los vecinos"]
    assert _phrases("Cuidamos el empleo de miles de jóvenes") == ["el empleo de miles de jóvenes"]


def test_a_verb_ends_a_key_phrase() -> None:
    assert _phrases("El equipo municipal anunció la obra del puente") == ["El equipo municipal", "la obra del puente"]


def test_verbs_mentions_and_addresses_are_no_key_phrases() -> None:
    assert _phrases("Trabajamos @ana https://ejemplo.com/la/ley #LaLey") == []


def test_a_tweet_has_few_key_phrases() -> None:
    materials = ["piedra", "tierra", "arena", "hierro", "barro", "madera", "cal"]
    long_text = ", ".join(f"el camino de {material}" for material in materials)
    assert len(key_phrases(long_text)) == 6


def test_analyzers_answer_the_same_twice() -> None:
    for text in _SAMPLES:
        for analyzer in (sentiment, entities, key_phrases):
            assert analyzer(text) == analyzer(text)


def _shape(answer: Mapping[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in answer.items()}


@pytest.mark.parametrize(
    ("operation", "field", "analyzer"), [("entities", "Entities", entities), ("key-phrases", "KeyPhrases", key_phrases)]
)
def test_findings_have_the_shape_of_the_service(
    operation: str, field: str, analyzer: Callable[[str], list[Mapping[str, Any]]]
) -> None:
    real = _real_answer(operation)[0][field][0]
    ours = [finding for text in _SAMPLES for finding in analyzer(text)]
    assert ours
    assert {tuple(_shape(finding).items()) for finding in ours} == {tuple(_shape(real).items())}


def test_sentiment_has_the_shape_of_the_service() -> None:
    for real in _real_answer("sentiment"):
        label, scores = sentiment(_SAMPLES[0])
        assert _shape(scores) == _shape(real["SentimentScore"])
        assert real["Sentiment"] in _LABELS
        assert label in _LABELS


def _real_answer(operation: str) -> list[dict[str, Any]]:
    """The service's own documented answer, which is not part of this project."""
    path = _ANSWERS / f"batch-detect-{operation}.json"
    if not path.exists():
        pytest.skip(f"{path} is absent: the service's recorded answers lie beside the repository, not in it")
    results: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["ResultList"]
    return results
