"""How often the watermark is found, by length and entropy, how often where people wrote, and what it costs.

    python -m benchmarks.watermark --model run/control --dataset out/dataset [--tweets 1000] [--write]

The limit is that of the held-out tweets, as training sets it; the false alarms are those of the tweets before. Entropy is that of
what chance had to choose from, in bits a token.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks.processes import command_line, keep, machine
from cli.study.making import context_for, fresh_rows
from inference.detecting import Limit, detect, real_limit
from inference.engine import Engine
from inference.model import Model
from inference.writing.watermark import CONTEXT, Watermark
from politico.control.format import Context
from politico.control.honoured import asked_items
from politico.control.request import Request, parse_parameters
from training.dataset.folder import read_dataset
from training.dataset.split import split_at
from training.evaluation.adherence import distinct
from training.evaluation.held_out import cuts_of
from training.folders import open_model

RESULTS = Path(__file__).parent / "results" / "watermark.json"
LENGTHS, BITS = (20, 40, 60), (1.0, 2.0, 3.0, 4.0)
"""Where one group ends and the next begins."""
WHOLE = {"max_new_tokens": 60, "min_new_tokens": 60, "max_characters": 0}
WAYS: Mapping[str, Mapping[str, Any]] = {
    "freely, 60 tokens, all of the probability": {**WHOLE, "top_p": 1.0, "temperature": 1.0, "known_words": False},
    "freely, 60 tokens, as the endpoint does unasked": WHOLE,
    "freely, as the endpoint does unasked": {},
    "the thesis's casual way": {"preset": "casual", "num_return_sequences": 1},
    "on demand": {},
    "on demand, the best of four": {"candidates": 4},
}
"""What is asked; the last two with the contexts of held-out tweets."""
ON_DEMAND = "on demand"


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", type=Path, required=True, help="a control model's folder")
    flags.add_argument("--dataset", type=Path, required=True, help="folder of dt=YYYY-MM-DD/tweets.parquet, of real tweets")
    flags.add_argument("--tweets", type=int, default=1000, help="of each way")
    flags.add_argument("--seed", type=int, default=7)
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    keep(measure(given.model, given.dataset, given.tweets, given.seed), RESULTS, write=given.write)


class _Listening(Watermark):
    """Notes the entropy of every draw, under the ids before it."""

    bits: dict[tuple[int, ...], float]

    def drawn_from(self, shares: torch.Tensor, tokens: torch.Tensor, before: Sequence[int]) -> torch.Tensor:
        own = shares.double() / shares.double().sum()
        self.bits[tuple(before)] = float(-(own * own.clamp_min(1e-12).log2()).sum())
        return super().drawn_from(shares, tokens, before)


def measure(folder: Path, dataset: Path, count: int, seed: int) -> dict[str, Any]:
    """All figures, ready for JSON."""
    model = open_model(folder)
    torch.set_num_threads(model.threads)
    watermark = _Listening.of(model.network)
    assert isinstance(watermark, _Listening), "the class that was asked makes its own"
    parts = split_at(read_dataset(dataset), *cuts_of({"candidate": model, "base": model}))
    limit = real_limit(watermark, model.codec, parts.held_out["text"].to_pylist())
    before = detect(model, parts.train["text"].to_pylist(), limit)
    _, rows = fresh_rows(dataset, [model], seed)
    contexts = [context_for(model, row) for row in rows]
    asking = [one for one in contexts if asked_items(one, model.codec.schema)]
    assert asking, "held-out tweets name something"
    found: dict[str, Any] = {}
    for name, how in WAYS.items():
        asked: list[Context] = [asking[number % len(asking)] for number in range(count)] if ON_DEMAND in name else [{}] * count
        found[name] = _way(model, watermark, limit, asked, how, seed)
        print(name, found[name], flush=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command_line("benchmarks.watermark"),
        "machine": machine(),
        "model": model.name,
        "limit": limit.chance,
        "real_tweets_of_the_limit": limit.real,
        "false_alarms": {
            "by_the_limit": _by(before, lambda one: one.found),
            "by_arithmetic": _by(before, lambda one: one.chance < Limit().chance),
        },
        "ways": found,
    }


def _way(
    model: Model, watermark: _Listening, limit: Limit, asked: Sequence[Context], how: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    engine = Engine(model, watermarked=True)
    engine._watermark, watermark.bits = watermark, {}
    parameters = {"seed": seed, **how}
    requests = [Request(context, "", parse_parameters(parameters)) for context in asked]
    tweets = engine.generate_batch(requests)
    plain = Engine(model).generate_batch(requests)
    texts, unmarked = ([one.generated_text for one in some] for some in (tweets, plain))
    verdicts = detect(model, texts, limit)
    bits = [_bits(model, watermark, text) for text in texts]
    cells: dict[str, list[bool]] = {}
    for one, entropy in zip(verdicts, bits, strict=True):
        cells.setdefault(f"{_group(one.tokens, LENGTHS)} tokens", []).append(one.found)
        cells.setdefault(f"{_group(entropy, BITS)} bits", []).append(one.found)
        cells.setdefault(f"{_group(one.tokens, LENGTHS)} tokens, {_group(entropy, BITS)} bits", []).append(one.found)
    return {
        "found": _share([one.found for one in verdicts]),
        "found_unmarked": _share([one.found for one in detect(model, unmarked, limit)]),
        "bits_a_token": round(sum(bits) / len(bits), 2),
        "tokens": round(sum(one.tokens for one in verdicts) / len(verdicts), 1),
        "by_length_and_entropy": {name: [_share(some), len(some)] for name, some in sorted(cells.items())},
        "said": [_mean([one.said for one in some]) for some in (tweets, plain)],
        "nats_a_token": [_nats(engine, requests, some) for some in (texts, unmarked)],
        "distinct_tweets": [len(set(some)) for some in (texts, unmarked)],
        "distinct_2": [round(distinct(some, 2), 4) for some in (texts, unmarked)],
    }


def _nats(engine: Engine, requests: Sequence[Request], texts: Sequence[str]) -> float:
    """The log-likelihood of a token, on average, by the model alone."""
    pieces = [engine.model.codec.piece(text) for text in texts]
    totals = [engine._likelihood(engine._start(one).ids, ids) for one, ids in zip(requests, pieces, strict=True)]
    return round(sum(totals) / sum(map(len, pieces)), 3)


def _bits(model: Model, watermark: _Listening, text: str) -> float:
    """A token of the text, on average, where it was drawn from the tokens that the text is read as."""
    ids = list(model.codec.piece(text))
    # What tweets begin with they share, whatever was asked: those draws are left out, for another tweet's would be read.
    known = [watermark.bits[key] for place in range(CONTEXT, len(ids)) if (key := tuple(ids[:place])) in watermark.bits]
    return sum(known) / max(1, len(known))


def _by(verdicts: Sequence[Any], taken: Callable[[Any], bool]) -> dict[str, Any]:
    """The share that is taken for the model's: of all, and by length."""
    cells: dict[str, list[bool]] = {"all": [taken(one) for one in verdicts]}
    for one in verdicts:
        cells.setdefault(f"{_group(one.tokens, LENGTHS)} tokens", []).append(taken(one))
    return {name: [_share(some), len(some)] for name, some in cells.items()}


def _group(value: float, borders: Sequence[float]) -> str:
    below = [border for border in borders if border <= value]
    above = [border for border in borders if border > value]
    return f"{below[-1] if below else 0:g} to {above[0]:g}" if above else f"{below[-1]:g} and more"


def _share(some: Sequence[bool]) -> float:
    return round(sum(some) / max(1, len(some)), 4)


def _mean(some: Sequence[float]) -> float:
    return round(sum(some) / len(some), 4)


if __name__ == "__main__":
    main()
