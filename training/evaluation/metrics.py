"""The figures that models are compared by, each with its formula."""

import math
from dataclasses import dataclass
from typing import Any


def bits_per_byte(loss_sum: float, byte_count: int) -> float:
    """Total loss in nats over the text's UTF-8 bytes, in bits: loss_sum / (ln 2 * byte_count). Comparable across tokenizers."""
    return loss_sum / (math.log(2) * byte_count)


def perplexity(loss_sum: float, count: int) -> float:
    """exp(loss_sum / count): per token not comparable across tokenizers, per word it is."""
    mean = loss_sum / count
    return math.exp(mean) if mean < 700 else math.inf


@dataclass(frozen=True)
class Loss:
    """How well a network foretold some text."""

    total: float
    """Nats, summed over the tokens."""
    tokens: int
    """Tokens of the text, and the end token of each tweet."""
    bytes: int
    """UTF-8 bytes of the text itself."""
    words: int | None = None
    """Words of the text, where they were counted."""

    @property
    def per_token(self) -> float:
        return self.total / self.tokens

    def figures(self) -> dict[str, Any]:
        """All figures by name, as cards and evaluations hold them."""
        figures = {
            "loss_per_token": self.per_token,
            "perplexity_per_token": perplexity(self.total, self.tokens),
            "bits_per_byte": bits_per_byte(self.total, self.bytes),
            "tokens": self.tokens,
            "bytes": self.bytes,
        }
        if self.words is not None:
            figures |= {"perplexity_per_word": perplexity(self.total, self.words), "words": self.words}
        return figures
