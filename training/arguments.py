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

_VARIABLES = {
    "corpus": "SM_CHANNEL_CORPUS",
    "dataset": "SM_CHANNEL_DATASET",
    "base": "SM_CHANNEL_BASE",
    "model_dir": "SM_MODEL_DIR",
    "output_dir": "SM_OUTPUT_DATA_DIR",
}


@dataclass(frozen=True)
class Job:
    """What is trained, and where it lies. Folders that are left out come from SageMaker's environment."""

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
    """For training.jsonl and summary.json. A failure's reason goes to the file `failure` beside it."""
    checkpoint_dir: str = "/opt/ml/checkpoints"


def main(words: list[str]) -> int:
    """The exit code, as `run` gives it. The first process leaves a failure's reason beside the output folder it was given."""
    environment = dict(os.environ)
    folders = {name: environment[variable] for name, variable in _VARIABLES.items() if environment.get(variable)}
    try:
        output = given_flags(words, Job).get("output_dir", folders.get("output_dir"))
    except LimitError:  # said again, and told, by what follows
        output = folders.get("output_dir")
    first = environment.get("RANK", "0") == "0"
    failure = Path(output).parent / "failure" if output and first else None
    return run(lambda: train(words, folders, environment), failure)


def train(words: Sequence[str], folders: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Train the stage that the flags name.

    Raises InputError for what the user can mend, HelpAskedError, StoppedError on SIGTERM.
    """
    if asks_for_help(words):
        raise HelpAskedError(describe_flags(Job, NetworkSettings, BaseSettings, ControlSettings))
    stage = given_flags(words, Job).get("stage")
    if stage not in ("base", "control"):
        raise LimitError(f"--stage is {stage!r}; it takes base or control")
    kinds = (Job, NetworkSettings, ControlSettings if stage == "control" else BaseSettings)
    # A flag wins over the environment.
    defaults = [word for name, folder in folders.items() for word in (f"--{name}", folder)]
    job, shape, settings = read_flags([*defaults, *words], *kinds)
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
