"""Bases from elsewhere: a GPT-2 of transformers, from the Hugging Face hub or a folder, made ready for the control format.

What assumes GPT-2: the shape and the rows of the network (training/loop/network.py), its training loss, which calls the inner
transformer by GPT-2's name, and the engine's cache. What assumes a byte-level BPE: the words that decoding keeps to
(inference/lexicon.py), the bytes that a token stands for, and tokens that are learnt later (training/corpus/merges.py).
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from tokenizers import AddedToken, Tokenizer
from transformers import AutoConfig, AutoTokenizer, GPT2LMHeadModel

from inference.model import CONFIG_FILE, save_model
from politico.control.political import SCHEMA
from politico.errors import FileFormatError, ServiceError
from politico.models.settings import MOST_TOKENS
from training.loop.network import count_parameters

NEEDED = ("*.json", "*.safetensors", "merges.txt", "*.bin")
"""What of a hub's repository is looked at; nothing else is fetched."""
TOKENIZERS = ("tokenizer.json", "vocab.json")
KIND = "gpt2"
ACTIVATIONS = ("gelu_new", "gelu_pytorch_tanh")
"""One function under two names; the second is one kernel."""
PROBE = "¡Hola, ñandú! ¿Qué tal la #EducaciónPública de @ana_1? 🌊 “10,5 %”"
SPREAD = 0.02
"""Standard deviation of a new marker's row around the mean of all: GPT-2's own at its beginning."""
SEED = 7


def fetch(source: str) -> Path:
    """The folder of a model: itself, or what the hub has under that name. Raises FileFormatError, ServiceError."""
    folder = Path(source)
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(source, allow_patterns=list(NEEDED)))
    except HFValidationError as error:
        raise FileFormatError(f"there is no folder {source}, and it is no name of the hub's: {error}") from error
    except LocalEntryNotFoundError as error:
        raise ServiceError(
            f"there is no folder {source}, and the Hugging Face hub can't be reached; fetch it elsewhere"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ServiceError(f"there is no folder {source}, and the Hugging Face hub does not give it: {first}") from error


def import_base(source: str, target: Path, name: str) -> dict[str, Any]:
    """Write a base model's folder; gives its card. Raises FileFormatError for a model that can't be a base, and says why.

    The markers of the control format get rows of their own, tied as the others are; the end token is the model's own where it is
    named so, else a new one that begins as the model's.
    """
    folder = fetch(source)
    network = _network(folder)
    tokenizer = _tokenizer(folder, int(network.config.vocab_size))
    added = _take_in_markers(tokenizer, network)
    card = {
        "name": name,
        "stage": "base",
        "source": source,
        "imported": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": count_parameters(network),
        "new_tokens": added,
        "note": "what it has learnt from is not known here",
    }
    save_model(target, network, tokenizer, SCHEMA, card)
    return card


def _network(folder: Path) -> GPT2LMHeadModel:
    if not (folder / CONFIG_FILE).is_file():
        raise FileFormatError(f"{folder} is no model of transformers: {CONFIG_FILE} is missing")
    try:
        config = AutoConfig.from_pretrained(folder)
        if config.model_type != KIND:
            raise FileFormatError(f"{folder} is of the kind {config.model_type}; a base is of the kind {KIND}")
        if config.activation_function not in ACTIVATIONS:
            raise FileFormatError(f"{folder} has the activation {config.activation_function}; a base has {ACTIVATIONS[0]}")
        network, report = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise FileFormatError(f"{folder} is no model of transformers: {' '.join(str(error).split())[:300]}") from error
    if report["missing_keys"]:
        raise FileFormatError(f"{folder} lacks the weights {', '.join(sorted(report['missing_keys'])[:5])}")
    if not all(bool(torch.isfinite(one).all()) for one in network.parameters()):
        raise FileFormatError(f"{folder} has weights that are no finite numbers")
    if network.lm_head.weight is not network.transformer.wte.weight:
        raise FileFormatError(f"{folder} has an output matrix of its own; in a base it is tied to the embedding")
    network.config.activation_function = ACTIVATIONS[1]
    return network.eval()


def _tokenizer(folder: Path, rows: int) -> Tokenizer:
    if not any((folder / one).is_file() for one in TOKENIZERS):
        raise FileFormatError(f"{folder} has no tokenizer that can be read: it takes {' or '.join(TOKENIZERS)}")
    try:
        tokenizer: Tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
        state = json.loads(tokenizer.to_str())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise FileFormatError(f"{folder} has no tokenizer that can be read: {' '.join(str(error).split())[:300]}") from error
    kind, decoder = (state["model"] or {}).get("type"), (state.get("decoder") or {}).get("type")
    if (kind, decoder) != ("BPE", "ByteLevel"):
        raise FileFormatError(f"the tokenizer of {folder} is a {kind} with the decoder {decoder}; a base has a byte-level BPE")
    last = max(tokenizer.get_vocab().values())
    if last >= rows:
        raise FileFormatError(f"the tokenizer of {folder} does not fit: it has id {last}, the network {rows} rows")
    tokenizer.encode_special_tokens = True
    tokenizer.no_padding()
    tokenizer.no_truncation()
    back = tokenizer.decode(tokenizer.encode(PROBE, add_special_tokens=False).ids)
    if back != PROBE:
        raise FileFormatError(f"the tokenizer of {folder} does not give a text back: {PROBE!r} became {back!r}")
    return tokenizer


def _take_in_markers(tokenizer: Tokenizer, network: GPT2LMHeadModel) -> list[str]:
    """Give the format's tokens ids behind the tokenizer's last, and rows."""
    wanted = [one for one in (SCHEMA.end, *SCHEMA.markers) if tokenizer.token_to_id(one) is None]
    first = max(tokenizer.get_vocab().values()) + 1
    if first + len(wanted) > MOST_TOKENS + 1:
        raise FileFormatError(
            f"the tokenizer has {first:,} tokens and needs {len(wanted)} more; a base has {MOST_TOKENS + 1:,} at most"
        )
    end_before = network.config.eos_token_id
    # All of them, so that those which stood there as ordinary tokens are special, too.
    tokenizer.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in (SCHEMA.end, *SCHEMA.markers)])
    assert max(tokenizer.get_vocab().values()) + 1 == first + len(wanted), "new tokens come behind the last"
    old = network.get_input_embeddings().weight.detach()[:first].clone()
    network.resize_token_embeddings(first + len(wanted), mean_resizing=False)
    rows = network.get_input_embeddings().weight
    noise = torch.randn((len(wanted), old.shape[1]), generator=torch.Generator().manual_seed(SEED)) * SPREAD
    with torch.no_grad():
        rows[first:] = old.mean(dim=0) + noise
        if SCHEMA.end in wanted and isinstance(end_before, int) and end_before < first:
            rows[tokenizer.token_to_id(SCHEMA.end)] = old[end_before]
    end = tokenizer.token_to_id(SCHEMA.end)
    for config in (network.config, network.generation_config):
        config.bos_token_id = config.eos_token_id = end
    return wanted
