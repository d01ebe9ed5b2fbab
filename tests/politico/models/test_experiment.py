"""Experiments: an override changes what it names and nothing else, and one out of place is named."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from politico.errors import InputError, LimitError, UnknownFieldError, UnknownValueError
from politico.flags import to_words
from politico.models.experiment import EXPERIMENTS, PARTS, find_experiment, read_experiment
from politico.models.settings import NetworkSettings


def test_an_override_changes_what_it_names_and_nothing_else() -> None:
    tiny = find_experiment("control-tiny")
    changed = tiny.with_overrides({"base": {"max_minutes": 2, "batch_size": "6"}, "evaluation": {"tolerance": 0.5}})
    assert (changed.base.max_minutes, changed.base.batch_size, changed.evaluation.tolerance) == (2.0, 6, 0.5)
    assert changed.base.learning_rate == tiny.base.learning_rate
    assert (changed.corpus, changed.network, changed.control) == (tiny.corpus, tiny.network, tiny.control)
    assert tiny.base.max_minutes == 0.4
    assert tiny.with_overrides({}) == tiny


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        (
            {"bases": {}},
            UnknownFieldError,
            "unknown part 'bases' of an experiment; it has corpus, network, base, casual, control",
        ),
        ({"description": {}}, UnknownFieldError, "unknown part 'description'"),
        ({"base": {"minutes": 2}}, UnknownFieldError, "unknown setting 'minutes'"),
        ({"base": 2}, LimitError, "the overrides of base are 2; they take names and values"),
        ({"base": {"max_steps": "all"}}, LimitError, "max_steps is 'all'"),
        ({"network": {"width": 100, "heads": 6}}, LimitError, "width is 100; it takes a multiple of heads, 6"),
        ({"corpus": {"vocabulary_size": 65_536}}, LimitError, "vocabulary_size is 65536; it takes 300 to 65,535"),
        ({"corpus": {"vocabulary_size": 299}}, LimitError, "vocabulary_size is 299"),
        ({"corpus": {"held_out_share": 0.51}}, LimitError, "held_out_share is 0.51"),
        ({"control": {"schedule": "stairs"}}, LimitError, "schedule is 'stairs'; it takes cosine, linear, constant"),
        ({"control": {"held_out_by": "luck"}}, LimitError, "held_out_by is 'luck'; it takes time, author, random"),
        ({"casual": {"parties": " , "}}, LimitError, "parties is ' , '; it takes names separated by commas, or nothing for all"),
        ({"corpus": {"held_out_share": 0}}, LimitError, "held_out_share is 0.0"),
    ],
)
def test_an_override_out_of_place_is_an_error_that_names_it(overrides: Any, error: type[InputError], message: str) -> None:
    with pytest.raises(error) as raised:
        find_experiment("control-tiny").with_overrides(overrides)
    assert message in str(raised.value)


def test_an_unknown_experiment_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(UnknownValueError, match=r"unknown experiment 'huge'; there are casual, .*, gpt2-es-tiny$"):
        find_experiment("huge")


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_every_experiment_survives_as_overrides_of_itself(name: str) -> None:
    experiment = EXPERIMENTS[name]
    parts = {part: to_words(getattr(experiment, part)) for part in PARTS}
    assert experiment.with_overrides(parts) == experiment
    assert set(PARTS) == {one.name for one in fields(experiment)} - {"description", "goal"}


@pytest.mark.parametrize("kind", ["gpt2-es", "casual", "casual-izquierda", "casual-derecha", "control"])
def test_every_kind_comes_in_full_and_small_and_with_the_theses_numbers(kind: str) -> None:
    sizes = [find_experiment(kind + size) for size in ("", "-tesis", "-small", "-tiny")]
    assert len({one.goal for one in sizes}) == 1
    assert len({one.description for one in sizes}) == len(sizes)
    full, thesis, small, tiny = (one.network for one in sizes)
    assert full == thesis == NetworkSettings(layers=12, width=768, heads=16, positions=512)
    assert full.width > small.width > tiny.width


def test_the_left_and_the_right_differ_in_their_parties_alone() -> None:
    both = find_experiment("casual")
    for name, parties in (("casual-izquierda", ("PC", "RD", "FRVS", "PH", "PI", "PL")), ("casual-derecha", ("UDI",))):
        side = find_experiment(name)
        assert side.casual.party_list == parties
        assert both.overrides_of(side) == {"casual": {"parties": ",".join(parties)}}


def test_a_file_of_ones_own_is_a_named_experiment_and_what_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'like = "control-small"\ndescription = "longer"\n[control]\nmax_minutes = 30\nname_swap = 0.2\n[network]\nlayers = 8\n'
    )
    like, overrides = read_experiment(path)
    assert like == "control-small"
    assert overrides == {"network": {"layers": 8}, "control": {"max_minutes": 30.0}}, "what is as it was is left out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("like = ", "is no TOML file"),
        ("[control]\nmax_minutes = 30\n", "does not say which experiment it is like"),
        ("like = 3\n", "like is 3; it takes the name of an experiment"),
        ('like = "huge"\n', "unknown experiment 'huge'"),
        ('like = "control"\n[contrl]\nmax_minutes = 1\n', "unknown part 'contrl'"),
        ('like = "control"\n[control]\nheads = 1\n', "unknown setting 'heads'"),
        ('like = "control"\n[control]\nmax_minutes = "x"\n', "max_minutes is 'x'"),
        ('like = "control"\nseed = 3\n', "unknown part 'seed'"),
    ],
)
def test_a_file_that_can_not_be_used_is_told_what_is_wrong_with_it(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_experiment(path)
    assert told in str(raised.value)
