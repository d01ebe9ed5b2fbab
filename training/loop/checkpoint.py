"""Checkpoints: what a stopped run needs to end just where it would have ended."""

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from politico.errors import FileFormatError, InputError
from training.loop.optimizers import Optimizers

SHOWN = 4
"""So many differences between two runs are told."""


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
    samples: list[dict[str, Any]] = field(default_factory=list)
    """What the network wrote on the way: the lines of samples.jsonl."""


@dataclass(frozen=True)
class Identity:
    """What makes a run this one and no other."""

    run: Mapping[str, Any]
    """By name: settings, the network's shape, hashes of what it learns from. A checkpoint with any other is not gone on with."""
    made_with: Mapping[str, Any] = field(default_factory=dict)
    """Threads, versions, precision: with others the weights come out a little different, which is told."""


def save_checkpoint(path: Path, identity: Identity, network: torch.nn.Module, optimizers: Optimizers, progress: Progress) -> None:
    """Write it whole or not at all: a machine may vanish at any moment, and a disk be full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "run": dict(identity.run),
        "made_with": dict(identity.made_with),
        "network": network.state_dict(),
        "optimizers": optimizers.state_dict(),
        "progress": asdict(progress),
    }
    partial = path.with_suffix(".part")
    try:
        with partial.open("wb") as out:
            torch.save(body, out)
            out.flush()
            os.fsync(out.fileno())
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        # torch's writer has errors of its own, and behind them is the disk's.
        while not isinstance(error, OSError) and isinstance(error.__context__, OSError | RuntimeError):
            error = error.__context__
        raise error
    partial.replace(path)


def load_checkpoint(
    path: Path,
    identity: Identity,
    network: torch.nn.Module,
    optimizers: Optimizers,
    device: torch.device,
    *,
    replaced: Sequence[str] = (),
) -> tuple[Progress, Mapping[str, Any]]:
    """Put network and optimizers back; how far they had come, and what they were made with. From the start, and with nothing,
    where there is no checkpoint, or one that differs in what is `replaced` alone: what it learnt from is there no more.

    Raises OtherRunError for a checkpoint of another run, FileFormatError for a torn one.
    """
    if not path.exists():
        return Progress(), {}
    try:
        body: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        found, progress = body["run"], Progress(**body["progress"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        first = str(error).partition("\n")[0]
        raise FileFormatError(f"{path} is no checkpoint ({first}); remove it to start afresh") from error
    if not isinstance(found, dict):
        raise OtherRunError(f"{path} was written by an earlier version of the project; remove it to start afresh")
    if others := differences(found, identity.run, replaced):
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        raise OtherRunError(
            f"{path} belongs to another run: {'; '.join(others[:SHOWN])}{more}; give another --checkpoint_dir, or remove it to "
            "start afresh"
        )
    if found != identity.run:
        return Progress(), {}
    network.load_state_dict(body["network"])
    optimizers.load_state_dict(body["optimizers"])
    return progress, body["made_with"]


def differences(there: Mapping[str, Any], here: Mapping[str, Any], but: Sequence[str] = ()) -> list[str]:
    """A line for each thing, but for these, that differs between a checkpoint and the run at hand."""
    names = [name for name in dict.fromkeys([*here, *there]) if name not in but]
    return [f"{name} is {there.get(name)} there and {here.get(name)} here" for name in names if there.get(name) != here.get(name)]
