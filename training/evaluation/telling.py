"""How well written tweets are told from real ones by a classifier of words and letters."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from politico.control.words import words_of

FEATURES = 4_096
"""Runs of letters and pairs of words, by hash."""
LETTERS = 4
FOLDS = 5
REDRAWS = 200
STRENGTH = 10.0
"""How freely the classifier fits: the inverse of its regularisation."""


def telling(written: Sequence[str], real: Sequence[str], seed: int) -> float | None:
    """The area under the curve of a logistic regression, by cross-validation: 0.5 can't tell them apart, 1 always can.

    The written and the real tweet of one context, which stand in the same place of both, share what it asks for and are tested
    together: learnt from one of them, the other would be taken for its like. None where there are fewer of either than folds.
    """
    found = told_apart(written, real, seed)
    return None if found is None else found[0]


def told_apart(written: Sequence[str], real: Sequence[str], seed: int) -> tuple[float, float, float] | None:
    """The same with its 95 % interval, by drawing the pairs anew (Efron 1979)."""
    if min(len(written), len(real)) < FOLDS:
        return None
    features = HashingVectorizer(analyzer=_features, n_features=FEATURES, alternate_sign=False).transform([*written, *real])
    labels = np.array([1] * len(written) + [0] * len(real))
    pairs = np.concatenate([np.arange(len(written)), np.arange(len(real))])
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    classifier = LogisticRegression(C=STRENGTH, max_iter=1_000)
    scores = cross_val_predict(classifier, features, labels, groups=pairs, cv=folds, method="decision_function")
    random, areas = np.random.default_rng(seed), []
    of_pair = [np.flatnonzero(pairs == number) for number in range(int(pairs.max()) + 1)]
    for _ in range(REDRAWS):
        drawn = np.concatenate([of_pair[number] for number in random.integers(len(of_pair), size=len(of_pair))])
        areas.append(_area(labels[drawn], scores[drawn]))
    low, high = np.quantile(areas, [0.025, 0.975])
    return _area(labels, scores), float(low), float(high)


def _area(labels: "np.ndarray[tuple[int], np.dtype[np.int64]]", scores: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    return float(roc_auc_score(labels, scores)) if len(np.unique(labels)) == 2 else 0.5


def _features(text: str) -> Iterator[str]:
    words = words_of(text)
    letters = " ".join(words)
    yield from (letters[start : start + LETTERS] for start in range(len(letters) - LETTERS + 1))
    yield from (f"{one}+{other}" for one, other in pairwise(words))
