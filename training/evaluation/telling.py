"""How well written tweets are told from real ones by a classifier of words and letters."""

from collections.abc import Sequence
from itertools import pairwise
from zlib import crc32

import torch

from politico.control.words import words_of

FEATURES = 4_096
"""Runs of letters and pairs of words, by hash."""
FOLDS = 5
STEPS, RATE, DECAY = 100, 0.1, 1e-3


def telling(written: Sequence[str], real: Sequence[str], seed: int) -> float | None:
    """The area under the curve of a logistic regression, by cross-validation: 0.5 can't tell them apart, 1 always can.

    The written and the real tweet of one context, which stand in the same place of both, share what it asks for and are tested
    together: learnt from one of them, the other would be taken for its like. None where there are fewer of either than folds.
    """
    if min(len(written), len(real)) < FOLDS:
        return None
    texts = [*written, *real]
    features = torch.stack([_features(text) for text in texts])
    labels = torch.tensor([1.0] * len(written) + [0.0] * len(real))
    pair = torch.cat([torch.arange(len(written)), torch.arange(len(real))])
    drawn = torch.randperm(max(len(written), len(real)), generator=torch.Generator().manual_seed(seed))
    folds = drawn[pair] % FOLDS
    scores = torch.zeros(len(texts))
    for fold in range(FOLDS):
        test, train = folds == fold, folds != fold
        scores[test] = features[test] @ _fitted(features[train], labels[train])
    ones, others = scores[labels == 1], scores[labels == 0]
    above = (ones[:, None] > others).float() + 0.5 * (ones[:, None] == others).float()
    return float(above.mean())


def _fitted(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    weights = torch.zeros(features.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(features @ weights, labels) + DECAY * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return weights.detach()


def _features(text: str) -> torch.Tensor:
    words = words_of(text)
    letters = " ".join(words)
    runs = [letters[start : start + 4] for start in range(max(0, len(letters) - 3))]
    pairs = [f"{one}+{other}" for one, other in pairwise(words)]
    found = torch.zeros(FEATURES)
    for one in (*runs, *pairs):
        found[crc32(one.encode()) % FEATURES] += 1.0
    found /= found.norm().clamp(min=1.0)
    return found
