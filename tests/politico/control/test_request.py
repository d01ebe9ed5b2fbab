"""The limits of a generation request: each number just inside and just outside, and what a refusal says."""

import json
import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.control.presets import PRESETS
from politico.control.request import Parameters, parameters_to_json, parse_parameters, parse_request
from politico.errors import InputError, LimitError, UnknownFieldError, UnknownValueError
from tests.support.models import MICRO_SCHEMA

WHOLE = {
    "num_return_sequences": (1, 20),
    "max_new_tokens": (1, 256),
    "max_characters": (0, 25_000),
    "min_new_tokens": (0, 256),
    "max_length": (0, 1024),
    "min_length": (0, 1024),
    "top_k": (0, 1000),
    "num_beams": (1, 10),
    "no_repeat_ngram_size": (0, 10),
    "candidates": (1, 20),
    "seed": (0, 2**32 - 1),
}
FRACTIONS = {
    "temperature": (0.05, 5.0),
    "top_p": (0.01, 1.0),
    "repetition_penalty": (0.5, 5.0),
    "length_penalty": (-5.0, 5.0),
    "guidance_scale": (1.0, 10.0),
    "insistence": (0.0, 1.0),
}
LIMITS: dict[str, tuple[float, float]] = {**WHOLE, **FRACTIONS}

ENDS = [(name, value) for name, ends in LIMITS.items() for value in ends]
OUTSIDE: list[tuple[str, Any]] = [
    *((name, low - 1) for name, (low, _high) in WHOLE.items()),
    *((name, high + 1) for name, (_low, high) in WHOLE.items()),
    *((name, math.nextafter(low, -math.inf)) for name, (low, _high) in FRACTIONS.items()),
    *((name, math.nextafter(high, math.inf)) for name, (_low, high) in FRACTIONS.items()),
]


def test_every_number_of_a_request_has_its_limits_claimed_here() -> None:
    numbers = {one.name for one in fields(Parameters)} - {"do_sample", "known_words", "bad_words"}
    assert numbers == set(LIMITS)


@pytest.mark.parametrize(("name", "value"), ENDS)
def test_both_ends_of_a_limit_are_allowed(name: str, value: float) -> None:
    read = parse_parameters({"max_new_tokens": 256, name: value})
    assert getattr(read, name) == value


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_a_number_just_outside_is_refused_with_field_value_and_limit(name: str, value: Any) -> None:
    low, high = LIMITS[name]
    kind = "a whole number" if name in WHOLE else "a number"
    with pytest.raises(LimitError) as raised:
        parse_parameters({"max_new_tokens": 256, name: value})
    assert str(raised.value) == f"{name} is {value!r}; it takes {kind} from {low} to {high}"


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 10**400, -(10**400), True, False, "1", [1], {"a": 1}]
)
def test_what_is_no_number_or_far_out_is_refused(name: str, value: Any) -> None:
    with pytest.raises(LimitError, match=f"^{name} is "):
        parse_parameters({name: value})


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_whole_number_takes_no_fraction(name: str) -> None:
    with pytest.raises(LimitError, match="a whole number"):
        parse_parameters({name: 1.0})


@pytest.mark.parametrize("name", sorted(FRACTIONS))
def test_a_fraction_may_be_written_as_a_whole_number_and_becomes_one(name: str) -> None:
    value = getattr(parse_parameters({name: 1}), name)
    assert (value, type(value)) == (1.0, float)


@pytest.mark.parametrize("name", sorted({*LIMITS, "do_sample", "known_words"} - {"seed"}))
def test_only_the_seed_may_be_null(name: str) -> None:
    assert parse_parameters({"seed": None}).seed is None
    with pytest.raises(LimitError, match=f"{name} is None"):
        parse_parameters({name: None})


@pytest.mark.parametrize(
    ("given_values", "message"),
    [
        ({"min_new_tokens": 81}, "min_new_tokens is 81; at most max_new_tokens, 80"),
        ({"num_return_sequences": 5, "num_beams": 4}, "num_return_sequences is 5; with beams"),
        ({"num_return_sequences": 2, "do_sample": False}, "at most num_beams, 1"),
        ({"guidance_scale": 1.5, "num_beams": 2}, "guidance_scale is 1.5; with num_beams above 1 only 1.0"),
        ({"candidates": 4, "num_return_sequences": 6}, "num_return_sequences times candidates is 24; at most 20"),
        ({"candidates": 2, "num_beams": 2}, "candidates is 2; with num_beams above 1 or without do_sample only 1"),
        ({"candidates": 2, "do_sample": False}, "candidates is 2; with num_beams above 1 or without do_sample only 1"),
        ({"known_words": 1}, "known_words is 1; it takes true or false"),
        ({"bad_words": ["a"] * 101}, "bad_words has 101 words; at most 100"),
        ({"bad_words": ["a" * 61]}, "bad_words has a word of 61 characters; at most 60"),
        ({"bad_words": [1]}, "bad_words is [1]; it takes a list of words"),
        ({"bad_words": {"a": 1}}, "it takes a list of words"),
    ],
)
def test_parameters_that_do_not_go_together_or_are_too_many_are_refused(given_values: Any, message: str) -> None:
    with pytest.raises(LimitError) as raised:
        parse_parameters(given_values)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "given_values",
    [
        {"min_new_tokens": 80},
        {"num_return_sequences": 4, "num_beams": 4},
        {"num_return_sequences": 20, "guidance_scale": 2.0},
        {"num_return_sequences": 2, "num_beams": 2, "do_sample": False},
        {"num_return_sequences": 5, "candidates": 4},
        {"insistence": 0.5, "num_beams": 2},
        {"bad_words": ["a" * 60] * 100},
    ],
)
def test_what_goes_together_is_allowed(given_values: dict[str, Any]) -> None:
    read = parse_parameters(given_values)
    assert {name: getattr(read, name) for name in given_values} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in given_values.items()
    }


def _parameters(draw: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, (low, high) in LIMITS.items():
        if draw(st.booleans()):
            values[name] = draw(st.integers(int(low), int(high)) if name in WHOLE else st.floats(low, high))
    if draw(st.booleans()):
        values["bad_words"] = draw(st.lists(st.text(min_size=1, max_size=60).filter(str.strip), max_size=5))
    return values


@given(st.composite(_parameters)())
def test_parameters_survive_as_a_requests_json(values: dict[str, Any]) -> None:
    try:
        read = parse_parameters(values)
    except LimitError:
        return  # within the limits one by one, and not together
    assert parse_parameters(json.loads(json.dumps(parameters_to_json(read)))) == read


def test_a_request_is_read_into_the_schemas_shape() -> None:
    body = {
        "inputs": {"frases": ["la ley"], "partido": "UDI", "prompt": "Hoy"},
        "parameters": {"seed": 7, "bad_words": ["no"]},
    }
    request = parse_request(body, MICRO_SCHEMA)
    assert list(request.context.items()) == [("partido", ("UDI",)), ("frases", ("la ley",))]
    assert (request.prompt, request.parameters) == ("Hoy", Parameters(seed=7, bad_words=("no",)))


def test_a_prompt_of_a_thousand_characters_is_allowed_to_the_letter() -> None:
    prompt = "ñ" * 1000
    assert parse_request({"inputs": prompt}, MICRO_SCHEMA).prompt == prompt
    with pytest.raises(LimitError, match="at most 1000 characters"):
        parse_request({"inputs": prompt + "ñ"}, MICRO_SCHEMA)


def test_a_parameter_of_transformers_that_we_lack_is_refused_with_those_we_have() -> None:
    with pytest.raises(UnknownFieldError) as raised:
        parse_parameters({"penalty_alpha": 0.6})
    assert all(one.name in str(raised.value) for one in fields(Parameters))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([one.name for one in fields(Parameters)]), anything))
def test_whatever_the_parameters_hold_they_are_read_or_refused(values: dict[str, Any]) -> None:
    try:
        read = parse_parameters(values)
    except InputError:
        return
    for name, (low, high) in LIMITS.items():
        value = getattr(read, name)
        assert value is None or low <= value <= high


# Presets


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_all_its_settings_and_what_is_given_beside_it_goes_before(name: str) -> None:
    assert parse_parameters({"preset": name}) == parse_parameters(PRESETS[name])
    given = parse_parameters({"preset": name, "temperature": 0.5, "seed": 3})
    assert given == parse_parameters({**PRESETS[name], "temperature": 0.5, "seed": 3})


@pytest.mark.parametrize("name", ["Control", "", None, 7, ["control"], {"control": 1}])
def test_an_unknown_preset_is_refused_with_those_there_are(name: Any) -> None:
    with pytest.raises(UnknownValueError, match=r"preset is .*; it takes control or casual"):
        parse_parameters({"preset": name})


@pytest.mark.parametrize(
    ("beside", "max_length", "min_length"),
    [
        ({}, 150, 50),
        ({"max_new_tokens": 5}, 0, 0),
        ({"min_new_tokens": 60}, 0, 0),
        ({"max_length": 40}, 40, 0),
        ({"min_length": 9}, 150, 9),
    ],
)
def test_a_length_beside_a_preset_goes_before_its_lengths(beside: dict[str, int], max_length: int, min_length: int) -> None:
    """`max_new_tokens` was once ignored there, and a short `max_length` refused over a `min_length` that nobody had given."""
    found = parse_parameters({"preset": "control", **beside})
    assert (found.max_length, found.min_length) == (max_length, min_length)


def test_what_counts_the_text_alone_is_not_held_against_a_length_that_does_not_apply() -> None:
    assert parse_parameters({"max_length": 120, "min_new_tokens": 100}).min_new_tokens == 100
