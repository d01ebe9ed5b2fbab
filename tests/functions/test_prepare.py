"""What a training run's jobs are given: texts within SageMaker's limits, from which they read their settings back."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.train import prepare as first_step
from functions.train.prepare import prepare
from politico.errors import LimitError
from politico.flags import from_mapping, read_flags
from politico.lake import places
from politico.lake.bucket import Lake
from politico.models.experiment import EXPERIMENTS, find_experiment
from politico.models.settings import (
    BaseSettings,
    CasualSettings,
    ControlSettings,
    CorpusSettings,
    EvaluationSettings,
    NetworkSettings,
)
from politico.runs import run_id

RUN = run_id(datetime(2024, 11, 30, 12, tzinfo=UTC), "my-execution")
CUT = "2024-11-01"


def prepared(name: str = "control-tiny", base_model: str | None = None, champion: str | None = None) -> dict[str, Any]:
    lake = Lake(None, "lake")
    return prepare(RUN, find_experiment(name), lake, corpus="novels", base_model=base_model, champion=champion, cut=CUT)


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
    for stage in ("base", "casual", "control"):
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
    experiment, stages = find_experiment("control-tiny"), prepared()

    def own(stage: str, kind: Any) -> dict[str, str]:
        return {one.name: stages[stage][one.name] for one in fields(kind)}

    assert from_mapping(NetworkSettings, own("base", NetworkSettings)) == experiment.network
    assert from_mapping(BaseSettings, own("base", BaseSettings)) == experiment.base
    assert from_mapping(ControlSettings, own("control", ControlSettings)) == experiment.control
    assert stages["corpus_arguments"][:5] == [
        "training.corpus.prepare",
        "--input",
        "/opt/ml/processing/input/corpus",
        "--output",
        "/opt/ml/processing/output/corpus",
    ]
    assert stages["corpus_arguments"][5:9] == ["--dataset", "/opt/ml/processing/input/dataset", "--cut", CUT]
    assert stages["control"]["cut"] == CUT
    assert read_flags(stages["corpus_arguments"][9:], CorpusSettings) == [experiment.corpus]
    flags = stages["evaluation_arguments"]
    assert read_flags(flags[flags.index("--output") + 2 :], EvaluationSettings) == [experiment.evaluation]


def test_a_stages_settings_never_hide_one_another() -> None:
    names = [one.name for kind in (NetworkSettings, BaseSettings) for one in fields(kind)]
    more = [[one.name for one in fields(kind)] for kind in (CasualSettings, ControlSettings)]
    for given_names in (names, *more):
        taken = [*given_names, "checkpoint_dir", "stage", "name", "cut"]
        assert len(set(taken)) == len(taken)


def test_every_path_of_a_run_is_its_own_but_the_dataset_and_the_corpus() -> None:
    paths = prepared()["paths"]
    assert all(path.startswith("s3://lake/") for path in paths.values())
    assert {name for name, path in paths.items() if RUN not in path} == {"dataset", "corpus"}
    assert len(set(paths.values())) == len(paths)


def test_a_base_model_that_is_given_is_not_trained_again() -> None:
    nothing = {"shards": False, "base": False, "candidate": False}
    assert (prepared()["made"], prepared()["base_model"]) == (nothing, {"uri": ""})
    given_model = prepared(base_model="s3://lake/base.tar.gz")
    assert (given_model["made"], given_model["base_model"]) == ({**nothing, "base": True}, {"uri": "s3://lake/base.tar.gz"})


def test_the_champion_is_judged_along_when_there_is_one() -> None:
    alone, against = prepared(), prepared(champion="s3://lake/champion.tar.gz")
    assert alone["champion"] == {"exists": False, "uri": ""}
    assert "--champion" not in alone["evaluation_arguments"]
    assert against["champion"] == {"exists": True, "uri": "s3://lake/champion.tar.gz"}
    assert "--champion" in against["evaluation_arguments"]


class FakeExecutions:
    """Step Functions with one execution, in this state; none where it has none."""

    class exceptions:  # noqa: N801  as boto3's clients have it
        ExecutionDoesNotExist = type("ExecutionDoesNotExist", (Exception,), {})

    def __init__(self, status: str | None) -> None:
        self._status = status

    def describe_execution(self, executionArn: str) -> dict[str, str]:  # noqa: N803  boto3's own name
        if self._status is None:
            raise self.exceptions.ExecutionDoesNotExist
        return {"status": self._status}


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("RUNNING", True),
        ("PENDING_REDRIVE", True),
        *((one, False) for one in ("FAILED", "TIMED_OUT", "ABORTED", "SUCCEEDED", None)),
    ],
)
def test_a_run_is_taken_up_again_only_once_its_execution_has_ended(
    status: str | None, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.environment.client", lambda _service: FakeExecutions(status))
    if refused:
        with pytest.raises(LimitError, match=f"the run {RUN} is still under way in arn:one; wait until it has ended"):
            first_step._refuse_while_running(RUN, "arn:one")
    else:
        first_step._refuse_while_running(RUN, "arn:one")


def test_shards_that_are_made_anew_take_their_checkpoint_with_them_and_leave_what_it_had_learnt_from() -> None:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake-of-tests")
        lake = Lake(client, "lake-of-tests")
        for stage in ("base", "control"):
            for name in (f"{stage}.pt", f"{stage}.seen_tweets.bin"):
                lake.write(places.checkpoints(RUN, stage) + name, b"x")
        first_step._leave_what_was_learnt(lake, RUN)
        assert {key.rpartition("/")[2] for key in lake.keys(places.CHECKPOINTS)} == {
            "base.seen_tweets.bin",
            "control.pt",
            "control.seen_tweets.bin",
        }
