"""What the thesis asked its models for, and how it drew: prompts, contexts and settings, as its published notebooks have them.

github.com/ensamblador/este-politico-no-existe has the notebooks and not the thesis's text; which of its tables shows which of
them is the project's reading. Blanks at a prompt's end are left out: a word and the blank before it are one token.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from politico.control.presets import OWN_WAY, PRESETS
from politico.models.experiment import BASE, CASUAL, CONTROL

DRAWS = 10
"""So many of each the thesis drew where it wrote freely."""

FREE_PROMPTS = ("Con los vecinos", "Vamos con todo", "El 27 de enero del año 2010", "El presidente")
LONG_PROMPT = "Con los vecinos de la comuna estamos trabajando"

_COMMON: Mapping[str, Any] = {**OWN_WAY, "num_beams": 10, "no_repeat_ngram_size": 2}


@dataclass(frozen=True)
class Asked:
    """One table: what for, and how."""

    title: str
    kind: str
    """Which stage's models it is for."""
    how: Mapping[str, Any]
    """Parameters of a request, as in the notebooks. `max_length` and `min_length`, in tokens with what stands before the text."""
    prompts: tuple[str, ...] = ()
    contexts: tuple[Mapping[str, Any], ...] = ()


def _context(coalition: str, party: str, mood: str, **lists: str) -> Mapping[str, Any]:
    closed = {"coalicion": coalition, "partido": party, "sentimiento": mood}
    given = {**{name: value for name, value in closed.items() if value}, **{name: [value] for name, value in lists.items()}}
    return MappingProxyType(given)


_CASUAL: Mapping[str, Any] = {**_COMMON, "top_k": 100, "top_p": 0.9, "max_length": 190, "min_length": 50, "bad_words": ["|"]}
_RIGHT: Mapping[str, Any] = {**_CASUAL, "temperature": 1.0}
_LEFT: Mapping[str, Any] = {**_CASUAL, "temperature": 0.9, "repetition_penalty": 2.0}
_CONTROL: Mapping[str, Any] = {**PRESETS["control"], "min_length": 0, "bad_words": ["…", "&"]}
"""min_length is 50 in the notebook's call, and 10 in what it calls; neither is asked for here, where a tweet may be short."""

_COVID = "covid-19"

TABLES: Mapping[int, Asked] = {
    1: Asked(
        "the Spanish base goes on with a sentence",
        BASE,
        {
            **_COMMON,
            "top_k": 100,
            "top_p": 0.85,
            "temperature": 0.9,
            "length_penalty": 3.0,
            "repetition_penalty": 2.0,
            "max_length": 150,
            "min_length": 50,
            "bad_words": ["==", "===", "===="],
        },
        prompts=("El 27 de enero del año 2010",),
    ),
    3: Asked("casual tweets of the right, on the English base", CASUAL, _RIGHT, prompts=(*FREE_PROMPTS, LONG_PROMPT)),
    4: Asked("casual tweets of the right, on the Spanish base", CASUAL, _RIGHT, prompts=FREE_PROMPTS),
    5: Asked("casual tweets of the left, on the Spanish base", CASUAL, _LEFT, prompts=FREE_PROMPTS),
    7: Asked(
        "tweets on demand",
        CONTROL,
        _CONTROL,
        contexts=(
            _context("Chile Vamos", "UDI", "NEUTRAL", entidades="@sebastianpinera"),
            _context("Chile Vamos", "RN", "NEGATIVE", hashtags="#araucania"),
            _context("Frente Amplio", "PH", "NEGATIVE", entidades="gobierno", hashtags="#araucania", frases="ddhh"),
            _context("Nueva Mayoría", "", "POSITIVE", entidades="plebiscito", hashtags="#apruebo", frases="nosotros decidimos"),
            _context("Frente Amplio", "", "POSITIVE", entidades="cuba"),
            _context("Independiente", "", "POSITIVE", entidades="cuba"),
            _context("", "RD", "NEGATIVE", entidades="Trump"),
        ),
    ),
    8: Asked(
        "one thing, by three coalitions in two moods",
        CONTROL,
        _CONTROL,
        contexts=tuple(
            _context(coalition, "", mood, entidades=_COVID)
            for coalition in ("Chile Vamos", "Frente Amplio", "Nueva Mayoría")
            for mood in ("POSITIVE", "NEGATIVE")
        ),
    ),
}
RESULTS = 9
"""The table of figures, which `cli.thesis.results` has."""
