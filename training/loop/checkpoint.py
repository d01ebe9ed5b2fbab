"""Checkpoints: what a stopped run needs to end just where it would have ended."""

import os
import pickle
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from politico.errors import FileFormatError, InputError
from training.loop.optimizers import Optimizers


class OtherRunError(InputError):
    """A checkpoint of a run with other settings or other data."""


@dataclass
class Progress:
    """How far a run has come. The place in the data follows from the step, and so does every random draw."""

    step: int = 0
    seconds: float = 0.0
    """Spent learning, over all tries."""
    tokens: int = 0
    """Token positions computed, over all processes."""
    before: float | None = None
    """Held-out loss in nats a token before the first step."""
    records: list[dict[str, float]] = field(default_factory=list)
    """The lines of training.jsonl so far."""


def save_checkpoint(path: Path, run: str, network: torch.nn.Module, optimizers: Optimizers, progress: Progress) -> None:
    """Write it whole or not at all: a machine may vanish at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "run": run,
        "network": network.state_dict(),
        "optimizers": optimizers.state_dict(),
        "progress": asdict(progress),
    }
    partial = path.with_suffix(".part")
    with partial.open("wb") as out:
        torch.save(body, out)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def load_checkpoint(path: Path, run: str, network: torch.nn.Module, optimizers: Optimizers, device: torch.device) -> Progress:
    """Put network and optimizers back, and say how far they had come; from the start where there is no checkpoint.

    Raises OtherRunError for a checkpoint of another run, FileFormatError for a torn one.
    """
    if not path.exists():
        return Progress()
    try:
        body: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        found = body["run"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise FileFormatError(f"{path} is no checkpoint ({error}); remove it to start afresh") from error
    if found != run:
        raise OtherRunError(
            f"{path} belongs to a run with other settings or data; give another --checkpoint_dir, or remove it to start afresh"
        )
    network.load_state_dict(body["network"])
    optimizers.load_state_dict(body["optimizers"])
    return Progress(**body["progress"])
