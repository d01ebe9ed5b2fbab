"""`politico distinguish`: how well a classifier tells real and generated tweets apart, by model and decoding."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from cli.screen import Screen
from cli.study.making import context_for, fresh_rows
from inference.engine import Engine
from inference.model import Model
from politico.errors import LimitError
from politico.models.experiment import BASE, CONTROL
from training.evaluation.casual import FREELY
from training.evaluation.evaluate import INSISTING, OWN_WAY, asked_values
from training.evaluation.telling import FOLDS, told_apart
from training.evaluation.writing import write
from training.folders import open_model

DECODINGS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    CONTROL: {"insisting, of 4 drafts": INSISTING, "insisting": {**INSISTING, "candidates": 1}, "own way": OWN_WAY},
    "": {"freely": FREELY},
}
"""How a control model is asked, and how any other."""


@dataclass(frozen=True)
class Told:
    """One model in one decoding. An area of 0.5 is not told apart, 1 always."""

    model: str
    decoding: str
    tweets: int
    """Generated ones, and as many real ones."""
    area: float
    low: float
    high: float


def distinguish(dataset: Path, models: Sequence[Path], *, tweets: int, seed: int, as_json: bool) -> None:
    """Write, learn, tell, and say how well. Raises InputError."""
    if tweets < FOLDS:
        raise LimitError(f"--tweets is {tweets}; it takes at least {FOLDS}")
    opened = [open_model(folder) for folder in models]
    if wrong := [str(model.card.get("name")) for model in opened if model.card.get("stage") == BASE]:
        raise LimitError(f"{wrong[0]!r} is a base, which knows nothing of tweets; give control or casual models")
    if as_json:
        rows = _rows(dataset, opened, tweets, seed)
        found = [one for model in opened for one in _all_told(model, rows, seed, lambda _said: None)]
        print(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=1))
        return
    with Screen().stage("distinguish") as stage:
        rows = _rows(dataset, opened, tweets, seed)
        found = [one for model in opened for one in _all_told(model, rows, seed, stage.show)]
        stage.result = f"{len(rows)} held-out tweets, the same for all"
    table = Table("model", "decoding", "tweets of each", "area under the curve", "95 % interval", title="0.5: not told apart")
    for one in found:
        table.add_row(one.model, one.decoding, f"{one.tweets:,}", f"{one.area:.3f}", f"{one.low:.3f} to {one.high:.3f}")
    Console(width=None if Console().is_terminal else 120).print(table)


def _rows(dataset: Path, models: Sequence[Model], count: int, seed: int) -> list[Mapping[str, Any]]:
    """Tweets that no model has seen, and that every control model can be asked for: the same for all."""
    _, rows = fresh_rows(dataset, models, seed)
    kept = [row for row in rows if all(asked_values(context_for(model, row), model.codec.schema) for model in models)]
    if len(kept) < FOLDS:
        raise LimitError(f"{len(kept)} held-out tweets name something to ask for; it takes at least {FOLDS}")
    return kept[:count]


def _all_told(model: Model, rows: Sequence[Mapping[str, Any]], seed: int, show: Callable[[str], None]) -> Iterator[Told]:
    for decoding, how in DECODINGS.get(str(model.card.get("stage")), DECODINGS[""]).items():
        show(f"{model.card.get('name')}, {decoding}")
        yield _told(model, decoding, how, rows, seed)


def _told(model: Model, decoding: str, how: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], seed: int) -> Told:
    torch.set_num_threads(model.threads)
    contexts = [context_for(model, row) if model.card.get("stage") == CONTROL else {} for row in rows]
    written = [one.generated_text for one in write(Engine(model), contexts, how, seed)]
    found = told_apart(written, [row["text"] for row in rows], seed)
    assert found is not None, "there are enough of both"
    return Told(str(model.card.get("name")), decoding, len(written), *found)
