"""What a visitor may be offered: the items that the training tweets name most often, list by list. Lies in the model's folder."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from politico.control.format import Context, Schema
from politico.errors import FileFormatError

FILE = "offered.json"
MOST = 200
"""Items of a list, at most."""
LEAST = 5
"""Tweets that name an item, at least: what a single person was said to be once is offered to nobody."""

Offered = Mapping[str, tuple[str, ...]]
"""Field to its items, those that most tweets name first."""


def most_named(contexts: Iterable[Context], schema: Schema) -> Offered:
    """The items of the schema's lists that most of these tweets' contexts name; of equals the first in the alphabet."""
    counts: dict[str, Counter[str]] = {one.name: Counter() for one in schema.fields if one.many}
    for context in contexts:
        for name, count in counts.items():
            count.update(context.get(name, ()))
    return {name: tuple(item for item, _times in _first(count)) for name, count in counts.items()}


def _first(count: Counter[str]) -> list[tuple[str, int]]:
    often = [(item, times) for item, times in count.items() if times >= LEAST]
    return sorted(often, key=lambda one: (-one[1], one[0]))[:MOST]


def to_json(offered: Offered) -> str:
    """As it lies in the folder."""
    return json.dumps(offered, ensure_ascii=False, indent=1)


def read_offered(folder: Path, schema: Schema) -> Offered:
    """Of a model's folder; empty where it has none. Raises FileFormatError for one that does not fit its schema."""
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lists = {one.name for one in schema.fields if one.many}
        if set(found) <= lists and all(isinstance(item, str) for items in found.values() for item in items):
            return {name: tuple(items) for name, items in found.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{path} is no list of what is offered: {error}") from error
    raise FileFormatError(f"{path} is no list of what is offered: it takes texts under {', '.join(sorted(lists))}")
