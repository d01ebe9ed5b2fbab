"""Which tweets models are judged on: held out from all of them, no near copies of what they learnt, and short enough for each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from inference.model import Model
from inference.rules.novelty import Shingles
from politico.errors import FileFormatError, LimitError
from politico.models.cut import latest
from politico.models.settings import EvaluationSettings
from training.dataset.split import Split


@dataclass(frozen=True)
class HeldOut:
    """The tweets of a split's held-out side, and what became of those that are not scored."""

    fitting: Sequence[Mapping[str, Any]]
    """All that could be scored."""
    scored: Sequence[Mapping[str, Any]]
    """Those that are: a draw of as many as the settings say."""
    shingles: Shingles
    """Of the training side."""
    counts: Mapping[str, Any]
    """Ready for JSON: tweets = scored or not drawn + near copies + too long."""

    @property
    def told(self) -> str:
        """A line for a log."""
        return f"scoring {self.counts['scored']} of {self.counts['tweets']} held-out tweets, cut at {self.counts['cut']}"


def held_out_of(parts: Split, models: Mapping[str, Model], settings: EvaluationSettings) -> HeldOut:
    """Raises LimitError where none is left."""
    rows = parts.held_out.to_pylist()
    shingles = Shingles.of(parts.train["text"].to_pylist())
    fresh = [row for row in rows if not shingles.is_near_copy(row["text"])]  # the rest would test memory
    fitting = [row for row in fresh if _fits(row["text"], models.values())]
    if not fitting:
        raise LimitError(f"none of {len(rows)} held-out tweets fits into the models and is no near copy of a training tweet")
    drawn = np.random.default_rng(settings.seed).permutation(len(fitting))[: settings.max_tweets]
    scored = [fitting[index] for index in sorted(drawn.tolist())]
    counts = {
        "tweets": len(rows),
        "scored": len(scored),
        "near_copies_of_training": len(rows) - len(fresh),
        "too_long": len(fresh) - len(fitting),
        "dropped_duplicates": parts.dropped_duplicates,
        "cut": parts.cut,
        "bytes": sum(len(row["text"].encode()) for row in scored),
    }
    return HeldOut(fitting, scored, shingles, counts)


def make_ready(models: Iterable[Model]) -> None:
    """Let them compute where that is fastest: on a GPU, where there is one."""
    found = list(models)
    torch.set_num_threads(max(model.threads for model in found))
    for model in found:
        model.network.to("cuda" if torch.cuda.is_available() else "cpu")


def cuts_of(models: Mapping[str, Model]) -> list[str]:
    """What none of the models has seen, nor the base's tokenizer. Raises FileFormatError for a card that does not say."""
    cuts = {_cut_of(model) for name, model in models.items() if name != "base"}
    data = models["base"].card.get("data")
    if isinstance(data, dict) and data.get("cut"):
        cuts.add(str(data["cut"]))
    return latest(cuts)


def _cut_of(model: Model) -> str:
    """What the model was not trained on; earlier versions' cards had a day alone."""
    data = model.card.get("data")
    found = (data.get("cut") or data.get("cut_day")) if isinstance(data, dict) else None
    if not found:
        raise FileFormatError(f"the card of {model.card.get('name')!r} has no cut; it is no model of tweets")
    return str(found)


def _fits(text: str, models: Iterable[Model]) -> bool:
    """With its marker, its end and the text's own tokens, in each of the models."""
    return all(len(model.codec.encode(" " + text)) + 2 <= model.length for model in models)
