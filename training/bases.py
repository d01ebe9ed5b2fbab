"""Bases from elsewhere: a GPT-2 of transformers, from the Hugging Face hub or a folder, made ready for the control format.

What assumes GPT-2: the shape and the rows of the network (training/loop/network.py), its training loss, which calls the inner
transformer by GPT-2's name, and the engine's cache. What assumes a byte-level BPE: the words that decoding keeps to
(inference/rules/lexicon.py), the bytes that a token stands for, and tokens that are learnt later (training/corpus/merges.py).
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoTokenizer, GPT2LMHeadModel

from inference.model import CONFIG_FILE, save_model
from politico.control.political import SCHEMA
from politico.errors import FileFormatError, ServiceError
from training.loop.network import count_parameters
from training.markers import take_in_markers

NEEDED = ("*.json", "*.safetensors", "merges.txt", "*.bin")
"""What of a hub's repository is looked at; nothing else is fetched."""
TOKENIZERS = ("tokenizer.json", "vocab.json")
KIND = "gpt2"
ACTIVATIONS = ("gelu_new", "gelu_pytorch_tanh")
"""One function under two names; the second is one kernel."""
PROBE = "¡Hola, ñandú! ¿Qué tal la #EducaciónPública de @ana_1? 🌊 “10,5 %”"


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
    added = take_in_markers(tokenizer, network, SCHEMA)
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
