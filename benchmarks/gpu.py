"""What one GPU learns a second: the thesis's network, by the very loop that jobs run. One command, under 8 minutes, no network.

    python -m benchmarks.gpu [--minutes 1.5] [--write]

Pre-training: 12 layers, 768 wide, 16 heads, windows of 512 tokens. Control: made-up tweets of the usual lengths behind their
contexts. The first half of each run is left out: the compiler's time, and the GPU's clock settling. Without a GPU it says so,
and measures a network of no size, which only shows that the program runs.
"""

import argparse
import json
import platform
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from benchmarks.processes import command_line
from inference.model import codec_for
from politico.control.political import SCHEMA
from politico.models.experiment import find_experiment
from politico.models.settings import LearningSettings, NetworkSettings
from training.corpus.vocabulary import train_tokenizer
from training.dataset.split import Split
from training.loop.loop import learn
from training.loop.network import build_network, count_parameters
from training.loop.processes import joined
from training.samples.batch import Data
from training.samples.control_samples import ControlSamples
from training.samples.windows import Windows

RESULTS = Path(__file__).parent / "results" / "gpu.json"
VOCABULARY = 50_264
END, DOCUMENT = 0, 600
"""The end token, and how many tokens a document has here."""
GOALS = {"pretraining": 400_000, "control": 3_000}
"""Positions and samples a second on one H200."""
THESIS = {"pretraining": 33_200, "control": 32}
"""On four V100s."""
TWEETS, WORDS = 20_000, 4_000
NOTHING = NetworkSettings(layers=1, width=32, heads=2, positions=128)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--minutes", type=float, default=1.5, help="of each run")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    figures = measure(given.minutes)
    print(json.dumps(figures, indent=1))
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else []
        RESULTS.write_text(json.dumps([*kept, figures], indent=1) + "\n")
        print(f"written to {RESULTS}")


def measure(minutes: float) -> dict[str, Any]:
    """All figures, ready for JSON."""
    there = torch.cuda.is_available()
    experiment = find_experiment("control")
    shape = experiment.network if there else NOTHING
    base = replace(experiment.base, batch_size=96 if there else 8)
    control = replace(experiment.control, batch_size=192 if there else 16)
    tokens = np.random.default_rng(1).integers(0, VOCABULARY if there else 400, 4_000_000).astype(np.uint16)
    tokens[::DOCUMENT] = END
    common = {"positions": shape.positions, "batch_size": base.batch_size, "seed": 1, "held_out_tokens": 8_192}
    hidden, seen = (Windows(tokens, tokens[:20_000], **common, hidden=end) for end in (END, None))
    samples = ControlSamples(made_up(), _codec(), control, length=shape.positions, held_out_tokens=8_192, packed=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command_line("benchmarks.gpu"),
        "device": torch.cuda.get_device_name() if there else f"none; {platform.processor() or platform.machine()}",
        "libraries": {name: version(name) for name in ("torch", "transformers")} | {"python": platform.python_version()},
        "parameters": count_parameters(build_network(shape, VOCABULARY, 0, 1)),
        "pretraining": speed(shape, hidden, base, minutes),
        "pretraining_documents_seen": speed(shape, seen, base, minutes),
        "control": speed(shape, samples, control, minutes),
        "goals": GOALS,
        "thesis_on_four_V100": THESIS,
    }


def speed(shape: NetworkSettings, data: Data, settings: LearningSettings, minutes: float) -> dict[str, float]:
    """Positions and samples a second over the second half of a run."""
    asked = replace(
        settings, max_minutes=minutes, max_steps=1_000_000, max_epochs=0.0, evaluate_every=1_000_000, checkpoint_minutes=1e6
    )
    with tempfile.TemporaryDirectory() as folder, joined({}) as processes:
        network = build_network(shape, VOCABULARY, 0, 1)
        processes.use_threads(count_parameters(network))
        learned = learn(network, data, asked, processes, Path(folder) / "x.pt")
    records = [one for one in learned.progress.records if "train_loss" in one]
    first, last = records[len(records) // 2], records[-1]
    seconds = last["seconds"] - first["seconds"]
    return {
        "positions_a_second": round((last["tokens"] - first["tokens"]) / seconds, 1),
        "samples_a_second": round((last["step"] - first["step"]) * data.batch_size / seconds, 1),
        "steps": learned.progress.step,
        "gigabytes": round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else 0.0,
    }


def made_up() -> Split:
    """Tweets of words that do not exist, in the lengths and with the contexts that real ones have."""
    random = np.random.default_rng(2)
    words = ["".join(random.choice(list("abcdefghilmnoprstuv"), random.integers(2, 9))) for _ in range(WORDS)]
    rows = []
    for number in range(TWEETS):
        text = [words[index] for index in random.zipf(1.3, random.integers(6, 40)) % WORDS]
        named = [text[index].capitalize() for index in random.integers(0, len(text), 2)]
        rows.append(
            {
                "id_str": str(number),
                "screen_name": f"a{number % 300}",
                "coalition": f"C{number % 4}",
                "party": f"P{number % 20}",
                "text": " ".join([*named, *text, "#" + named[0]]),
                "hashtags": [named[0]],
                "entities": [{"text": one, "type": "PERSON", "score": 0.9} for one in named],
                "key_phrases": [{"text": " ".join(text[at : at + 3]), "score": 0.9} for at in range(0, min(9, len(text)), 3)],
                "sentiment": ("POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED")[number % 4],
                "dt": "2024-05-01",
            }
        )
    table = pa.Table.from_pylist(rows)
    return Split(table.slice(500), table.slice(0, 500), "2024-05-02")


def _codec() -> Any:
    texts = made_up().train["text"].to_pylist()[:5_000]
    return codec_for(train_tokenizer(texts, 8_000, SCHEMA), SCHEMA)


if __name__ == "__main__":
    main()
