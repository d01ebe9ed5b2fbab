"""The optimizers: AdamW for everything, or Muon for the network's matrices and AdamW for the rest, driven as one."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from politico.models.settings import MUON, LearningSettings
from training.loop.processes import ALONE, Processes

ADAM_BETAS = (0.9, 0.95)
MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration that makes a matrix nearly orthogonal in five rounds (Jordan et al. 2024, "Muon: An optimizer for
hidden layers in neural networks")."""
NEWTON_SCHULZ_ROUNDS = 5


class Optimizers:
    """Several optimizers as one. Each keeps its own rate; the schedule gives the share of it."""

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._optimizers = list(optimizers)
        for group in self.param_groups:
            group["rate"] = group["lr"]

    @property
    def param_groups(self) -> Iterator[dict[str, Any]]:
        return (group for one in self._optimizers for group in one.param_groups)

    def set_share(self, share: float) -> None:
        """This share of each rate is used by the steps to come."""
        for group in self.param_groups:
            group["lr"] = group["rate"] * share

    def step(self) -> None:
        for one in self._optimizers:
            one.step()

    def zero_grad(self) -> None:
        for one in self._optimizers:
            one.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {str(number): one.state_dict() for number, one in enumerate(self._optimizers)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for number, one in enumerate(self._optimizers):
            one.load_state_dict(state[str(number)])


class Muon(torch.optim.Optimizer):
    """Steps along the gradient's momentum with all its singular values made one (Jordan et al. 2024).

    For GPT-2's matrices, which are stored as inputs by outputs; the fused query-key-value matrix is taken as three. Decay is
    decoupled, as in AdamW. (`torch.optim.Muon` scales for matrices that lie the other way, and does not know the fused one.)
    """

    def __init__(self, matrices: Sequence[nn.Parameter], rate: float, decay: float, processes: Processes = ALONE) -> None:
        super().__init__(matrices, {"lr": rate, "weight_decay": decay})
        self._processes = processes

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        assert closure is None, "the loop computes the loss itself"
        for group in self.param_groups:
            matrices = [one for one in group["params"] if one.grad is not None]
            for matrix, update in zip(matrices, self._updates([self._ahead(one) for one in matrices]), strict=True):
                matrix.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])

    def _ahead(self, matrix: nn.Parameter) -> torch.Tensor:
        """Nesterov's look ahead along the momentum."""
        momentum: torch.Tensor = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
        assert matrix.grad is not None
        momentum.lerp_(matrix.grad, 1 - MOMENTUM)
        return matrix.grad.lerp(momentum, MOMENTUM)

    def _updates(self, gradients: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The orthogonal matrices of these. Every process has the same gradients: each makes its share, and all get all."""
        sizes = [one.numel() for one in gradients]
        updates = gradients[0].new_zeros(sum(sizes))
        parts = [part.view(one.shape) for part, one in zip(torch.split(updates, sizes), gradients, strict=True)]
        shares = dealt_out([one.numel() * min(one.shape) for one in gradients], self._processes.world)
        for number in shares[self._processes.rank]:
            gradient = gradients[number]
            inputs, outputs = gradient.shape
            pieces = gradient.chunk(3, dim=1) if outputs == 3 * inputs else (gradient,)
            torch.cat([orthogonal(one) for one in pieces], dim=1, out=parts[number])
        self._processes.add_up(updates)
        return parts


def dealt_out(costs: Sequence[int], workers: int) -> list[list[int]]:
    """For each worker the numbers of its works, so that all have about as much to do: the dearest first, to who has least."""
    shares: list[list[int]] = [[] for _ in range(workers)]
    loads = [0] * workers
    for number in sorted(range(len(costs)), key=costs.__getitem__, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(number)
        loads[least] += costs[number]
    return shares


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The nearest matrix whose singular values are all about one (0.7 to 1.2), larger where it has more outputs than inputs.

    `matrix` is inputs by outputs. The factor keeps an output's size the same in a matrix of any shape.
    """
    found = matrix / (matrix.norm() + 1e-7)
    tall = found.shape[0] > found.shape[1]
    found = found.T if tall else found  # the smaller square is the cheaper one
    first, third, fifth = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_ROUNDS):
        square = found @ found.T
        higher = torch.addmm(square, square, square, beta=third, alpha=fifth)
        found = torch.addmm(found, higher, found, beta=first)
    inputs, outputs = matrix.shape
    lengthened: torch.Tensor = (found.T if tall else found) * max(1.0, outputs / inputs) ** 0.5
    return lengthened


def make_optimizers(network: nn.Module, settings: LearningSettings, processes: Processes = ALONE) -> Optimizers:
    """What the settings name, over all parameters: decay on matrices only (Brown et al. 2020, appendix B; as in nanoGPT)."""
    named = dict(network.named_parameters())
    inner = [name for name, one in named.items() if one.dim() == 2 and "wte" not in name and "wpe" not in name]
    by_muon = set(inner) if settings.optimizer == MUON else set()
    rest = {name: one for name, one in named.items() if name not in by_muon}
    groups = [
        {"params": [one for one in rest.values() if one.dim() >= 2], "weight_decay": settings.weight_decay},
        {"params": [one for one in rest.values() if one.dim() < 2], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=ADAM_BETAS, fused=True)
    if not by_muon:
        return Optimizers([adam])
    return Optimizers([Muon([named[name] for name in inner], settings.muon_rate, settings.weight_decay, processes), adam])
