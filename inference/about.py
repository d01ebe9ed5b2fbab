"""What an endpoint says of itself, so that a program or a page can be made for any model without knowing it beforehand."""

from dataclasses import fields
from typing import Any

from inference.model import Model
from politico.control.format import MAX_ITEMS, MAX_VALUE_CHARACTERS
from politico.control.presets import PRESETS
from politico.control.request import MAX_DRAWS, MAX_PROMPT_CHARACTERS, Parameters

ASKING = {"describe": True}
"""The body that asks for it."""


def about(model: Model, precision: str) -> dict[str, Any]:
    """The model's name and figures, the fields that steer it with what they take, and every parameter's limits; as JSON."""
    schema = model.codec.schema
    return {
        "model": model.name,
        "dataset": model.dataset,
        "precision": precision,
        "created": model.card.get("created"),
        "parameter_count": model.card.get("parameters"),
        "positions": model.length,
        "schema": {"name": schema.name, "version": schema.version},
        "fields": [
            {
                "name": one.name,
                "label": one.label,
                "many": one.many,
                "sign": one.sign,
                # What a closed field may hold, and what an open list is most often asked for.
                "values": list(schema.values.get(one.name, ())),
                "offered": list(model.offered.get(one.name, ())),
            }
            for one in schema.fields
        ],
        "limits": {
            "items": MAX_ITEMS,
            "value_characters": MAX_VALUE_CHARACTERS,
            "prompt_characters": MAX_PROMPT_CHARACTERS,
            "draws": MAX_DRAWS,
        },
        "presets": {name: dict(how) for name, how in PRESETS.items()},
        "parameters": {
            one.name: {"default": one.default, "low": one.metadata["low"], "high": one.metadata["high"]}
            for one in fields(Parameters)
            if one.metadata
        },
    }
