"""The training job: flags and environment in, one stage trained, an exit code out."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from politico.errors import LimitError
from politico.flags import HelpAskedError, asks_for_help, describe_flags, given_flags, read_flags
from politico.models.experiment import BASE, CASUAL, CONTROL
from politico.models.settings import BaseSettings, CasualSettings, ControlSettings, NetworkSettings
from training.exit_codes import run
from training.loop.processes import joined
from training.stages import Run, train_base, train_on_tweets

STAGES = {BASE: BaseSettings, CASUAL: CasualSettings, CONTROL: ControlSettings}


@dataclass(frozen=True)
class Job:
    """What is trained, and where it lies."""

    stage: str
    """`base`, `casual` or `control`."""
    name: str = ""
    """The model's name; by default stage and date."""
    corpus: str = ""
    """Stage base: what training.corpus wrote."""
    dataset: str = ""
    """Stages casual and control: the folder of dt=YYYY-MM-DD/tweets.parquet."""
    base: str = ""
    """Stages casual and control: the base model, packed or unpacked."""
    cut: str = ""
    """Stages casual and control: where the dataset is cut, such as its first held-out day; as the settings say, unless given."""
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
        raise HelpAskedError(describe_flags(Job, NetworkSettings, *STAGES.values()))
    stage = given_flags(words, Job).get("stage")
    if stage not in STAGES:
        raise LimitError(f"--stage is {stage!r}; it takes {', '.join(STAGES)}")
    job, shape, settings = read_flags(words, Job, NetworkSettings, STAGES[stage])
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
        if stage == BASE:
            train_base(_folder("corpus", job.corpus), shape, settings, run, processes)
        else:
            dataset, base = _folder("dataset", job.dataset), _folder("base", job.base)
            said = given_flags(words, NetworkSettings)
            train_on_tweets(dataset, base, said, settings, run, processes, cut=job.cut)


def _folder(name: str, given: str) -> Path:
    if not given:
        raise LimitError(f"this stage needs the {name} channel; give it, or --{name} FOLDER")
    if not Path(given).is_dir():
        raise LimitError(f"--{name} is {given}, which is no folder")
    return Path(given)
