"""What a person asks to be trained: an experiment by name or from a file, with some settings changed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from politico.errors import LimitError
from politico.models.experiment import (
    BASE,
    CASUAL,
    CONTROL,
    EXPERIMENTS,
    GOALS,
    PARTS,
    Experiment,
    find_experiment,
    read_experiment,
)

OWN = ".toml"


def asked_for(named: str, settings: Sequence[str]) -> tuple[str, dict[str, dict[str, Any]]]:
    """The experiment that it is like, and its overrides: what the train workflow takes. `settings` are PART.NAME=VALUE.

    Raises InputError for a name, a file or a setting that can't be used.
    """
    like, overrides = read_experiment(Path(named)) if named.endswith(OWN) else (named, {})
    begun = find_experiment(like)
    for one in settings:
        place, sign, value = one.partition("=")
        part, _, name = place.partition(".")
        if not (sign and part and name):
            raise LimitError(f"--set is {one!r}; it takes PART.NAME=VALUE, such as control.max_minutes=30")
        overrides.setdefault(part, {})[name] = value
    return like, begun.overrides_of(begun.with_overrides(overrides))


def check_parts(like: str, overrides: Mapping[str, Mapping[str, Any]], *, with_base: bool) -> None:
    """Raise LimitError for settings of a part that the run does not come to: they would change nothing, and nobody would know."""
    goal = find_experiment(like).goal
    parts = {goal, "evaluation", *(() if with_base else ("corpus", "network", BASE))}
    for part, settings in overrides.items():
        if part not in parts:
            why = f"this run ends with {goal}" if part in (CASUAL, CONTROL) else "the base that is given has its own"
            raise LimitError(f"{part}.{next(iter(settings))} would change nothing: {why}; leave it out")


def experiment_of(like: str, overrides: Mapping[str, Mapping[str, Any]]) -> Experiment:
    return find_experiment(like).with_overrides(overrides)


def show_experiments(named: str | None, *, as_json: bool) -> None:
    """All of them, a line each; or the settings of one. Raises InputError."""
    console = Console()
    if named is None:
        if as_json:
            print(json.dumps({name: one.description for name, one in EXPERIMENTS.items()}, ensure_ascii=False, indent=1))
            return
        for name, one in EXPERIMENTS.items():
            console.print(f"[bold]{name:<24}[/] {one.description}", highlight=False, soft_wrap=True)
        return
    experiment = experiment_of(*asked_for(named, ()))
    if as_json:
        told = {part: vars(getattr(experiment, part)) for part in PARTS}
        print(json.dumps({"description": experiment.description, "goal": experiment.goal, **told}, ensure_ascii=False, indent=1))
        return
    console.print(experiment.description, highlight=False)
    for part in PARTS:
        if part in GOALS and part not in (BASE, experiment.goal):
            continue  # a stage that it does not come to
        table = Table("setting", "value", "limits", title=part, title_justify="left")
        settings = getattr(experiment, part)
        for setting in fields(settings):
            limits = setting.metadata.get("limits")
            between = f"{limits[0]:g} to {limits[1]:,g}" if limits else ""
            table.add_row(setting.name, str(getattr(settings, setting.name)), between)
        console.print(table)
