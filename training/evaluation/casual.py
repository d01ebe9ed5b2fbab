"""Judge a casual model: how well it foretells tweets that no training saw, and what it writes when nothing is asked.

    python -m training.evaluation.casual --dataset FOLDER --candidate FOLDER --base FOLDER [--other FOLDER] --output FOLDER

Beside what it writes stand real held-out tweets of its parties. With another casual model, such as the other side's: how well the
two are told apart in what they write, beside how well their parties are in what people wrote.
"""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from inference.engine import Engine
from inference.model import Model
from politico.control.format import Schema
from politico.control.political import known_schema
from politico.errors import FileFormatError
from politico.flags import read_flags
from politico.models.settings import CasualSettings, EvaluationSettings
from training.dataset.folder import read_dataset
from training.dataset.split import of_parties, split_at
from training.evaluation.adherence import qualities
from training.evaluation.evaluate import EVALUATION_FILE
from training.evaluation.held_out import HeldOut, cuts_of, held_out_of, make_ready
from training.evaluation.judges import judges_of, rows_to_judge
from training.evaluation.novelty import novelty
from training.evaluation.referee import Referee
from training.evaluation.scoring import Tweet, plain, score, unconditioned
from training.evaluation.telling import telling
from training.evaluation.writing import write
from training.exit_codes import run
from training.folders import open_model

FREELY = {"temperature": 1.0, "top_k": 100, "top_p": 1.0, "insistence": 0.0, "known_words": False, "max_characters": 0}
"""As the thesis drew its casual tweets (its section 4.2.4), and with nothing that keeps words out or cuts."""
EXAMPLES = 20


@dataclass(frozen=True)
class Judged:
    """Where things lie."""

    dataset: str
    candidate: str
    base: str
    output: str
    other: str | None = None
    """Another casual model, to be told from this one."""


def main(words: list[str]) -> int:
    def program() -> None:
        judged, settings = read_flags(words, Judged, EvaluationSettings)
        other = Path(judged.other) if judged.other else None
        evaluation = evaluate_casual(Path(judged.dataset), Path(judged.candidate), Path(judged.base), other, settings)
        target = Path(judged.output)
        target.mkdir(parents=True, exist_ok=True)
        (target / EVALUATION_FILE).write_text(json.dumps(evaluation, ensure_ascii=False, indent=1), encoding="utf-8")
        print("\n".join(summary_lines(evaluation)), flush=True)

    return run(program)


def evaluate_casual(
    dataset: Path, candidate: Path, base: Path, other: Path | None, settings: EvaluationSettings
) -> dict[str, Any]:
    """The evaluation, ready for JSON. Raises InputError for folders that can't be used."""
    models = {"candidate": open_model(candidate), "base": open_model(base)}
    if other is not None:
        models["other"] = open_model(other)
    for model in models.values():
        known_schema(model.codec.schema)
    make_ready(models.values())
    cuts, table = cuts_of(models), read_dataset(dataset)
    parts = split_at(of_parties(table, parties_of(models["candidate"])), *cuts)
    held_out = held_out_of(parts, models, settings)
    print(held_out.told, flush=True)
    tweets = [Tweet({}, row["text"]) for row in held_out.scored]
    found: dict[str, Any] = {
        "held_out": held_out.counts,
        "base": {
            "name": models["base"].card.get("name"),
            **score(models["base"], plain(models["base"], tweets), tweets).figures(),
        },
        "candidate": {
            "name": models["candidate"].card.get("name"),
            "parties": list(parties_of(models["candidate"])),
            **score(models["candidate"], unconditioned(models["candidate"], tweets), tweets).figures(),
        },
    }
    real = _drawn(held_out, settings.generated, settings.seed)
    print(f"writing {len(real)} tweets freely", flush=True)
    texts = written_freely(models["candidate"], len(real), settings.seed)
    referee = Referee(parts.train["text"].to_pylist())
    found["written"] = {
        "tweets": len(texts),
        "parameters": FREELY,
        "qualities": {
            **qualities([{}] * len(texts), texts, models["candidate"].words, models["candidate"].codec.schema),
            "referee_bits_per_byte": referee.bits_per_byte(texts),
            "told_from_real": telling(texts, real, settings.seed),
        },
        "real_qualities": {
            **qualities([{}] * len(real), real, models["candidate"].words, models["candidate"].codec.schema),
            "referee_bits_per_byte": referee.bits_per_byte(real),
        },
        "novelty": {
            "written": novelty(held_out.shingles, texts),
            "real": novelty(held_out.shingles, parts.repeating_themselves(settings)),
        },
        "sounds_like": _sounds_like(
            split_at(table, *cuts).train, {"written": texts, "real": real}, settings.seed, models["candidate"].codec.schema
        ),
        "examples": texts[:EXAMPLES],
    }
    if other is not None:
        side = split_at(of_parties(table, parties_of(models["other"])), *cuts)
        theirs = _drawn(held_out_of(side, models, settings), len(real), settings.seed)
        found["apart"] = _apart(models["other"], theirs, texts, real, settings.seed)
    return {**found, "settings": asdict(settings)}


def parties_of(model: Model) -> tuple[str, ...]:
    """Whose tweets a casual model has learnt from; none for everybody's. Raises FileFormatError for another kind of model."""
    try:
        named = str(model.card["settings"]["casual"]["parties"])
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"the card of {model.card.get('name')!r} has no parties; it is no casual model") from error
    return CasualSettings(parties=named).party_list


def _drawn(held_out: HeldOut, count: int, seed: int) -> list[str]:
    """Texts of as many of the scored tweets, at random."""
    order = np.random.default_rng(seed).permutation(len(held_out.scored))[:count]
    return [held_out.scored[index]["text"] for index in order.tolist()]


def written_freely(model: Model, count: int, seed: int) -> list[str]:
    """So many tweets, with nothing asked, and none chosen."""
    return [one.generated_text for one in write(Engine(model), [{}] * count, FREELY, seed)]


def _sounds_like(train: pa.Table, texts: Mapping[str, Sequence[str]], seed: int, schema: Schema) -> dict[str, Any]:
    """What classifiers of everybody's tweets take the texts for: shares by value, of each field."""
    found: dict[str, Any] = {}
    for judge in judges_of(rows_to_judge(train, schema), seed, schema):
        shares = {}
        for kind, of_kind in texts.items():
            counts = Counter(judge.of(of_kind))
            shares[kind] = {value: counts[value] / max(1, len(of_kind)) for value in sorted(counts, key=lambda one: -counts[one])}
        found[judge.field] = shares
    return found


def _apart(other: Model, theirs: Sequence[str], texts: Sequence[str], real: Sequence[str], seed: int) -> dict[str, Any]:
    """How well a classifier tells this model's tweets from the other's, and their parties' real ones: 0.5 not at all, 1
    always."""
    return {
        "other": other.card.get("name"),
        "parties": list(parties_of(other)),
        "written": telling(texts, written_freely(other, len(texts), seed + 1), seed),
        "real": telling(real, theirs, seed),
    }


def summary_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """The figures a person asks for first."""
    base, own, written = evaluation["base"], evaluation["candidate"], evaluation["written"]
    copies = {kind: f"{one['near_copies']:.1%}" for kind, one in written["novelty"].items()}
    rows = (("base, plain text", base), ("casual", own))
    lines = [
        f"{'':24}bits per byte  perplexity per word",
        *(f"{title:24}{one['bits_per_byte']:13.3f}  {one['perplexity_per_word']:19.1f}" for title, one in rows),
        f"near copies of training tweets: {copies['written']}, of real ones {copies['real']}",
        f"told from real tweets: {written['qualities']['told_from_real']} (0.5: not at all, 1: always)",
    ]
    if "apart" in evaluation:
        apart = evaluation["apart"]
        lines.append(f"told from {apart['other']}: {apart['written']}; the real tweets of either side: {apart['real']}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
