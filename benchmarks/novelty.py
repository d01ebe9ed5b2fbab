"""Near copies that leave a guarded endpoint: none of ten thousand; beside what the model would write unguarded.

    python -m benchmarks.novelty --model run/control --dataset out/dataset [--tweets 10000] [--write]

What is a copy is judged by other means than the guard's: the runs of words themselves, not their fingerprints.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.processes import command_line, keep, machine
from cli.study.making import context_for, fresh_rows
from inference.engine import Engine
from inference.rules.novelty import COVERED, OWN, RUN, SHINGLE, Shingles
from politico.control.format import Context
from politico.control.honoured import asked_items
from politico.control.request import Request, parse_parameters
from politico.control.words import words_of
from politico.errors import CopyError
from training.dataset.folder import read_dataset
from training.dataset.split import split_at
from training.evaluation.held_out import cuts_of
from training.folders import open_model

RESULTS = Path(__file__).parent / "results" / "novelty.json"
WAYS: Mapping[str, Mapping[str, Any]] = {
    "freely": {},
    "freely, tamely": {"temperature": 0.5, "top_k": 20},
    "on demand": {},
    "on demand, tamely": {"temperature": 0.5, "top_k": 20},
}
"""A quarter of the tweets each; what is demanded is what held-out tweets say."""
TOGETHER = 20
"""Tweets of a request."""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", type=Path, required=True, help="a control model's folder")
    flags.add_argument("--dataset", type=Path, required=True, help="folder of dt=YYYY-MM-DD/tweets.parquet that it learnt from")
    flags.add_argument("--tweets", type=int, default=10_000)
    flags.add_argument("--seed", type=int, default=7)
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    keep(measure(given.model, given.dataset, given.tweets, given.seed), RESULTS, write=given.write)


def measure(folder: Path, dataset: Path, count: int, seed: int) -> dict[str, Any]:
    """All figures, ready for JSON."""
    model = open_model(folder)
    torch.set_num_threads(model.threads)
    parts = split_at(read_dataset(dataset), *cuts_of({"candidate": model, "base": model}))
    learnt = parts.train["text"].to_pylist()
    if model.shingles is None:  # one from before they were kept
        model = replace(model, shingles=Shingles.of(learnt))
    known = {run for text in learnt for run in runs_of(words_of(text))}
    _, rows = fresh_rows(dataset, [model], seed)
    asking = [one for row in rows if asked_items(one := context_for(model, row), model.codec.schema)]
    engines = {"guarded": Engine(model, guarded=True), "unguarded": Engine(model)}
    found: dict[str, Any] = {name: {"tweets": 0, "near_copies": 0, "requests_refused": 0} for name in engines}
    requests = count // len(WAYS) // TOGETHER
    for way, how in WAYS.items():
        for number in range(requests):
            context: Context = asking[number % len(asking)] if "demand" in way else {}
            asked = asked_items(context, model.codec.schema)
            parameters = {"seed": seed + number, "num_return_sequences": TOGETHER, **how}
            request = Request(context, "", parse_parameters(parameters))
            for name, engine in engines.items():
                try:
                    tweets = engine.generate(request)
                except CopyError:
                    found[name]["requests_refused"] += 1
                    continue
                found[name]["tweets"] += len(tweets)
                found[name]["near_copies"] += sum(is_copy(one.generated_text, asked, known) for one in tweets)
        print(way, found, flush=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command_line("benchmarks.novelty"),
        "machine": machine(),
        "model": model.name,
        "training_tweets": len(parts.train),
        **found,
    }


def runs_of(words: Sequence[str]) -> list[tuple[str, ...]]:
    """All runs of so many words as the guard looks for; of a shorter text the whole of it."""
    return [tuple(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))] if words else []


def is_copy(text: str, asked: Sequence[str], known: set[tuple[str, ...]]) -> bool:
    """The rule of `docs/deploying.md`, over the words themselves."""
    words = words_of(text)
    own = [True] * len(words)
    for item in map(words_of, asked):
        for start in range(len(words)):
            if item and words[start : start + len(item)] == item:
                own[start : start + len(item)] = [False] * len(item)
    covered = [False] * len(words)
    for start, run in enumerate(runs_of(words)):
        if run in known:
            covered[start : start + len(run)] = [True] * len(run)
    of_own = [one for one, its_own in zip(covered, own, strict=True) if its_own]
    if len(of_own) < OWN:
        return False
    longest = max(map(len, "".join("x" if one else " " for one in of_own).split()), default=0)
    return sum(of_own) >= COVERED * len(of_own) or longest >= RUN


if __name__ == "__main__":
    main()
