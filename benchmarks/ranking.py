"""Does a classifier's score help to choose among drafts? The thesis's idea, beside the way that the endpoint chooses.

    python -m benchmarks.ranking --model run/control --dataset out/dataset [--tweets 300] [--drafts 8] [--write]

Each context of a held-out tweet gets the same drafts, and five ways choose one of them: the first; the classifier alone; what is
said and then the classifier; the endpoint's own worth; and that with the classifier's score. The classifier learns from drafts
and real tweets of one half of the contexts and chooses for the other half, in turn. How well the chosen are told from real tweets
is judged by others, with other features, so that no way is judged by what it chose by.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union

from benchmarks.processes import command_line, keep, machine
from cli.study.making import context_for, fresh_rows
from inference.engine import Engine, GeneratedTweet, _Drawn
from inference.rules.novelty import Shingles
from politico.control.honoured import honoured
from politico.control.request import Parameters, Request
from training.dataset.folder import read_dataset
from training.dataset.split import split_at
from training.evaluation.adherence import distinct, interval
from training.evaluation.evaluate import INSISTING, asked_values
from training.evaluation.held_out import cuts_of
from training.evaluation.judges import judges_of, rows_to_judge
from training.evaluation.novelty import novelty
from training.evaluation.telling import told_apart
from training.folders import open_model

RESULTS = Path(__file__).parent / "results" / "ranking.json"
WEIGHT = 0.5
"""What the classifier's probability is worth beside the endpoint's own terms: as much as the sentiment."""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", type=Path, required=True, help="a control model's folder")
    flags.add_argument("--dataset", type=Path, required=True, help="folder of dt=YYYY-MM-DD/tweets.parquet, of real tweets")
    flags.add_argument("--tweets", type=int, default=300, help="contexts")
    flags.add_argument("--drafts", type=int, default=8, help="of each")
    flags.add_argument("--seed", type=int, default=7)
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    figures = measure(given.model, given.dataset, given.tweets, given.drafts, given.seed)
    keep(figures, RESULTS, write=given.write)


def measure(folder: Path, dataset: Path, count: int, drafts: int, seed: int) -> dict[str, Any]:
    """All figures, ready for JSON."""
    model = open_model(folder)
    torch.set_num_threads(model.threads)
    _, rows = fresh_rows(dataset, [model], seed)
    parts = split_at(read_dataset(dataset), *cuts_of({"candidate": model, "base": model}))
    schema = model.codec.schema
    rows = [row for row in rows if asked_values(context_for(model, row), schema)][:count]
    contexts, real = [context_for(model, row) for row in rows], [row["text"] for row in rows]
    engine = Engine(model)
    found: list[list[_Drawn]] = []
    worths: list[list[float]] = []
    for number, context in enumerate(contexts):
        how: dict[str, Any] = {**INSISTING, "candidates": 1}
        parameters = Parameters(max_new_tokens=100, seed=seed + number, **how)
        start = engine._start(Request(context, "", parameters))
        own = [one for (one,) in engine._drawn([start] * drafts, parameters)]
        worths.append(engine._worth(start, own))
        found.append(own)
        if number % 25 == 24:
            print(f"{number + 1} of {len(contexts)} contexts", flush=True)
    texts = [[one.tweet.generated_text for one in own] for own in found]
    scores = _looks_real(texts, real, seed)
    said = [[one.tweet.said for one in own] for own in found]
    ways: Mapping[str, Callable[[int, int], float]] = {
        "the first": lambda context, draft: -draft,
        "the classifier alone": lambda context, draft: scores[context][draft],
        "what is said, then the classifier": lambda context, draft: 10 * said[context][draft] + scores[context][draft],
        "the endpoint's worth": lambda context, draft: worths[context][draft],
        "the endpoint's worth and the classifier": lambda context, draft: (
            worths[context][draft] + WEIGHT * scores[context][draft]
        ),
    }
    judges = {one.field: one for one in judges_of(rows_to_judge(parts.train, schema), seed, schema)}
    shingles = Shingles.of(parts.train["text"].to_pylist())
    chosen = {
        way: [found[number][max(range(drafts), key=lambda draft: worth(number, draft))].tweet for number in range(len(found))]
        for way, worth in ways.items()
    }
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command_line("benchmarks.ranking"),
        "machine": machine(),
        "model": model.name,
        "contexts": len(contexts),
        "drafts": drafts,
        "ways": {way: _figures(tweets, contexts, real, judges, shingles, schema, seed) for way, tweets in chosen.items()},
    }


def _looks_real(texts: Sequence[Sequence[str]], real: Sequence[str], seed: int) -> list[list[float]]:
    """For each draft how likely a classifier of words and letters, learnt from the other contexts, takes it for a real tweet."""
    halves = np.random.default_rng(seed).permutation(len(texts)) % 2
    scores: list[list[float]] = [[] for _ in texts]
    for half in (0, 1):
        others = [number for number in range(len(texts)) if halves[number] != half]
        learnt = [text for number in others for text in texts[number]]
        labels = [0] * len(learnt) + [1] * len(others)
        classifier = _classifier(seed).fit([*learnt, *(real[number] for number in others)], labels)
        for number in (number for number in range(len(texts)) if halves[number] == half):
            scores[number] = classifier.predict_proba(list(texts[number]))[:, 1].tolist()
    return scores


def _classifier(seed: int) -> Any:
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))
    )
    return make_pipeline(features, LogisticRegression(C=10.0, max_iter=2_000, class_weight="balanced", random_state=seed))


def _figures(
    tweets: Sequence[GeneratedTweet],
    contexts: Sequence[Any],
    real: Sequence[str],
    judges: Mapping[str, Any],
    shingles: Shingles,
    schema: Any,
    seed: int,
) -> dict[str, Any]:
    texts = [one.generated_text for one in tweets]
    pairs = [
        held
        for context, text in zip(contexts, texts, strict=True)
        for items in honoured(context, text, None, schema).values()
        for _item, held in items
    ]
    apart = told_apart(texts, real, seed)
    assert apart is not None, "there are enough of both"
    return {
        "said": round(sum(pairs) / len(pairs), 4),
        "said_interval": [round(one, 4) for one in interval(sum(pairs), len(pairs))],
        **{f"sounds_like_its_{field}": round(judge.adherence(contexts, texts)["share"], 4) for field, judge in judges.items()},
        "told_from_real": [round(one, 4) for one in apart],
        "told_from_real_by_words": round(_area_by_words(texts, real, seed), 4),
        "distinct_1": round(distinct(texts, 1), 4),
        "distinct_2": round(distinct(texts, 2), 4),
        "near_copies": novelty(shingles, texts)["near_copies"],
        "ended": round(sum(one.finish_reason == "stop" for one in tweets) / len(tweets), 4),
        "words": round(sum(len(text.split()) for text in texts) / len(texts), 2),
    }


def _area_by_words(texts: Sequence[str], real: Sequence[str], seed: int) -> float:
    """By cross-validation, a context's pair tested together."""
    labels = np.array([1] * len(texts) + [0] * len(real))
    pairs = np.concatenate([np.arange(len(texts)), np.arange(len(real))])
    classifier = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10.0, max_iter=2_000))
    folds = GroupKFold(5, shuffle=True, random_state=seed)
    scores = cross_val_predict(classifier, [*texts, *real], labels, groups=pairs, cv=folds, method="decision_function")
    return float(roc_auc_score(labels, scores))


if __name__ == "__main__":
    main()
