"""`politico train` on this machine, `politico experiments`, `politico base import`: what they make, refuse and go on from."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.flows import upload_corpus
from cli.training.asked import asked_for, check_parts
from cli.training.here import Here, Sources
from cli.training.stack import path_of
from inference.model import load_model
from politico.errors import InputError
from politico.lake import places
from politico.models.experiment import EXPERIMENTS
from tests.support.edges import stack
from tests.support.running import until
from tests.training.test_bases import hub_folder
from tests.training.test_control_samples import START, row, write_days

QUICK = (
    "corpus.vocabulary_size=400",
    "corpus.held_out_share=0.2",
    "network.layers=1",
    "network.width=32",
    "network.heads=2",
    "network.positions=128",
    "base.max_steps=4",
    "casual.max_steps=4",
    "control.max_steps=4",
    "evaluation.max_tweets=4",
    "evaluation.generated=2",
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text and a dataset of six days."""
    root = tmp_path_factory.mktemp("train")
    words = "\n\n".join(f"El párrafo {number} habla de la educación y del camino de todos." for number in range(900))
    (root / "book.txt").write_text(words, encoding="utf-8")
    days = {START.replace(day=day): [row(10 * day + one, START.replace(day=day)) for one in range(5)] for day in range(1, 7)}
    write_days(root / "dataset", days)
    return root


def politico(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
    )


def here(folder: Path, experiment: str, *settings: str, **sources: Path) -> Here:
    """A run in `folder` of a network of no size."""
    given = Sources(sources.get("corpus"), sources.get("dataset"), sources.get("base"))
    goal = EXPERIMENTS[experiment].goal if experiment in EXPERIMENTS else "base"
    quick = [one for one in QUICK if one.partition(".")[0] in ("corpus", "network", "base", "evaluation", goal)]
    return Here(*asked_for(experiment, (*quick, *settings)), given, folder, 1)


@pytest.mark.slow
def test_a_run_makes_each_stage_once_and_is_of_what_was_asked(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {"corpus": inputs / "book.txt", "dataset": inputs / "dataset"}
    here(tmp_path / "asked", "control-tiny", **sources).run()
    evaluation = json.loads((tmp_path / "asked" / "evaluation" / "evaluation.json").read_text())
    assert (evaluation["base"]["name"], evaluation["candidate"]["name"]) == ("asked-base", "asked-control")
    assert f"{evaluation['candidate']['bits_per_byte']:.3f} bits per byte with the context" in capsys.readouterr().out
    assert load_model(tmp_path / "asked" / "base").card["steps"] == 4
    assert (tmp_path / "asked" / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "asked" / "evaluation" / "evaluation.html").read_text().startswith("<!doctype html>")
    written = (tmp_path / "asked" / "control" / "model.safetensors").stat().st_mtime_ns
    here(tmp_path / "asked", "control-tiny", **sources).run()
    assert capsys.readouterr().out.count("was made before") == 4
    assert (tmp_path / "asked" / "control" / "model.safetensors").stat().st_mtime_ns == written
    with pytest.raises(InputError, match="is of a run with another overrides; give another --out"):
        here(tmp_path / "asked", "control-tiny", "control.seed=8", **sources)


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on(inputs: Path, tmp_path: Path) -> None:
    quick = [one for one in QUICK if not one.startswith(("casual", "control"))]
    settings = [word for one in (*quick, "base.max_steps=100000", "base.max_minutes=0.1") for word in ("--set", one)]
    words = ["train", "gpt2-es-tiny", "--corpus", str(inputs / "book.txt"), "--out", "es", "--processes", "1", *settings]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    log = tmp_path / "es" / "train.log"
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words], cwd=tmp_path, env=environment, text=True, stderr=subprocess.PIPE
    ) as process:
        until(lambda: log.is_file() and "% loss" in log.read_text())
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped; the same command goes on in es" in said
    assert (tmp_path / "es" / "checkpoints" / "base.pt").is_file()
    done = politico(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "going on from step" in log.read_text()
    assert not (tmp_path / "es" / "checkpoints" / "base.pt").exists()


@pytest.mark.parametrize(
    ("experiment", "given", "told"),
    [
        ("gpt2-es-tiny", {}, "a base is needed: give --corpus to train one, or --base"),
        ("casual-tiny", {"corpus": "book.txt"}, "this experiment learns from tweets; give --dataset"),
        ("gpt2-es-tiny", {"corpus": "none.txt"}, "--corpus is .*none.txt, which is not there"),
        ("gpt2-es-tiny", {"base": "dataset", "corpus": "book.txt"}, "leave one of them out"),
        ("gpt2-es-tiny", {"base": "dataset"}, "leave one of them out"),
        ("huge", {"corpus": "book.txt"}, "unknown experiment 'huge'"),
        ("casual-izquierda-tiny", {"corpus": "book.txt", "dataset": "dataset"}, "no tweet is of the party PC, RD"),
    ],
)
def test_what_can_not_be_trained_from_is_told_before_anything_is_made(
    inputs: Path, tmp_path: Path, experiment: str, given: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        here(tmp_path / "run", experiment, **{name: inputs / path for name, path in given.items()})
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_stages_mistake_is_its_own_sentence_and_the_log_has_the_rest(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_bytes(b"\xff\xfe no text")
    with pytest.raises(InputError, match=r"book.txt can't be read: 'utf-8' codec can't decode .*train.log has more"):
        here(tmp_path / "run", "gpt2-es-tiny", corpus=tmp_path / "book.txt").run()
    assert "can't be read" in (tmp_path / "run" / "train.log").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--set", "base"), "--set is 'base'; it takes PART.NAME=VALUE"),
        (("--on", "mars"), "--on is 'mars'; it takes here or stack"),
        (("--on", "stack", "--out", "x"), "are of a run on this machine"),
        (("--set", "control.seed=3"), "control.seed would change nothing: this run ends with base"),
    ],
)
def test_a_flag_that_is_none_is_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = politico(tmp_path, "train", "gpt2-es-tiny", "--corpus", "book.txt", *words)
    assert (done.returncode, told in " ".join(done.stderr.split())) == (2, True), done.stderr


def test_what_is_asked_for_is_a_named_experiment_and_what_differs(tmp_path: Path) -> None:
    assert asked_for("control-tiny", ()) == ("control-tiny", {})
    assert asked_for("control-tiny", ("control.max_minutes=30", "control.name_swap=0.2")) == (
        "control-tiny",
        {"control": {"max_minutes": 30.0}},
    )
    (tmp_path / "own.toml").write_text('like = "casual-small"\n[casual]\nparties = "A, B"\n')
    assert asked_for(str(tmp_path / "own.toml"), ("casual.seed=3",)) == (
        "casual-small",
        {"casual": {"parties": "A, B", "seed": 3}},
    )
    with pytest.raises(InputError, match="seed is -1"):
        asked_for("control-tiny", ("control.seed=-1",))


def test_the_experiments_are_listed_and_each_is_shown(tmp_path: Path) -> None:
    listed = politico(tmp_path, "experiments", "--json")
    assert set(json.loads(listed.stdout)) == set(EXPERIMENTS)
    shown = politico(tmp_path, "experiments", "casual-derecha-tiny")
    assert "parties" in shown.stdout
    assert "field_dropout" not in shown.stdout, "a stage that it does not come to"
    one: dict[str, Any] = json.loads(politico(tmp_path, "experiments", "casual-derecha", "--json").stdout)
    assert (one["goal"], one["casual"]["parties"]) == ("casual", "UDI")


def test_a_base_is_brought_from_a_folder_and_not_over_another(tmp_path: Path) -> None:
    hub_folder(tmp_path / "hub")
    done = politico(tmp_path, "base", "import", "hub", "--out", "bases/es")
    assert done.returncode == 0, done.stderr
    assert "new tokens: [COALICION]" in done.stdout
    assert load_model(tmp_path / "bases" / "es").card["name"] == "es"
    again = politico(tmp_path, "base", "import", "hub", "--out", "bases/es")
    assert (again.returncode, "is not empty; give another --out" in again.stderr) == (2, True)


def test_settings_of_a_base_that_is_given_would_change_nothing() -> None:
    check_parts("control-tiny", {"network": {"layers": 2}, "control": {"seed": 3}}, with_base=False)
    with pytest.raises(InputError, match=r"network.layers would change nothing: the base that is given has its own"):
        check_parts("control-tiny", {"network": {"layers": 2}}, with_base=True)
    with pytest.raises(InputError, match=r"casual.seed would change nothing: this run ends with control"):
        check_parts("control-tiny", {"casual": {"seed": 2}}, with_base=True)


def test_a_bare_word_is_a_name_in_the_lake_and_a_path_is_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wiki").mkdir()
    (tmp_path / "book.txt").write_text("x")
    assert path_of("wiki") is None, "a folder that happens to be called so is not what is meant"
    assert (path_of("./wiki"), path_of("book.txt")) == (Path("wiki"), Path("book.txt"))
    with pytest.raises(InputError, match=r"--corpus is \./none, which is not there"):
        path_of("./none")


def test_a_folder_is_uploaded_whole_before_what_was_there_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    (tmp_path / "wiki" / "more").mkdir(parents=True)
    (tmp_path / "wiki" / "one.txt").write_text("uno")
    (tmp_path / "wiki" / "more" / "two.txt").write_text("dos")
    with stack() as services:
        lake = services.lake
        lake.write(places.corpus("wiki") + "old.txt", b"viejo")
        upload_corpus(services, tmp_path / "wiki", "wiki")
        assert {key.removeprefix(places.corpus("wiki")) for key in lake.keys(places.corpus("wiki"))} == {
            "one.txt",
            "more/two.txt",
        }
        (tmp_path / "nothing").mkdir()
        with pytest.raises(InputError, match="holds no file to upload"):
            upload_corpus(services, tmp_path / "nothing", "wiki")
        assert lake.read(places.corpus("wiki") + "one.txt") == b"uno", "and nothing is lost"
