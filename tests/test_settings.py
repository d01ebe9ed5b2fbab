"""Settings from words and back, experiments with overrides, and what a training run's jobs are given."""

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.prepare import prepare
from politico.errors import InputError, LimitError, UnknownFieldError, UnknownValueError
from politico.experiment import (
    EXPERIMENTS,
    ControlSettings,
    CorpusSettings,
    EvaluationSettings,
    LearningSettings,
    NetworkSettings,
    find_experiment,
)
from politico.lake import Lake
from politico.runs import digest, run_id
from politico.settings import from_arguments, from_mapping, to_words


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


# Words


@given(sorts)
def test_settings_survive_being_written_as_words(settings: Sorts) -> None:
    words = to_words(settings)
    assert all(isinstance(word, str) for word in words.values())
    assert from_mapping(Sorts, words) == settings
    assert from_arguments(Sorts, [word for name, value in words.items() for word in (f"--{name}", value)]) == settings


@given(st.builds(LearningSettings, learning_rate=finite, max_minutes=finite, batch_size=st.integers(1)))
def test_a_stages_settings_survive_as_hyperparameters(settings: LearningSettings) -> None:
    assert from_mapping(LearningSettings, to_words(settings)) == settings


def test_flags_may_have_hyphens_or_underscores() -> None:
    read = from_arguments(LearningSettings, ["--max-steps", "5", "--learning_rate", "1e-3", "--batch-size", "8"])
    assert read == LearningSettings(max_steps=5, learning_rate=0.001, batch_size=8)
    assert from_arguments(LearningSettings, []) == LearningSettings()


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
        from_arguments(LearningSettings, words)


# Experiments


def test_an_override_changes_what_it_names_and_nothing_else() -> None:
    tiny = find_experiment("tiny")
    changed = tiny.with_overrides({"base": {"max_minutes": 2, "batch_size": "8"}, "evaluation": {"tolerance": 0.5}})
    assert (changed.base.max_minutes, changed.base.batch_size, changed.evaluation.tolerance) == (2.0, 8, 0.5)
    assert changed.base.learning_rate == tiny.base.learning_rate
    assert (changed.corpus, changed.network, changed.tuning) == (tiny.corpus, tiny.network, tiny.tuning)
    assert tiny.base.max_minutes == 0.75
    assert tiny.with_overrides({}) == tiny


@pytest.mark.parametrize(
    ("overrides", "error", "message"),
    [
        ({"bases": {}}, UnknownFieldError, "unknown part 'bases' of an experiment; it has corpus, network, base, tuning"),
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


# What a run's jobs are given


RUN = run_id(datetime(2024, 11, 30, 12, tzinfo=UTC), "my-execution")
SOURCE = "s3://lake/sourcedir.tar.gz"


def prepared(name: str = "tiny", base_model: str | None = None, champion: str | None = None) -> dict[str, Any]:
    lake = Lake(None, "lake")
    return prepare(RUN, find_experiment(name), lake, source=SOURCE, corpus="novels", base_model=base_model, champion=champion)


def limits(request: str, *path: str) -> Any:
    """A shape of SageMaker's own description in botocore, whose limits no request may pass."""
    model = boto3.session.Session()._session.get_service_model("sagemaker")
    shape = model.shape_for(request)
    for step in path:
        shape = shape.members[step]
    return shape


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_hyperparameters_and_arguments_are_texts_within_sagemakers_limits(name: str) -> None:
    stages = prepared(name, champion="s3://lake/champion")
    hyperparameters = limits("CreateTrainingJobRequest", "HyperParameters")
    for stage in ("base", "control"):
        assert len(stages[stage]) <= hyperparameters.metadata["max"]
        for key, value in stages[stage].items():
            assert isinstance(value, str)
            assert len(key) <= hyperparameters.key.metadata["max"]
            assert len(value) <= hyperparameters.value.metadata["max"]
    arguments = limits("CreateProcessingJobRequest", "AppSpecification", "ContainerArguments")
    for job in ("corpus_arguments", "evaluation_arguments"):
        assert len(stages[job]) <= arguments.metadata["max"]
        assert all(isinstance(word, str) and 0 < len(word) <= arguments.member.metadata["max"] for word in stages[job])


def test_the_jobs_read_their_settings_back_from_what_they_are_given() -> None:
    experiment, stages = find_experiment("tiny"), prepared()

    def own(stage: str, kind: Any) -> dict[str, str]:
        return {one.name: stages[stage][one.name] for one in fields(kind)}

    assert from_mapping(NetworkSettings, own("base", NetworkSettings)) == experiment.network
    assert from_mapping(LearningSettings, own("base", LearningSettings)) == experiment.base
    assert from_mapping(LearningSettings, own("control", LearningSettings)) == experiment.tuning
    assert from_mapping(ControlSettings, own("control", ControlSettings)) == experiment.control
    assert stages["corpus_arguments"][:5] == [
        "training.corpus",
        "--input",
        "/opt/ml/processing/input/corpus",
        "--output",
        "/opt/ml/processing/output/corpus",
    ]
    assert from_arguments(CorpusSettings, stages["corpus_arguments"][5:]) == experiment.corpus
    flags = stages["evaluation_arguments"]
    assert from_arguments(EvaluationSettings, flags[flags.index("--output") + 2 :]) == experiment.evaluation


def test_a_stages_settings_never_hide_one_another() -> None:
    names = [one.name for kind in (NetworkSettings, LearningSettings) for one in fields(kind)]
    more = [one.name for kind in (LearningSettings, ControlSettings) for one in fields(kind)]
    for given_names in (names, more):
        taken = [*given_names, "sagemaker_program", "sagemaker_submit_directory", "checkpoint_dir", "stage", "name"]
        assert len(set(taken)) == len(taken)


def test_every_path_of_a_run_is_its_own_but_the_dataset_and_the_corpus() -> None:
    paths = prepared()["paths"]
    assert all(path.startswith("s3://lake/") for path in paths.values())
    assert {name for name, path in paths.items() if RUN not in path} == {"dataset", "corpus"}
    assert len(set(paths.values())) == len(paths)


def test_a_base_model_that_is_given_is_not_trained_again() -> None:
    assert (prepared()["train_base"], prepared()["base_model"]) == (True, {"uri": ""})
    given_model = prepared(base_model="s3://lake/base.tar.gz")
    assert (given_model["train_base"], given_model["base_model"]) == (False, {"uri": "s3://lake/base.tar.gz"})


def test_the_champion_is_judged_along_when_there_is_one() -> None:
    alone, against = prepared(), prepared(champion="s3://lake/champion.tar.gz")
    assert alone["champion"] == {"exists": False, "uri": ""}
    assert "--champion" not in alone["evaluation_arguments"]
    assert against["champion"] == {"exists": True, "uri": "s3://lake/champion.tar.gz"}
    assert "--champion" in against["evaluation_arguments"]


# Names of runs


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)), st.none() | st.text(max_size=90))
def test_a_run_id_fits_every_job_name_and_is_the_same_again(started: datetime, execution: str | None) -> None:
    run = run_id(started, execution)
    assert run_id(started, execution) == run
    assert run.endswith(f"-{digest(execution)}")
    for stage in ("corpus", "base", "control", "evaluation"):
        name = f"{run}-{stage}-99"
        assert len(name) <= 63
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name)


def test_run_ids_sort_by_time_and_tell_two_executions_of_one_second_apart() -> None:
    noon = datetime(2024, 11, 30, 12, tzinfo=UTC)
    assert run_id(noon, None) == "20241130-120000-e3b0c442"
    assert run_id(noon, "a") != run_id(noon, "b")
    later = datetime(2024, 11, 30, 9, 0, 1, tzinfo=timezone(timedelta(hours=-3)))
    assert run_id(noon, "z") < run_id(later, "a")
