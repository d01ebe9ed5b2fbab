"""Flags: settings survive being written as words, and what does not fit is named."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.errors import InputError, LimitError, UnknownFieldError
from politico.flags import HelpAskedError, from_mapping, read_flags, to_flags, to_words
from politico.models.settings import LearningSettings


@dataclass(frozen=True)
class Sorts:
    """One field of each sort."""

    name: str
    steps: int = 3
    rate: float = 0.5
    quick: bool = False
    seed: int | None = 7


finite = st.floats(allow_nan=False, allow_infinity=False)
sorts = st.builds(
    Sorts,
    name=st.text(),
    steps=st.integers(),
    rate=finite,
    quick=st.booleans(),
    seed=st.none() | st.integers(),
)


@given(sorts)
def test_settings_survive_being_written_as_words(settings: Sorts) -> None:
    words = to_words(settings)
    assert all(isinstance(word, str) for word in words.values())
    assert from_mapping(Sorts, words) == settings
    assert read_flags(to_flags(settings), Sorts) == [settings]


@given(
    st.builds(
        LearningSettings,
        learning_rate=st.floats(0, 10),
        max_minutes=st.floats(1e-6, 1e7),
        batch_size=st.integers(1, 1_000_000),
    )
)
def test_a_stages_settings_survive_as_hyperparameters(settings: LearningSettings) -> None:
    assert from_mapping(LearningSettings, to_words(settings)) == settings


def test_flags_may_have_hyphens_or_underscores() -> None:
    read = read_flags(["--max-steps", "5", "--learning_rate", "1e-3", "--batch-size", "8"], LearningSettings)
    assert read == [LearningSettings(max_steps=5, learning_rate=0.001, batch_size=8)]
    assert read_flags([], LearningSettings) == [LearningSettings()]


def test_values_may_come_with_their_own_type() -> None:
    assert from_mapping(Sorts, {"name": "a", "steps": 4.0, "rate": 1, "quick": True, "seed": None}) == Sorts(
        "a", 4, 1.0, True, None
    )
    assert from_mapping(Sorts, {"name": "a", "quick": "True", "seed": "None"}) == Sorts("a", quick=True, seed=None)


@pytest.mark.parametrize(
    ("given_values", "error", "message"),
    [
        ({"name": "a", "stepz": 1}, UnknownFieldError, "unknown setting 'stepz'; Sorts knows name, steps, rate, quick, seed"),
        ({"steps": 1}, LimitError, "Sorts needs name"),
        ({"name": "a", "steps": "many"}, LimitError, "steps is 'many'; it takes a value of type int"),
        ({"name": "a", "steps": "1.5"}, LimitError, "steps is '1.5'"),
        ({"name": "a", "steps": 1.5}, LimitError, "steps is 1.5; it takes a value of type int"),  # was cut to 1
        ({"name": "a", "steps": float("inf")}, LimitError, "steps is inf"),
        ({"name": "a", "steps": float("nan")}, LimitError, "steps is nan"),
        ({"name": "a", "steps": None}, LimitError, "steps is None"),
        ({"name": "a", "rate": [1]}, LimitError, "rate is [1]; it takes a value of type float"),
        ({"name": "a", "quick": "yes"}, LimitError, "quick is 'yes'; it takes a value of type bool"),
        ({"name": "a", "seed": ""}, LimitError, "seed is ''; it takes a value of type int"),
    ],
)
def test_a_setting_that_does_not_fit_is_an_error_that_names_it(given_values: Any, error: type[InputError], message: str) -> None:
    with pytest.raises(error) as raised:
        from_mapping(Sorts, given_values)
    assert message in str(raised.value)


@pytest.mark.parametrize("words", [["--max_steps"], ["max_steps", "5"], ["--max_steps", "5", "6", "7"]])
def test_flags_that_are_no_pairs_are_an_error(words: list[str]) -> None:
    with pytest.raises(LimitError, match="flags come as --name value pairs"):
        read_flags(words, LearningSettings)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--name", "x", "--help"]])
def test_who_asks_for_help_is_told_every_flag_and_its_default(words: list[str]) -> None:
    with pytest.raises(HelpAskedError) as told:
        read_flags(words, Sorts)
    lines = [line.split() for line in str(told.value).splitlines()]
    defaults = {"name": ["must", "be", "given"], "steps": ["3"], "rate": ["0.5"], "quick": ["False"], "seed": ["7"]}
    assert lines == [[f"--{name}", *default] for name, default in defaults.items()]
