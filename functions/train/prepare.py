"""Train, first step: from an experiment's name to what each job of the run is given."""

from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.dataset.cut import cut_day
from politico.errors import LimitError
from politico.flags import to_flags, to_words
from politico.lake import places
from politico.lake.bucket import Lake
from politico.models.experiment import Experiment, find_experiment
from politico.models.packages import champion_of
from politico.runs import run_id
from politico.tweets.tweet import read_time

INPUT = "/opt/ml/processing/input/"
OUTPUT = "/opt/ml/processing/output/"
CHECKPOINTS = "/opt/ml/checkpoints"


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the execution's `name`, its `started` time and its `input`:
    `{"experiment": "tiny", "corpus": "NAME", "overrides": {"base": {"max_minutes": 2}}, "base_model": "s3://…"}`.
    A base model that is given is not trained again; otherwise a corpus is needed."""
    wanted, lake = event["input"], environment.lake()
    run = run_id(read_time(event["started"]), event["name"])
    corpus = wanted.get("corpus", wanted["experiment"])
    experiment = find_experiment(wanted["experiment"]).with_overrides(wanted.get("overrides") or {})
    manifest = _manifest(lake)
    cut = cut_day({day: one["rows"] for day, one in manifest["days"].items()}, experiment.control.held_out_share)
    champion = champion_of(environment.client("sagemaker"), environment.model_group())
    # Kept, so that it can be told later which models saw a corpus that had to be changed, and what the dataset was like.
    kept = {**wanted, "corpus": None if wanted.get("base_model") else corpus, "dataset": manifest["dataset"], "cut_day": cut}
    lake.write_json(places.request(run), kept)
    return prepare(
        run,
        experiment,
        lake,
        source=environment.training_source(),
        corpus=corpus,
        base_model=wanted.get("base_model"),
        champion=champion.model_data if champion else None,
        cut=cut,
    )


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
    source: str,
    corpus: str,
    base_model: str | None,
    champion: str | None,
    cut: str,
) -> dict[str, Any]:
    """The paths, flags and hyperparameters of the run's jobs, keyed by stage. SageMaker takes texts only.

    All jobs hold out the days from `cut` on: one that starts a day later, over a dataset that has grown, too.
    """
    given = {"input": INPUT + "corpus", "output": OUTPUT + "corpus", "dataset": INPUT + "dataset", "cut_day": cut}
    corpus_arguments = [word for name, value in given.items() for word in (f"--{name}", value)] + to_flags(experiment.corpus)
    judged = ["--candidate", INPUT + "candidate", "--base", INPUT + "base", "--dataset", INPUT + "dataset"]
    if champion:
        judged += ["--champion", INPUT + "champion"]
    program = {
        "sagemaker_program": "training/train.py",
        "sagemaker_submit_directory": source,
        "sagemaker_torch_distributed_enabled": "true",
        "checkpoint_dir": CHECKPOINTS,
    }
    return {
        "run": run,
        "train_base": base_model is None,
        "base_model": {"uri": base_model or ""},
        "champion": {"exists": champion is not None, "uri": champion or ""},
        "paths": {
            "corpus": lake.uri(places.corpus(corpus)),
            "shards": lake.uri(places.shards(run)),
            "dataset": lake.uri(places.DATASET),
            "models": lake.uri(places.models(run)),
            "checkpoints_base": lake.uri(places.checkpoints(run, "base")),
            "checkpoints_control": lake.uri(places.checkpoints(run, "control")),
            "evaluation": lake.uri(places.evaluation(run)),
        },
        "corpus_arguments": ["training.corpus.prepare", *corpus_arguments],
        "base": {
            **program,
            "stage": "base",
            "name": f"{run}-base",
            **to_words(experiment.network),
            **to_words(experiment.base),
        },
        "control": {
            **program,
            "stage": "control",
            "name": run,
            "cut_day": cut,
            **to_words(experiment.control),
        },
        "evaluation_arguments": [
            "training.evaluation.evaluate",
            *judged,
            "--output",
            OUTPUT + "evaluation",
            *to_flags(experiment.evaluation),
        ],
        "tolerance": experiment.evaluation.tolerance,
    }
