"""The training job: flags and environment in, one stage trained, an exit code out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from politico.errors import LimitError
from politico.flags import HelpAskedError, asks_for_help, describe_flags, given_flags, read_flags
from politico.models.experiment import BaseSettings, ControlSettings, NetworkSettings
from training.exit_codes import run
from training.loop.processes import joined
from training.stages import Run, train_base, train_control


@dataclass(frozen=True)
class Job:
    """What is trained, and where it lies."""

    stage: str
    """`base` or `control`."""
    name: str = ""
    """The model's name; by default stage and date."""
    corpus: str = ""
    """Stage base: what training.corpus wrote."""
    dataset: str = ""
    """Stage control: the folder of dt=YYYY-MM-DD/tweets.parquet."""
    base: str = ""
    """Stage control: the base model, packed or unpacked."""
    cut_day: str = ""
    """Stage control: the dataset's first held-out day, YYYY-MM-DD; where the settings' share says, unless given."""
    model_dir: str = "/opt/ml/model"
    output_dir: str = "/opt/ml/output/data"
    """For training.jsonl and summary.json."""
    checkpoint_dir: str = "/opt/ml/checkpoints"


def main(words: list[str]) -> int:
    """The exit code, as `run` gives it."""
    return run(lambda: train(words, os.environ))


def train(words: Sequence[str], environment: Mapping[str, str]) -> None:
    """Train the stage that the flags name; `environment` holds torchrun's variables, where it started this.

    Raises InputError for what the user can mend, HelpAskedError, StoppedError on SIGTERM.
    """
    if asks_for_help(words):
        raise HelpAskedError(describe_flags(Job, NetworkSettings, BaseSettings, ControlSettings))
    stage = given_flags(words, Job).get("stage")
    if stage not in ("base", "control"):
        raise LimitError(f"--stage is {stage!r}; it takes base or control")
    kinds = (Job, NetworkSettings, ControlSettings if stage == "control" else BaseSettings)
    job, shape, settings = read_flags(words, *kinds)
    started = datetime.now(UTC)
    run = Run(
        stage=stage,
        name=job.name or f"{stage}-{started:%Y%m%d-%H%M%S}",
        model=Path(job.model_dir),
        output=Path(job.output_dir),
        checkpoints=Path(job.checkpoint_dir),
        started=started,
    )
    with joined(environment) as processes:
        if stage == "base":
            train_base(_folder("corpus", job.corpus), shape, settings, run, processes)
        else:
            dataset, base = _folder("dataset", job.dataset), _folder("base", job.base)
            said = given_flags(words, NetworkSettings)
            train_control(dataset, base, said, settings, run, processes, cut_day=job.cut_day)


def _folder(name: str, given: str) -> Path:
    if not given:
        raise LimitError(f"this stage needs the {name} channel; give it, or --{name} FOLDER")
    if not Path(given).is_dir():
        raise LimitError(f"--{name} is {given}, which is no folder")
    return Path(given)
