"""A second opinion on written tweets by a model of another kind: how surprising they are, letter by letter."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

ORDER = 6
"""Letters that are looked at together, the foretold one included."""
MAX_CHARACTERS = 2_000_000
"""So much text is learnt from: seconds, and enough to tell Spanish from what is none."""
ALPHABET = 2_000
"""Letters, signs and emoji that any text may hold: one never met is one of so many."""


class Referee:
    """Letter n-grams, each order mixed with the one below (Witten and Bell 1991): it shares neither tokens nor weights with any
    network, and learns from training tweets alone."""

    def __init__(self, texts: Iterable[str]) -> None:
        runs: Counter[str] = Counter()
        read = 0
        for text in texts:
            if read >= MAX_CHARACTERS:
                break
            read += len(text)
            marked = _marked(text)
            runs.update(marked[at - ORDER + 1 : at + 1] for at in range(ORDER - 1, len(marked)))
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for run, count in runs.items():  # a shorter run stands wherever a longer one does that ends with it
            for length in range(ORDER):
                self._counts[run[ORDER - 1 - length : -1]][run[-1]] += count
        self._totals = {before: (sum(found.values()), len(found)) for before, found in self._counts.items()}

    def bits_per_byte(self, texts: Sequence[str]) -> float:
        """Bits over the texts' UTF-8 bytes; each text's end is foretold, too. 0 for no text."""
        size = sum(len(text.encode()) for text in texts)
        bits = sum(self._bits(marked, at) for marked in map(_marked, texts) for at in range(ORDER - 1, len(marked)))
        return bits / size if size else 0.0

    def _bits(self, marked: str, at: int) -> float:
        probability = 1 / ALPHABET
        for length in range(ORDER):
            before = marked[at - length : at]
            if before not in self._totals:
                break
            total, kinds = self._totals[before]
            probability = (self._counts[before].get(marked[at], 0) + kinds * probability) / (total + kinds)
        return -math.log2(probability)


def _marked(text: str) -> str:
    return "\N{START OF TEXT}" * (ORDER - 1) + text + "\N{END OF TEXT}"
