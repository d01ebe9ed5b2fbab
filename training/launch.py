"""The training container's first process: starts training/train.py on every GPU of every machine, and hands signals on to it.

    python -m training.launch /opt/ml

Reads what SageMaker lays out in that folder: the settings, the machines, the channels. SIGTERM, which comes when a machine is
taken away or a job is out of time, reaches only the first process of a container: it is passed on, so that training writes its
checkpoint.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.exit_codes import GPUS, OWN_THREADS, REASON_FILE, leave_reason

PORT = 29_500
"""Where the first machine's processes wait for the others'."""
LAST_SECONDS = 110
"""torchrun ends its processes so long after SIGTERM, unless told 30; SageMaker ends the machine after 120."""
KILLED = 128 + signal.SIGKILL
"""The exit code of a program that the machine ended."""
PROGRAM = "training/train.py"
CHANNELS = ("corpus", "dataset", "base")
"""What the program may learn from."""


@dataclass(frozen=True)
class Machines:
    """This machine among the job's."""

    here: str
    """Its name."""
    all: Sequence[str]
    """Their names, the same on each."""
    interface: str
    """The network that they reach each other by."""

    @classmethod
    def read(cls, path: Path) -> "Machines":
        """From resourceconfig.json."""
        given = json.loads(path.read_text(encoding="utf-8"))
        return cls(given["current_host"], sorted(given["hosts"]), given.get("network_interface_name", "eth0"))


def main(root: Path) -> int:
    """The exit code of the training program. A reason is left where it left none."""
    given = json.loads((root / "input/config/hyperparameters.json").read_text(encoding="utf-8"))
    machines = Machines.read(root / "input/config/resourceconfig.json")
    arguments = [*flags(given), *folders(root)]
    os.environ[REASON_FILE] = str(root / "output/failure")
    here = gpus()
    environment = {**os.environ, **around(here)}
    if len(machines.all) > 1:
        environment |= {"NCCL_SOCKET_IFNAME": machines.interface, "GLOO_SOCKET_IFNAME": machines.interface}
    code = run(command(machines, here, arguments), environment)
    if code == KILLED:
        leave_reason(
            f"the training program was killed (exit code {code}), most often for want of memory; take a smaller batch_size"
        )
    elif code:
        leave_reason(f"the training program ended with exit code {code} and left no reason; its log has more")
    return code


def around(gpus: int) -> dict[str, str]:
    """What the training program is to know of how it is started, as its environment."""
    # Left alone torchrun sets the first by itself, with a banner that nobody can act on.
    threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": "1", OWN_THREADS: "1"}
    return {GPUS: str(gpus), "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(LAST_SECONDS), **threads}


def flags(given: Mapping[str, str]) -> list[str]:
    """The settings as the training program takes them."""
    return [word for name, value in sorted(given.items()) for word in (f"--{name}", value)]


def folders(root: Path) -> list[str]:
    """Where things lie, as the training program takes it; the code's own channel is none of its business."""
    named = {one: root / "input/data" / one for one in CHANNELS if (root / "input/data" / one).is_dir()}
    named |= {"model_dir": root / "model", "output_dir": root / "output/data"}
    return [word for name, path in named.items() for word in (f"--{name}", str(path))]


def command(machines: Machines, gpus: int, arguments: Sequence[str]) -> list[str]:
    """One process a GPU under torchrun; the program alone where there is one process in all."""
    if len(machines.all) == 1 and gpus <= 1:
        return [sys.executable, "-u", PROGRAM, *arguments]
    together = (
        ["--standalone", "--local-addr=127.0.0.1"]  # whatever the container takes for its own name
        if len(machines.all) == 1
        else [
            f"--nnodes={len(machines.all)}",
            f"--node-rank={machines.all.index(machines.here)}",
            f"--master-addr={machines.all[0]}",
            f"--master-port={PORT}",
        ]
    )
    return [sys.executable, "-m", "torch.distributed.run", *together, f"--nproc-per-node={max(1, gpus)}", PROGRAM, *arguments]


def gpus() -> int:
    """As the driver lists them; 0 on a machine without the driver. Torch would take seconds, and memory, to say it."""
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run it to its end; it is sent every SIGTERM that comes here. The exit code, 128 and the number for a signal."""
    process = subprocess.Popen(command, env=dict(environment))

    def pass_on(number: int, _frame: Any) -> None:
        process.send_signal(number)

    earlier = signal.signal(signal.SIGTERM, pass_on)
    try:
        code = process.wait()
    finally:
        signal.signal(signal.SIGTERM, earlier)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
