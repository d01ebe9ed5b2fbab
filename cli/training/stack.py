"""`politico train` on a stack, AWS's or the local cloud's: the train workflow with the same experiment and settings."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli import flows, local_cloud
from cli.screen import Screen
from politico.errors import LimitError
from politico.models.experiment import BASE, CONTROL, find_experiment

ADDRESS = "s3://"


def train_there(
    like: str, overrides: Mapping[str, Mapping[str, Any]], *, corpus: str | None, base: str | None, local: bool
) -> None:
    """Start the workflow, show how far it is and what came of it. `corpus` is a file to upload or a name in the lake, `base` a
    model's folder to upload or its address in the lake. Raises InputError, JobError."""
    if base is not None and (corpus is not None or find_experiment(like).goal == BASE):
        raise LimitError("--base brings a base and a corpus, or this experiment, makes one: leave one of them out")
    services, screen = local_cloud.stack(local=local), Screen()
    given: dict[str, Any] = {"experiment": like, "overrides": overrides}
    name = f"train-{time.time_ns()}"
    with screen.stage("train") as stage:
        if base is not None:
            if not base.startswith(ADDRESS):
                stage.show("uploading the base model")
                base = flows.upload_base(services, Path(base), name)
            given["base_model"] = base
        elif corpus is not None:
            path = Path(corpus)
            if path.exists():
                stage.show("uploading the corpus")
                corpus = path.name.partition(".")[0]
                flows.upload_corpus(services, path, corpus)
            given["corpus"] = corpus
        made = flows.train(services, name, given, stage.show)
        stage.result = f"run {made['run']}"
    if made["goal"] == CONTROL:
        screen.console.print(made["gate"]["reason"], highlight=False)
        if "package" in made:
            approve = "aws sagemaker update-model-package --model-approval-status Approved --model-package-arn"
            screen.console.print(f"to serve it: {approve} {made['package']['arn']}", highlight=False, soft_wrap=True)
    else:
        address = made["base_model"]["uri"] if made["goal"] == BASE else made["candidate"]["uri"]
        screen.console.print(f"model at {address}", highlight=False, soft_wrap=True)
