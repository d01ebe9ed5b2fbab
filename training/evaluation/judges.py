"""Who a tweet sounds like: classifiers of a schema's closed fields, such as the party, that learnt from real training tweets.

They judge written tweets by what real ones are like, and each says how well it does so, on held-out real tweets. What such a
one calls right need not be: it may go by names and topics.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline, make_union

from politico.control.format import Context, Field, Schema
from politico.control.rows import columns_of, value_of_row
from training.evaluation.adherence import interval

MOST_TWEETS = 100_000
"""So many are learnt from: minutes, and more changes little."""
LEAST_TWEETS = 20
"""With fewer of a value nobody could tell what its tweets are like."""
WORDS, LETTERS = 200_000, 200_000
"""Features, the most frequent."""


class Judge:
    """A linear classifier of words, pairs of words and runs of letters, for one field."""

    def __init__(self, field: Field, rows: Sequence[Mapping[str, Any]], seed: int) -> None:
        self.field, self._field = field.name, field
        counts = Counter(value for row in rows if (value := self._of(row)))
        self.values = sorted(value for value, count in counts.items() if count >= LEAST_TWEETS)
        mine = [row for row in rows if self._of(row) in self.values]
        if len(mine) > MOST_TWEETS:
            chosen = np.random.default_rng(seed).choice(len(mine), MOST_TWEETS, replace=False)
            mine = [mine[index] for index in sorted(chosen)]
        self._model = None
        if len(self.values) > 1:
            features = make_union(
                TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=WORDS),
                TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=LETTERS),
            )
            classifier = SGDClassifier(loss="log_loss", alpha=1e-5, class_weight="balanced", random_state=seed)
            self._model = make_pipeline(features, classifier)
            self._model.fit([row["text"] for row in mine], [self._of(row) for row in mine])

    def _of(self, row: Mapping[str, Any]) -> str:
        """What the row has; nothing where it has none."""
        return value_of_row(row, self._field) or ""

    @property
    def can_tell(self) -> bool:
        """Whether there are two values with enough tweets."""
        return self._model is not None

    def of(self, texts: Sequence[str]) -> list[str]:
        """The value that each text sounds like."""
        assert self._model is not None, "it is asked before"
        return [str(one) for one in self._model.predict(list(texts))] if texts else []

    def accuracy(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Of real tweets that it has not seen: the share that it tells right, and what the most frequent value would get."""
        mine = [row for row in rows if self._of(row) in self.values]
        told = self.of([row["text"] for row in mine])
        right = sum(one == self._of(row) for one, row in zip(told, mine, strict=True))
        frequent = max(Counter(map(self._of, mine)).values(), default=0)
        return {**_share(right, len(mine)), "most_frequent": frequent / max(1, len(mine)), "values": len(self.values)}

    def adherence(self, contexts: Sequence[Context], texts: Sequence[str]) -> dict[str, Any]:
        """The share of texts that sound like what was asked for, where that was asked; and of the same texts held against the
        next one's context, which is what would be right by chance."""
        asked = [(context[self.field][0], text) for context, text in zip(contexts, texts, strict=True) if self._knows(context)]
        told = self.of([text for _, text in asked])
        wanted = [value for value, _ in asked]
        shifted = [*wanted[1:], *wanted[:1]]
        right, by_chance = (sum(map(str.__eq__, told, one)) for one in (wanted, shifted))
        return {**_share(right, len(asked)), "by_chance": by_chance / max(1, len(asked))}

    def _knows(self, context: Context) -> bool:
        return bool(context.get(self.field)) and context[self.field][0] in self.values


def rows_to_judge(table: pa.Table, schema: Schema) -> list[dict[str, Any]]:
    """What a judge needs of tweets, and no more: a million of them are to fit into memory."""
    rows: list[dict[str, Any]] = table.select(["text", *columns_of(_closed(schema))]).to_pylist()
    return rows


def judges_of(rows: Sequence[Mapping[str, Any]], seed: int, schema: Schema) -> list[Judge]:
    """A judge for each closed field that tweets enough have two values of."""
    found = [Judge(field, rows, seed) for field in _closed(schema)]
    return [one for one in found if one.can_tell]


def _closed(schema: Schema) -> tuple[Field, ...]:
    return tuple(one for one in schema.fields if one.closed)


def _share(right: int, count: int) -> dict[str, Any]:
    low, high = interval(right, count) if count else (0.0, 1.0)
    return {"tweets": count, "share": right / max(1, count), "low": low, "high": high}
