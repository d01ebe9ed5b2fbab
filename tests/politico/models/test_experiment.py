"""Experiments: an override changes what it names and nothing else, and one out of place is named."""

from dataclasses import fields
from typing import Any

import pytest

from politico.errors import InputError, LimitError, UnknownFieldError, UnknownValueError
from politico.flags import to_words
from politico.models.experiment import (
    EXPERIMENTS,
    find_experiment,
)


def test_an_override_changes_what_it_names_and_nothing_else() -> None:
    tiny = find_experiment("tiny")
    changed = tiny.with_overrides({"base": {"max_minutes": 2, "batch_size": "6"}, "evaluation": {"tolerance": 0.5}})
    assert (changed.base.max_minutes, changed.base.batch_size, changed.evaluation.tolerance) == (2.0, 6, 0.5)
    assert changed.base.learning_rate == tiny.base.learning_rate
    assert (changed.corpus, changed.network, changed.control) == (tiny.corpus, tiny.network, tiny.control)
    assert tiny.base.max_minutes == 0.4
    assert tiny.with_overrides({}) == tiny


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        ({"bases": {}}, UnknownFieldError, "unknown part 'bases' of an experiment; it has corpus, network, base, control"),
        ({"description": {}}, UnknownFieldError, "unknown part 'description'"),
        ({"base": {"minutes": 2}}, UnknownFieldError, "unknown setting 'minutes'"),
        ({"base": 2}, LimitError, "the overrides of base are 2; they take names and values"),
        ({"base": {"max_steps": "all"}}, LimitError, "max_steps is 'all'"),
        ({"network": {"width": 100, "heads": 6}}, LimitError, "width is 100; it takes a multiple of heads, 6"),
        ({"corpus": {"vocabulary_size": 65_536}}, LimitError, "vocabulary_size is 65536; it takes 300 to 65535"),
        ({"corpus": {"vocabulary_size": 299}}, LimitError, "vocabulary_size is 299"),
        ({"corpus": {"held_out_share": 0.5}}, LimitError, "held_out_share is 0.5"),
        ({"corpus": {"held_out_share": 0}}, LimitError, "held_out_share is 0.0"),
    ],
)
def test_an_override_out_of_place_is_an_error_that_names_it(overrides: Any, error: type[InputError], message: str) -> None:
    with pytest.raises(error) as raised:
        find_experiment("tiny").with_overrides(overrides)
    assert message in str(raised.value)


def test_an_unknown_experiment_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(UnknownValueError, match="unknown experiment 'huge'; there are thesis, tiny"):
        find_experiment("huge")


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_every_experiment_survives_as_overrides_of_itself(name: str) -> None:
    experiment = EXPERIMENTS[name]
    parts = {one.name: to_words(getattr(experiment, one.name)) for one in fields(experiment) if one.name != "description"}
    assert experiment.with_overrides(parts) == experiment
