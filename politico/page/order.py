"""What a visitor may ask of the page: the control fields, a beginning and four settings, as a public page can afford them."""

import json
from collections.abc import Mapping
from typing import Any

from politico.control.format import shown
from politico.control.request import Parameters, parse_parameters
from politico.errors import LimitError, UnknownFieldError

MOST_BYTES = 16 * 1024
LONGEST_TOKENS = 100
"""Of a tweet: room for 280 characters of Spanish, and for what is asked to be said in them."""
MOST_CANDIDATES = 8
"""Drafts of one tweet: more than that is an app's affair, which has a key."""
DEFAULTS: Mapping[str, float] = {"temperature": 0.7, "insistence": 1.0, "candidates": 4}
"""As the evaluation asks: a little tame, insisting, the best of a few drafts."""
SETTINGS = ("temperature", "insistence", "candidates", "seed")
"""The parameters that a visitor may set."""


def read_order(body: bytes) -> str:
    """The endpoint's request in what a visitor sent, as JSON. The seed must be given: without it nobody could be shown the same.

    Whether the fields and their values are known is the endpoint's to say. Raises LimitError, UnknownFieldError.
    """
    if len(body) > MOST_BYTES:
        raise LimitError(f"the order has {len(body)} bytes; it takes at most {MOST_BYTES}")
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise LimitError("the order is no JSON") from error
    if not isinstance(given, Mapping) or set(given) != {"inputs", "parameters"} or not isinstance(given["inputs"], Mapping):
        raise LimitError('the order takes an object {"inputs": {…}, "parameters": {…}}')
    return json.dumps({"inputs": given["inputs"], "parameters": _parameters(given["parameters"])}, ensure_ascii=False)


def _parameters(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise LimitError(f"parameters is {shown(given)}; it takes an object")
    for name in given:
        if name not in SETTINGS:
            raise UnknownFieldError(f"the page does not take {shown(name)}; it takes {', '.join(SETTINGS)}")
    if given.get("seed") is None:
        raise LimitError("seed is missing; the page takes a whole number, so that a tweet can be shown again")
    chosen: Parameters = parse_parameters({**DEFAULTS, **given})
    if chosen.candidates > MOST_CANDIDATES:
        raise LimitError(f"candidates is {chosen.candidates}; the page takes at most {MOST_CANDIDATES}")
    return {**{name: getattr(chosen, name) for name in SETTINGS}, "max_new_tokens": LONGEST_TOKENS}
