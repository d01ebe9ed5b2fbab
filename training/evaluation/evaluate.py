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

from inference.engine import Engine
from inference.model import Model
from inference.rules.novelty import Shingles
from politico.control.format import Context, Schema
from politico.control.honoured import Honoured, as_said, honoured
from politico.control.political import known_schema
from politico.control.rows import context_of_row, naming
from politico.flags import read_flags
from politico.lake.tombstones import fingerprint
from politico.models.settings import EvaluationSettings
from training.dataset.folder import read_dataset
from training.dataset.split import Split, normalised, split_at
from training.evaluation.adherence import Known, adherence, by_value, distinct, qualities
from training.evaluation.held_out import cuts_of, held_out_of, make_ready
from training.evaluation.judges import judges_of, rows_to_judge
from training.evaluation.metrics import Loss
from training.evaluation.novelty import novelty
from training.evaluation.referee import Referee
from training.evaluation.scoring import Tweet, conditioned, plain, score, unconditioned
from training.evaluation.telling import telling
from training.evaluation.writing import write
from training.exit_codes import run
from training.folders import open_model

EVALUATION_FILE = "evaluation.json"
EXAMPLES = 12
INSISTING = {"temperature": 0.7, "insistence": 1.0, "candidates": 4}
"""How the model is asked: as an app would that wants what it asks for."""
OWN_WAY = {"temperature": 0.7, "insistence": 0.0, "known_words": False, "max_characters": 0}
"""How the model is asked to see what it does by itself."""

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
class Asked:
    """What the candidate is asked for."""

    context: Context
    unseen: bool
    """Names an entity or a hashtag that no training tweet says."""
    mark: str
    """The fingerprint of the held-out tweet that the context was taken from."""
    text: str
    """That tweet: what a person wrote on these things."""


@dataclass(frozen=True)
class Written:
    """A tweet that the candidate wrote on demand."""

    asked: Asked
    text: str
    ended: bool
    honoured: Honoured


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
    schemas = {name: known_schema(model.codec.schema) for name, model in models.items()}
    make_ready(models.values())
    parts = split_at(read_dataset(dataset), *cuts_of(models))
    held_out = held_out_of(parts, models, settings)
    print(held_out.told, flush=True)
    # Each model is asked in the version of the format that it was trained with.
    tweets = {
        name: [Tweet(context_of_row(row, schema), row["text"]) for row in held_out.scored] for name, schema in schemas.items()
    }
    evaluation: dict[str, Any] = {
        "held_out": held_out.counts,
        "base": _named(models["base"], score(models["base"], plain(models["base"], tweets["base"]), tweets["base"])),
        "champion": None,
    }
    for name in ("candidate", "champion"):
        if name in models:
            model, own = models[name], tweets[name]
            evaluation[name] = {
                **_named(model, score(model, conditioned(model, own), own)),
                "null_context": score(model, unconditioned(model, own), own).figures(),
                "labels_only": score(model, conditioned(model, _labels_only(own, schemas[name])), own).figures(),
            }
    generated = judge_writing(models["candidate"], parts, held_out.fitting, settings, sentiments, held_out.shingles)
    return {**evaluation, "generated": generated, "settings": asdict(settings)}


def judge_writing(
    model: Model,
    parts: Split,
    held_out: Sequence[Mapping[str, Any]],
    settings: EvaluationSettings,
    sentiments: Sentiments,
    shingles: Shingles,
) -> dict[str, Any]:
    """What the model does of held-out contexts, half of them with a value that training never saw: insisting
    and in its own way. Beside it what chance would honour, and what the people wrote whose contexts these are."""
    schema = known_schema(model.codec.schema)
    trained = parts.train["text"].to_pylist()
    known = Known(trained)
    asked = _contexts(model, held_out, known)
    chosen = _half_and_half(asked, settings.generated, settings.seed)
    print(f"writing {len(chosen)} tweets, insisting and in the model's own way", flush=True)
    written = _write(model, chosen, INSISTING, settings.seed, sentiments)
    own_way = _write(model, chosen, OWN_WAY, settings.seed, no_sentiments)
    contexts, texts, real = [one.context for one in chosen], [one.text for one in written], [one.text for one in chosen]
    # Judged against the next one's context: what would be honoured if the model did not listen.
    shifted = [honoured(one.context, text, None, schema) for one, text in zip(chosen, [*texts[1:], *texts[:1]], strict=True)]
    referee, learnt = Referee(trained), {normalised(text) for text in trained}
    return {
        "tweets": len(written),
        "parameters": INSISTING,
        **_adherences(written, known, schema),
        "by_chance": adherence(shifted, schema),
        "real": adherence([honoured(one.context, one.text, None, schema) for one in chosen], schema),
        "own_way": {
            **_adherences(own_way, known, schema),
            **qualities(contexts, [one.text for one in own_way], model.words, schema),
        },
        "written_qualities": {
            **qualities(contexts, texts, model.words, schema),
            "ended": sum(one.ended for one in written) / max(1, len(written)),
            "referee_bits_per_byte": referee.bits_per_byte(texts),
            "told_from_real": telling(texts, real, settings.seed),
        },
        "real_qualities": {
            **qualities(contexts, real, model.words, schema),
            "referee_bits_per_byte": referee.bits_per_byte(real),
        },
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "copied_from_training": sum(normalised(text) in learnt for text in texts) / max(1, len(texts)),
        "novelty": {
            "written": novelty(shingles, texts),
            "own_way": novelty(shingles, [one.text for one in own_way]),
            # What people write repeats itself, too.
            "real": novelty(shingles, parts.repeating_themselves(settings)),
        },
        "judged": _judged(
            parts, held_out, chosen, {"written": texts, "own_way": [one.text for one in own_way], "real": real}, settings, schema
        ),
        "examples": [_example(one) for one in written[:EXAMPLES]],
    }


def _judged(
    parts: Split,
    fresh: Sequence[Mapping[str, Any]],
    asked: Sequence[Asked],
    texts: Mapping[str, Sequence[str]],
    settings: EvaluationSettings,
    schema: Schema,
) -> dict[str, Any]:
    """How well classifiers of real tweets tell the closed fields, such as the party, and what they take each kind of text for."""
    rows = [fresh[index] for index in np.random.default_rng(settings.seed).permutation(len(fresh))[: settings.max_tweets]]
    contexts = [one.context for one in asked]
    return {
        judge.field: {
            "accuracy": judge.accuracy(rows),
            **{kind: judge.adherence(contexts, of_kind) for kind, of_kind in texts.items()},
        }
        for judge in judges_of(rows_to_judge(parts.train, schema), settings.seed, schema)
    }


def _labels_only(tweets: Sequence[Tweet], schema: Schema) -> list[Tweet]:
    """The tweets behind what is known of a writer before anything is said: coalition, party, sentiment."""
    closed = {one.name for one in schema.fields if one.closed}
    return [Tweet({name: values for name, values in one.context.items() if name in closed}, one.text) for one in tweets]


def _contexts(model: Model, held_out: Sequence[Mapping[str, Any]], known: Known) -> list[Asked]:
    """The contexts of the held-out tweets that name something, in the model's own version of the format."""
    schema = known_schema(model.codec.schema)
    found = []
    for row in held_out:
        context = known_only(context_of_row(row, schema), model.codec.schema)
        if values := asked_values(context, schema):
            found.append(Asked(context, not all(map(known.says, values)), fingerprint(row["id_str"]), row["text"]))
    return found


def asked_values(context: Context, schema: Schema) -> list[str]:
    """What a context's lists hold, but for key phrases, as a tweet spells it: entities and hashtags."""
    return [as_said(schema, name, value) for name in naming(schema) for value in context.get(name, ())]


def _write(model: Model, asked: Sequence[Asked], how: Mapping[str, Any], seed: int, sentiments: Sentiments) -> list[Written]:
    tweets = write(Engine(model), [one.context for one in asked], how, seed)
    texts = [one.generated_text for one in tweets]
    opinions = sentiments(texts) if texts else []
    schema = model.codec.schema
    return [
        Written(
            one, tweet.generated_text, tweet.finish_reason == "stop", honoured(one.context, tweet.generated_text, said, schema)
        )
        for one, tweet, said in zip(asked, tweets, opinions, strict=True)
    ]


def _adherences(written: Sequence[Written], known: Known, schema: Schema) -> dict[str, Any]:
    """`seen` and `unseen`: values that training tweets say, and new ones. `tweets` counts those with such a value."""
    halves = [by_value(one.asked.context, one.honoured, known.says, schema) for one in written]
    kinds = {"seen": [seen for seen, _ in halves if seen], "unseen": [new for _, new in halves if new]}
    return {kind: {"tweets": len(judged), "adherence": adherence(judged, schema)} for kind, judged in kinds.items()}


def _example(one: Written) -> dict[str, Any]:
    return {
        "context": one.asked.context,
        "text": one.text,
        "honoured": one.honoured,
        "unseen": one.asked.unseen,
        "mark": one.asked.mark,
    }


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
            kinds = (("with labels", evaluation[name]["labels_only"]), ("without", evaluation[name]["null_context"]))
            rows += [(f"{name}, with context", evaluation[name]), *((f"{name}, {kind}", one) for kind, one in kinds)]
    lines += [f"{title:24}{row['bits_per_byte']:13.3f}  {row['perplexity_per_word']:19.1f}" for title, row in rows]
    for kind in ("seen", "unseen"):
        found = evaluation["generated"][kind]
        shares = ", ".join(f"{name} {one['share']:.0%}" for name, one in found["adherence"].items())
        lines.append(f"{found['tweets']} tweets with {kind} values: {shares or 'nothing to judge'}")
    for field, found in evaluation["generated"]["judged"].items():
        written, real, own = found["written"], found["real"], found["accuracy"]
        lines.append(
            f"{field}: {written['share']:.0%} sound like what was asked (by chance {written['by_chance']:.0%}, real tweets "
            f"{real['share']:.0%}; the judge is right on {own['share']:.0%} of held-out tweets)"
        )
    copies = evaluation["generated"]["novelty"]
    lines.append(
        f"near copies of training tweets: {copies['written']['near_copies']:.1%}, of real ones "
        f"{copies['real']['near_copies']:.1%}"
    )
    return lines


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


def _named(model: Model, loss: Loss) -> dict[str, Any]:
    return {"name": model.card.get("name"), **loss.figures()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
