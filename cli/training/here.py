"""`politico train` on this machine: the programs of the SageMaker jobs, one after the other, with the very flags they get there.

What is done already is not done again: the same command goes on where it was stopped.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.pages.curves import draw_curves
from cli.screen import Screen, Stage
from cli.training.asked import experiment_of
from cli.training.evaluations import show_evaluation
from inference.model import SMALL_NETWORK, WEIGHTS_FILE
from politico.errors import FileFormatError, InputError, JobError, LimitError
from politico.flags import to_flags
from politico.models.experiment import BASE, CASUAL, CONTROL, Experiment
from training.cores import cores
from training.corpus.shards import STATISTICS_FILE
from training.dataset.folder import read_dataset
from training.dataset.split import cut_for, of_parties, split_at
from training.evaluation.evaluate import EVALUATION_FILE
from training.history import HISTORY_FILE
from training.launch import Machines, around, command, gpus
from training.stages import SUMMARY_FILE

ROOT = Path(__file__).resolve().parents[2]
ASKED_FILE, LOG_FILE, CURVES_FILE = "run.json", "train.log", "curves.png"
HERE = Machines("localhost", ["localhost"], "lo")
STOPPED = (130, 143)
ERROR = "error: "
MOST_PROCESSES = 8
"""More share a small network's steps with less and less gain."""
BYTES_A_PARAMETER = 4


@dataclass(frozen=True)
class Sources:
    """What a run learns from; a base that is given takes the corpus's place."""

    corpus: Path | None
    dataset: Path | None
    base: Path | None


class Here:
    """One run, whose folder has all that it makes."""

    def __init__(
        self, like: str, overrides: Mapping[str, Mapping[str, Any]], sources: Sources, out: Path, processes: int
    ) -> None:
        """Raises InputError for sources that the experiment can't do without, or a folder that is another run's."""
        self._experiment, self._out, self._processes = experiment_of(like, overrides), out.resolve(), processes
        _check(self._experiment, sources)
        _check_paths(sources)
        whole = {name: path and path.resolve() for name, path in vars(sources).items()}  # the programs run in another folder
        self._sources, self._screen = Sources(**whole), Screen()
        named = {name: path and str(path) for name, path in whole.items()}
        self._cut = self._begin({"experiment": like, "overrides": overrides, **named})

    def run(self) -> None:
        """Make what is not made yet, and say what came of it. Raises JobError, KeyboardInterrupt."""
        experiment, out = self._experiment, self._out
        base = self._sources.base or out / BASE
        if self._sources.base is None:
            self._prepare_corpus()
            self._train(BASE, ["--corpus", str(out / "corpus"), *to_flags(experiment.network), *to_flags(experiment.base)])
        if experiment.goal != BASE:
            given = ["--dataset", str(self._sources.dataset), "--base", str(base), "--cut", self._cut]
            self._train(experiment.goal, [*given, *to_flags(getattr(experiment, experiment.goal))])
        if experiment.goal != BASE:
            self._evaluate(base)
            try:
                show_evaluation(str(out), None, local=False)
            except FileFormatError as error:  # of an earlier version; the run is none the worse for it
                self._screen.console.print(f"no page: {error}", highlight=False, soft_wrap=True)
        histories = {stage: _history(out / f"{stage}-output") for stage in (BASE, experiment.goal)}
        draw_curves({stage: records for stage, records in histories.items() if records}, out / CURVES_FILE)
        told = f"In {out}/: {experiment.goal}/ is the model, {CURVES_FILE} its curves, {LOG_FILE} all that was said"
        self._screen.console.print(told, highlight=False, soft_wrap=True)

    def _begin(self, asked: dict[str, Any]) -> str:
        """Note what was asked, or see that the folder is of the same; where the dataset is cut, as it was when the run began."""
        path = self._out / ASKED_FILE
        if path.is_file():
            kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            cut = str(kept.pop("cut"))
            if kept != asked:
                differing = sorted(name for name in {*kept, *asked} if kept.get(name) != asked.get(name))
                raise LimitError(f"{self._out} is of a run with another {', '.join(differing)}; give another --out, or remove it")
            return cut
        cut = self._cut_now() if self._sources.dataset else ""
        self._out.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**asked, "cut": cut}, ensure_ascii=False, indent=1), encoding="utf-8")
        return cut

    def _cut_now(self) -> str:
        """Where the dataset is cut. Raises LimitError where that leaves nothing to learn from, before a base is trained."""
        assert self._sources.dataset is not None, "it is asked before"
        table, goal = read_dataset(self._sources.dataset), self._experiment.goal
        cut = cut_for(table, self._experiment.of_tweets)
        if goal != BASE:
            split_at(of_parties(table, self._experiment.casual.party_list) if goal == CASUAL else table, cut)
        return cut

    def _prepare_corpus(self) -> None:
        assert self._sources.corpus is not None, "it is checked before"
        target = self._out / "corpus"
        tweets = ["--dataset", str(self._sources.dataset), "--cut", self._cut] if self._sources.dataset else []
        with self._stage("corpus", target / STATISTICS_FILE) as stage, _as_folder(self._sources.corpus) as source:
            if stage is not None:
                words = ["--input", str(source), "--output", str(target), *tweets, *to_flags(self._experiment.corpus)]
                self._call([sys.executable, "-u", "-m", "training.corpus.prepare", *words], stage)
                found = json.loads((target / STATISTICS_FILE).read_text(encoding="utf-8"))
                size, kept = (found["train"]["bytes"] + found["held_out"]["bytes"]) / 1e6, found["documents"]
                stage.result = (
                    f"{kept['kept']:,} of {kept['read']:,} documents, {size:.1f} MB, {found['vocabulary_size']:,} tokens"
                )

    def _train(self, name: str, words: Sequence[str]) -> None:
        out = self._out
        places = {"model_dir": out / name, "output_dir": out / f"{name}-output", "checkpoint_dir": out / "checkpoints"}
        folders = [word for flag, path in places.items() for word in (f"--{flag}", str(path))]
        with self._stage(name, out / name / WEIGHTS_FILE) as stage:
            if stage is not None:
                flags = ["--stage", name, "--name", f"{out.resolve().name}-{name}", *words, *folders]
                count = min(self._processes or self._worthwhile(), getattr(self._experiment, name).batch_size)
                self._call(command(HERE, count, flags), stage, around(gpus()))
                stage.result = _figures(out / f"{name}-output" / SUMMARY_FILE)

    def _evaluate(self, base: Path) -> None:
        target, goal = self._out / "evaluation", self._experiment.goal
        with self._stage("evaluation", target / EVALUATION_FILE) as stage:
            if stage is not None:
                given = {"candidate": self._out / goal, "base": base, "dataset": self._sources.dataset, "output": target}
                words = [word for name, path in given.items() for word in (f"--{name}", str(path))]
                # Nobody here has an opinion on sentiments: that takes Comprehend.
                module, more = ("evaluate", ["--sentiment", "false"]) if goal == CONTROL else ("casual", [])
                program = [sys.executable, "-u", "-m", f"training.evaluation.{module}"]
                self._call([*program, *words, *more, *to_flags(self._experiment.evaluation)], stage)
                found = json.loads((target / EVALUATION_FILE).read_text(encoding="utf-8"))["candidate"]
                with_context = " with the context" if goal == CONTROL else ""
                without = f", {found['null_context']['bits_per_byte']:.3f} without" if goal == CONTROL else ""
                stage.result = f"{found['bits_per_byte']:.3f} bits per byte{with_context}{without}"

    def _worthwhile(self) -> int:
        """Processes that are worth their while: one a GPU; a core each for a small network; else one that has all cores."""
        return visible_gpus() or (min(cores(), MOST_PROCESSES) if self._parameters() < SMALL_NETWORK else 1)

    def _parameters(self) -> int:
        """Of the network, about."""
        if self._sources.base is not None:
            weights = self._sources.base / WEIGHTS_FILE
            return weights.stat().st_size // BYTES_A_PARAMETER if weights.is_file() else SMALL_NETWORK
        shape = self._experiment.network
        return 12 * shape.layers * shape.width**2 + self._experiment.corpus.vocabulary_size * shape.width

    @contextmanager
    def _stage(self, title: str, made: Path) -> Iterator[Stage | None]:
        """A stage of the run; None where what it makes is there."""
        if made.is_file():
            self._screen.console.print(f"[green]✓[/] [bold]{title:<11}[/] was made before", highlight=False)
            yield None
            return
        with self._screen.stage(title) as stage:
            yield stage

    def _call(self, words: Sequence[str], stage: Stage, more: Mapping[str, str] | None = None) -> None:
        """Run a program to its end, its lines in the log and the last on screen; Ctrl-C lets it write its checkpoint first."""
        with (
            (self._out / LOG_FILE).open("a", encoding="utf-8", buffering=1) as log,
            subprocess.Popen(
                words,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env={**os.environ, **(more or {})},
            ) as process,
        ):
            assert process.stdout is not None, "it is started with a pipe"
            last = reason = ""
            try:
                for line in process.stdout:
                    log.write(line)
                    last = line.strip() or last
                    reason = reason or (last if last.startswith(ERROR) else "")
                    stage.show(last, *_share(last))
            except KeyboardInterrupt:
                process.send_signal(signal.SIGTERM)
                log.write(process.stdout.read())
                process.wait()
                raise
        if process.returncode in STOPPED:
            raise KeyboardInterrupt
        if process.returncode:
            told = f"{(reason or last).removeprefix(ERROR)} ({self._out / LOG_FILE} has more)"
            raise InputError(told) if reason else JobError(told)  # torchrun's own exit code says nothing


def visible_gpus() -> int:
    """GPUs that programs of this session may use."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return gpus() if allowed is None else min(gpus(), len([one for one in allowed.split(",") if one.strip()]))


def _check(experiment: Experiment, sources: Sources) -> None:
    if experiment.goal != BASE and sources.dataset is None:
        raise LimitError("this experiment learns from tweets; give --dataset, a folder of dt=YYYY-MM-DD/tweets.parquet")
    if sources.base is None and sources.corpus is None:
        raise LimitError("a base is needed: give --corpus to train one, or --base, a model's folder, to begin with")
    if sources.base is not None and (sources.corpus is not None or experiment.goal == BASE):
        raise LimitError("--base brings a base and a corpus, or this experiment, makes one: leave one of them out")


def _check_paths(sources: Sources) -> None:
    for name, path in vars(sources).items():
        if path is not None and not path.exists():
            raise LimitError(f"--{name} is {path}, which is not there")


@contextmanager
def _as_folder(path: Path) -> Iterator[Path]:
    """A collection of one file is a folder that has it."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(path.resolve(), Path(folder) / path.name)
        yield Path(folder)


def _share(line: str) -> tuple[float | None, float | None]:
    """How far it is when the line says so (`… 40% …`)."""
    for word in line.split():
        if word.endswith("%") and word[:-1].isdigit():
            return float(word[:-1]), 100.0
    return None, None


def _figures(summary: Path) -> str:
    found = json.loads(summary.read_text(encoding="utf-8"))
    speed, before = found["tokens"] / max(found["seconds"], 1e-9), found["before"]["bits_per_byte"]
    return (
        f"{found['parameters']:,} parameters, {found['steps']:,} steps, {speed:,.0f} tokens/s;"
        f" {found['figures']['bits_per_byte']:.3f} bits per byte held out (before: {before:.3f})"
    )


def _history(output: Path) -> list[dict[str, Any]]:
    path = output / HISTORY_FILE
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
