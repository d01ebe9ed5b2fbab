"""`politico table 1|3|4|5|7|8`: what the thesis asked for, written by the model at hand. Every draw is shown, none selected."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from cli.thesis.asked import TABLES, Asked
from inference.continuing import continued
from inference.engine import Engine
from inference.model import Model
from politico.control.format import Context
from politico.control.request import MAX_DRAWS, Parameters, Request, parse_parameters
from politico.errors import LimitError, UnknownValueError
from politico.models.experiment import BASE, CONTROL
from training.evaluation.casual import FREELY
from training.evaluation.evaluate import INSISTING
from training.folders import open_model

THESIS, OURS = "thesis", "ours"
DECODINGS = (THESIS, OURS)


@dataclass(frozen=True)
class Drawn:
    """All that was written for one prompt or context."""

    asked: Mapping[str, Any]
    """The prompt, or the context, as a request's `inputs`."""
    texts: Sequence[str]
    said: Sequence[Sequence[tuple[str, bool]]]
    """Of each text: what was asked for, and whether it stands there."""


def write_table(
    number: int, folder: Path, *, draws: int, seed: int, decoding: str, instead: Sequence[str], as_json: bool
) -> None:
    """Write the table and show it. `instead` are OLD=NEW: another country's names for the thesis's. Raises InputError."""
    if number not in TABLES:
        raise LimitError(f"table is {number}; it takes {', '.join(map(str, TABLES))} or 9")
    if decoding not in DECODINGS:
        raise LimitError(f"--decoding is {decoding!r}; it takes {' or '.join(DECODINGS)}")
    asked = _renamed(TABLES[number], instead)
    model = open_model(folder)
    torch.set_num_threads(model.threads)
    stage = model.card.get("stage")
    if (stage == CONTROL) != (asked.kind == CONTROL) or (asked.kind == BASE) != (stage == BASE):
        raise LimitError(f"table {number} is for a {asked.kind} model; {folder} is a {stage or 'model of an unknown stage'}")
    rows = draw_table(model, asked, draws=draws, seed=seed, decoding=decoding)
    if as_json:
        told = [{"asked": row.asked, "texts": row.texts, "said": row.said} for row in rows]
        print(json.dumps({"table": number, "title": asked.title, "decoding": decoding, "seed": seed, "rows": told},
                         ensure_ascii=False, indent=1))  # fmt: skip
        return
    console = Console(width=None if Console().is_terminal else 130)
    console.print(f"Table {number}: {asked.title}. Model {model.card.get('name')}; all {draws} draws, none selected; synthetic.")
    for row in rows:
        console.print(f"\n{_shown(row.asked)}", style="bold", highlight=False, markup=False)
        for place, (text, said) in enumerate(zip(row.texts, row.said, strict=True), 1):
            missing = [item for item, there in said if not there]
            note = f"   (does not say: {', '.join(missing)})" if missing else ""
            console.print(f"{place:3}  {' / '.join(text.splitlines())}{note}", highlight=False, markup=False, soft_wrap=True)


def draw_table(model: Model, asked: Asked, *, draws: int, seed: int, decoding: str) -> list[Drawn]:
    """All draws for each prompt or context. Raises LimitError for what the model can't be asked."""
    if asked.kind == BASE:
        return [
            Drawn({"prompt": prompt}, _continued(model, prompt, asked.how, draws, seed + 1000 * place, decoding), [()] * draws)
            for place, prompt in enumerate(asked.prompts)
        ]
    schema, engine = model.codec.schema, Engine(model)
    questions: list[tuple[Mapping[str, Any], Context, str]] = [({"prompt": one}, {}, one) for one in asked.prompts]
    try:
        questions += [(one, schema.context(one), "") for one in asked.contexts]
    except UnknownValueError as error:
        raise LimitError(f"{error}; --instead OLD=NEW says which of them is meant") from error
    found = []
    for place, (inputs, context, prompt) in enumerate(questions):
        parameters = _parameters(model, asked, context, prompt, draws=draws, seed=seed + 1000 * place, decoding=decoding)
        tweets = [tweet for one in parameters for tweet in engine.generate(Request(context, prompt, one))]
        said = [[pair for items in tweet.honoured.values() for pair in items.items()] for tweet in tweets]
        found.append(Drawn(inputs, [tweet.generated_text for tweet in tweets], said))
    return found


def _parameters(
    model: Model, asked: Asked, context: Mapping[str, Any], prompt: str, *, draws: int, seed: int, decoding: str
) -> list[Parameters]:
    """As many requests as the draws take."""
    if decoding == OURS:
        how = {**(INSISTING if asked.kind == CONTROL else FREELY), "max_new_tokens": min(120, model.length // 2)}
        at_once = MAX_DRAWS // int(how.get("candidates", 1))
    else:
        how = _lengths(asked.how, len(model.codec.prompt(context, prompt, model.length)), model.length)
        at_once = int(how["num_beams"])
    return [
        parse_parameters({**how, "num_return_sequences": count, "seed": seed + number})
        for number, count in enumerate(_in_parts(draws, at_once))
    ]


def _in_parts(draws: int, most: int) -> list[int]:
    """What one request, or one search, draws at once."""
    return [min(most, draws - first) for first in range(0, draws, most)]


def _lengths(how: Mapping[str, Any], before: int, length: int) -> dict[str, Any]:
    """The notebooks' lengths count what stands before the text; a network shorter than theirs takes what it can."""
    given = dict(how)
    longest, shortest = min(given.pop("max_length"), length) - before, given.pop("min_length", 0) - before
    return {**given, "max_new_tokens": max(1, longest), "min_new_tokens": max(0, min(shortest, longest))}


def _continued(model: Model, prompt: str, how: Mapping[str, Any], draws: int, seed: int, decoding: str) -> list[str]:
    given = _lengths(how, 1 + len(model.codec.encode(prompt)), model.length)
    lengths = {name: given[name] for name in ("max_new_tokens", "min_new_tokens")}
    chosen: dict[str, Any] = {name: FREELY[name] for name in ("temperature", "top_k", "top_p")}
    if decoding == THESIS:
        named = ("num_beams", "no_repeat_ngram_size", "top_k", "top_p", "temperature", "length_penalty", "repetition_penalty")
        chosen = {name: given[name] for name in named if name in given}
        chosen["bad_words_ids"] = [list(model.codec.encode(f" {word}")) for word in given["bad_words"]]
    parts = _in_parts(draws, int(chosen.get("num_beams", draws)))
    drawn = (
        continued(model, prompt, count=count, seed=seed + number, how={**lengths, **chosen}) for number, count in enumerate(parts)
    )
    return [text for texts in drawn for text in texts]


def _renamed(asked: Asked, instead: Sequence[str]) -> Asked:
    """With another country's names. Raises LimitError for one that stands nowhere in the table."""
    names: dict[str, str] = {}
    for one in instead:
        old, sign, new = one.partition("=")
        if not (sign and old and new):
            raise LimitError(f"--instead is {one!r}; it takes OLD=NEW, such as UDI=Espiga")
        names[old] = new
    there = set(asked.prompts)

    def renamed(value: Any) -> Any:
        if not isinstance(value, str):
            return [renamed(item) for item in value]
        there.add(value)
        return names.get(value, value)

    contexts = tuple({name: renamed(value) for name, value in context.items()} for context in asked.contexts)
    if unknown := sorted(set(names) - there):
        raise LimitError(f"--instead names {unknown[0]!r}, which the table does not have; it has {', '.join(sorted(there))}")
    return replace(asked, prompts=tuple(names.get(one, one) for one in asked.prompts), contexts=contexts)


def _shown(asked: Mapping[str, Any]) -> str:
    if "prompt" in asked:
        return f"«{asked['prompt']}»"
    return " · ".join(value if isinstance(value, str) else ", ".join(value) for value in asked.values())
