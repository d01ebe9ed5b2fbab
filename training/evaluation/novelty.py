"""How new some tweets are beside those that a model learnt from."""

from collections.abc import Sequence
from typing import Any

from inference.rules.novelty import Shingles
from training.evaluation.adherence import interval


def novelty(known: Shingles, texts: Sequence[str]) -> dict[str, Any]:
    """The share of near copies with its 95 % interval, and of words that stand in known runs."""
    covered = [known.covered(text) for text in texts]
    copies, words = sum(map(known.is_near_copy, texts)), sum(map(len, covered))
    low, high = interval(copies, len(texts)) if texts else (0.0, 1.0)
    share = copies / len(texts) if texts else 0.0
    return {"near_copies": share, "low": low, "high": high, "covered_words": sum(map(sum, covered)) / max(1, words)}
