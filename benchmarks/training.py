"""Training beside transformers' Trainer: the same network, rows, batch, precision, data and machine, in turn.

    python -m benchmarks.training --text FILE --dataset FOLDER [--size tiny] [--seconds 40] [--rounds 3] [--write]

Three questions. Pre-training: positions learnt from a second, the peer with its best number of threads and with its defaults.
Control fine-tuning: samples a second, the peer filling up to the longest of a batch, and sorting by length. Time to the same
held-out loss: ours with its own recipe, the peer with the best of five rates. Ours runs as `politico train` would: a process a
core for a small network. Needs `pip install accelerate`, which Trainer asks for.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.processes import machine
from politico.flags import to_flags
from politico.models.experiment import find_experiment
from politico.models.settings import ADAMW
from training.corpus.prepare import prepare_corpus
from training.dataset.folder import read_dataset
from training.dataset.split import cut_for
from training.launch import Machines, command
from training.loop.processes import cores

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "training.json"
HERE = Machines("localhost", ["localhost"], "lo")
RATES = (3e-4, 1e-3, 2e-3, 4e-3, 8e-3)
"""The peer's, of which the best counts."""
LOOKS = 4
"""Times that the held-out loss is looked at: the peer's looks take as long as its steps."""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--text", type=Path, required=True, help="plain text to learn from")
    flags.add_argument("--dataset", type=Path, required=True, help="folder of dt=YYYY-MM-DD/tweets.parquet, of real tweets")
    flags.add_argument("--size", default="tiny", choices=("tiny", "small"))
    flags.add_argument("--seconds", type=float, default=40.0, help="of each measurement of speed")
    flags.add_argument("--race", type=float, default=120.0, help="seconds of each run to a loss; 0: none")
    flags.add_argument("--rounds", type=int, default=3, help="measurements of each, in turn")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        figures = measure(given, Path(name))
    show(figures)
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps({**kept, given.size: figures}, indent=1) + "\n")
        print(f"written to {RESULTS}")


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures, ready for JSON."""
    experiment = find_experiment(f"control-{given.size}")
    (folder / "text").mkdir()
    os.symlink(given.text.resolve(), folder / "text" / given.text.name)
    prepare_corpus(folder / "text", folder / "corpus", experiment.corpus)
    shape, base, control = experiment.network, experiment.base, experiment.control
    cut = cut_for(read_dataset(given.dataset), control)
    common = {"network": asdict(shape), "corpus": str(folder / "corpus"), "seed": 7, "max_steps": 100_000}

    def ours(stage: str, seconds: float, **changes: Any) -> dict[str, Any]:
        settings = {"max_minutes": seconds / 60, "max_steps": 1_000_000, "evaluate_every": 1_000_000, **changes}
        part = getattr(experiment.with_overrides({stage: settings}), stage)
        places = {"model_dir": folder / f"ours-{stage}", "output_dir": folder / "out", "checkpoint_dir": folder / "checkpoints"}
        where = ["--corpus", str(folder / "corpus"), *to_flags(shape)] if stage == "base" else []
        if stage == "control":
            where = ["--dataset", str(given.dataset.resolve()), "--base", str(folder / "ours-base"), "--cut", cut]
        words = [
            "--stage",
            stage,
            *where,
            *(word for name, path in places.items() for word in (f"--{name}", str(path))),
            *to_flags(part),
        ]
        subprocess.run(command(HERE, cores(), words), cwd=ROOT, check=True, capture_output=True)
        summary = json.loads((folder / "out" / "summary.json").read_text())
        history = [json.loads(line) for line in (folder / "out" / "training.jsonl").read_text().splitlines()]
        return {
            "steps": summary["steps"],
            "seconds": summary["seconds"],
            "tokens_a_second": summary["tokens"] / summary["seconds"],
            "samples_a_second": summary["steps"] * part.batch_size / summary["seconds"],
            "held_out": [(one["seconds"], one["held_out_loss"]) for one in history if "held_out_loss" in one],
        }

    def theirs(stage: str, seconds: float, **changes: Any) -> dict[str, Any]:
        part = base if stage == "base" else control
        asked = {"stage": stage, "seconds": seconds, "rate": 1e-3, "batch_size": part.batch_size, "weight_decay": 0.01, **common}
        asked |= {"dataset": str(given.dataset.resolve()), "base": str(folder / "ours-base"), "cut": cut, **changes}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.training_peer", json.dumps(asked)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    adamw = {"optimizer": ADAMW}
    ways = {
        "ours, AdamW": lambda: ours("base", given.seconds, **adamw),
        "ours, Muon": lambda: ours("base", given.seconds),
        "Trainer, 1 thread": lambda: theirs("base", given.seconds, threads=1),
        f"Trainer, {cores()} threads": lambda: theirs("base", given.seconds, threads=cores()),
        "Trainer, as it comes": lambda: theirs("base", given.seconds),
    }
    pretraining = in_turn(ways, given.rounds, "tokens_a_second")
    # A base for the rest of it.
    ours("base", given.seconds)
    best = (
        1
        if statistics.median(pretraining["Trainer, 1 thread"]) > statistics.median(pretraining[f"Trainer, {cores()} threads"])
        else cores()
    )
    ways = {
        "ours": lambda: ours("control", given.seconds, **adamw, name_swap=0.0),
        "Trainer, longest": lambda: theirs("control", given.seconds, threads=best),
        "Trainer, by length": lambda: theirs("control", given.seconds, threads=best, sampling="group_by_length"),
    }
    tuning = in_turn(ways, given.rounds, "samples_a_second")
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": " ".join(["python -m benchmarks.training", *sys.argv[1:]]),
        "machine": machine(),
        "libraries": {name: version(name) for name in ("torch", "transformers", "accelerate")},
        "pretraining_positions_a_second": pretraining,
        "tuning_samples_a_second": tuning,
        **({"race": race(ours, theirs, given, best)} if given.race else {}),
    }


def in_turn(ways: dict[str, Any], rounds: int, figure: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, measure_one in ways.items():
            found[name].append(round(measure_one()[figure], 1))
            print(f"{name}, round {number + 1}: {found[name][-1]:,.0f}", flush=True)
    return found


def race(ours: Any, theirs: Any, given: argparse.Namespace, threads: int) -> dict[str, Any]:
    """When ours comes to the loss that the peer ends with at its best rate."""
    every = given.race / LOOKS
    runs: dict[float, dict[str, Any]] = {}
    # The peer's schedule goes by steps: how many there will be, a short run tells.
    speed = theirs("base", given.seconds / 2, threads=threads)
    steps = max(10, int(speed["steps"] / speed["seconds"] * given.race))
    for rate in RATES:
        runs[rate] = theirs("base", 10 * given.race, rate=rate, threads=threads, look_every=every, max_steps=steps)
        print(f"Trainer at {rate}: {runs[rate]['held_out'][-1][1]:.3f} after {runs[rate]['seconds']:.0f} s", flush=True)
    rate, best = min(runs.items(), key=lambda one: one[1]["held_out"][-1][1])
    probe = ours("base", given.seconds / 2)
    own = ours("base", given.race, evaluate_every=max(1, int(probe["steps"] / probe["seconds"] * every)))
    seconds, loss = best["held_out"][-1]
    reached = next((at for at, found in own["held_out"] if found <= loss), None)
    return {
        "peer_rate": rate,
        "peer": best["held_out"],
        "ours": own["held_out"],
        "loss": loss,
        "peer_seconds": seconds,
        "our_seconds": reached,
    }


def show(figures: dict[str, Any]) -> None:
    for title in ("pretraining_positions_a_second", "tuning_samples_a_second"):
        print(title.replace("_", " "))
        for name, found in figures[title].items():
            print(f"  {name:24}{statistics.median(found):12,.1f}   {found}")
    if "race" not in figures:
        return
    found = figures["race"]
    peer = f"Trainer {found['peer_seconds']:.0f} s at {found['peer_rate']}"
    print(f"to a held-out loss of {found['loss']:.3f}: {peer}, ours {found['our_seconds']} s")


if __name__ == "__main__":
    main()
