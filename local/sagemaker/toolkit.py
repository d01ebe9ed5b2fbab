"""What SageMaker's training toolkit does inside the image: brings the code, tells it where things are, and starts it."""

import json
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from local.sagemaker.container import ISOLATION, Container
from politico.errors import JobError

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
LOCAL_PROCESSES = 2
"""However many GPUs, so many processes stand for them here: enough to be distributed, few enough for two cores."""

_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s#;]+)")
_OWN = "sagemaker_"
"""Hyperparameters of the toolkit itself begin so."""


def training_command(request: dict[str, Any], container: Container) -> tuple[list[str], dict[str, str]]:
    """The command of a training job and its environment, its code brought into place. Raises JobError."""
    given = request["HyperParameters"]
    code = container.path("/opt/ml/code")
    container.unpack(given["sagemaker_submit_directory"], code)
    _check_requirements(code / "requirements.txt")
    parameters = {name: container.translate(value) for name, value in given.items() if not name.startswith(_OWN)}
    arguments = [word for name, value in sorted(parameters.items()) for word in (f"--{name}", value)]
    gpus = GPUS.get(request["ResourceConfig"]["InstanceType"], 0)
    launcher = [sys.executable, "-u"]
    if given.get("sagemaker_torch_distributed_enabled") == "true" and gpus > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={LOCAL_PROCESSES}"]
    channels = [channel["ChannelName"] for channel in request["InputDataConfig"]]
    environment = {
        "PYTHONPATH": f"{code}:{ISOLATION}",
        "SM_MODEL_DIR": str(container.path("/opt/ml/model")),
        "SM_OUTPUT_DATA_DIR": str(container.path("/opt/ml/output/data")),
        "SM_INPUT_DIR": str(container.path("/opt/ml/input")),
        "SM_CHANNELS": json.dumps(channels),
        **{f"SM_CHANNEL_{name.upper()}": str(container.path(f"/opt/ml/input/data/{name}")) for name in channels},
        "SM_HPS": json.dumps(parameters),
        "SM_NUM_GPUS": str(gpus),
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "TRAINING_JOB_NAME": request["TrainingJobName"],
        "OMP_NUM_THREADS": "1",
    }
    return [*launcher, given["sagemaker_program"], *arguments], environment


def _check_requirements(requirements: Path) -> None:
    """The toolkit would install them; here the environment must have them already, in just these versions."""
    for line in requirements.read_text().splitlines():
        pin = _PIN.match(line.strip())
        if pin and (there := _version(pin[1])) != pin[2]:
            raise JobError(f"requirements.txt asks for {pin[0]}; this environment has {there}: run `make setup`")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
