"""A control schema's own tokens in a tokenizer and a network that do not have them."""

import torch
from tokenizers import AddedToken, Tokenizer
from transformers import GPT2LMHeadModel

from politico.control.format import Schema
from politico.errors import FileFormatError
from politico.models.settings import MOST_TOKENS

SPREAD = 0.02
"""Standard deviation of a new marker's row around the mean of all: GPT-2's own at its beginning."""
SEED = 7


def take_in_markers(tokenizer: Tokenizer, network: GPT2LMHeadModel, schema: Schema) -> list[str]:
    """Give the schema's tokens that are missing ids behind the tokenizer's last, and rows; which ones. Changes both in place.

    Raises FileFormatError where there is no room.
    """
    wanted = [one for one in (schema.end, *schema.markers) if tokenizer.token_to_id(one) is None]
    first = max(tokenizer.get_vocab().values()) + 1
    if first + len(wanted) > MOST_TOKENS + 1:
        raise FileFormatError(
            f"the tokenizer has {first:,} tokens and needs {len(wanted)} more; a base has {MOST_TOKENS + 1:,} at most"
        )
    end_before = network.config.eos_token_id
    # All of them, so that those which stood there as ordinary tokens are special, too.
    tokenizer.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in (schema.end, *schema.markers)])
    assert max(tokenizer.get_vocab().values()) + 1 == first + len(wanted), "new tokens come behind the last"
    old = network.get_input_embeddings().weight.detach()[:first].clone()
    network.resize_token_embeddings(first + len(wanted), mean_resizing=False)
    rows = network.get_input_embeddings().weight
    noise = torch.randn((len(wanted), old.shape[1]), generator=torch.Generator().manual_seed(SEED)) * SPREAD
    with torch.no_grad():
        rows[first:] = old.mean(dim=0) + noise
        if schema.end in wanted and isinstance(end_before, int) and end_before < first:
            rows[tokenizer.token_to_id(schema.end)] = old[end_before]
    end = tokenizer.token_to_id(schema.end)
    for config in (network.config, network.generation_config):
        config.bos_token_id = config.eos_token_id = end
    return wanted
