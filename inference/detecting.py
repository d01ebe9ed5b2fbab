"""Which texts a model wrote, by the watermark that its endpoint draws with: `politico detect`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.model import Model
from inference.writing.watermark import Watermark
from politico.control.format import Codec, composed, shown
from politico.errors import FileFormatError

FALSE_ALARMS = 0.01
"""Of texts that people wrote, at most so many are taken for the model's."""
LEAST_REAL = 100
"""Of fewer real texts a hundredth can't be told."""
CARD = "watermark"
"""What a model's card says of it: `limit`, and of how many `real` tweets that is."""


@dataclass(frozen=True)
class Verdict:
    """What a text's marks say."""

    text: str
    tokens: int
    chance: float
    """How likely a text that the model did not write would have so many marks."""
    found: bool
    """Whether it is taken for the model's. Where it is not, nothing is known: a short text, one that was mostly asked for word by
    word, and one that was written without the watermark show none."""


@dataclass(frozen=True)
class Limit:
    """Below which chance a text is taken for the model's."""

    chance: float = FALSE_ALARMS
    real: int = 0
    """Real tweets that it was measured on; 0: it is what arithmetic says."""


def limit_of(chances: Sequence[float]) -> Limit:
    """By the chances of texts that people wrote: at most a hundredth of them lie below, and it is a hundredth itself at most, as
    it is where they are too few to tell.

    People repeat each other, and what they repeat may have many marks: more of their texts may look marked than arithmetic says.
    """
    if len(chances) < LEAST_REAL:
        return Limit()
    return Limit(min(FALSE_ALARMS, sorted(chances)[math.floor(FALSE_ALARMS * len(chances))]), len(chances))


def real_limit(watermark: Watermark, codec: Codec, texts: Sequence[str]) -> Limit:
    """By these texts, which people wrote."""
    return limit_of([watermark.chance(_ids(codec, text)) for text in texts])


def limit_in(card: Mapping[str, Any]) -> Limit:
    """As training measured it; what arithmetic says where it did not. Raises FileFormatError."""
    told = card.get(CARD)
    if told is None:
        return Limit()
    try:
        return Limit(min(FALSE_ALARMS, float(told["limit"])), int(told["real"]))
    except (TypeError, KeyError, ValueError) as error:
        raise FileFormatError(f"the model's card says of its {CARD} {shown(told)}; it takes limit and real") from error


def to_card(limit: Limit) -> dict[str, Any]:
    """As a model's card says it."""
    return {CARD: {"limit": limit.chance, "real": limit.real}}


def detect(model: Model, texts: Sequence[str], limit: Limit) -> list[Verdict]:
    """A verdict for each text, in their order."""
    watermark, found = Watermark.of(model.network), []
    for text in texts:
        ids = _ids(model.codec, text)
        chance = watermark.chance(ids)
        found.append(Verdict(text, len(ids), chance, chance < limit.chance))
    return found


def _ids(codec: Codec, text: str) -> Sequence[int]:
    """As a model writes them."""
    return codec.piece(composed(text).strip())
