"""What a training container finds of its machine: the job's settings, the other machines, and the driver that lists the GPUs."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.sagemaker.container import Container

GPUS: Mapping[str, int] = {
    "ml.g5.xlarge": 1,
    "ml.g5.12xlarge": 4,
    "ml.g5.48xlarge": 8,
    "ml.g6.12xlarge": 4,
    "ml.g6e.12xlarge": 4,
    "ml.p3.8xlarge": 4,
    "ml.p3.16xlarge": 8,
    "ml.p4d.24xlarge": 8,
    "ml.p5.48xlarge": 8,
}
"""GPUs of the instance types one would train on; others are taken to have none."""
LISTED_GPUS = 2
"""Of several GPUs so many are listed here: enough to be distributed, few enough for two cores. No process finds more than the
driver's list: they compute on the CPU."""


def hosts(count: int) -> list[str]:
    """The machines' names. Several reach each other by them, so here they are this machine's own addresses."""
    return ["algo-1"] if count == 1 else [f"127.0.0.{number}" for number in range(1, count + 1)]


def lay_out(container: Container, request: Mapping[str, Any], host: str, together: Sequence[str]) -> dict[str, str]:
    """SageMaker's files of the job in the container, and its environment there."""
    settings = {name: container.translate(value) for name, value in request.get("HyperParameters", {}).items()}
    _write(container, "hyperparameters.json", settings)
    instance = request["ResourceConfig"]["InstanceType"]
    network = {"network_interface_name": "lo"}
    _write(
        container,
        "resourceconfig.json",
        {"current_host": host, "hosts": list(together), "current_instance_type": instance, **network},
    )
    _list_gpus(container.tools, min(GPUS.get(instance, 0), LISTED_GPUS))
    # Torch is told that it may use none of them: it would miss them otherwise.
    return {"TRAINING_JOB_NAME": request["TrainingJobName"], "CUDA_VISIBLE_DEVICES": ""}


def _write(container: Container, name: str, body: Mapping[str, Any]) -> None:
    path = container.path("/opt/ml/input/config") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), encoding="utf-8")


def _list_gpus(folder: Path, count: int) -> None:
    """The driver's own tool, as far as it is asked for the list."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = folder / "nvidia-smi"
    lines = "".join(f"echo {shlex.quote(f'GPU {number}: stand-in, computed on the CPU')}\n" for number in range(count))
    tool.write_text(f"#!/bin/sh\n{lines or 'exit 9'}\n", encoding="utf-8")
    tool.chmod(0o755)
