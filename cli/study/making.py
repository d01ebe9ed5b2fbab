"""A study's page, and the key that says what each of its tweets is. Whoever takes part sees the page alone."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from cli.pages.render import render, script_of
from cli.screen import Screen
from inference.engine import Engine
from inference.model import Model
from politico.control.format import Context
from politico.control.political import known_schema
from politico.control.rows import context_of_row
from politico.errors import LimitError
from politico.models.experiment import CONTROL
from politico.models.settings import EvaluationSettings
from training.dataset.folder import read_dataset
from training.dataset.split import split_at
from training.evaluation.casual import FREELY, parties_of
from training.evaluation.evaluate import INSISTING, asked_values, known_only
from training.evaluation.held_out import HeldOut, cuts_of, held_out_of, make_ready
from training.evaluation.writing import write
from training.folders import open_model

PAGE_FILE, KEY_FILE = "study.html", "key.json"
REAL, GENERATED, CHECK = "real", "generated", "check"
PERSON, MACHINE = "person", "machine"
ANSWERS = (PERSON, MACHINE)
TRIES = 3
"""Tweets that are written for each that is wanted, so that some fit the real ones in length."""
LENGTHS_APART = 0.2
"""A generated tweet stands for a real one of its party whose length differs by no more than this share."""
CHECKS = {
    PERSON: "Para comprobar que se lee con atención: marque aquí «una persona», diga lo que diga el resto de esta frase.",
    MACHINE: "Para comprobar que se lee con atención: marque aquí «una máquina», diga lo que diga el resto de esta frase.",
}


@dataclass(frozen=True)
class Item:
    """One tweet of a study."""

    id: str
    """Says nothing of what it is."""
    text: str
    kind: str
    """`real`, `generated` or `check`."""
    party: str = ""
    model: str = ""
    answer: str = ""
    """What a check wants."""

    @property
    def right(self) -> str:
        """What it is right to answer."""
        return {REAL: PERSON, GENERATED: MACHINE}.get(self.kind, self.answer)


def make_study(dataset: Path, models: Sequence[Path], out: Path, *, tweets: int, checks: int, seed: int) -> None:
    """Write page and key. Raises InputError for models or a dataset that can't be used, or have too few tweets."""
    if (out / KEY_FILE).exists():
        raise LimitError(f"{out} has a study, whose key would be lost; give another --out")
    opened = [open_model(folder) for folder in models]
    screen = Screen()
    with screen.stage("study") as stage:
        stage.show("choosing and writing tweets")
        items = items_of(dataset, opened, tweets=tweets, checks=checks, seed=seed)
        stage.result = f"{len(items)} tweets: " + ", ".join(
            f"{sum(one.kind == kind for one in items)} {kind}" for kind in (REAL, GENERATED, CHECK)
        )
    identity = hashlib.sha256(json.dumps([asdict(one) for one in items], sort_keys=True).encode()).hexdigest()[:16]
    out.mkdir(parents=True, exist_ok=True)
    key = {"study": identity, "seed": seed, "items": [asdict(one) for one in items]}
    (out / KEY_FILE).write_text(json.dumps(key, ensure_ascii=False, indent=1), encoding="utf-8")
    (out / PAGE_FILE).write_text(page_of(identity, items), encoding="utf-8")
    told = f"In {out}/: {PAGE_FILE} is for who takes part, {KEY_FILE} for nobody else"
    Console().print(f"{told}; their answers: politico study read {out / KEY_FILE} ANSWERS…", highlight=False, soft_wrap=True)


def page_of(identity: str, items: Sequence[Item]) -> str:
    """The page: texts and their ids, and not a word of what they are."""
    shown = [{"id": one.id, "text": one.text} for one in items]
    return render("study.html.jinja", study=identity, items=shown, answers=ANSWERS, script=script_of("study.js"))


def items_of(dataset: Path, models: Sequence[Model], *, tweets: int, checks: int, seed: int) -> list[Item]:
    """As many real as generated tweets, of the same parties and about as long, and the checks, in random order."""
    held_out, rows = fresh_rows(dataset, models, seed)
    random, wanted = np.random.default_rng(seed), tweets // 2
    asked_of, shown = rows[::2], rows[1::2]  # whoever knows what a tweet was about would know its double
    count = -(-TRIES * wanted // len(models))
    written = [one for number, model in enumerate(models) for one in _written(model, asked_of, held_out, count, seed + number)]
    pairs = _matched(shown, [written[index] for index in random.permutation(len(written)).tolist()], wanted)
    if len(pairs) < wanted:
        raise LimitError(
            f"{len(pairs)} pairs of a real and a generated tweet of one party and about one length were found, and {wanted} are "
            "wanted: ask for fewer --tweets, or give a model of more parties"
        )
    items = [Item(_id(), row["text"], REAL, str(row["party"])) for row, _ in pairs]
    items += [Item(_id(), text, GENERATED, str(row["party"]), model) for row, (text, _, model) in pairs]
    for number in range(checks):
        answer = ANSWERS[number % len(ANSWERS)]
        items.append(Item(_id(), CHECKS[answer], CHECK, answer=answer))
    return [items[index] for index in random.permutation(len(items)).tolist()]


def fresh_rows(dataset: Path, models: Sequence[Model], seed: int) -> tuple[HeldOut, list[Mapping[str, Any]]]:
    """The held-out tweets that none of the models has seen, in random order."""
    named = {f"candidate {number}": model for number, model in enumerate(models)}
    make_ready(models)
    parts = split_at(read_dataset(dataset), *cuts_of({**named, "base": models[0]}))  # no base is judged here
    held_out = held_out_of(parts, named, EvaluationSettings(max_tweets=len(parts.held_out), seed=seed))
    order = np.random.default_rng(seed).permutation(len(held_out.fitting)).tolist()
    return held_out, [held_out.fitting[index] for index in order]


def context_for(model: Model, row: Mapping[str, Any]) -> Context:
    """What the model may be asked of a tweet, in its own version of the format."""
    return known_only(context_of_row(row, known_schema(model.codec.schema)), model.codec.schema)


def _written(
    model: Model, rows: Sequence[Mapping[str, Any]], held_out: HeldOut, count: int, seed: int
) -> list[tuple[str, str, str]]:
    """Text, party and model of tweets that are no near copies of training tweets; no party where the model writes as anybody."""
    torch.set_num_threads(model.threads)
    name = str(model.card.get("name"))
    if model.card.get("stage") == CONTROL:
        schema, known = model.codec.schema, [(row, context_for(model, row)) for row in rows]
        asked = [(row, context) for row, context in known if asked_values(context, schema)][:count]
        drawn = write(Engine(model), [context for _, context in asked], INSISTING, seed)
        parties = [str(row["party"]) for row, _ in asked]
    else:
        own = parties_of(model)
        parties = [own[number % len(own)] if own else "" for number in range(count)]
        drawn = write(Engine(model), [{}] * count, FREELY, seed)
    return [
        (one.generated_text, party, name)
        for one, party in zip(drawn, parties, strict=True)
        if one.finish_reason == "stop" and one.generated_text and not held_out.shingles.is_near_copy(one.generated_text)
    ]


def _matched(
    rows: Sequence[Mapping[str, Any]], written: Sequence[tuple[str, str, str]], wanted: int
) -> list[tuple[Mapping[str, Any], tuple[str, str, str]]]:
    """For each generated tweet the first real one of its party that is about as long and not taken."""
    pairs: list[tuple[Mapping[str, Any], tuple[str, str, str]]] = []
    taken: set[int] = set()
    for one in written:
        text, party, _ = one
        for number, row in enumerate(rows):
            apart = abs(len(row["text"]) - len(text)) / max(len(row["text"]), 1)
            if number not in taken and party in ("", row["party"]) and apart <= LENGTHS_APART:
                taken.add(number)
                pairs.append((row, one))
                break
        if len(pairs) == wanted:
            break
    return pairs


def _id() -> str:
    return secrets.token_hex(6)
