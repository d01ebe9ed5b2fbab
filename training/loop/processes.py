"""The processes of one training run: one on a laptop, one a GPU under torchrun."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist

from inference.model import SMALL_NETWORK
from politico.errors import LimitError
from training.cores import cores
from training.exit_codes import GPUS, OWN_THREADS


@dataclass(frozen=True)
class Processes:
    """This process among the others, and the device it computes on."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    cores: int = 1
    """Its share of the machine's."""

    @property
    def first(self) -> bool:
        """The one that writes files and prints."""
        return self.rank == 0

    def use_threads(self, parameters: int) -> None:
        """As many as are worth their while for a network of this size, unless OMP_NUM_THREADS says how many.

        Two threads that share a small network's sums wait for each other, and on a busy machine for whoever else is on their
        cores: with one core of two taken, a step took 17 times as long with two threads as with one.
        """
        given = "OMP_NUM_THREADS" in os.environ and OWN_THREADS not in os.environ
        if self.device.type == "cpu" and not given:
            torch.set_num_threads(1 if parameters < SMALL_NETWORK else self.cores)

    def add(self, *numbers: float) -> list[float]:
        """Each number summed over all processes; all get the same sums. Waits for the slowest."""
        if self.world == 1:
            return list(numbers)
        together = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(together)
        sums: list[float] = together.tolist()
        return sums

    def add_up(self, numbers: torch.Tensor) -> None:
        """The same of a tensor, in place."""
        if self.world > 1:
            dist.all_reduce(numbers)

    def from_first(self, value: Any) -> Any:
        """What the first process has, in all of them."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def wait(self) -> None:
        """Until all have come here."""
        self.add(0.0)


ALONE = Processes()
"""One process, on the CPU."""


@contextmanager
def joined(environment: Mapping[str, str]) -> Iterator[Processes]:
    """The processes that torchrun's variables name: NCCL among GPUs, gloo among CPUs; one process where there are none.

    Raises LimitError where the machine has GPUs that torch does not see, unless CUDA_VISIBLE_DEVICES hides them: on the CPU a job
    would take a hundred times as long.
    """
    listed, seen = int(environment.get(GPUS, "0")), torch.cuda.device_count()
    if listed > seen and "CUDA_VISIBLE_DEVICES" not in environment:
        raise LimitError(
            f"this machine has {listed} GPUs and torch {torch.__version__} sees {seen} of them; take a training image whose "
            "CUDA its driver knows"
        )
    world, rank = int(environment.get("WORLD_SIZE", "1")), int(environment.get("RANK", "0"))
    local_rank, local_world = int(environment.get("LOCAL_RANK", "0")), int(environment.get("LOCAL_WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        device = torch.device("cuda", local_rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    else:
        device = torch.device("cpu")
    if world > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=rank, world_size=world)
    try:
        yield Processes(rank, world, device, max(1, cores() // local_world))
    finally:
        if world > 1:
            dist.destroy_process_group()
