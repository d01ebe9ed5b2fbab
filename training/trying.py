"""What a network writes while it learns, so that whoever watches sees more than a loss.

What is asked is made up here, but for closed fields, such as who speaks: values that the model knows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from inference.continuing import continued
from inference.engine import Engine
from inference.model import Model, codec_for, spelled_ids, unused_ids
from politico.control.format import Schema, readable
from politico.control.request import Parameters, Request
from politico.control.rows import KEY_PHRASES
from politico.models.experiment import BASE

BEGINNINGS = ("El presidente", "La ciudad de", "En aquel tiempo")
ABOUT = ("la educación", "la salud")
LONGEST = 40
"""Tokens of a sample: enough to see what it can, and soon written."""
SEED = 7

Tried = Callable[[], list[dict[str, str]]]
"""What was asked and what came of it."""


def tries(network: GPT2LMHeadModel, tokenizer: Tokenizer, schema: Schema, stage: str) -> Tried:
    """A function that writes a few samples with the network as it is by then. It changes neither the weights nor any draw of the
    training."""
    codec = codec_for(tokenizer, schema)
    rows = int(network.config.vocab_size)
    model = Model(network, codec, {}, unused_ids(tokenizer, codec, rows), spelled=spelled_ids(tokenizer, rows))
    longest = min(LONGEST, model.length // 2)

    def of_base() -> list[dict[str, str]]:
        how = {"max_new_tokens": longest, "temperature": 0.8, "top_k": 50}
        return [{"asked": one, "text": text} for one in BEGINNINGS for text in continued(model, one, count=1, seed=SEED, how=how)]

    def of_tweets() -> list[dict[str, str]]:
        parameters = Parameters(
            max_new_tokens=longest, temperature=0.8, insistence=0.0, known_words=False, max_characters=0, seed=SEED
        )
        contexts = [schema.context(one) for one in _asked(schema)]
        tweets = Engine(model).generate_batch([Request(one, "", parameters) for one in contexts])
        return [
            {"asked": readable(schema, one), "text": tweet.generated_text} for one, tweet in zip(contexts, tweets, strict=True)
        ]

    write = of_base if stage == BASE else of_tweets

    def tried() -> list[dict[str, str]]:
        was_training = network.training
        network.eval()
        try:
            with torch.compiler.set_stance("force_eager"):  # or the compiler would begin anew for every length
                return write()
        finally:
            network.train(was_training)

    return tried


def _asked(schema: Schema) -> Sequence[Mapping[str, Any]]:
    """Two speakers in two moods, each about something; twice nothing for a model that was never asked for anything."""
    if not any(schema.values.values()):
        return [{}, {}]
    asked = []
    for number, about in enumerate(ABOUT):
        context: dict[str, Any] = {one.name: [about] for one in schema.fields if one.source == KEY_PHRASES}
        for name, values in schema.values.items():
            if not values:  # no training tweet had one
                continue
            if name == schema.sentiment:
                context[name] = values[-1 - number % len(values)]
            elif schema.field(name).source != "coalition":  # which follows from the party
                context[name] = values[number % len(values)]
        asked.append(context)
    return asked
