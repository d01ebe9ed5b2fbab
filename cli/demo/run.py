"""`politico demo`: tweets in, through the deployed template's own workflows, to tweets on demand; every stage shown."""

import contextlib
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from cli import flows, local_cloud
from cli.demo.contexts import Asked, as_inputs, choose
from cli.demo.screen import explain, table_of
from cli.generate import invoke
from cli.importing.command import describe
from cli.importing.inputs import Inputs, open_zone, read_files
from cli.local_cloud import LocalCloud
from cli.pages.curves import draw_curves
from cli.pages.summary import write_summary
from cli.screen import Screen, counted
from cli.services import Services
from inference.model import load_model
from politico.annotation.comprehend import annotate
from politico.annotation.pace import Pace, Paced
from politico.control.honoured import honoured
from politico.control.political import SCHEMA
from politico.errors import FileFormatError, JobError
from politico.lake import places
from politico.lake.registry import put_registry
from politico.models.experiment import find_experiment
from politico.tweets.tweet import write_time
from samples.write import write_sample
from training.evaluation.evaluate import INSISTING

EXPERIMENT = "control-tiny"
BASE_SHARE = 0.2
"""The base model's part of the training time."""
NEW_TOKENS = 1_024
"""What a given base's tokenizer takes in: a quarter of a small one's own (docs/decisions/training.md)."""
ASKED = 10
PARAMETERS = {**INSISTING, "seed": 7, "max_new_tokens": 100}
"""As the evaluation asks: tamer than the endpoint's defaults, as a small model needs, and the best of several drafts."""
SAMPLE_TIME_ZONE = "Etc/GMT+4"
"""The invented country's clock."""


@dataclass(frozen=True)
class Source:
    """What the demo runs on."""

    description: str
    inputs: Inputs
    corpus: Path | None
    """None where a base model is given in its place."""
    time_zone: str


@dataclass(frozen=True)
class Options:
    """How its model is made and judged."""

    minutes: float
    """Training time, of base and control model together."""
    base: Path | None
    """A model's folder to begin with; None where a base is trained from the source's corpus."""
    generated: int
    """Tweets that the evaluation writes."""


def run_demo(
    files: tuple[Path, Path, Path | None] | None,
    options: Options,
    *,
    out: Path,
    time_zone: str,
    scale: float,
    assembly: Path | None,
) -> None:
    """Run everything; leaves dataset, figures, curves and summary in `out`. Raises PoliticoError."""
    if options.base is not None:
        load_model(options.base)  # what can't be used is told before the minutes that come first
    screen = Screen()
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="politico-demo-") as scratch, _cloud(screen, assembly, out) as cloud:
            source = _read(screen, files, Path(scratch), out, time_zone, scale)
            results = Demo(screen, cloud, source, out, options).run()
    except KeyboardInterrupt:
        screen.console.print("\nstopped; nothing is left running", highlight=False)
        raise SystemExit(130) from None
    screen.console.print(table_of(results["asked"]))
    explain(screen, results, out, time.monotonic() - began)


@contextlib.contextmanager
def _cloud(screen: Screen, given: Path | None, out: Path) -> Iterator[LocalCloud]:
    """The cloud that is up in this folder, or one of our own: on the assembly that is given, or on a freshly written one."""
    up = local_cloud.running()
    if up is not None and given is None:
        screen.console.print("using the local cloud that `politico up` keeps", highlight=False)
        yield up
        return
    assembly = given or Path("cdk.out")
    with screen.stage("template") as stage:
        if given is None:
            stage.show("writing the CloudFormation template")
            local_cloud.synthesize(assembly)
        stage.result = f"{assembly}/, the same that `cdk deploy` would take"
    with contextlib.ExitStack() as opened:
        with screen.stage("cloud") as stage:
            stage.show("creating the stack on this machine")
            cloud = opened.enter_context(local_cloud.started(assembly.resolve(), log=out / "cloud.log"))
            stage.result = (
                f"{len(cloud.outputs)} outputs; AWS is played by this machine at {cloud.environment['AWS_ENDPOINT_URL']}"
            )
        yield cloud


def _read(
    screen: Screen, files: tuple[Path, Path, Path | None] | None, scratch: Path, out: Path, time_zone: str, scale: float
) -> Source:
    with screen.stage("tweets") as stage:
        stage.show("reading")
        posts, rejected = scratch / "posts.jsonl", out / "rejected.jsonl"
        if files is None:
            sample = write_sample(scratch / "sample", scale=scale)
            found = read_files(sample.tweets, sample.politicians, posts, rejected, open_zone(SAMPLE_TIME_ZONE))
            inputs = replace(found, reference=sample.reference)
            source = Source(
                "the shipped sample: country, politicians and tweets are invented", inputs, sample.corpus, SAMPLE_TIME_ZONE
            )
        else:
            tweets, politicians, corpus = files
            if corpus is not None and not corpus.is_file():
                raise FileFormatError(f"there is no corpus file {corpus}")
            inputs = read_files(tweets, politicians, posts, rejected, open_zone(time_zone))
            source = Source(tweets.name, inputs, corpus, time_zone)
        stage.result = (
            f"{source.description}; {len(inputs.registry)} politicians; "
            f"{inputs.read:,} read = {inputs.kept:,} kept + {sum(inputs.rejected.values()):,} rejected"
            f" ({counted(inputs.rejected)})"
        )
    return source


class Demo:
    """One run's stages, in their order."""

    def __init__(self, screen: Screen, cloud: LocalCloud, source: Source, out: Path, options: Options) -> None:
        self._screen, self._cloud, self._source, self._out, self._options = screen, cloud, source, out, options
        self._services: Services = cloud.services()
        self._name = f"demo-{time.time_ns()}-{os.getpid()}"

    def run(self) -> dict[str, Any]:
        """Everything that the summary shows."""
        ingest = self._ingest()
        self._fetch_dataset()
        trained = self._train()
        evaluation = self._services.lake.read_json(places.evaluation_figures(trained["run"]))
        endpoint = self._deploy(trained)
        asked = self._ask(endpoint)
        results = {
            "source": self._source.description,
            "input": {
                "read": self._source.inputs.read,
                "kept": self._source.inputs.kept,
                "rejected": self._source.inputs.rejected,
            },
            "ingest": ingest,
            "run": trained["run"],
            "gate": trained["gate"],
            "training": self._training_records(trained["run"]),
            "evaluation": evaluation,
            "asked": asked,
            "parameters": PARAMETERS,
            "seconds": self._screen.seconds,
        }
        self._write(results)
        return results

    def _ingest(self) -> dict[str, Any]:
        inputs = self._source.inputs
        put_registry(self._services.lake, inputs.registry, flows.days_of(self._services, self._source.time_zone))
        self._cloud.ask("timelines", {"path": str(inputs.posts.resolve()), "users": inputs.users()})
        with self._screen.stage("ingest") as stage:
            report = flows.ingest(self._services, self._name, {"reference": write_time(inputs.reference)}, stage.show)
            stage.result = (
                f"{report['posts_fetched']:,} posts of {report['accounts']} accounts from the X stand-in; {describe(report)}"
            )
        broken = {name: len(report[name]) for name in ("failed_accounts", "failed_parts", "failed_days") if report[name]}
        # A cloud that is kept up has read the sample before: nothing is new then, and the dataset is there.
        if broken or not report["dataset"]["rows"]:
            reasons = sorted({str(one.get("reason", one["status"])) for one in report["failed_accounts"]})
            raise JobError(
                f"ingest kept {report['kept']:,} of {report['read']:,} posts; the dataset has {report['dataset']['rows']:,} rows"
                + "".join(f"; {name.replace('_', ' ')}: {count}" for name, count in broken.items())
                + (f" ({', '.join(reasons)})" if reasons else "")
                + f"; what the functions said is in {self._out / 'cloud.log'}"
            )
        return report

    def _fetch_dataset(self) -> None:
        shutil.rmtree(self._out / places.DATASET, ignore_errors=True)  # an earlier run's days are not this one's
        for key in self._services.lake.keys(places.DATASET):
            path = self._out / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._services.lake.read(key))

    def _train(self) -> dict[str, Any]:
        options = self._options
        base_minutes = 0.0 if options.base else options.minutes * BASE_SHARE
        overrides: dict[str, Any] = {
            "control": {"max_minutes": options.minutes - base_minutes},
            "evaluation": {"generated": options.generated},
        }
        given: dict[str, Any] = {"experiment": EXPERIMENT, "overrides": overrides}
        with self._screen.stage("train") as stage:
            if options.base:
                overrides["control"]["new_tokens"] = NEW_TOKENS
                stage.show("uploading the base model")
                given["base_model"] = flows.upload_base(self._services, options.base, "demo")
            else:
                assert self._source.corpus is not None  # the command asks for one or the other
                stage.show("uploading the corpus")
                flows.upload_corpus(self._services, self._source.corpus, "demo")
                given["corpus"] = "demo"
                overrides["base"] = {"max_minutes": base_minutes}
            trained = flows.train(self._services, f"{self._name}-train", given, stage.show)
            stage.result = f"run {trained['run']}; {trained['gate']['reason']}"
        if not trained["gate"]["passed"]:
            raise JobError(f"the gate did not let the model through: {trained['gate']['reason']}")
        return trained

    def _deploy(self, trained: dict[str, Any]) -> str:
        with self._screen.stage("deploy") as stage:
            endpoint = flows.deploy(self._services, trained["package"]["arn"], stage.show)
            stage.result = f"endpoint {endpoint} in service, after its candidate answered"
        return endpoint

    def _ask(self, endpoint: str) -> list[dict[str, Any]]:
        settings = find_experiment(EXPERIMENT).control
        runtime = self._services.client("sagemaker-runtime", read_timeout=120)
        comprehend, pace = self._services.client("comprehend"), Pace(10)
        asked = []
        with self._screen.stage("ask") as stage:
            contexts = choose(self._out / places.DATASET, settings, ASKED)
            for number, one in enumerate(contexts):
                stage.show(f"tweet {number + 1} of {len(contexts)}", number, len(contexts))
                answer = invoke(runtime, endpoint, as_inputs(one.context), PARAMETERS)[0]
                asked.append(_judged(one, answer, comprehend, pace))
            stage.result = f"{len(asked)} tweets for contexts of held-out tweets"
        return asked

    def _training_records(self, run: str) -> dict[str, Any]:
        """Summary and history of each stage, from what the jobs left, packed."""
        records = {}
        for key in self._services.lake.keys(places.models(run)):
            if key.endswith("/output/output.tar.gz"):
                with tarfile.open(fileobj=BytesIO(self._services.lake.read(key))) as packed:
                    found = {member.name: packed.extractfile(member) for member in packed.getmembers() if member.isfile()}
                    summary = json.load(found["summary.json"])  # type: ignore[arg-type]
                    history = [json.loads(line) for line in found["training.jsonl"] or ()]
                records[summary["stage"]] = {"summary": summary, "history": history}
        return records

    def _write(self, results: dict[str, Any]) -> None:
        curves = self._out / "curves.png"
        draw_curves({stage: record["history"] for stage, record in results["training"].items()}, curves)
        figures = {**results, "training": {stage: record["summary"] for stage, record in results["training"].items()}}
        written = {**figures, "written": datetime.now().astimezone().isoformat(timespec="seconds")}
        (self._out / "metrics.json").write_text(json.dumps(written, ensure_ascii=False, indent=1))
        write_summary(figures, curves, self._out / "summary.html", invented=self._source.time_zone == SAMPLE_TIME_ZONE)


def _judged(one: Asked, answer: dict[str, Any], comprehend: Any, pace: Paced) -> dict[str, Any]:
    """One answered request, with what of its context the tweet honours."""
    text = answer["generated_text"]
    annotation = annotate([text], comprehend, pace)[0]
    sentiment = None if isinstance(annotation, str) else annotation.sentiment
    found = honoured(one.context, text, sentiment, SCHEMA)
    return {
        "context": as_inputs(one.context),
        "new": list(one.new),
        "text": text,
        "finish_reason": answer["finish_reason"],
        "honoured": {name: [list(pair) for pair in pairs] for name, pairs in found.items()},
    }
