"""The settings of a training run's parts, each with its limits beside it: corpus, network, the stages, the evaluation."""

from dataclasses import dataclass, field, fields
from typing import Any, overload

from politico.errors import LimitError
from politico.models.cut import BY_TIME, KINDS

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
SCHEDULES = COSINE, LINEAR, CONSTANT = "cosine", "linear", "constant"


@dataclass(frozen=True)
class LearningSettings(Limited):
    """How one stage learns. A stage ends at its steps or its minutes, whichever comes first."""

    max_steps: int = within(100_000, 1, MOST)
    max_minutes: float = within(100_000.0, 1e-6, 1e7)
    """The learning rate's schedule follows the share of steps or of minutes used, whichever is larger."""
    max_epochs: float = within(0.0, 0.0, 1e6)
    """Passes over what is learnt from, at most; 0: as many as steps and minutes allow."""
    batch_size: int = within(32, 1, 1_000_000)
    """Sequences a step, over all processes."""
    optimizer: str = MUON
    """`muon`: Muon for the network's matrices, AdamW for embeddings, norms and biases. `adamw`: AdamW for all of them."""
    learning_rate: float = within(6e-4, 0.0, 10.0)
    """AdamW's."""
    muon_rate: float = within(0.02, 0.0, 10.0)
    """Muon's: its steps have a size of their own, whatever the gradient's."""
    schedule: str = COSINE
    """How the rate falls after its rise: `cosine` or `linear`, to a tenth; `constant`: not at all."""
    warmup_share: float = within(0.05, 0.0, 0.99)
    """Share of the stage over which the rate rises from 0."""
    warmup_steps: int = within(0, 0, MOST)
    """So many steps instead of a share, where it is not 0."""
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
        if self.schedule not in SCHEDULES:
            raise LimitError(f"schedule is {self.schedule!r}; it takes {', '.join(SCHEDULES)}")


@dataclass(frozen=True)
class BaseSettings(LearningSettings):
    """How the base stage learns: what every stage has, and how much of it is listening."""

    passages_share: float = within(0.0, *SHARE)
    """Share of the steps that are passages of the corpus behind contexts made of their own words; the rest is plain text."""
    window: int = within(0, 0, 100_000)
    """Tokens of a sequence, at most the network's positions; 0: all of them."""
    hidden_documents: bool = False
    """Whether documents that share a sequence are hidden from each other; otherwise each sees those before it, as in GPT-2."""


@dataclass(frozen=True)
class TweetSettings(LearningSettings):
    """How a stage learns from tweets: what every stage has, and which tweets it sees."""

    optimizer: str = ADAMW
    """As for every stage; a network that has learnt much already is tuned with AdamW."""

    new_tokens: int = within(0, 0, MOST_TOKENS)
    """Tokens that the base's tokenizer takes in before the stage begins, of pairs that are frequent in the training tweets. For a
    base whose tokenizer has not met them."""
    held_out_share: float = within(0.1, 1e-9, 0.9)
    """Share of the tweets that no training sees."""
    held_out_by: str = BY_TIME
    """Which: `time`, the newest days; `author`, all of some people's; `random`, any, as in the thesis."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.held_out_by not in KINDS:
            raise LimitError(f"held_out_by is {self.held_out_by!r}; it takes {', '.join(KINDS)}")


@dataclass(frozen=True)
class CasualSettings(TweetSettings):
    """How the casual stage learns: tweets as they are, behind no context."""

    parties: str = ""
    """Whose tweets it learns from: parties, separated by commas, as the dataset writes them; empty: everybody's."""
    joined: bool = False
    """Whether the tweets are joined in random order and cut into whole sequences, as in the thesis; otherwise each is one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parties and not self.party_list:
            raise LimitError(f"parties is {self.parties!r}; it takes names separated by commas, or nothing for all")

    @property
    def party_list(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.strip() for one in self.parties.split(",") if one.strip()))


@dataclass(frozen=True)
class ControlSettings(TweetSettings):
    """How the control stage learns: tweets behind a context, and how its samples are made."""

    field_dropout: float = within(0.1, *SHARE)
    """Chance that a field is left out of a sample, so that partial contexts work."""
    context_dropout: float = within(0.1, *SHARE)
    """Chance that the whole context is left out, so that guidance has an empty context to start from."""
    name_swap: float = within(0.0, *SHARE)
    """Share of the entities and hashtags of a sample that are replaced by made-up ones, in context and text alike, so that
    names are copied and not recalled."""


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
