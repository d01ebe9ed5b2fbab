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
STRENGTH = 10.0
"""How freely the classifier fits: the inverse of its regularisation."""


def telling(written: Sequence[str], real: Sequence[str], seed: int) -> float | None:
    """The area under the curve of a logistic regression, by cross-validation: 0.5 can't tell them apart, 1 always can.

    The written and the real tweet of one context, which stand in the same place of both, share what it asks for and are tested
    together: learnt from one of them, the other would be taken for its like. None where there are fewer of either than folds.
    """
    if min(len(written), len(real)) < FOLDS:
        return None
    features = HashingVectorizer(analyzer=_features, n_features=FEATURES, alternate_sign=False).transform([*written, *real])
    labels = np.array([1] * len(written) + [0] * len(real))
    pairs = np.concatenate([np.arange(len(written)), np.arange(len(real))])
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    classifier = LogisticRegression(C=STRENGTH, max_iter=1_000)
    scores = cross_val_predict(classifier, features, labels, groups=pairs, cv=folds, method="decision_function")
    return float(roc_auc_score(labels, scores))


def _features(text: str) -> Iterator[str]:
    words = words_of(text)
    letters = " ".join(words)
    yield from (letters[start : start + LETTERS] for start in range(len(letters) - LETTERS + 1))
    yield from (f"{one}+{other}" for one, other in pairwise(words))
