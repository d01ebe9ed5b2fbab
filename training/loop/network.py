"""The network: GPT-2 in the shape that was asked for, and its loss on the tokens that count."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from politico.models.settings import NetworkSettings
from training.samples.batch import IGNORED

VOCABULARY_MULTIPLE = 64
"""Matrices with a multiple of this many rows multiply faster on a GPU; the rows too many are never written."""


def build_network(settings: NetworkSettings, vocabulary: int, end_id: int, seed: int) -> GPT2LMHeadModel:
    """A GPT-2 with random weights, the same for the same seed. Input and output embeddings are tied."""
    config = GPT2Config(
        vocab_size=_whole_multiple(vocabulary),
        n_positions=settings.positions,
        n_embd=settings.width,
        n_layer=settings.layers,
        n_head=settings.heads,
        activation_function="gelu_pytorch_tanh",  # gelu_new's values, in one kernel
        tie_word_embeddings=True,
        bos_token_id=end_id,
        eos_token_id=end_id,
    )
    torch.manual_seed(seed)
    return GPT2LMHeadModel(config)


def add_rows(network: GPT2LMHeadModel, made_of: Mapping[int, tuple[int, int]]) -> None:
    """Give each new id a row of the tied embedding: the mean of the rows of the two ids that it is made of."""
    rows = max(int(network.config.vocab_size), max(made_of, default=0) + 1)
    _resize(network, rows)
    weights = network.get_input_embeddings().weight
    with torch.no_grad():
        for new in sorted(made_of):  # one may be made of another
            weights[new] = weights[list(made_of[new])].mean(dim=0)


def fill_up_rows(network: GPT2LMHeadModel) -> None:
    """Give the tied embedding as many rows as multiply fast; those too many are like the mean of the rest, and never written."""
    _resize(network, _whole_multiple(int(network.config.vocab_size)))


def keep_rows(network: GPT2LMHeadModel, rows: int) -> None:
    """Take away the rows past the tokenizer's last id: other programs refuse a network that has more."""
    _resize(network, rows)


def _resize(network: GPT2LMHeadModel, rows: int) -> None:
    before = int(network.config.vocab_size)
    if rows == before:
        return
    network.resize_token_embeddings(rows, mean_resizing=False)
    weights = network.get_input_embeddings().weight
    with torch.no_grad():
        weights[before:] = weights[:before].mean(dim=0)


def set_dropout(network: GPT2LMHeadModel, share: float) -> None:
    """Drop out this share in every place where GPT-2 does."""
    network.config.resid_pdrop = network.config.embd_pdrop = network.config.attn_pdrop = share
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def shape_of(network: GPT2LMHeadModel) -> dict[str, Any]:
    """What says whether another network's weights fit into this one, and mean the same there."""
    config = network.config
    return {
        "layers": config.n_layer,
        "width": config.n_embd,
        "heads": config.n_head,
        "positions": config.n_positions,
        "rows of the vocabulary": config.vocab_size,
        "activation": config.activation_function,
    }


def _whole_multiple(rows: int) -> int:
    return -(-rows // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE


def count_parameters(network: nn.Module) -> int:
    """Trained numbers; the tied embedding counts once."""
    return sum(one.numel() for one in network.parameters())


class ScoredLoss(nn.Module):
    """The summed loss over scored positions, weighted and plain, as one module, which is what DistributedDataParallel wraps."""

    def __init__(self, network: GPT2LMHeadModel) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        ids: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor | None = None,
        positions: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross entropy in nats, summed: by the weights, with a gradient, and as it is, without. All are B, T.

        The head, the dearest matrix of a small network, runs on the scored positions only. Without positions attention is plainly
        causal, over all of a row. Where they begin anew another text does, and the two are hidden from each other: transformers
        tells them apart when there is neither a mask nor a cache.
        """
        hidden = self.network.transformer(input_ids=ids, position_ids=positions, use_cache=False).last_hidden_state
        hidden, targets = hidden.flatten(0, 1), targets.flatten()
        scored = (targets != IGNORED).nonzero().squeeze(1)
        if len(scored) < len(targets):  # index_select, for the gradient of hidden[mask] is slow on a CPU
            hidden, targets = hidden.index_select(0, scored), targets.index_select(0, scored)
        logits = self.network.lm_head(hidden).float()
        if weights is None:
            plain = F.cross_entropy(logits, targets, reduction="sum")
            return plain, plain.detach()
        losses = F.cross_entropy(logits, targets, reduction="none")
        # Not `@`, which autocast would compute in bfloat16.
        return (losses * weights.flatten().index_select(0, scored)).sum(), losses.detach().sum()
