"""A micro model for tests: a real GPT-2 with a real tokenizer and random weights, made in well under a second."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel

from inference.model import save_model
from inference.writing.network import Network
from politico.control.format import Schema
from politico.control.political import SCHEMA

MICRO_SCHEMA: Schema = SCHEMA.with_values(
    {
        "coalicion": ("Norte Unido", "Sur Libre"),
        "partido": ("PVA", "UDI"),
        "sentimiento": ("MIXED", "NEGATIVE", "NEUTRAL", "POSITIVE"),
    }
)

SENTENCES = (
    "Hoy presentamos el nuevo proyecto de ley por la salud de todos los chilenos y las chilenas",
    "La educación pública es el camino para un país más justo y más libre",
    "Gracias a los vecinos y vecinas por su trabajo y su compromiso con el barrio",
    "El gobierno no escucha a la gente, necesitamos más seguridad y más trabajo",
    "¡Qué gran noticia para la región! Seguimos adelante con todos ustedes",
)

SPARE_TOKEN = "[RESERVADO]"
"""A special token that the schema does not know: nothing may ever write it."""
SPARE_ROWS = 3
"""Rows of the network past the tokenizer's last id, as a vocabulary padded for speed has."""


def micro_tokenizer(schema: Schema = MICRO_SCHEMA) -> Tokenizer:
    """A byte-level BPE of some 400 pieces."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[*schema.markers, schema.end, SPARE_TOKEN],
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def micro_network(tokenizer: Tokenizer, *, layers: int = 1, length: int = 128, seed: int = 0) -> GPT2LMHeadModel:
    """Random weights, large enough that different contexts ask for different words."""
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size() + SPARE_ROWS,
        n_positions=length,
        n_embd=32,
        n_layer=layers,
        n_head=2,
        initializer_range=0.3,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config).eval()


def micro_model(folder: Path, *, name: str = "micro", layers: int = 1, length: int = 128, seed: int = 0) -> Path:
    """Write a model folder that `inference.model.load_model` reads, and give it back."""
    tokenizer = micro_tokenizer()
    network = micro_network(tokenizer, layers=layers, length=length, seed=seed)
    save_model(folder, network, tokenizer, MICRO_SCHEMA, {"name": name, "kind": "test"})
    return folder


@contextmanager
def listening(network: GPT2LMHeadModel, hear: Callable[[torch.Tensor, bool], None]) -> Iterator[None]:
    """`hear` gets the logits (rows, V) of every call, to read or to change, and whether it reads a beginning.

    Of the network as it was trained, and as any engine works it out.
    """
    read, step = Network.read, Network.step

    def read_and_hear(self: Network, ids: Sequence[int], cache: torch.Tensor, *, last: int = 1) -> torch.Tensor:
        found = read(self, ids, cache, last=last)
        with torch.inference_mode():
            hear(found, True)
        return found

    def step_and_hear(self: Network, *given: Any) -> torch.Tensor:
        found = step(self, *given)
        with torch.inference_mode():
            hear(found, False)
        return found

    def hear_called(module: Any, arguments: Any, keywords: Any, output: Any) -> Any:
        ids = keywords["input_ids"] if "input_ids" in keywords else arguments[0]
        hear(output.logits[:, -1], ids.shape[1] > 1)
        return output

    hook = network.register_forward_hook(hear_called, with_kwargs=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "read", read_and_hear)
        patch.setattr(Network, "step", step_and_hear)
        try:
            yield
        finally:
            hook.remove()


@contextmanager
def wanting(network: GPT2LMHeadModel, wishes: Mapping[int, float]) -> Iterator[None]:
    """The network as it is, but with these ids' logits raised by so much."""

    def raise_logits(logits: torch.Tensor, begins: bool) -> None:
        for number, wish in wishes.items():
            logits[..., number] += wish

    with listening(network, raise_logits):
        yield


@contextmanager
def counting_calls(network: GPT2LMHeadModel) -> Iterator[list[int]]:
    """The number of sequences in each call of the network so far."""
    calls: list[int] = []
    with listening(network, lambda logits, begins: calls.append(len(logits))):
        yield calls
