"""From scores to a token: what is asked of a tweet, what is barred, and what chance has to choose from.

Settings mean what they mean in transformers' GenerationConfig, in its order: guidance, what is barred, rules, temperature, top-k,
top-p.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from inference.writing.watermark import Watermark
from politico.control.request import Parameters

NUCLEUS = 1_024
"""So many likeliest tokens are looked at first: they nearly always hold `top_p` of the probability."""

Rule = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of a tweet's own ids (1, T) and its scores (1, V), to other scores."""


@dataclass(frozen=True)
class Manner:
    """How a tweet is written."""

    beginning: Sequence[int]
    """What the network reads first."""
    bare: Sequence[int]
    """The same without its context: guidance leads away from there, and rules see what stands behind its first id."""
    parameters: Parameters
    end_id: int
    seed: int
    rules: Sequence[Rule] = ()
    never: torch.Tensor | None = None
    """Tokens that are never written."""
    banned: Sequence[Sequence[int]] = ()
    """Runs of tokens that are never written."""
    watermark: Watermark | None = None
    """What chance leaves its marks by; None: it leaves none."""

    @property
    def guided(self) -> bool:
        return self.parameters.guidance_scale > 1

    def judged(self, scores: torch.Tensor, ids: Sequence[int]) -> torch.Tensor:
        """The scores (V) of what may follow the ids that were written so far, by all but chance. `scores` is changed."""
        for run in self.banned:
            if len(run) == 1 or _ends_with([*self.beginning, *ids], run[:-1]):
                scores[run[-1]] = -torch.inf
        if len(ids) < self.parameters.min_new_tokens:
            scores[self.end_id] = -torch.inf
        if self.never is not None:
            scores[self.never] = -torch.inf
        if self.rules:
            own = torch.tensor([[*self.bare[1:], *ids]], dtype=torch.int64, device=scores.device)
            for rule in self.rules:
                scores = rule(own, scores[None])[0]
        return scores

    def drawn(self, scores: torch.Tensor, ids: Sequence[int], random: torch.Generator) -> int:
        """A token behind these ids, of scores that were judged: drawn as the parameters say, or else the likeliest."""
        if not self.parameters.do_sample:
            return int(scores.argmax())
        tokens, _values, shares = candidates(scores, self.parameters)
        if self.watermark is not None:
            shares = self.watermark.drawn_from(shares, tokens, [*self.bare[1:], *ids])
        return int(tokens[torch.multinomial(shares, 1, generator=random)])

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether nothing follows these ids."""
        return ids[-1] == self.end_id or len(ids) >= self.parameters.max_new_tokens


def guided(scores: torch.Tensor, other: torch.Tensor, scale: float) -> torch.Tensor:
    """Away from what would be written without the context (Sanchez et al. 2023)."""
    scores, other = scores.log_softmax(0), other.log_softmax(0)
    return scale * (scores - other) + other


def candidates(scores: torch.Tensor, parameters: Parameters, least: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of scores (V) those that chance has to choose from, the likeliest first: tokens, scores by the temperature, and shares,
    which need not sum to 1: the `top_k` likeliest, and of them those that hold `top_p` of the probability; `least` at least."""
    scores = scores / parameters.temperature
    if parameters.top_k:
        values, places = scores.topk(min(max(parameters.top_k, least), len(scores)))
        shares = values.softmax(0)
    else:
        values, places = scores.topk(min(NUCLEUS, len(scores)))
        shares = (values - scores.logsumexp(0)).exp()
        if float(shares.sum()) < parameters.top_p:
            values, places = scores.sort(descending=True)
            shares = values.softmax(0)
    if parameters.top_p < 1:
        kept = shares.cumsum(0) - shares < parameters.top_p
        kept[:least] = True
        values, places, shares = values[kept], places[kept], shares[kept]
    return places, values, shares


def _ends_with(ids: Sequence[int], run: Sequence[int]) -> bool:
    return len(run) <= len(ids) and list(ids[len(ids) - len(run) :]) == list(run)
