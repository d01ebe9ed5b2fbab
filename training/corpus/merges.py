"""More tokens for a tokenizer that exists: merges learnt from new texts, behind its own, so that those texts get shorter."""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tokenizers import Tokenizer

Pair = tuple[str, str]

MET = 4
"""A pair that the texts have less often gets no token: its row would hardly be learnt."""


def learn_merges(tokenizer: Tokenizer, texts: Iterable[str], count: int) -> tuple[Tokenizer, dict[int, tuple[int, int]]]:
    """A byte-level BPE with up to `count` tokens more, and by its id of which two each of them is made, in order.

    Byte pair encoding (Sennrich et al. 2016) goes on where the tokenizer's own merges end. Those come first in every text, so
    ids that stand keep their meaning, and no text gets longer.
    """
    words = _words(tokenizer, texts)
    ids = tokenizer.get_vocab()
    first, made = max(ids.values()) + 1, list[Pair]()
    while len(made) < count and (pair := words.most_frequent(ids)):
        ids[pair[0] + pair[1]] = first + len(made)
        made.append(pair)
        words.merge(pair)
    state = json.loads(tokenizer.to_str())
    bpe = state["model"]
    bpe["vocab"] |= {one + other: ids[one + other] for one, other in made}
    bpe["merges"] += [list(pair) for pair in made]
    grown = Tokenizer.from_str(json.dumps(state))
    grown.encode_special_tokens = tokenizer.encode_special_tokens
    return grown, {ids[one + other]: (ids[one], ids[other]) for one, other in made}


class _Words:
    """The words of the texts in pieces, and how often each pair of pieces stands in them."""

    def __init__(self, counts: dict[str, int], pieces: dict[str, list[str]]) -> None:
        self._counts, self._pieces = counts, pieces
        self._pairs: Counter[Pair] = Counter()
        self._where: defaultdict[Pair, set[str]] = defaultdict(set)
        for word in counts:
            self._count(word)
        # By frequency, ties by name. What is outdated is noticed when it comes up.
        self._heap = [(-number, pair) for pair, number in self._pairs.items()]
        heapq.heapify(self._heap)

    def most_frequent(self, ids: dict[str, int]) -> Pair | None:
        """The pair that stands most often and is no token yet; None when none stands often enough."""
        while self._heap:
            number, pair = heapq.heappop(self._heap)
            now = self._pairs[pair]
            if now < MET or pair[0] + pair[1] in ids:
                continue
            if now == -number:
                return pair
            heapq.heappush(self._heap, (-now, pair))
        return None

    def merge(self, pair: Pair) -> None:
        """Write the pair as one piece wherever it stands."""
        changed: set[Pair] = set()
        for word in sorted(self._where[pair]):
            for old in pairwise(self._pieces[word]):
                self._pairs[old] -= self._counts[word]
                self._where[old].discard(word)
            self._pieces[word] = _merged(self._pieces[word], pair)
            changed.update(self._count(word))
        for new in changed:
            heapq.heappush(self._heap, (-self._pairs[new], new))

    def _count(self, word: str) -> Sequence[Pair]:
        found = list(pairwise(self._pieces[word]))
        for pair in found:
            self._pairs[pair] += self._counts[word]
            self._where[pair].add(word)
        return found


def _words(tokenizer: Tokenizer, texts: Iterable[str]) -> _Words:
    cut = tokenizer.pre_tokenizer.pre_tokenize_str
    # As the control format writes a text: behind a space.
    counts = Counter(word for text in texts for word, _ in cut(f" {text}"))
    return _Words(counts, {word: [piece.value for piece in tokenizer.model.tokenize(word)] for word in counts})


def _merged(pieces: Sequence[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    for piece in pieces:
        if merged and (merged[-1], piece) == pair:
            merged[-1] += piece
        else:
            merged.append(piece)
    return merged
