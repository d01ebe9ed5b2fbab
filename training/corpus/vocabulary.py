"""The tokenizer: a byte-level BPE over the corpus, with the control format's special tokens in front."""

from collections.abc import Iterable
from itertools import chain, repeat

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from politico.control.format import Schema
from politico.control.words import SIGNS
from politico.errors import SchemaError

SIGNS_SEEN = 50_000
"""So often a tokenizer meets ` #` and ` @`, whatever it is trained on: every tweet has them, hardly a book does, and what a
context asks for is copied most easily token by token."""


def train_tokenizer(texts: Iterable[str], vocabulary_size: int, schema: Schema) -> Tokenizer:
    """A tokenizer of at most this many tokens; fewer where the texts have no more pairs that repeat.

    The whole byte alphabet is in, so that every text can be written. A marker that stands in a text is read as ordinary
    text, in training as later.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=2,
        special_tokens=[schema.end, *schema.markers],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    signs = chain.from_iterable(repeat(f" {sign}", SIGNS_SEEN) for sign in SIGNS)
    tokenizer.train_from_iterator(chain(texts, signs), trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def end_id(tokenizer: Tokenizer, schema: Schema) -> int:
    """The id of the end token. Raises SchemaError when the tokenizer lacks it."""
    number: int | None = tokenizer.token_to_id(schema.end)
    if number is None:
        raise SchemaError(f"the tokenizer lacks the end token {schema.end!r}")
    return number


def byte_lengths(tokenizer: Tokenizer) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """How many bytes of text each id stands for, by id; special tokens stand for none.

    In a byte-level BPE each character of a token's name is one byte.
    """
    lengths = np.zeros(max(tokenizer.get_vocab().values()) + 1, dtype=np.int64)
    for token, number in tokenizer.get_vocab().items():
        lengths[number] = len(token)
    for number in tokenizer.get_added_tokens_decoder():
        lengths[number] = 0
    return lengths
