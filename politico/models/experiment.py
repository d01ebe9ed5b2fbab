"""The experiments: what a training run is made of, whole, and the runs that have a name.

A name says what comes out, in which variant and size: `gpt2-es` a base model that has learnt Spanish, `casual` one that writes
tweets freely, `control` one that writes them on demand; `-tesis` with the thesis's own numbers, `-small` and `-tiny` for laptops.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from politico.errors import FileFormatError, LimitError, UnknownFieldError, UnknownValueError
from politico.flags import from_mapping
from politico.models.cut import BY_RANDOM
from politico.models.settings import (
    ADAMW,
    CONSTANT,
    LINEAR,
    MUON,
    BaseSettings,
    CasualSettings,
    ControlSettings,
    CorpusSettings,
    EvaluationSettings,
    NetworkSettings,
    TweetSettings,
)

GOALS = BASE, CASUAL, CONTROL = "base", "casual", "control"
"""The stage that a run ends with. Every run begins with a base, its own or one that is given."""
LEFT, RIGHT = "PC,RD,FRVS,PH,PI,PL", "UDI"
"""The parties that the thesis chose for its two sides. Another country's are named with `parties`."""
PARTS = ("corpus", "network", "base", "casual", "control", "evaluation")
UNBOUND = 10_000_000
"""Steps, where the epochs are the bound."""


@dataclass(frozen=True)
class Experiment:
    """One way to train, whole."""

    description: str
    goal: str = CONTROL
    """`base`, `casual` or `control`."""
    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    base: BaseSettings = field(default_factory=BaseSettings)
    """The stage that learns Spanish from the corpus."""
    casual: CasualSettings = field(default_factory=CasualSettings)
    """The stage that learns, from a base model, to write tweets freely."""
    control: ControlSettings = field(default_factory=ControlSettings)
    """The stage that learns, from a base model, to write tweets on demand."""
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    @property
    def of_tweets(self) -> TweetSettings:
        """Those of the stage that learns from tweets; a base's tokenizer keeps away from what control holds out."""
        return self.casual if self.goal == CASUAL else self.control

    def with_overrides(self, overrides: Mapping[str, Mapping[str, Any]]) -> "Experiment":
        """This experiment with some settings changed: `{"base": {"max_minutes": 2}}`. Raises InputError on unknown names."""
        changed = {}
        for name, values in overrides.items():
            if name not in PARTS:
                raise UnknownFieldError(f"unknown part {name!r} of an experiment; it has {', '.join(PARTS)}")
            if not isinstance(values, Mapping):
                raise LimitError(f"the overrides of {name} are {values!r}; they take names and values")
            part = getattr(self, name)
            changed[name] = from_mapping(type(part), {**vars(part), **values})
        return replace(self, **changed)

    def overrides_of(self, other: "Experiment") -> dict[str, dict[str, Any]]:
        """What makes `other` of this one: only what differs."""
        found = {}
        for name in PARTS:
            own, theirs = vars(getattr(self, name)), vars(getattr(other, name))
            if differing := {key: value for key, value in theirs.items() if own[key] != value}:
                found[name] = differing
        return found


FULL = Experiment(
    description="",
    base=BaseSettings(max_steps=200_000, max_epochs=5, batch_size=96, hidden_documents=True),
    casual=CasualSettings(max_steps=30_000, max_epochs=10, batch_size=64, learning_rate=1e-4, dropout=0.1),
    control=ControlSettings(max_steps=30_000, batch_size=64, learning_rate=1e-4, dropout=0.1),
)
"""GPT-2 small: 12 layers, 768 wide, 512 positions; for several GPUs."""

_SMALL_TWEETS: Mapping[str, Any] = {
    "max_minutes": 20.0,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "muon_rate": 0.02,
    "weight_decay": 0.01,
    "optimizer": MUON,
    "evaluate_every": 200,
}
SMALL = Experiment(
    description="",
    corpus=CorpusSettings(vocabulary_size=8_192, max_megabytes=200.0, held_out_share=0.01),
    network=NetworkSettings(layers=6, width=256, heads=8, positions=256),
    base=BaseSettings(max_minutes=60.0, batch_size=16, learning_rate=2e-3, weight_decay=0.01, evaluate_every=200),
    casual=CasualSettings(**_SMALL_TWEETS),
    control=ControlSettings(**_SMALL_TWEETS, name_swap=0.2),
    evaluation=EvaluationSettings(max_tweets=1_000, generated=200),
)
"""6.8 million parameters: an evening of two cores."""

_TINY_LEARNING: Mapping[str, Any] = {
    "max_steps": 5_000,
    "learning_rate": 4e-3,
    "muon_rate": 0.03,
    "weight_decay": 0.01,
}
_TINY_TWEETS: Mapping[str, Any] = {
    **_TINY_LEARNING,
    "optimizer": MUON,  # after less than a minute of base the network has all but begun
    "max_minutes": 1.6,
    "batch_size": 16,
    "evaluate_every": 400,
    "context_weight": 3.0,
}
TINY = Experiment(
    description="",
    corpus=CorpusSettings(vocabulary_size=4_096, max_megabytes=12.0, held_out_share=0.02),
    network=NetworkSettings(layers=4, width=128, heads=4, positions=256),
    base=BaseSettings(**_TINY_LEARNING, max_minutes=0.4, batch_size=8, evaluate_every=100),
    casual=CasualSettings(**_TINY_TWEETS),
    control=ControlSettings(**_TINY_TWEETS, name_swap=0.2),
    evaluation=EvaluationSettings(max_tweets=400, generated=40),
)
"""1.4 million parameters: a few minutes of two cores. Shows that the whole path works, and writes poor Spanish."""

_TESIS_TWEETS: Mapping[str, Any] = {
    "max_steps": UNBOUND,
    "batch_size": 6,
    "learning_rate": 5e-5,
    "schedule": LINEAR,
    "weight_decay": 0.0,
    "dropout": 0.1,
    "held_out_by": BY_RANDOM,
    "context_weight": 1.0,
}
TESIS = Experiment(
    description="",
    base=BaseSettings(
        optimizer=ADAMW,
        max_steps=UNBOUND,
        max_epochs=5,
        batch_size=64,
        window=99,
        learning_rate=3e-5,
        schedule=CONSTANT,
        warmup_share=0.0,
        weight_decay=0.0,
        dropout=0.1,
    ),
    casual=CasualSettings(
        **{**_TESIS_TWEETS, "batch_size": 8},  # two on each of four GPUs
        max_epochs=10,
        warmup_steps=250,
        evaluate_every=500,
        joined=True,
        held_out_share=0.15,
    ),
    control=ControlSettings(
        **_TESIS_TWEETS, max_epochs=3, warmup_share=0.0, held_out_share=0.1, field_dropout=0.0, context_dropout=0.0
    ),
)
"""The thesis's own numbers, where it gives them (its sections 4.2 and 5), else those of its tools."""

_SIZES: Mapping[str, tuple[Experiment, str]] = {
    "": (FULL, "GPT-2 small, for several GPUs"),
    "-tesis": (TESIS, "with the thesis's own numbers"),
    "-small": (SMALL, "6.8 million parameters, an evening of two cores"),
    "-tiny": (TINY, "1.4 million parameters, a few minutes of two cores; poor Spanish"),
}
_KINDS: Mapping[str, tuple[str, str, Mapping[str, Mapping[str, Any]]]] = {
    "gpt2-es": (BASE, "learns Spanish from a corpus", {}),
    "casual": (CASUAL, "writes tweets freely", {}),
    "casual-izquierda": (CASUAL, f"writes tweets freely, of the left ({LEFT})", {"casual": {"parties": LEFT}}),
    "casual-derecha": (CASUAL, f"writes tweets freely, of the right ({RIGHT})", {"casual": {"parties": RIGHT}}),
    "control": (CONTROL, "writes tweets on demand", {}),
}


def _named() -> Mapping[str, Experiment]:
    found = {
        kind + size: replace(like, description=f"{what}: {how}", goal=goal).with_overrides(overrides)
        for kind, (goal, what, overrides) in _KINDS.items()
        for size, (like, how) in _SIZES.items()
    }
    twelve = found["gpt2-es"].with_overrides({"network": {"heads": 12}})
    found["gpt2-es-12h"] = replace(twelve, description="learns Spanish from a corpus: GPT-2 small, with 12 heads")
    return dict(sorted(found.items()))


EXPERIMENTS: Mapping[str, Experiment] = _named()


def find_experiment(name: str) -> Experiment:
    """Raises UnknownValueError when no experiment has this name."""
    if name not in EXPERIMENTS:
        raise UnknownValueError(f"unknown experiment {name!r}; there are {', '.join(sorted(EXPERIMENTS))}")
    return EXPERIMENTS[name]


def read_experiment(path: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """A file of one's own: the named experiment that it is like, and what it changes. Raises InputError.

    like = "control-small"

    [control]
    max_minutes = 30
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileFormatError(f"{path} is no TOML file: {error}") from error
    if "like" not in given:
        raise FileFormatError(f'{path} does not say which experiment it is like; begin it with like = "control-small", for one')
    like = given.pop("like")
    given.pop("description", None)
    if not isinstance(like, str):
        raise FileFormatError(f"{path}: like is {like!r}; it takes the name of an experiment")
    changed = find_experiment(like).with_overrides(given)
    return like, find_experiment(like).overrides_of(changed)
