"""`politico train` on a stack, AWS's or the local cloud's: the train workflow with the same experiment and settings."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from cli import flows, local_cloud
from cli.screen import Screen
from inference.model import load_model
from politico.errors import LimitError
from politico.models.experiment import BASE, CONTROL, find_experiment

ADDRESS = "s3://"


def path_of(corpus: str) -> Path | None:
    """The file or folder that is meant; None for a bare word, which is a name in the lake. Raises LimitError for one that is not
    there."""
    if "/" not in corpus and not Path(corpus).is_file():
        return None
    if not Path(corpus).exists():
        raise LimitError(f"--corpus is {corpus}, which is not there; a name in the lake has no slash in it")
    return Path(corpus)


def train_there(
    like: str, overrides: Mapping[str, Mapping[str, Any]], *, corpus: str | None, base: str | None, local: bool
) -> None:
    """Start the workflow, show how far it is and what came of it. `corpus` is a file to upload or a name in the lake, `base` a
    model's folder to upload or its address in the lake. Raises InputError, JobError."""
    if base is not None and (corpus is not None or find_experiment(like).goal == BASE):
        raise LimitError("--base brings a base and a corpus, or this experiment, makes one: leave one of them out")
    folder = Path(base) if base is not None and not base.startswith(ADDRESS) else None
    if folder is not None:
        load_model(folder)  # what can't be begun with is told before it is uploaded
    path = path_of(corpus) if corpus is not None else None
    services, screen = local_cloud.stack(local=local), Screen()
    given: dict[str, Any] = {"experiment": like, "overrides": overrides}
    name = f"train-{time.time_ns()}"
    with screen.stage("train") as stage:
        if base is not None:
            if folder is not None:
                stage.show("uploading the base model")
                base = flows.upload_base(services, folder, name)
            given["base_model"] = base
        elif corpus is not None:
            if path is not None:
                stage.show("uploading the corpus")
                corpus = path.resolve().name.partition(".")[0]
                flows.upload_corpus(services, path, corpus)
            given["corpus"] = corpus
        made = flows.train(services, name, given, stage.show)
        stage.result = f"run {made['run']}"
    tell(screen.console, made)


def tell(console: Console, made: Mapping[str, Any]) -> None:
    """What a run of the workflow came to, and what to do with it."""
    if made["goal"] == CONTROL:
        console.print(made["gate"]["reason"], highlight=False)
        if "package" in made:
            approve = "aws sagemaker update-model-package --model-approval-status Approved --model-package-arn"
            console.print(f"to serve it: {approve} {made['package']['arn']}", highlight=False, soft_wrap=True)
    else:
        address = made["base_model"]["uri"] if made["goal"] == BASE else made["candidate"]["uri"]
        console.print(f"model at {address}", highlight=False, soft_wrap=True)
