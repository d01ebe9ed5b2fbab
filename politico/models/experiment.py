"""What a training run is made of: corpus, base model, control model, evaluation; and the runs that have a name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from politico.errors import LimitError, UnknownFieldError, UnknownValueError
from politico.flags import from_mapping

MOST_TOKENS = 65_535


@dataclass(frozen=True)
class CorpusSettings:
    """From a text collection to a tokenizer and token shards."""

    vocabulary_size: int = 50_264
    """Tokens of the byte-level BPE, special tokens included (the thesis's 50,257 and our seven markers)."""
    max_megabytes: float = 100_000.0
    """Read at most this much plain text; the rest of a larger corpus is left out, and counted."""
    held_out_share: float = 0.01
    """Share of the documents that no training sees."""
    learn_from_tweets: bool = True
    """Whether the tokenizer learns from the training tweets beside the corpus, so that it has their words whole."""

    def __post_init__(self) -> None:
        if not 300 <= self.vocabulary_size <= MOST_TOKENS:
            raise LimitError(
                f"vocabulary_size is {self.vocabulary_size}; it takes 300 to {MOST_TOKENS} (tokens are stored in 16 bits)"
            )
        if not 0 < self.held_out_share < 0.5:
            raise LimitError(f"held_out_share is {self.held_out_share}; it takes a share above 0 and below 0.5")


@dataclass(frozen=True)
class NetworkSettings:
    """The shape of the GPT-2."""

    layers: int = 12
    width: int = 768
    heads: int = 16
    positions: int = 512

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise LimitError(f"width is {self.width}; it takes a multiple of heads, {self.heads}")


MUON, ADAMW = "muon", "adamw"


def _check_share(name: str, value: float) -> None:
    """Raise LimitError for what is no share."""
    if not 0 <= value <= 1:
        raise LimitError(f"{name} is {value}; it takes a share from 0 to 1")


@dataclass(frozen=True)
class LearningSettings:
    """How one stage learns. A stage ends at its steps or its minutes, whichever comes first."""

    max_steps: int = 100_000
    max_minutes: float = 100_000.0
    """The learning rate's schedule follows the share of steps or of minutes used, whichever is larger."""
    batch_size: int = 32
    """Sequences a step, over all processes."""
    optimizer: str = MUON
    """`muon`: Muon for the network's matrices, AdamW for embeddings, norms and biases. `adamw`: AdamW for all of them."""
    learning_rate: float = 6e-4
    """AdamW's."""
    muon_rate: float = 0.02
    """Muon's: its steps have a size of their own, whatever the gradient's."""
    warmup_share: float = 0.05
    """Share of the stage over which the rate rises from 0."""
    context_weight: float = 6.0
    """What a token that spells what its context asks for weighs in the loss as the stage begins; all others weigh 1."""
    context_weight_share: float = 0.8
    """The share of the stage after which such a token weighs no more than any other."""
    weight_decay: float = 0.1
    dropout: float = 0.0
    seed: int = 7
    evaluate_every: int = 500
    """Steps between looks at the held-out loss."""
    checkpoint_minutes: float = 10.0
    """Minutes between checkpoints; a stopped job goes on from the last."""

    def __post_init__(self) -> None:
        if self.optimizer not in (MUON, ADAMW):
            raise LimitError(f"optimizer is {self.optimizer!r}; it takes {MUON} or {ADAMW}")
        if not 1 <= self.context_weight < math.inf:
            raise LimitError(f"context_weight is {self.context_weight}; it takes 1 or more")
        _check_share("context_weight_share", self.context_weight_share)


@dataclass(frozen=True)
class BaseSettings(LearningSettings):
    """How the base stage learns: what every stage has, and how much of it is listening."""

    passages_share: float = 0.0
    """Share of the steps that are passages of the corpus behind contexts made of their own words; the rest is plain text."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_share("passages_share", self.passages_share)


@dataclass(frozen=True)
class ControlSettings(LearningSettings):
    """How the control stage learns: what every stage has, and how its samples are made."""

    optimizer: str = ADAMW
    """As for every stage; a network that has learnt much already is tuned with AdamW."""

    field_dropout: float = 0.1
    """Chance that a field is left out of a sample, so that partial contexts work."""
    context_dropout: float = 0.1
    """Chance that the whole context is left out, so that guidance has an empty context to start from."""
    name_swap: float = 0.0
    """Share of the entities and hashtags of a sample that are replaced by made-up ones, in context and text alike, so that
    names are copied and not recalled."""
    new_tokens: int = 0
    """Tokens that the base's tokenizer takes in before the stage begins, of pairs that are frequent in the training tweets. For a
    base whose tokenizer has not met them."""
    held_out_share: float = 0.1
    """Share of the tweets, the newest by day, that no training sees."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_share("name_swap", self.name_swap)
        if not 0 <= self.new_tokens <= MOST_TOKENS:
            raise LimitError(f"new_tokens is {self.new_tokens}; it takes 0 to {MOST_TOKENS}")


@dataclass(frozen=True)
class EvaluationSettings:
    """How a model is judged on the held-out tweets."""

    max_tweets: int = 2_000
    """Held-out tweets that are scored."""
    generated: int = 200
    """Held-out contexts that a tweet is written for, half of them with values that training never saw, where there are."""
    seed: int = 7
    tolerance: float = 0.02
    """The gate lets a candidate through whose bits per byte are at most this share above the champion's."""


@dataclass(frozen=True)
class Experiment:
    """One way to train, whole."""

    description: str
    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    base: BaseSettings = field(default_factory=BaseSettings)
    """The stage that learns Spanish from the corpus."""
    control: ControlSettings = field(default_factory=ControlSettings)
    """The stage that learns, from a base model, to write tweets on demand: the fine-tune."""
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def with_overrides(self, overrides: Mapping[str, Mapping[str, Any]]) -> "Experiment":
        """This experiment with some settings changed: `{"base": {"max_minutes": 2}}`. Raises InputError on unknown names."""
        parts = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "description"}
        changed = {}
        for name, values in overrides.items():
            if name not in parts:
                raise UnknownFieldError(f"unknown part {name!r} of an experiment; it has {', '.join(parts)}")
            if not isinstance(values, Mapping):
                raise LimitError(f"the overrides of {name} are {values!r}; they take names and values")
            changed[name] = from_mapping(type(parts[name]), {**vars(parts[name]), **values})
        return replace(self, **changed)


EXPERIMENTS: Mapping[str, Experiment] = {
    "thesis": Experiment(
        description="the thesis's own shape: GPT-2 small in Spanish, for several GPUs",
        base=BaseSettings(max_steps=200_000, batch_size=96),
        control=ControlSettings(max_steps=30_000, batch_size=64, learning_rate=1e-4, dropout=0.1),
    ),
    "tiny": Experiment(
        description="a few minutes on two cores: shows that the whole path works, writes poor Spanish",
        corpus=CorpusSettings(vocabulary_size=4_096, max_megabytes=12.0, held_out_share=0.02),
        network=NetworkSettings(layers=4, width=128, heads=4, positions=256),
        base=BaseSettings(
            max_steps=5_000,
            max_minutes=0.4,
            batch_size=8,
            learning_rate=4e-3,
            muon_rate=0.03,
            weight_decay=0.01,
            evaluate_every=100,
        ),
        control=ControlSettings(
            optimizer=MUON,  # after less than a minute of base the network has all but begun
            max_steps=5_000,
            max_minutes=1.6,
            batch_size=16,
            learning_rate=4e-3,
            muon_rate=0.03,
            weight_decay=0.01,
            evaluate_every=400,
            context_weight=3.0,
            name_swap=0.2,
        ),
        evaluation=EvaluationSettings(max_tweets=400, generated=40),
    ),
}


def find_experiment(name: str) -> Experiment:
    """Raises UnknownValueError when no experiment has this name."""
    if name not in EXPERIMENTS:
        raise UnknownValueError(f"unknown experiment {name!r}; there are {', '.join(sorted(EXPERIMENTS))}")
    return EXPERIMENTS[name]
