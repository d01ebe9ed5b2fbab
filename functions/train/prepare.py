"""Train, first step: from an experiment's name to what each job of the run is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions import environment
from functions.telemetry import observed, warn
from politico.cost import quotas
from politico.errors import LimitError, UnknownFieldError, UnknownValueError
from politico.flags import to_flags, to_words
from politico.lake import places
from politico.lake.bucket import Lake
from politico.models.cut import cut_of
from politico.models.experiment import BASE, CASUAL, CONTROL, GOALS, Experiment, find_experiment
from politico.models.packages import champion_of
from politico.runs import is_run, run_id
from politico.tweets.tweet import read_time

INPUT = "/opt/ml/processing/input/"
OUTPUT = "/opt/ml/processing/output/"
CHECKPOINTS = "/opt/ml/checkpoints"
PATIENCE_SECONDS = 10


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the `execution`'s address, its `name`, its `started` time and its `input`:
    `{"experiment": "control-tiny", "corpus": "NAME", "overrides": {"base": {"max_minutes": 2}}, "base_model": "s3://…"}`.
    A base model that is given is not trained again; otherwise a corpus is needed. `{"resume": RUN}` goes on with an earlier run:
    with what it was asked, from what it has made, over its checkpoints."""
    lake, sagemaker = environment.lake(), environment.client("sagemaker")
    wanted = event["input"]
    if "resume" in wanted:
        run = wanted["resume"]
        wanted = asked_of(lake, wanted)
        _refuse_while_running(run, wanted.get("execution"))
        cut, made = wanted.get("cut") or wanted["cut_day"], made_by(run, lake, sagemaker)  # runs of before have a day
        if not made.shards:
            _leave_what_was_learnt(lake, run)
    else:
        run = run_id(read_time(event["started"]), event["name"])
        experiment, manifest = _experiment(wanted), _manifest(lake)
        rows, held_out = {day: one["rows"] for day, one in manifest["days"].items()}, experiment.of_tweets
        cut = cut_of(held_out.held_out_by, held_out.held_out_share, held_out.seed, rows)
        corpus = None if wanted.get("base_model") else wanted.get("corpus", wanted["experiment"])
        wanted = {**wanted, "corpus": corpus, "dataset": manifest["dataset"], "cut": cut}
        made = Made()
    # Kept, so that it can be told later which models saw a corpus that had to be changed, and what the dataset was like.
    lake.write_json(places.request(run), {**wanted, "execution": event["execution"]})
    _refuse_without_machines()
    champion = champion_of(sagemaker, environment.model_group())
    return prepare(
        run,
        _experiment(wanted),
        lake,
        corpus=wanted["corpus"] or wanted["experiment"],
        base_model=wanted.get("base_model") or made.base,
        champion=champion.model_data if champion else None,
        cut=cut,
        made=made,
    )


def _refuse_while_running(run: str, execution: str | None) -> None:
    """Raise LimitError while the execution that had the run last is under way: two would write over one another's checkpoints."""
    if execution is None:  # a run of before this was noted
        return
    steps = environment.client("stepfunctions")
    try:
        status = steps.describe_execution(executionArn=execution)["status"]
    except steps.exceptions.ExecutionDoesNotExist:  # they are kept for 90 days
        return
    if status in ("RUNNING", "PENDING_REDRIVE"):
        raise LimitError(f"the run {run} is still under way in {execution}; wait until it has ended, or stop it first")


def _leave_what_was_learnt(lake: Lake, run: str) -> None:
    """Shards that are made anew, since compliance took the first, are another corpus: no checkpoint over those is gone on with.

    The lists of what they had learnt from stay."""
    for key in list(lake.keys(places.checkpoints(run, "base"))):
        if key.endswith(places.CHECKPOINT):
            lake.delete(key)


def _refuse_without_machines() -> None:
    """Raise LimitError where a job of the run could never begin: better now than after the corpus is paid for."""
    needed = quotas.of_jobs(environment.training_machines(), environment.processing_instance())
    found = quotas.shortages(environment.impatient_client("service-quotas", PATIENCE_SECONDS), needed)
    if found is None:
        warn("quotas could not be read")
    elif found:
        raise LimitError("; ".join(map(str, found)))


def _experiment(wanted: Mapping[str, Any]) -> Experiment:
    return find_experiment(wanted["experiment"]).with_overrides(wanted.get("overrides") or {})


@dataclass(frozen=True)
class Made:
    """What an earlier try of a run has left that is whole."""

    shards: bool = False
    base: str | None = None
    """The base model's address."""
    candidate: str | None = None
    """The control model's, or the casual one's."""


NOTHING_MADE = Made()


def asked_of(lake: Lake, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What the run that is taken up again was asked. Raises InputError for one that there is not, and for words beside it."""
    beside = sorted(set(wanted) - {"resume"})
    if beside:
        raise UnknownFieldError(f"a run that is resumed does what it was asked; leave out {', '.join(beside)}")
    run = wanted["resume"]
    kept: dict[str, Any] | None = lake.read_json_if_any(places.request(run)) if isinstance(run, str) and is_run(run) else None
    if kept is None:
        raise UnknownValueError(f"there is no run {run!r} to resume; the message of a failed training names its run")
    return kept


def made_by(run: str, lake: Lake, sagemaker: Any) -> Made:
    """What there is of the run already. A job that was stopped may leave a model, too, but not a whole one."""
    found: dict[str, str] = {}
    for key in lake.keys(places.models(run)):
        stage, job = places.trained_by(key) or ("", "")
        if stage and sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"] == "Completed":
            found[stage] = lake.uri(key)
    shards = set(places.shard_files(run)) <= set(lake.keys(places.shards(run)))
    return Made(shards, found.get(BASE), found.get(CONTROL) or found.get(CASUAL))


def _manifest(lake: Lake) -> dict[str, Any]:
    """The dataset's manifest as it lies there: this function can't read Parquet. Raises LimitError before the first ingest."""
    manifest: dict[str, Any] | None = lake.read_json_if_any(places.DATASET_MANIFEST)
    if manifest is None:
        raise LimitError("there is no dataset to learn from; run the ingest workflow, or politico import, first")
    return manifest


def prepare(
    run: str,
    experiment: Experiment,
    lake: Lake,
    *,
    corpus: str,
    base_model: str | None,
    champion: str | None,
    cut: str,
    made: Made = NOTHING_MADE,
) -> dict[str, Any]:
    """The paths, flags and hyperparameters of the run's jobs, keyed by stage. SageMaker takes texts only.

    All jobs hold out the days from `cut` on: one that starts a day later, over a dataset that has grown, too.
    """
    given = {"input": INPUT + "corpus", "output": OUTPUT + "corpus", "dataset": INPUT + "dataset", "cut": cut}
    corpus_arguments = [word for name, value in given.items() for word in (f"--{name}", value)] + to_flags(experiment.corpus)
    judged = ["--candidate", INPUT + "candidate", "--base", INPUT + "base", "--dataset", INPUT + "dataset"]
    if champion:
        judged += ["--champion", INPUT + "champion"]
    on_tweets = {"checkpoint_dir": CHECKPOINTS, "name": run, "cut": cut}
    return {
        "run": run,
        "goal": experiment.goal,
        "made": {"shards": made.shards, "base": base_model is not None, "candidate": made.candidate is not None},
        "capacity": {"waits": 0},
        "base_model": {"uri": base_model or ""},
        "candidate": {"uri": made.candidate or ""},
        "champion": {"exists": champion is not None, "uri": champion or ""},
        "paths": {
            "corpus": lake.uri(places.corpus(corpus)),
            "shards": lake.uri(places.shards(run)),
            "dataset": lake.uri(places.DATASET),
            "models": lake.uri(places.models(run)),
            **{f"checkpoints_{stage}": lake.uri(places.checkpoints(run, stage)) for stage in GOALS},
            "evaluation": lake.uri(places.evaluation(run)),
        },
        "corpus_arguments": ["training.corpus.prepare", *corpus_arguments],
        "base": {
            "checkpoint_dir": CHECKPOINTS,
            "stage": BASE,
            "name": f"{run}-base",
            **to_words(experiment.network),
            **to_words(experiment.base),
        },
        "casual": {"stage": CASUAL, **on_tweets, **to_words(experiment.casual)},
        "control": {"stage": CONTROL, **on_tweets, **to_words(experiment.control)},
        "evaluation_arguments": [
            "training.evaluation.evaluate",
            *judged,
            "--output",
            OUTPUT + "evaluation",
            *to_flags(experiment.evaluation),
        ],
        "tolerance": experiment.evaluation.tolerance,
    }
