"""How well a model foretells given tweets."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from inference.model import Model
from politico.control.format import Context, Sample
from politico.tweets.tweet import count_words
from training.evaluation.metrics import Loss
from training.loop.network import ScoredLoss
from training.samples.batch import pad

BATCH = 32
PASS_TOKENS = 4_096


@dataclass(frozen=True)
class Tweet:
    """A tweet and what it is like."""

    context: Context
    text: str


def conditioned(model: Model, tweets: Sequence[Tweet]) -> list[Sample]:
    """Each tweet behind its context: the tweet and its end are scored. Raises LimitError for one that does not fit."""
    return [model.codec.sample(one.context, one.text, model.length) for one in tweets]


def unconditioned(model: Model, tweets: Sequence[Tweet]) -> list[Sample]:
    """Each tweet behind the text marker alone, the empty context of training."""
    return [model.codec.sample({}, one.text, model.length) for one in tweets]


def plain(model: Model, tweets: Sequence[Tweet]) -> list[Sample]:
    """Each tweet as a document of its own, as a base model knows text: end token, text, end token."""
    end = model.codec.ids[model.codec.schema.end]
    return [Sample((end, *model.codec.encode(one.text), end), 1) for one in tweets]


@torch.no_grad()
def score(model: Model, samples: Sequence[Sample], tweets: Sequence[Tweet]) -> Loss:
    """The loss on each sample's scored tokens. Bytes and words are counted in the tweets' texts, so that models with other
    tokenizers are compared over the same text; the tokens, and the loss, include each tweet's end."""
    scored_loss = ScoredLoss(model.network).eval()
    filler = model.codec.ids[model.codec.schema.end]
    total, tokens = 0.0, sum(len(one.ids) - one.loss_from for one in samples)
    by_length = sorted(samples, key=lambda one: len(one.ids))
    for first in range(0, len(by_length), BATCH):
        for part in pad(by_length[first : first + BATCH], filler).passes(PASS_TOKENS):
            total += float(scored_loss(part.ids.to(model.network.device), part.targets.to(model.network.device))[1])
    return Loss(
        total,
        tokens,
        bytes=sum(len(one.text.encode()) for one in tweets),
        words=sum(count_words(one.text) for one in tweets),
    )
