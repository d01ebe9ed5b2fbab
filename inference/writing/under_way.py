"""What is being written: one draft with the partner that guides it, or the beams of one search.

Each says which tokens the network is to read next, over which caches, and takes the scores behind them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from inference.writing.drawing import Manner, candidates, guided
from inference.writing.network import Cache

Begin = Callable[[Sequence[int], int], tuple[Cache, torch.Tensor]]
"""Reads a beginning that so many tokens may follow: its own cache, and the scores (V) behind it."""


@dataclass(eq=False)
class Draft:
    """A tweet that somebody waits for; of a search with beams several."""

    manner: Manner
    ids: list[int] = field(default_factory=list)
    """Written so far, with the end token where it has ended; of beams the best's."""
    others: list[list[int]] = field(default_factory=list)
    """The same of the next best, as many as were asked for."""
    later: bool = False
    """It waits for those that do not, and leaves half of the rows to them."""
    done: bool = False
    gone: bool = False
    """Nobody waits for it any more."""
    error: BaseException | None = None

    @property
    def rows(self) -> int:
        """That it takes of a batch."""
        beams = self.manner.parameters.num_beams
        return beams if beams > 1 else 1 + self.manner.guided

    def begin(self, begin: Begin, random: torch.Generator) -> "Line | Search":
        """Read what it begins with, and write its first token."""
        if self.manner.parameters.num_beams > 1:
            return Search(self, begin, random)
        return Line(self, begin, random)


@dataclass
class Row:
    """What the network keeps of a row of tokens."""

    cache: Cache
    length: int
    """Tokens in the cache."""


class Line:
    """A draft, token by token."""

    def __init__(self, draft: Draft, begin: Begin, random: torch.Generator) -> None:
        self.draft, self._random = draft, random
        manner, longest = draft.manner, draft.manner.parameters.max_new_tokens
        cache, scores = begin(manner.beginning, longest)
        self._rows = [Row(cache, len(manner.beginning))]
        all_scores = [scores]
        if manner.guided:
            cache, scores = begin(manner.bare, longest)
            self._rows.append(Row(cache, len(manner.bare)))
            all_scores.append(scores)
        self._write(torch.stack(all_scores))

    def reads(self) -> list[tuple[int, Row]]:
        """The tokens that come next, each with the row it belongs to."""
        return [(self.draft.ids[-1], row) for row in self._rows]

    def take(self, scores: torch.Tensor) -> None:
        """The scores (rows, V) behind what was read."""
        for row in self._rows:
            row.length += 1
        self._write(scores)

    def _write(self, scores: torch.Tensor) -> None:
        draft, manner = self.draft, self.draft.manner
        scores = scores.float()
        own = guided(scores[0], scores[1], manner.parameters.guidance_scale) if len(scores) > 1 else scores[0].clone()
        draft.ids.append(manner.drawn(manner.judged(own, draft.ids), draft.ids, self._random))
        draft.done = manner.ends(draft.ids)


@dataclass
class _Beam:
    """One of a search's rows under way."""

    ids: list[int]
    score: float
    """The log-probability of its ids, by what chance had to choose from."""
    row: Row


class Search:
    """Beam search, with or without sampling, as transformers does it.

    `num_beams` rows compete; those that have ended by their score over their length to the power of `length_penalty`. It is over
    when none under way could still be among the best.
    """

    def __init__(self, draft: Draft, begin: Begin, random: torch.Generator) -> None:
        self.draft, self._random = draft, random
        manner = draft.manner
        cache, scores = begin(manner.beginning, manner.parameters.max_new_tokens)
        self._beams = [_Beam([], 0.0, Row(cache, len(manner.beginning)))]
        self._ended: list[tuple[float, list[int]]] = []
        self._advance(scores[None])

    def reads(self) -> list[tuple[int, Row]]:
        """The tokens that come next, each with the row it belongs to."""
        return [(beam.ids[-1], beam.row) for beam in self._beams]

    def take(self, scores: torch.Tensor) -> None:
        """The scores (rows, V) behind what was read."""
        for beam in self._beams:
            beam.row.length += 1
        self._advance(scores)

    def _advance(self, scores: torch.Tensor) -> None:
        manner, count = self.draft.manner, self.draft.manner.parameters.num_beams
        going_on: list[tuple[float, int, list[int]]] = []
        ended: list[tuple[int, float, list[int]]] = []
        for place, (total, parent, token) in enumerate(self._continuations(scores.float(), 2 * count)):
            ids = [*self._beams[parent].ids, token]
            if manner.ends(ids):
                ended.append((place, total / len(ids) ** manner.parameters.length_penalty, ids))
            else:
                going_on.append((total, parent, ids))
        # Of those that end only the best are ends of the search; the others are there so that enough beams go on.
        self._ended += [(score, ids) for place, score, ids in ended if place < count or not going_on]
        self._ended = sorted(self._ended, key=lambda one: -one[0])[:count]
        self._beams = self._gone_on(sorted(going_on, key=lambda one: -one[0])[:count])
        self._settle()

    def _continuations(self, scores: torch.Tensor, most: int) -> list[tuple[float, int, int]]:
        """The best, or so many drawn, of all that may follow all beams: score, beam, token."""
        manner = self.draft.manner
        totals, places = [], []
        for beam, own in zip(self._beams, scores, strict=True):
            judged = manner.judged(own.log_softmax(0), beam.ids)
            if manner.parameters.do_sample:
                tokens, values, _shares = candidates(judged, manner.parameters, least=2)
            else:
                values, tokens = judged.topk(min(most, len(judged)))
            totals.append(values + beam.score)
            places.append(tokens)
        flat, tokens = torch.cat(totals), torch.cat(places)
        beams = torch.repeat_interleave(torch.arange(len(totals)), torch.tensor([len(one) for one in totals]))
        possible = flat.isfinite().nonzero()[:, 0]
        flat, tokens, beams = flat[possible], tokens[possible], beams[possible.cpu()]
        if manner.parameters.do_sample:
            shares = flat.double().softmax(0)
            picks = torch.multinomial(shares, min(most, int((shares > 0).sum())), generator=self._random)
        else:
            picks = flat.topk(min(most, len(flat))).indices
        return [(float(flat[pick]), int(beams[pick]), int(tokens[pick])) for pick in picks.tolist()]

    def _gone_on(self, continued: Sequence[tuple[float, int, list[int]]]) -> list[_Beam]:
        """The beams that are written on: the first that comes of a row goes on in its cache, the others in copies."""
        found, used = [], set[int]()
        for total, parent, ids in continued:
            row = self._beams[parent].row
            cache = row.cache.clone() if parent in used else row.cache
            used.add(parent)
            found.append(_Beam(ids, total, Row(cache, row.length)))
        return found

    def _settle(self) -> None:
        """Say what the best is so far, and whether it stays so."""
        draft, parameters = self.draft, self.draft.manner.parameters
        done = not self._beams
        if self._beams and len(self._ended) == parameters.num_beams:
            likeliest = self._beams[0]
            done = likeliest.score / len(likeliest.ids) ** parameters.length_penalty <= self._ended[-1][0]
        shown = [ids for _score, ids in self._ended] if done else [self._beams[0].ids]
        draft.ids, draft.others = shown[0], shown[1 : parameters.num_return_sequences]
        draft.done = done  # last: whoever waits reads the others behind it
