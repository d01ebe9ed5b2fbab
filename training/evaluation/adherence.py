"""How much of what was asked for is honoured over many tweets, and what the tweets are like otherwise."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any

from inference.rules.lexicon import words_in
from politico.control.format import Context, Schema
from politico.control.honoured import Honoured, as_said, asked_items
from politico.control.political import SCHEMA
from politico.control.words import repeated_share, words_of

SURE = 1.96
"""Standard errors of a 95 % interval."""
RUN, TOO_OFTEN = 3, 3
"""A run of so many words that a tweet says so often is a stammer."""


class Known:
    """What training tweets say."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._all = f" {' | '.join(' '.join(words_of(text)) for text in texts)} "

    def says(self, value: str) -> bool:
        """Whether the value's words stand together in any of the tweets. A value without words is known."""
        words = words_of(value)
        return not words or f" {' '.join(words)} " in self._all


def by_value(context: Context, judged: Honoured, known: Callable[[str], bool], schema: Schema) -> tuple[Honoured, Honoured]:
    """What was judged of one tweet, in two: values that training tweets have, and new ones. A closed field goes where the tweet
    goes: to the new ones when anything new was asked for."""
    seen: Honoured = {}
    new: Honoured = {}
    for name, values in judged.items():
        if schema.field(name).many:
            for pair in values:
                (seen if known(as_said(schema, name, pair[0])) else new).setdefault(name, []).append(pair)
    if schema.sentiment in judged:
        (new or seen)[schema.sentiment] = judged[schema.sentiment]
    return seen, new


def adherence(judged: Sequence[Honoured], schema: Schema = SCHEMA) -> dict[str, dict[str, float]]:
    """For each field how many values were asked for, the share of them that was honoured, and its 95 % interval.

    Of the sentiment, `by_label` is the mean of each label's own share: a model that writes one kind only does not score.
    """
    asked: dict[str, list[tuple[str, bool]]] = {}
    for one in judged:
        for name, values in one.items():
            asked.setdefault(name, []).extend(values)
    found = {}
    for name, pairs in asked.items():
        good = sum(held for _, held in pairs)
        low, high = interval(good, len(pairs))
        found[name] = {"asked": len(pairs), "share": good / len(pairs), "low": low, "high": high}
    if schema.sentiment in asked:
        labels: dict[str, list[bool]] = {}
        for label, held in asked[schema.sentiment]:
            labels.setdefault(label, []).append(held)
        found[schema.sentiment]["by_label"] = sum(sum(held) / len(held) for held in labels.values()) / len(labels)
    return found


def interval(good: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    share, spread = good / count, SURE * SURE / count
    middle = (share + spread / 2) / (1 + spread)
    half = SURE * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def qualities(contexts: Sequence[Context], texts: Sequence[str], lexicon: Set[str], schema: Schema) -> dict[str, Any]:
    """What texts are like, whatever was asked: shares of words or of tweets. Without a lexicon no word is judged."""
    words = [words_in(text) for text in texts]
    count = max(1, sum(map(len, words)))
    tweets = max(1, len(texts))
    asked = [_asked_words(context, schema) for context in contexts]
    unknown = sum(word not in lexicon and word not in own for found, own in zip(words, asked, strict=True) for word in found)
    return {
        "non_words": unknown / count if lexicon else None,
        "asked_words": sum(word in own for found, own in zip(words, asked, strict=True) for word in found) / count,
        "repeated_pairs": sum(map(repeated_share, texts)) / tweets,
        "stammering": sum(map(stammers, texts)) / tweets,
        "distinct_1": distinct(texts, 1),
        "distinct_2": distinct(texts, 2),
        "self_bleu": self_bleu(texts),
        "words": count / tweets,
        "characters": sum(map(len, texts)) / tweets,
    }


def stammers(text: str) -> bool:
    """Whether a run of words is said again and again."""
    words = words_of(text)
    runs = [tuple(words[start : start + RUN]) for start in range(len(words) - RUN + 1)]
    return any(runs.count(run) >= TOO_OFTEN for run in set(runs))


def distinct(texts: Sequence[str], length: int) -> float:
    """Different runs of `length` words over all of them (Li et al. 2016, distinct-n). 1 is all different."""
    runs = [tuple(words[start : start + length]) for words in map(words_of, texts) for start in range(len(words) - length + 1)]
    return len(set(runs)) / len(runs) if runs else 0.0


def self_bleu(texts: Sequence[str], longest: int = 4) -> float:
    """How much each text is like the others: its BLEU against all of them, in the mean (Zhu et al. 2018, Texygen). 0 is all
    different, 1 all alike.

    Runs of up to `longest` words; of runs of two and more one is added to found and sought (Lin and Och 2004), or a short text
    without a run in common would count as unlike whatever it says.
    """
    rows = [words for words in map(words_of, texts) if words]
    if len(rows) < 2:
        return 0.0
    lengths = Counter(map(len, rows))
    logs = [0.0] * len(rows)
    for length in range(1, longest + 1):
        counted = [Counter(tuple(row[at : at + length]) for at in range(len(row) - length + 1)) for row in rows]
        best: dict[tuple[str, ...], tuple[int, int]] = {}
        for found in counted:  # the two texts that say a run most often: what the others say at most is one of these
            for run, count in found.items():
                first, second = best.get(run, (0, 0))
                best[run] = (count, first) if count > first else (first, max(second, count))
        added = 0 if length == 1 else 1
        for number, found in enumerate(counted):
            sought = sum(found.values()) + added
            held = sum(min(count, best[run][1] if best[run][0] == count else best[run][0]) for run, count in found.items())
            logs[number] += math.log((held + added) / sought) / longest if held + added else -math.inf
    scores = []
    for row, log in zip(rows, logs, strict=True):
        others = lengths - Counter([len(row)])
        _, closest = min((abs(one - len(row)), one) for one in others)
        scores.append(math.exp(log + min(0.0, 1 - closest / len(row))))
    return sum(scores) / len(scores)


def _asked_words(context: Context, schema: Schema) -> frozenset[str]:
    return frozenset(words_in(" ".join(asked_items(context, schema))))
