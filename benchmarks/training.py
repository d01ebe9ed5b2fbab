"""Training beside transformers' Trainer: the same network, rows, batch, precision, data and machine, in turn.

    python -m benchmarks.training --text FILE --dataset FOLDER [--size tiny] [--seconds 40] [--rounds 3] [--write]

Three questions. Pre-training: positions learnt from a second, the peer with its best number of threads and with its defaults.
Control fine-tuning: samples a second, the peer filling up to the longest of a batch, and sorting by length. Time to the same
held-out loss, by three seeds: the peer with the best of five rates, ours with its own recipe in half the time. Ours runs as
`politico train` would: a process a core for a small network. Needs `pip install accelerate`, which Trainer asks for.
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

from benchmarks.processes import command_line, machine
from politico.flags import to_flags
from politico.models.experiment import find_experiment
from politico.models.settings import ADAMW
from training.cores import cores
from training.corpus.prepare import prepare_corpus
from training.dataset.folder import read_dataset
from training.dataset.split import cut_for
from training.launch import Machines, command

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "training.json"
HERE = Machines("localhost", ["localhost"], "lo")
RATES = (3e-4, 1e-3, 2e-3, 4e-3, 8e-3)
"""The peer's, of which the best counts."""
SEEDS = (7, 8, 9)
LOOKS, OUR_LOOKS = 2, 4
"""Times that the held-out loss is looked at. The time of the peer's looks is not counted, that of ours is: a race of less than a
minute is none."""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--text", type=Path, required=True, help="plain text to learn from")
    flags.add_argument("--dataset", type=Path, required=True, help="folder of dt=YYYY-MM-DD/tweets.parquet, of real tweets")
    flags.add_argument("--size", default="tiny", choices=("tiny", "small"))
    flags.add_argument("--seconds", type=float, default=40.0, help="of each measurement of speed")
    flags.add_argument("--race", type=float, default=120.0, help="seconds of each run of the peer to a loss; 0: none")
    flags.add_argument("--only-race", action="store_true", help="keep the speeds that are stored, and measure no others")
    flags.add_argument("--rounds", type=int, default=3, help="measurements of each, in turn")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        figures = measure(given, Path(name))
    show(figures)
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps({**kept, given.size: {**kept.get(given.size, {}), **figures}}, indent=1) + "\n")
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

    raced = f"{datetime.now(UTC):%Y-%m-%d}, {command_line('benchmarks.training')}"
    if given.only_race:
        return {"race": {"measured": raced, **race(ours, theirs, given, cores())}}
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
        "command": command_line("benchmarks.training"),
        "machine": machine(),
        "libraries": {name: version(name) for name in ("torch", "transformers", "accelerate")},
        "pretraining_positions_a_second": pretraining,
        "tuning_samples_a_second": tuning,
        **({"race": {"measured": raced, **race(ours, theirs, given, best)}} if given.race else {}),
    }


def in_turn(ways: dict[str, Any], rounds: int, figure: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, measure_one in ways.items():
            found[name].append(round(measure_one()[figure], 1))
            print(f"{name}, round {number + 1}: {found[name][-1]:,.0f}", flush=True)
    return found


def race(ours: Any, theirs: Any, given: argparse.Namespace, threads: int) -> dict[str, Any]:
    """The loss that the peer ends with at the best of its rates, and when ours comes to it, in half the time, by seed."""
    # The peer's schedule goes by steps: how many there will be, a short run tells.
    speed = theirs("base", given.seconds / 2, threads=threads)
    asked: dict[str, Any] = {
        "threads": threads,
        "look_every": given.race / LOOKS,
        "max_steps": max(10, int(speed["steps"] / speed["seconds"] * given.race)),
    }
    tried = {rate: theirs("base", 10 * given.race, rate=rate, seed=SEEDS[0], **asked) for rate in RATES}
    losses = {rate: run["held_out"][-1][1] for rate, run in tried.items()}
    print(f"Trainer, by rate: {losses}", flush=True)
    rate = min(losses, key=losses.__getitem__)
    probe = ours("base", given.seconds / 2)
    every = max(1, int(probe["steps"] / probe["seconds"] * given.race / 2 / OUR_LOOKS))
    runs = []
    for seed in SEEDS:
        peer = tried[rate] if seed == SEEDS[0] else theirs("base", 10 * given.race, rate=rate, seed=seed, **asked)
        seconds, loss = peer["held_out"][-1]
        own = ours("base", given.race / 2, evaluate_every=every, seed=seed)
        reached = next((at for at, found in own["held_out"] if found <= loss), None)
        runs.append(
            {
                "seed": seed,
                "loss": loss,
                "peer_seconds": seconds,
                "our_seconds": reached,
                "times_shorter": round(seconds / reached, 2) if reached else None,
                "our_loss_at_the_end": own["held_out"][-1][1],
            }
        )
        print(runs[-1], flush=True)
    return {"peer_rate": rate, "peer_losses_by_rate": losses, "runs": runs}


def show(figures: dict[str, Any]) -> None:
    for title in [one for one in ("pretraining_positions_a_second", "tuning_samples_a_second") if one in figures]:
        print(title.replace("_", " "))
        for name, found in figures[title].items():
            print(f"  {name:24}{statistics.median(found):12,.1f}   {found}")
    for one in figures.get("race", {}).get("runs", ()):
        took = f"Trainer {one['peer_seconds']:.0f} s, ours {one['our_seconds']} s"
        print(f"seed {one['seed']}: to a held-out loss of {one['loss']:.3f} {took}")


if __name__ == "__main__":
    main()
