"""What a training run is made of: corpus, base model, control model, evaluation; and the runs that have a name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, overload

from politico.errors import LimitError, UnknownFieldError, UnknownValueError
from politico.flags import from_mapping

MOST_TOKENS = 65_535
MOST = 10**9
"""More than any count here is, whatever the machine."""
SHARE = (0.0, 1.0)


@overload
def within(default: int, low: int, high: int) -> int: ...
@overload
def within(default: float, low: float, high: float) -> float: ...
def within(default: Any, low: Any, high: Any) -> Any:
    """A setting with its limits; both ends are allowed."""
    return field(default=default, metadata={"limits": (low, high)})


@dataclass(frozen=True)
class Limited:
    """Settings that are held to the limits beside them."""

    def __post_init__(self) -> None:
        for one in fields(self):
            if "limits" in one.metadata:
                low, high = one.metadata["limits"]
                value = getattr(self, one.name)
                if not low <= value <= high:  # false for what is no number, too
                    raise LimitError(f"{one.name} is {value}; it takes {low:,} to {high:,}")


@dataclass(frozen=True)
class CorpusSettings(Limited):
    """From a text collection to a tokenizer and token shards."""

    vocabulary_size: int = within(50_264, 300, MOST_TOKENS)
    """Tokens of the byte-level BPE, special tokens included (the thesis's 50,257 and our seven markers). Stored in 16 bits."""
    max_megabytes: float = within(100_000.0, 1e-6, 1e9)
    """Read at most this much plain text; the rest of a larger corpus is left out, and counted."""
    held_out_share: float = within(0.01, 1e-9, 0.5)
    """Share of the documents that no training sees."""
    learn_from_tweets: bool = True
    """Whether the tokenizer learns from the training tweets beside the corpus, so that it has their words whole."""


@dataclass(frozen=True)
class NetworkSettings(Limited):
    """The shape of the GPT-2."""

    layers: int = within(12, 1, 1_000)
    width: int = within(768, 1, 100_000)
    heads: int = within(16, 1, 1_000)
    positions: int = within(512, 2, 100_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise LimitError(f"width is {self.width}; it takes a multiple of heads, {self.heads}")


MUON, ADAMW = "muon", "adamw"


@dataclass(frozen=True)
class LearningSettings(Limited):
    """How one stage learns. A stage ends at its steps or its minutes, whichever comes first."""

    max_steps: int = within(100_000, 1, MOST)
    max_minutes: float = within(100_000.0, 1e-6, 1e7)
    """The learning rate's schedule follows the share of steps or of minutes used, whichever is larger."""
    batch_size: int = within(32, 1, 1_000_000)
    """Sequences a step, over all processes."""
    optimizer: str = MUON
    """`muon`: Muon for the network's matrices, AdamW for embeddings, norms and biases. `adamw`: AdamW for all of them."""
    learning_rate: float = within(6e-4, 0.0, 10.0)
    """AdamW's."""
    muon_rate: float = within(0.02, 0.0, 10.0)
    """Muon's: its steps have a size of their own, whatever the gradient's."""
    warmup_share: float = within(0.05, 0.0, 0.99)
    """Share of the stage over which the rate rises from 0."""
    context_weight: float = within(6.0, 1.0, 1_000.0)
    """What a token that spells what its context asks for weighs in the loss as the stage begins; all others weigh 1."""
    context_weight_share: float = within(0.8, *SHARE)
    """The share of the stage after which such a token weighs no more than any other."""
    weight_decay: float = within(0.1, 0.0, 10.0)
    dropout: float = within(0.0, 0.0, 0.99)
    seed: int = within(7, 0, 2**32 - 1)
    evaluate_every: int = within(500, 1, MOST)
    """Steps between looks at the held-out loss."""
    checkpoint_minutes: float = within(10.0, 0.0, 1e7)
    """Minutes between checkpoints; a stopped job goes on from the last."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimizer not in (MUON, ADAMW):
            raise LimitError(f"optimizer is {self.optimizer!r}; it takes {MUON} or {ADAMW}")


@dataclass(frozen=True)
class BaseSettings(LearningSettings):
    """How the base stage learns: what every stage has, and how much of it is listening."""

    passages_share: float = within(0.0, *SHARE)
    """Share of the steps that are passages of the corpus behind contexts made of their own words; the rest is plain text."""


@dataclass(frozen=True)
class ControlSettings(LearningSettings):
    """How the control stage learns: what every stage has, and how its samples are made."""

    optimizer: str = ADAMW
    """As for every stage; a network that has learnt much already is tuned with AdamW."""

    field_dropout: float = within(0.1, *SHARE)
    """Chance that a field is left out of a sample, so that partial contexts work."""
    context_dropout: float = within(0.1, *SHARE)
    """Chance that the whole context is left out, so that guidance has an empty context to start from."""
    name_swap: float = within(0.0, *SHARE)
    """Share of the entities and hashtags of a sample that are replaced by made-up ones, in context and text alike, so that
    names are copied and not recalled."""
    new_tokens: int = within(0, 0, MOST_TOKENS)
    """Tokens that the base's tokenizer takes in before the stage begins, of pairs that are frequent in the training tweets. For a
    base whose tokenizer has not met them."""
    held_out_share: float = within(0.1, 1e-9, 0.9)
    """Share of the tweets, the newest by day, that no training sees."""


@dataclass(frozen=True)
class EvaluationSettings(Limited):
    """How a model is judged on the held-out tweets."""

    max_tweets: int = within(2_000, 1, MOST)
    """Held-out tweets that are scored."""
    generated: int = within(200, 0, MOST)
    """Held-out contexts that a tweet is written for, half of them with values that training never saw, where there are."""
    seed: int = within(7, 0, 2**32 - 1)
    tolerance: float = within(0.02, 0.0, 1_000.0)
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
