"""A model folder: weights, tokenizer, control schema and run card, no code. Training writes it, the engine reads it."""

import json
import os
import tempfile
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from inference.offered import FILE as OFFERED_FILE
from inference.offered import Offered, read_offered
from inference.rules.lexicon import FILE as WORDS_FILE
from inference.rules.lexicon import read_words, write_words
from inference.rules.novelty import FILE as SHINGLES_FILE
from inference.rules.novelty import Shingles
from politico.control.format import Codec, Schema
from politico.control.political import completed
from politico.errors import FileFormatError

TOKENIZER_FILE, TOKENIZER_CONFIG_FILE = "tokenizer.json", "tokenizer_config.json"
SCHEMA_FILE = "control.json"
CARD_FILE = "card.json"
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"  # transformers' own names
SMALL_NETWORK = 20_000_000
"""Parameters below which one thread is best, and below which a model is given a list of words to keep to."""


@dataclass(frozen=True)
class Model:
    """A trained network with what is needed to talk to it."""

    network: GPT2LMHeadModel
    """In evaluation mode, float32, on the CPU."""
    codec: Codec
    card: dict[str, Any]
    """Name, kind, data and figures of the training run."""
    unused: tuple[int, ...] = ()
    """Ids that stand for no text and no control token: they are never to be written."""
    words: frozenset[str] = frozenset()
    """The words that it has met, as `inference.rules.lexicon` has them; none for a model that needs no such list."""
    spelled: tuple[bytes, ...] = ()
    """What each id writes, in UTF-8: nothing for special tokens and for rows past the tokenizer's last id."""
    offered: Offered = field(default_factory=dict)
    """What a visitor may be offered, as `inference.offered` has it."""
    shingles: Shingles | None = None
    """The runs of words of the tweets that it has learnt from; None where it has learnt from none."""

    @property
    def name(self) -> str:
        """From its card."""
        return str(self.card.get("name", "unnamed"))

    @property
    def dataset(self) -> str:
        """The hash of the dataset that it has learnt from; empty where its card names none."""
        told = self.card.get("dataset")
        return str(told.get("sha256", "")) if isinstance(told, Mapping) else ""

    @property
    def length(self) -> int:
        """Longest sequence the network reads, in tokens."""
        return int(self.network.config.n_positions)

    @property
    def is_large(self) -> bool:
        """Whether several threads are worth their while.

        Two cores that share a small network's sums wait for each other, and on a busy machine for whoever else is on them:
        generating with 2.6 million parameters took 8 times as long with two threads as with one.
        """
        return int(self.network.num_parameters()) >= SMALL_NETWORK

    @property
    def threads(self) -> int:
        """Threads that are worth their while on this machine's cores."""
        return torch.get_num_threads() if self.is_large else 1


def open_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of `path`, set to read special tokens in a text as ordinary text. Raises FileFormatError."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception for a missing or torn file
        raise FileFormatError(f"{path} is no tokenizer: {error}") from error
    tokenizer.encode_special_tokens = True
    return tokenizer


def codec_for(tokenizer: Tokenizer, schema: Schema) -> Codec:
    """The control format over this tokenizer. Raises SchemaError when it lacks a control token."""
    words = (*schema.markers, schema.end)
    ids = {word: tokenizer.token_to_id(word) for word in words}
    return Codec(
        schema=schema,
        encode=lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        decode=lambda row: tokenizer.decode(list(row), skip_special_tokens=False),
        ids={word: number for word, number in ids.items() if number is not None},
    )


def save_model(
    folder: Path,
    network: GPT2LMHeadModel,
    tokenizer: Tokenizer,
    schema: Schema,
    card: dict[str, Any],
    words: Set[str] = frozenset(),
    pages: Mapping[str, str] = MappingProxyType({}),
    shingles: Shingles | None = None,
) -> None:
    """Write a model folder that `load_model` and transformers' own `from_pretrained` both read: all of it, or nothing.

    `pages` are texts to lie beside it, by file name. Raises OSError for a disk that is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    transformers_logging.disable_progress_bar()  # a log is no terminal
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as partial:
        written = Path(partial)
        network.save_pretrained(written, safe_serialization=True)
        _save_for_others(written, tokenizer, schema, int(network.config.n_positions))
        (written / SCHEMA_FILE).write_text(schema.to_json(), encoding="utf-8")
        (written / CARD_FILE).write_text(json.dumps(card, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")
        if words:
            write_words(written, words)
        for name, text in pages.items():
            (written / name).write_text(text, encoding="utf-8")
        if shingles is not None:
            shingles.write(written)
        (folder / WEIGHTS_FILE).unlink(missing_ok=True)  # from here on there is no model until there is the whole of it
        for name in (WORDS_FILE, OFFERED_FILE, SHINGLES_FILE):
            (folder / name).unlink(missing_ok=True)
        for path in sorted(written.iterdir(), key=lambda one: one.name == WEIGHTS_FILE):
            path.chmod(0o644)  # safetensors lets nobody but the writer read, and who serves a model need not be who trained it
            path.replace(folder / path.name)


def _save_for_others(folder: Path, tokenizer: Tokenizer, schema: Schema, positions: int) -> None:
    """The tokenizer as other programs read it: one special token stands for all that they ask for, and the class has a name that
    transformers 4 knows as well as 5."""
    special = {f"{name}_token": schema.end for name in ("bos", "eos", "unk", "pad")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=positions, **special).save_pretrained(folder)
    path = folder / TOKENIZER_CONFIG_FILE
    told = {
        **json.loads(path.read_text(encoding="utf-8")),
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "attention_mask"],  # transformers 4 would add segments, which GPT-2 reads as tokens
    }
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def load_model(folder: Path) -> Model:
    """Read a model folder. Raises FileFormatError for a missing or torn part, SchemaError for parts that do not fit."""
    for name in (TOKENIZER_FILE, SCHEMA_FILE, CARD_FILE, CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise FileFormatError(f"{folder} is no model folder: {name} is missing")
        if not os.access(folder / name, os.R_OK):
            raise FileFormatError(f"{folder / name} may not be read by this user")
    tokenizer = open_tokenizer(folder / TOKENIZER_FILE)
    schema = completed(Schema.from_json((folder / SCHEMA_FILE).read_bytes()))
    codec = codec_for(tokenizer, schema)
    network, card = _load_network(folder), _load_card(folder / CARD_FILE)
    last, rows = max(tokenizer.get_vocab().values()), int(network.config.vocab_size)
    if last >= rows:
        raise FileFormatError(f"{folder} is no model folder: its tokenizer has id {last}, its network {rows} rows")
    unused, spelled = unused_ids(tokenizer, codec, rows), spelled_ids(tokenizer, rows)
    return Model(
        network,
        codec,
        card,
        unused,
        read_words(folder),
        spelled,
        read_offered(folder, schema),
        Shingles.read(folder),
    )


def unused_ids(tokenizer: Tokenizer, codec: Codec, rows: int) -> tuple[int, ...]:
    """The rows of a network that stand for no text and no control token: past the tokenizer's last id while it learns, and other
    programs' special tokens."""
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    return tuple(sorted((set(range(rows)) - set(tokenizer.get_vocab().values())) | (special - set(codec.ids.values()))))


def spelled_ids(tokenizer: Tokenizer, rows: int) -> tuple[bytes, ...]:
    """What each id writes, in UTF-8: nothing for special tokens and for rows past the tokenizer's last id."""
    spelled = [b""] * rows
    special = set(tokenizer.get_added_tokens_decoder())
    for token, number in tokenizer.get_vocab().items():
        if number not in special:
            spelled[number] = bytes(_BYTES[letter] for letter in token)
    return tuple(spelled)


def _byte_alphabet() -> dict[str, int]:
    """Which letter of a token's name stands for which byte (Radford et al. 2019): the printable ones for themselves."""
    themselves = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in themselves]
    return {**{chr(byte): byte for byte in themselves}, **{chr(256 + place): byte for place, byte in enumerate(others)}}


_BYTES = _byte_alphabet()


def _load_network(folder: Path) -> GPT2LMHeadModel:
    transformers_logging.disable_progress_bar()
    try:
        network, report = GPT2LMHeadModel.from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        raise FileFormatError(f"{folder} is no model folder: {' '.join(str(error).split())}") from error
    if report["missing_keys"]:  # the library would draw them at random and go on
        missing = ", ".join(sorted(report["missing_keys"]))
        raise FileFormatError(f"{folder} is no model folder: it lacks the weights {missing}")
    return network.eval()


def _load_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileFormatError(f"{path} is no run card: {error}") from error
    if not isinstance(card, dict):
        raise FileFormatError(f"{path} is no run card: it takes an object")
    return card
