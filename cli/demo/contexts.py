"""What a finished model is asked in the demo: contexts of held-out tweets, some all familiar, some with values new to it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from politico.control.political import SCHEMA, context_of_row
from training.evaluation.evaluate import known_only
from training.samples.dataset import read_dataset
from training.samples.split import split

NAMED = ("entidades", "hashtags")
"""The fields whose values can be new to a model."""


@dataclass(frozen=True)
class Asked:
    """One context that is asked for."""

    context: dict[str, tuple[str, ...]]
    new: tuple[str, ...]
    """Its entities and hashtags that stand in no training tweet."""


def choose(dataset: Path, held_out_share: float, number: int, seed: int = 7) -> list[Asked]:
    """Contexts drawn at random from the held-out tweets that name something: half with new values where there are enough."""
    sides = split(read_dataset(dataset), held_out_share)
    trained = [context_of_row(row) for row in sides.train.to_pylist()]
    known = {value.casefold() for context in trained for value in _named(context)}
    closed = [one.name for one in SCHEMA.fields if one.closed]
    seen = SCHEMA.with_values({name: sorted({value for one in trained for value in one.get(name, ())}) for name in closed})
    asked = []
    for row in sides.held_out.to_pylist():
        context = known_only(context_of_row(row), seen)
        values = _named(context)
        if values:
            asked.append(Asked(context, tuple(value for value in values if value.casefold() not in known)))
    random.Random(seed).shuffle(asked)
    with_new = [one for one in asked if one.new]
    familiar = [one for one in asked if not one.new]
    half = min(len(with_new), number // 2)
    return familiar[: number - half] + with_new[:half]


def as_inputs(context: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A context as a request's `inputs`: one text, or a list, as the field takes it."""
    return {name: list(values) if SCHEMA.field(name).many else values[0] for name, values in context.items()}


def _named(context: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [value for name in NAMED for value in context.get(name, ())]
