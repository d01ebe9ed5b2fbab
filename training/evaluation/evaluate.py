"""Judge a new model on tweets that no training saw, beside the base model it came from and the champion it would replace.

    python -m training.evaluation.evaluate --dataset FOLDER --candidate FOLDER --base FOLDER [--champion FOLDER] --output FOLDER

Writes evaluation.json: figures of each model over the very same tweets, and what the candidate writes when it is asked.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inference.engine import Engine
from inference.model import Model
from politico.control.format import Context, Schema
from politico.control.political import SCHEMA, context_of_row
from politico.control.request import Parameters, Request
from politico.errors import FileFormatError, LimitError
from politico.flags import read_flags
from politico.lake.tombstones import fingerprint
from politico.models.experiment import EvaluationSettings
from training.evaluation.adherence import Honoured, adherence, distinct, honoured
from training.evaluation.metrics import Loss
from training.evaluation.scoring import Tweet, conditioned, plain, score, unconditioned
from training.exit_codes import run
from training.folders import open_model
from training.samples.dataset import read_dataset
from training.samples.split import Split, normalised, split_at

EVALUATION_FILE = "evaluation.json"
MAX_NEW_TOKENS = 120
"""Longer than most tweets; less where the network's own length is short."""
BATCH = 20
EXAMPLES = 12

Sentiments = Callable[[Sequence[str]], Sequence[str | None]]
"""Texts to their sentiments, None where there is no opinion."""


@dataclass(frozen=True)
class Judged:
    """Where things lie, and who tells the sentiment."""

    dataset: str
    candidate: str
    base: str
    output: str
    champion: str | None = None
    sentiment: bool = True
    """Ask Comprehend for the sentiment of what was written; otherwise it is not judged."""


@dataclass(frozen=True)
class Written:
    """A tweet that the candidate wrote on demand."""

    context: Context
    text: str
    honoured: Honoured
    unseen: bool
    """Asked for at least one entity or hashtag that training never saw."""
    mark: str
    """The fingerprint of the held-out tweet that the context was taken from."""


@dataclass(frozen=True)
class Asked:
    """What the candidate is asked for."""

    context: Context
    unseen: bool
    mark: str


def main(words: list[str]) -> int:
    def program() -> None:
        judged, settings = read_flags(words, Judged, EvaluationSettings)
        sentiments = comprehend_sentiments() if judged.sentiment else no_sentiments
        champion = Path(judged.champion) if judged.champion else None
        evaluation = evaluate(Path(judged.dataset), Path(judged.candidate), Path(judged.base), champion, settings, sentiments)
        target = Path(judged.output)
        target.mkdir(parents=True, exist_ok=True)
        (target / EVALUATION_FILE).write_text(json.dumps(evaluation, ensure_ascii=False, indent=1), encoding="utf-8")
        print("\n".join(summary_lines(evaluation)), flush=True)

    return run(program)


def comprehend_sentiments() -> Sentiments:
    """Comprehend's opinion."""
    import boto3

    from politico.annotation.comprehend import annotate
    from politico.annotation.labels import Annotation
    from politico.annotation.pace import Pace

    client = boto3.client("comprehend", region_name=os.environ.get("AWS_DEFAULT_REGION"))
    pace = Pace(10)  # half of what the ingestion may take: both may run at once

    def sentiments(texts: Sequence[str]) -> list[str | None]:
        return [one.sentiment if isinstance(one, Annotation) else None for one in annotate(texts, client, pace)]

    return sentiments


def no_sentiments(texts: Sequence[str]) -> list[str | None]:
    """No opinion on any text."""
    return [None] * len(texts)


def evaluate(
    dataset: Path,
    candidate: Path,
    base: Path,
    champion: Path | None,
    settings: EvaluationSettings,
    sentiments: Sentiments,
) -> dict[str, Any]:
    """The evaluation, ready for JSON. Raises InputError for folders that can't be used."""
    models = {"candidate": open_model(candidate), "base": open_model(base)}
    if champion is not None:
        models["champion"] = open_model(champion)
    torch.set_num_threads(max(model.threads for model in models.values()))
    for model in models.values():
        SCHEMA.check_same_format(model.codec.schema)
        model.network.to("cuda" if torch.cuda.is_available() else "cpu")
    tuned = [model for name, model in models.items() if name != "base"]
    parts = split_at(read_dataset(dataset), max(_cut_day(model) for model in tuned))
    held_out = [Tweet(context_of_row(row), row["text"], fingerprint(row["id_str"])) for row in parts.held_out.to_pylist()]
    fitting = [one for one in held_out if _fits(one, models.values())]
    random = np.random.default_rng(settings.seed)
    chosen = sorted(random.permutation(len(fitting))[: settings.max_tweets].tolist())
    tweets = [fitting[index] for index in chosen]
    if not tweets:
        raise LimitError(f"none of {len(held_out)} held-out tweets fits into the models")
    print(f"scoring {len(tweets)} of {len(held_out)} held-out tweets, from {parts.cut_day} on", flush=True)
    evaluation: dict[str, Any] = {
        "held_out": {
            "tweets": len(held_out),
            "scored": len(tweets),
            "too_long": len(held_out) - len(fitting),
            "dropped_duplicates": parts.dropped_duplicates,
            "cut_day": parts.cut_day,
            "bytes": sum(len(one.text.encode()) for one in tweets),
        },
        "base": _named(models["base"], score(models["base"], plain(models["base"], tweets), tweets)),
        "champion": None,
    }
    for name in ("candidate", "champion"):
        if name in models:
            model = models[name]
            evaluation[name] = {
                **_named(model, score(model, conditioned(model, tweets), tweets)),
                "null_context": score(model, unconditioned(model, tweets), tweets).figures(),
            }
    written = write_on_demand(models["candidate"], parts, fitting, settings, sentiments)
    return {**evaluation, "generated": _generated(written, parts), "settings": asdict(settings)}


def write_on_demand(
    model: Model, parts: Split, held_out: Sequence[Tweet], settings: EvaluationSettings, sentiments: Sentiments
) -> list[Written]:
    """A tweet for each of so many held-out contexts, half of them with an entity or hashtag that training never saw."""
    known = {value.casefold() for row in parts.train.to_pylist() for value in _open_values(context_of_row(row))}
    asked = [
        Asked(context, any(value.casefold() not in known for value in _open_values(context)), one.mark)
        for one in held_out
        if _open_values(context := known_only(one.context, model.codec.schema))
    ]
    chosen = _half_and_half(asked, settings.generated, settings.seed)
    longest = min(MAX_NEW_TOKENS, model.length // 2)
    parameters = Parameters(max_new_tokens=longest, seed=settings.seed)
    print(f"writing {len(chosen)} tweets", flush=True)
    tweets = Engine(model).generate_batch([Request(one.context, "", parameters) for one in chosen], BATCH)
    texts = [one.generated_text for one in tweets]
    opinions = sentiments(texts) if texts else []
    return [
        Written(one.context, text, honoured(one.context, text, opinion), one.unseen, one.mark)
        for one, text, opinion in zip(chosen, texts, opinions, strict=True)
    ]


def known_only(context: Context, schema: Schema) -> dict[str, tuple[str, ...]]:
    """The context without a party or coalition that is newer than the model: nobody could ask for it."""
    return {
        name: values for name, values in context.items() if not schema.values.get(name) or set(values) <= set(schema.values[name])
    }


def summary_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """The figures a person asks for first."""
    lines = [f"{'':24}bits per byte  perplexity per word"]
    rows = [("base, plain text", evaluation["base"])]
    for name in ("candidate", "champion"):
        if evaluation[name]:
            rows += [(f"{name}, with context", evaluation[name]), (f"{name}, without", evaluation[name]["null_context"])]
    lines += [f"{title:24}{row['bits_per_byte']:13.3f}  {row['perplexity_per_word']:19.1f}" for title, row in rows]
    for kind in ("seen", "unseen"):
        found = evaluation["generated"][kind]
        shares = ", ".join(f"{name} {one['share']:.0%}" for name, one in found["adherence"].items())
        lines.append(f"{found['tweets']} tweets written for {kind} values: {shares or 'nothing to judge'}")
    return lines


def _generated(written: Sequence[Written], parts: Split) -> dict[str, Any]:
    texts = [one.text for one in written]
    trained = {normalised(text) for text in parts.train["text"].to_pylist()}
    # Judged against the next one's context: what would be honoured if the model did not listen.
    shifted = [honoured(one.context, other.text, None) for one, other in zip(written, _turned(written), strict=True)]
    return {
        "tweets": len(written),
        **{
            kind: {"tweets": len(some), "adherence": adherence([one.honoured for one in some])}
            for kind, some in (
                ("seen", [one for one in written if not one.unseen]),
                ("unseen", [one for one in written if one.unseen]),
            )
        },
        "by_chance": adherence(shifted),
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "copied_from_training": sum(normalised(text) in trained for text in texts) / max(1, len(texts)),
        "examples": [asdict(one) for one in written[:EXAMPLES]],
    }


def _turned(written: Sequence[Written]) -> list[Written]:
    return [*written[1:], *written[:1]]


def _half_and_half(asked: Sequence[Asked], wanted: int, seed: int) -> list[Asked]:
    """Contexts with unseen and with seen values by turns, as far as both last; which ones, the seed decides."""
    random = np.random.default_rng(seed)
    groups = []
    for unseen in (True, False):
        group = [one for one in asked if one.unseen == unseen]
        groups.append([group[index] for index in random.permutation(len(group))])
    few = min(len(groups[0]), wanted // 2)
    few = max(few, min(len(groups[0]), wanted - len(groups[1])))
    chosen = [groups[0][:few], groups[1][: wanted - few]]
    turns = [one for pair in zip(*chosen, strict=False) for one in pair]
    shorter = min(map(len, chosen))
    return [*turns, *chosen[0][shorter:], *chosen[1][shorter:]]


def _open_values(context: Context) -> list[str]:
    return [value for name in ("entidades", "hashtags") for value in context.get(name, ())]


def _named(model: Model, loss: Loss) -> dict[str, Any]:
    return {"name": model.card.get("name"), **loss.figures()}


def _cut_day(model: Model) -> str:
    """The first day that the model was not trained on."""
    try:
        return str(model.card["data"]["cut_day"])
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"the card of {model.card.get('name')!r} has no cut_day; it is no control model") from error


def _fits(tweet: Tweet, models: Any) -> bool:
    """With its marker, its end and the text's own tokens, in each of the models."""
    return all(len(model.codec.encode(" " + tweet.text)) + 2 <= model.length for model in models)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
