"""The REST API's description: valid, the one in docs/, and true of what the endpoint takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cli.openapi import describe
from politico.control.request import parse_request
from politico.errors import InputError
from tests.support.models import MICRO_SCHEMA
from tests.support.paths import ROOT

DESCRIPTION = describe()


VALIDATOR = Draft202012Validator({**DESCRIPTION["components"]["schemas"]["Request"], "components": DESCRIPTION["components"]})
"""Of a request's body."""


def test_it_is_openapi_and_the_one_in_the_documentation() -> None:
    validate(DESCRIPTION)
    told = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert json.loads(told) == DESCRIPTION, "politico openapi --out docs/openapi.json"


# JSON Schema takes 1.0 for a whole number; the endpoint does not.
numbers = st.one_of(st.integers(-3, 2_000), st.floats(-10, 10, allow_nan=False).filter(lambda one: not one.is_integer()))
names = st.sampled_from(list(DESCRIPTION["components"]["schemas"]["Parameters"]["properties"]))
values = st.one_of(numbers, st.booleans(), st.none(), st.lists(st.sampled_from(["sí", "no"]), max_size=3))


@given(st.dictionaries(names, values, max_size=2))
def test_it_allows_and_forbids_what_the_endpoint_does(parameters: dict[str, Any]) -> None:
    body = {"inputs": {}, "parameters": parameters}
    try:
        parse_request(body, MICRO_SCHEMA)
        refusal = ""
    except InputError as error:
        refusal = str(error)
    # That two values do not go together is told in words alone.
    together = any(word in refusal for word in ("at most", "only 1"))
    assert VALIDATOR.is_valid(body) is not (bool(refusal) and not together)


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ({"inputs": "Hoy"}, True),
        ({"inputs": {"hashtags": ["#Salud"], "prompt": "Hoy"}}, True),
        ({"inputs": {"hashtag": "Salud"}}, False),
        ({"inputs": {"hashtags": [str(one) for one in range(21)]}}, False),
        ({"parameters": {}}, False),
        ({"inputs": {}, "more": 1}, False),
    ],
)
def test_it_says_of_a_request_what_the_endpoint_says(body: dict[str, Any], allowed: bool) -> None:
    assert VALIDATOR.is_valid(body) is allowed
    if allowed:
        parse_request(body, MICRO_SCHEMA)
    else:
        with pytest.raises(InputError):
            parse_request(body, MICRO_SCHEMA)
