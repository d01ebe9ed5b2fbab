"""A model goes on with plain text, as a base learnt it: no marker stands before it, and nothing is asked for."""

from collections.abc import Mapping
from typing import Any

import torch
from transformers import GenerationConfig

from inference.model import Model


@torch.no_grad()
def continued(model: Model, beginning: str, *, count: int, seed: int, how: Mapping[str, Any]) -> list[str]:
    """`count` texts that begin so, each up to where the model ends it; of a beginning that is too long for the network its end.
    `how` has settings of transformers' GenerationConfig,
    `max_new_tokens` among them."""
    network, end = model.network, model.codec.ids[model.codec.schema.end]
    room = max(1, model.length - int(how["max_new_tokens"]))
    encoded = list(model.codec.encode(beginning))
    ids = [end, *encoded[max(0, len(encoded) - room + 1) :]]
    markers = {model.codec.ids[marker] for marker in model.codec.schema.markers}
    configuration = GenerationConfig(
        do_sample=True,
        num_return_sequences=count,
        suppress_tokens=sorted({*markers, *model.unused} - {end}),
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        **how,
    )
    with torch.random.fork_rng([network.device] if network.device.type == "cuda" else []):
        torch.manual_seed(seed)
        given = torch.tensor([ids], device=network.device)
        rows = network.generate(given, attention_mask=torch.ones_like(given), generation_config=configuration)
    return [_text(model, row[1:], end) for row in rows.tolist()]


def _text(model: Model, ids: list[int], end: int) -> str:
    whole = ids[: ids.index(end)] if end in ids else ids
    return " ".join(model.codec.decode(whole).rstrip("\N{REPLACEMENT CHARACTER}").split())
