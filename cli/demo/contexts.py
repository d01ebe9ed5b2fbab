"""What a finished model is asked in the demo: contexts of held-out tweets, some all familiar, some with values new to it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from politico.control.honoured import says
from politico.control.political import SCHEMA
from politico.control.rows import context_of_row
from politico.models.settings import TweetSettings
from training.dataset.folder import read_dataset
from training.dataset.split import cut_for, split_at
from training.evaluation.adherence import Known
from training.evaluation.evaluate import asked_values, known_only

AT_MOST = {"entidades": 2, "hashtags": 2, "frases": 2}
"""What a person would ask for at once; a tweet's whole context holds all that an annotator found in it."""


@dataclass(frozen=True)
class Asked:
    """One context that is asked for."""

    context: dict[str, tuple[str, ...]]
    new: tuple[str, ...]
    """Its entities, hashtags and phrases whose words stand together in no training tweet."""


def choose(dataset: Path, settings: TweetSettings, number: int, seed: int = 7) -> list[Asked]:
    """Contexts drawn at random from the held-out tweets that name something, cut to what a person would ask: half with an entity
    or hashtag that is new, where there are enough."""
    table = read_dataset(dataset)
    sides = split_at(table, cut_for(table, settings))
    trained = [context_of_row(row, SCHEMA) for row in sides.train.to_pylist()]
    known = Known(sides.train["text"].to_pylist())
    closed = [one.name for one in SCHEMA.fields if one.closed]
    seen = SCHEMA.with_values({name: sorted({value for one in trained for value in one.get(name, ())}) for name in closed})
    asked = []
    for row in sides.held_out.to_pylist():
        context = shortened(known_only(context_of_row(row, SCHEMA), seen))
        if asked_values(context, SCHEMA):
            items = [value for name in AT_MOST for value in context.get(name, ())]
            asked.append(Asked(context, tuple(value for value in items if not known.says(value))))
    random.Random(seed).shuffle(asked)
    with_new = [one for one in asked if set(one.new) & set(asked_values(one.context, SCHEMA))]
    familiar = [one for one in asked if not one.new]
    half = min(len(with_new), number // 2)
    return familiar[: number - half] + with_new[:half]


def as_inputs(context: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A context as a request's `inputs`: one text, or a list, as the field takes it."""
    return {name: list(values) if SCHEMA.field(name).many else values[0] for name, values in context.items()}


def shortened(context: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The first few items of each list; a phrase that says no more than a name which is asked for gives way to the next."""
    named = " | ".join(context.get("entidades", ()))
    fresh = {**context, "frases": tuple(phrase for phrase in context.get("frases", ()) if not says(named, phrase))}
    cut = {name: values[: AT_MOST.get(name, 1)] for name, values in fresh.items()}
    return {name: values for name, values in cut.items() if values}
