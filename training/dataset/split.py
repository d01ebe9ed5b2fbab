"""Which tweets no training sees: the newest whole days, so that a model is judged on what came after it, or as one asks."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from politico.errors import LimitError
from politico.models.cut import cut_of, holds_out
from politico.models.settings import EvaluationSettings, TweetSettings
from training.dataset.folder import DAY

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True)
class Split:
    """A dataset in two; rows = train + held out + dropped duplicates."""

    train: pa.Table
    held_out: pa.Table
    cut: str
    """Where it was cut, as politico.models.cut writes it."""
    repeated: Sequence[str] = ()
    """Texts of held-out tweets whose words stand in a training tweet too: left out, for they would test memory."""

    @property
    def dropped_duplicates(self) -> int:
        return len(self.repeated)

    def repeating_themselves(self, settings: EvaluationSettings) -> list[str]:
        """Texts of the held-out side as people wrote them, those that repeat a training tweet among them: a draw of as many as
        are scored."""
        texts = [*self.held_out["text"].to_pylist(), *self.repeated]
        drawn = np.random.default_rng(settings.seed).permutation(len(texts))[: settings.max_tweets]
        return [texts[index] for index in sorted(drawn.tolist())]


def cut_for(table: pa.Table, settings: TweetSettings) -> str:
    """Where the settings cut this dataset. Raises LimitError for one of a single day, cut by time."""
    counts = table.group_by(DAY).aggregate([(DAY, "count")])
    rows = dict(zip(counts[DAY].to_pylist(), counts[f"{DAY}_count"].to_pylist(), strict=True))
    return cut_of(settings.held_out_by, settings.held_out_share, settings.seed, rows)


def split_at(table: pa.Table, *cuts: str) -> Split:
    """Hold out what all of these cuts hold out, and train on the rest. Raises LimitError when that leaves either side empty."""
    columns = [table[name].to_pylist() for name in (DAY, "id_str", "screen_name")]
    out = pa.array([all(holds_out(cut, *row) for cut in cuts) for row in zip(*columns, strict=True)], pa.bool_())
    train, newest = table.filter(pc.invert(out)), table.filter(out)
    known = {normalised(text) for text in train["text"].to_pylist()}
    fresh = [normalised(text) not in known for text in newest["text"].to_pylist()]
    held_out = newest.filter(pa.array(fresh, pa.bool_()))
    repeated = newest.filter(pa.array([not one for one in fresh], pa.bool_()))["text"].to_pylist()
    cut = " and ".join(dict.fromkeys(cuts))
    if not len(train) or not len(held_out):
        raise LimitError(f"cut at {cut} the dataset gives {len(train)} training tweets and {len(held_out)} held out")
    return Split(train.combine_chunks(), held_out.combine_chunks(), cut, repeated)


def of_parties(table: pa.Table, parties: Sequence[str]) -> pa.Table:
    """The tweets of these parties; all of them where none is named. Raises LimitError for one that has no tweet."""
    if not parties:
        return table
    there = sorted(set(table["party"].to_pylist()) - {None})
    if missing := [one for one in parties if one not in there]:
        raise LimitError(f"no tweet is of the party {', '.join(missing)}; the dataset has {', '.join(there)}")
    return table.filter(pc.is_in(table["party"], pa.array(parties)))


def normalised(text: str) -> str:
    """The words alone, in lower case: two tweets that differ in more than punctuation differ here. Without a word, as it is."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold())) or text.strip()
