"""The training job from the outside: flags, SageMaker's environment, exit codes, what it leaves behind."""

import errno
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.detecting import real_limit
from inference.engine import Engine
from inference.model import WEIGHTS_FILE, load_model, open_tokenizer
from inference.rules.lexicon import FILE as WORDS_FILE
from inference.writing.watermark import Watermark
from politico.control.format import Schema
from politico.control.political import SCHEMA
from politico.control.request import Parameters, parse_request
from politico.errors import LimitError
from politico.lake.tombstones import fingerprint
from politico.models.seen import FILE as SEEN_FILE
from politico.models.seen import Seen
from politico.models.settings import BaseSettings, ControlSettings, CorpusSettings, EvaluationSettings, NetworkSettings
from tests.support.paths import ROOT
from tests.training.test_control_samples import START, row, write_days
from training.arguments import main
from training.corpus.prepare import prepare_corpus
from training.dataset.folder import identity_of, read_dataset
from training.dataset.split import split_at
from training.exit_codes import REASON_FILE, leave_reason, run
from training.folders import open_model

SHAPE = {"layers": "1", "width": "32", "heads": "2", "positions": "128"}
SHORT = {"max_steps": "6", "batch_size": "4", "evaluate_every": "4"}


def flags(given: dict[str, Any]) -> list[str]:
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus folder and a dataset folder."""
    root = tmp_path_factory.mktemp("job")
    (root / "text").mkdir()
    words = "\n\n".join(f"El párrafo {number} habla de la educación y del camino de todos." for number in range(900))
    (root / "text" / "book.txt").write_text(words, encoding="utf-8")
    prepare_corpus(root / "text", root / "corpus", CorpusSettings(vocabulary_size=400, held_out_share=0.2))
    days = {START.replace(day=day): [row(10 * day + one, START.replace(day=day)) for one in range(5)] for day in range(1, 7)}
    write_days(root / "dataset", days)
    return root


@pytest.fixture(scope="module")
def trained(inputs: Path) -> Path:
    """Both stages, the second from the first."""
    torch.set_num_threads(1)
    for stage, more in (
        ("base", {"corpus": inputs / "corpus", **SHAPE}),
        ("control", {"dataset": inputs / "dataset", "base": inputs / "base", "held_out_share": 0.2}),
    ):
        folders = {
            "model_dir": inputs / stage,
            "output_dir": inputs / f"{stage}_output" / "data",
            "checkpoint_dir": inputs / "checkpoints",
        }
        assert main(flags({"stage": stage, "name": f"{stage}-1", **SHORT, **folders, **more})) == 0
    return inputs


def test_the_base_model_s_figures_are_in_its_card_its_summary_and_its_history(trained: Path) -> None:
    card = json.loads((trained / "base" / "card.json").read_text())
    assert card == json.loads((trained / "base_output" / "data" / "summary.json").read_text())
    assert (card["name"], card["stage"], card["steps"]) == ("base-1", "base", 6)
    assert card["tokens"] == 6 * 4 * 128
    assert card["settings"]["network"] == {"layers": 1, "width": 32, "heads": 2, "positions": 128}
    assert card["before"]["loss_per_token"] > card["figures"]["loss_per_token"] > 0
    assert card["figures"]["bits_per_byte"] > 0
    assert card["parameters"] == sum(one.numel() for one in load_model(trained / "base").network.parameters())
    lines = [json.loads(line) for line in (trained / "base_output" / "data" / "training.jsonl").read_text().splitlines()]
    assert [one["step"] for one in lines if "held_out_loss" in one] == [0, 4, 6]
    assert lines[-1]["held_out_loss"] == pytest.approx(card["figures"]["loss_per_token"])
    assert not list((trained / "checkpoints").glob("*"))
    samples = [json.loads(line) for line in (trained / "base_output" / "data" / "samples.jsonl").read_text().splitlines()]
    assert [one["step"] for one in samples] == [4, 4, 4, 6, 6, 6]
    assert all(one["text"].startswith(one["asked"]) for one in samples)
    assert list((trained / "base_output" / "data" / "tensorboard").iterdir())


def test_the_control_model_keeps_the_tokenizer_and_says_what_it_learnt_from(trained: Path) -> None:
    card = json.loads((trained / "control" / "card.json").read_text())
    assert card["base"] == "base-1"
    assert card["data"] == {"rows": 30, "train": 20, "held_out": 10, "duplicates": 0, "too_long": 0, "cut": "2024-05-05"}
    assert card["settings"]["control"]["held_out_share"] == 0.2
    base, control = ((trained / stage / "tokenizer.json").read_bytes() for stage in ("base", "control"))
    assert base == control
    schema = Schema.from_json((trained / "control" / "control.json").read_bytes())
    assert schema.values == {"coalicion": ("Norte Unido", "Sur Libre"), "partido": ("PVA", "UDI"), "sentimiento": ("POSITIVE",)}
    assert Schema.from_json((trained / "base" / "control.json").read_bytes()) == SCHEMA


def test_a_control_models_tokenizer_may_take_in_the_words_of_its_training_tweets(trained: Path, tmp_path: Path) -> None:
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    given = {"dataset": trained / "dataset", "base": trained / "base", "held_out_share": 0.2, "new_tokens": 30}
    assert main(flags({"stage": "control", **SHORT, **folders, **given})) == 0
    base, control = load_model(trained / "base"), load_model(tmp_path / "model")
    before, after = (open_tokenizer(folder / "tokenizer.json") for folder in (trained / "base", tmp_path / "model"))
    assert 0 < after.get_vocab_size() - before.get_vocab_size() <= 30
    text = read_dataset(trained / "dataset")["text"][0].as_py()
    assert len(control.codec.encode(f" {text}")) < len(base.codec.encode(f" {text}"))
    assert control.card["data"] == json.loads((trained / "control" / "card.json").read_text())["data"]
    body = {"inputs": {"partido": "PVA"}, "parameters": {"max_new_tokens": 5, "seed": 1}}
    assert Engine(control).generate(parse_request(body, control.codec.schema))


def test_each_model_has_a_page_to_read_of_its_own_facts(trained: Path) -> None:
    for stage, told in (("base", "random weights"), ("control", "base-1")):
        card = json.loads((trained / stage / "card.json").read_text())
        page = (trained / stage / "README.md").read_text()
        assert page.startswith("---\nlanguage: es\n")
        assert f"# {stage}-1\n" in page
        assert f"| begun with | {told} |" in page
        assert f"{card['figures']['bits_per_byte']:.4f} ({card['before']['bits_per_byte']:.4f} before)" in page
        assert "Nobody said it" in page
        assert "its Spanish is poor" in page
    assert card["dataset"]["sha256"] in page
    assert f"{card['data']['train']} of {card['data']['rows']} tweets" in page


def test_the_control_model_names_the_very_data_it_saw_and_its_training_tweets_alone(trained: Path) -> None:
    summary = json.loads((trained / "control_output" / "data" / "summary.json").read_text())
    assert summary["dataset"] == identity_of(trained / "dataset")
    assert (summary["dataset"]["rows"], summary["dataset"]["days"]) == (30, 6)
    sides = split_at(read_dataset(trained / "dataset"), summary["data"]["cut"])
    seen = Seen.read((trained / "control_output" / "data" / SEEN_FILE).read_bytes())
    trained_on, held_out = (list(map(fingerprint, side["id_str"].to_pylist())) for side in (sides.train, sides.held_out))
    assert (len(seen), len(seen.among(trained_on)), len(seen.among(held_out))) == (20, 20, 0)
    assert not (trained / "base_output" / "data" / SEEN_FILE).exists()


def test_the_card_says_what_the_marks_of_real_tweets_say(trained: Path) -> None:
    cards = {stage: json.loads((trained / stage / "card.json").read_text()) for stage in ("base", "control")}
    assert "watermark" not in cards["base"], "it has seen no tweet"
    assert cards["control"]["watermark"] == {"limit": 0.01, "real": 0}, "ten are too few to tell"
    dataset = read_dataset(trained / "dataset")["text"].to_pylist()
    model = load_model(trained / "control")
    measured = real_limit(Watermark.of(model.network), model.codec, dataset * 5)
    assert (measured.real, 0 < measured.chance <= 0.01) == (150, True)


def test_the_words_of_corpus_and_training_tweets_go_with_the_model(trained: Path) -> None:
    base, control = (load_model(trained / stage).words for stage in ("base", "control"))
    assert {"párrafo", "educación", "camino"} <= base
    assert "número" not in base  # a word of the tweets
    assert base | {"hoy", "número"} <= control
    assert not [word for word in control if word.isdigit()]


@pytest.mark.parametrize("joined", ["false", "true"])
def test_a_casual_model_learns_the_tweets_of_its_parties_alone_and_writes_without_being_asked(
    trained: Path, tmp_path: Path, joined: str
) -> None:
    there = sorted(set(read_dataset(trained / "dataset")["party"].to_pylist()))
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    given = {"stage": "casual", "dataset": trained / "dataset", "base": trained / "base", "cut": "2024-05-04", "joined": joined}
    assert main(flags({**given, "parties": there[0], **SHORT, **folders})) == 0
    summary = json.loads((tmp_path / "output" / "summary.json").read_text())
    of_party = [row for row in read_dataset(trained / "dataset").to_pylist() if row["party"] == there[0]]
    learnt = [row["id_str"] for row in of_party if row["dt"] < "2024-05-04"]
    assert summary["stage"] == "casual"
    assert (summary["data"]["rows"], summary["data"]["train"]) == (len(of_party), len(learnt))
    assert summary["settings"]["casual"]["parties"] == there[0]
    assert 0 < summary["figures"]["bits_per_byte"] < 20
    seen = Seen.read((tmp_path / "output" / SEEN_FILE).read_bytes())
    assert seen.among(map(fingerprint, learnt)) == set(map(fingerprint, learnt))
    assert len(seen) == len(learnt)
    model = load_model(tmp_path / "model")
    request = parse_request({"inputs": {}, "parameters": {"max_new_tokens": 5, "seed": 1}}, model.codec.schema)
    (tweet,) = Engine(model).generate(request)
    assert tweet.generated_text


def test_a_casual_model_of_a_party_that_nobody_is_of_is_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"stage": "casual", "dataset": trained / "dataset", "base": trained / "base", "parties": "UDI,Nadie", **SHORT}
    given["checkpoint_dir"] = trained / "nowhere"
    assert main(flags(given)) == 2
    assert "no tweet is of the party" in capsys.readouterr().err


def test_the_thesis_splits_at_random_and_a_run_says_where_it_cut(trained: Path, tmp_path: Path) -> None:
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    given = {"stage": "control", "dataset": trained / "dataset", "base": trained / "base", "held_out_by": "random"}
    assert main(flags({**given, "held_out_share": "0.3", **SHORT, **folders})) == 0
    data = json.loads((tmp_path / "output" / "summary.json").read_text())["data"]
    assert data["cut"] == "random:0.300000000:7"
    assert 0 < data["held_out"] + data["duplicates"] < data["train"]


def test_the_cut_that_is_given_wins_over_the_share(trained: Path, tmp_path: Path) -> None:
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    given = {"stage": "control", "dataset": trained / "dataset", "base": trained / "base", "cut": "2024-05-03"}
    assert main(flags({**given, **SHORT, **folders, "name_swap": 0.5})) == 0
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert (card["data"]["cut"], card["data"]["train"], card["data"]["held_out"]) == ("2024-05-03", 10, 20)
    assert card["settings"]["control"]["name_swap"] == 0.5


def test_a_base_that_learns_to_listen_names_its_tokenizers_tweets(inputs: Path, tmp_path: Path) -> None:
    sides = split_at(read_dataset(inputs / "dataset"), "2024-05-05")
    prepare_corpus(inputs / "text", tmp_path / "corpus", CorpusSettings(vocabulary_size=400, held_out_share=0.2), sides.train)
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    given = {"stage": "base", "corpus": tmp_path / "corpus", **SHAPE, **SHORT, **folders, "passages_share": 0.5}
    assert main(flags(given)) == 0
    assert len(Seen.read((tmp_path / "output" / SEEN_FILE).read_bytes())) == 20
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["settings"]["learning"]["passages_share"] == 0.5
    assert main(flags({**given, "passages_share": 1.5})) == 2


def test_the_control_model_writes_on_demand(trained: Path) -> None:
    model = open_model(trained / "control")
    body = {"inputs": {"partido": "UDI"}, "parameters": {"max_new_tokens": 5, "seed": 1}}
    (tweet,) = Engine(model).generate(parse_request(body, model.codec.schema))
    assert tweet.model == "control-1"
    assert tweet.tokens <= 5
    assert Parameters().max_new_tokens < model.length


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "--stage is None; it takes base, casual, control"),
        ({"stage": "both"}, "--stage is 'both'"),
        ({"stage": "base", "corpus": ""}, "this stage needs the corpus channel"),
        ({"stage": "base", "field_dropout": "0.1"}, "unknown flag --field_dropout; there are --stage, --name, --corpus"),
        ({"stage": "base", "max_steps": "many"}, "max_steps is 'many'; it takes a value of type int"),
        ({"stage": "base"}, "this stage needs the corpus channel"),
        ({"stage": "base", "corpus": "/nowhere"}, "--corpus is /nowhere, which is no folder"),
        ({"stage": "control", "dataset": "DATASET"}, "this stage needs the base channel"),
        ({"stage": "control", "dataset": "DATASET", "base": "DATASET"}, "is no model folder"),
        ({"stage": "control", "dataset": "DATASET", "base": "BASE", "layers": "3"}, "layers is 3, but the base model's is 1"),
        ({"stage": "control", "dataset": "CORPUS", "base": "BASE"}, "is no dataset"),
        ({"stage": "base", "corpus": "DATASET"}, "tokenizer.json is missing; it is written by training.corpus"),
        ({"stage": "base", "corpus": "CORPUS", "positions": "100000"}, "one window takes 100001"),
    ],
)
def test_a_mistake_is_one_sentence_also_where_sagemaker_looks_for_it(
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.setenv(REASON_FILE, str(tmp_path / "output" / "failure"))
    known = {name.upper(): str(trained / name) for name in ("corpus", "dataset", "base")}
    words = flags({name: known.get(value, value) for name, value in given.items()})
    assert main([*words, "--output_dir", str(tmp_path / "output" / "data"), "--model_dir", str(tmp_path / "model")]) == 2
    said = capsys.readouterr().err
    assert expected in said
    assert said.startswith("error: ")
    assert said.removeprefix("error: ").strip() == (tmp_path / "output" / "failure").read_text()
    assert not (tmp_path / "model").exists()


def test_a_failure_of_ours_keeps_its_traceback_and_tells_sagemaker_why(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("training.stages.learn", breaks)
    monkeypatch.setenv(REASON_FILE, str(tmp_path / "output" / "failure"))
    words = flags({"stage": "base", "corpus": trained / "corpus", **SHAPE, "output_dir": tmp_path / "output" / "data"})
    assert main(words) == 1
    assert (tmp_path / "output" / "failure").read_text() == "RuntimeError: out of memory"
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.slow
def test_two_machines_train_together_as_their_containers_start_them(trained: Path, tmp_path: Path) -> None:
    """Each with a disk of its own, on which nothing lies before."""
    names = ["127.0.0.1", "127.0.0.2"]  # a container reaches the others by their names
    given = {"stage": "control", "checkpoint_dir": "checkpoints", "cut": "2024-05-04", **SHORT}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = []
    for name in names:
        root = tmp_path / name
        for channel in ("dataset", "base"):
            shutil.copytree(trained / channel, root / "input/data" / channel)
        (root / "code").mkdir()
        (root / "code/training").symlink_to(ROOT / "training")
        (root / "input/config").mkdir()
        (root / "input/config/hyperparameters.json").write_text(json.dumps(given))
        machines = {"current_host": name, "hosts": names, "network_interface_name": "lo"}
        (root / "input/config/resourceconfig.json").write_text(json.dumps(machines))
        command = [sys.executable, "-m", "training.launch", str(root)]
        started.append(
            subprocess.Popen(
                command, cwd=root / "code", env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    said = [process.communicate(timeout=240)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert "step 6/6 100% loss" in said[0]
    assert "step 6/6" not in said[1], "the first machine's first process speaks for all"
    card = load_model(tmp_path / names[0] / "model").card
    assert (card["steps"], card["data"]["train"]) == (6, 15)
    assert not (tmp_path / names[1] / "model").exists()


def test_the_first_of_several_reasons_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REASON_FILE, str(tmp_path / "output" / "failure"))
    assert main(["--stage"]) == 2
    assert main(["--stage", "both"]) == 2  # another process, that fails of it
    assert (tmp_path / "output" / "failure").read_text() == "flags come as --name value pairs; given: --stage"


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/opt/ml/model/x"), "the disk that /opt/ml/model/x lies on is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full; make room and run it again"),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB\nand more"),
            "Tried to allocate 2 GiB); take a smaller",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"), "memory is used up (DefaultCPUAllocator"),
        (MemoryError(), "memory is used up (MemoryError); take a smaller batch_size"),
    ],
)
def test_a_machine_that_is_used_up_is_said_to_be_so_in_one_sentence(
    failure: Exception, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise failure

    monkeypatch.setenv(REASON_FILE, str(tmp_path / "failure"))
    assert run(fails) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert told in (tmp_path / "failure").read_text()


def test_a_long_reason_is_cut_to_what_sagemaker_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REASON_FILE, str(tmp_path / "failure"))
    leave_reason("ñ" * 2_000)
    assert (tmp_path / "failure").read_bytes() == "ñ".encode() * 512


def grown(dataset: Path) -> None:
    """A day that is new and one that has more, as after a night."""
    shutil.rmtree(dataset / "dt=2024-05-03")
    for day in (3, 7):
        rows = [row(10 * day + one, START.replace(day=day)) for one in range(8)]
        write_days(dataset, {START.replace(day=day): rows})


def pruned(dataset: Path) -> None:
    shutil.rmtree(dataset / "dt=2024-05-02")


def changed(dataset: Path) -> None:
    pruned(dataset)
    day = START.replace(day=2)
    write_days(dataset, {day: [{**row(20 + one, day), "text": f"Hoy hablamos otra vez de {one}"} for one in range(5)]})


def another(dataset: Path) -> None:
    shutil.rmtree(dataset)
    write_days(
        dataset,
        {START.replace(day=day): [row(10 * day + one, START.replace(day=day)) for one in range(50, 55)] for day in range(1, 7)},
    )


def shuffled(dataset: Path) -> None:
    """The same files under the same names, with their rows the other way round."""
    for path in dataset.glob("dt=*/tweets.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.take(list(reversed(range(len(table))))), path)


def stopped_at_the_end(given: dict[str, Any]) -> bytes:
    """Run a stage up to its last step and no further; the checkpoint that it leaves."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("training.stages.keep_rows", Mock(side_effect=KeyboardInterrupt))
        assert main(flags({**given, "checkpoint_minutes": "0"})) == 130
    return Path(given["checkpoint_dir"], "control.pt").read_bytes()


GONE = (
    "5 of the 15 training tweets that this run began with are gone or changed; nothing may be learnt from those: it begins anew"
)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (grown, "the dataset has 3 more training tweets than when this run began: it goes on without them\n"),
        (shuffled, ""),
        (
            pruned,
            GONE,
        ),
        (
            changed,
            GONE,
        ),
    ],
)
def test_a_run_keeps_the_data_it_began_with_and_begins_anew_where_some_of_it_has_gone(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], None], told: str
) -> None:
    dataset = tmp_path / "dataset"
    shutil.copytree(trained / "dataset", dataset)
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    given = {"stage": "control", "dataset": dataset, "base": trained / "base", "cut": "2024-05-04", **SHORT, **folders}
    stopped_at_the_end(given)
    change(dataset)
    capsys.readouterr()
    assert main(flags(given)) == 0
    said = capsys.readouterr().out
    assert told in said
    assert ("held-out step 0 loss" in said) is ("anew" in told)
    assert ("going on from step 5\n" in said) is ("anew" not in told)
    kept = Seen.read((tmp_path / "output" / SEEN_FILE).read_bytes())
    assert len(kept) == 15, "whatever any try has learnt from stays in the list"
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_checkpoint_over_another_dataset_or_another_base_is_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset, checkpoints = tmp_path / "dataset", tmp_path / "checkpoints"
    shutil.copytree(trained / "dataset", dataset)
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": checkpoints}
    given = {"stage": "control", "dataset": dataset, "base": trained / "base", **SHORT, **folders}
    left = stopped_at_the_end(given)
    capsys.readouterr()
    other = tmp_path / "base"
    shutil.copytree(trained / "base", other)
    weights = load_file(other / WEIGHTS_FILE)
    save_file({name: one + 0.01 for name, one in weights.items()}, other / WEIGHTS_FILE, {"format": "pt"})
    assert main(flags({**given, "base": other})) == 2
    assert "belongs to another run: the base's weights is" in capsys.readouterr().err
    another(dataset)
    assert main(flags(given)) == 2
    assert "is of a run over another dataset: 25 of its 25 training tweets are not in this one" in capsys.readouterr().err
    assert (checkpoints / "control.pt").read_bytes() == left


@pytest.mark.parametrize("name", ["train.bin", "held_out.bin", "tokenizer.json"])
def test_a_damaged_part_of_a_corpus_is_refused_by_its_name(
    inputs: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(inputs / "corpus", tmp_path / "corpus")
    body = bytearray((tmp_path / "corpus" / name).read_bytes())
    body[-7] ^= 1
    (tmp_path / "corpus" / name).write_bytes(body)
    assert main(flags({"stage": "base", "corpus": tmp_path / "corpus", **SHAPE, **SHORT})) == 2
    assert f"{name} is damaged: its SHA-256 is " in capsys.readouterr().err


def test_help_names_the_flags_of_both_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"--{name} " in told for name in ("stage", "layers", "passages_share", "name_swap"))


def test_a_model_of_a_base_without_a_list_of_words_gets_none(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "base", tmp_path / "base")
    (tmp_path / "base" / WORDS_FILE).unlink()
    folders = {"model_dir": tmp_path / "model", "output_dir": tmp_path / "output", "checkpoint_dir": tmp_path / "checkpoints"}
    assert main(flags({"stage": "control", "dataset": trained / "dataset", "base": tmp_path / "base", **SHORT, **folders})) == 0
    assert not load_model(tmp_path / "model").words


@pytest.mark.parametrize(
    ("stage", "setting", "value"),
    [
        ("base", "passages_share", "-0.1"),
        ("control", "name_swap", "1.1"),
        ("control", "name_swap", "nan"),
        ("control", "context_weight", "0.5"),
        ("base", "context_weight", "nan"),
        ("base", "context_weight", "inf"),
        ("control", "context_weight_share", "2"),
        ("base", "heads", "0"),
        ("base", "layers", "0"),
        ("base", "evaluate_every", "0"),
        ("base", "max_steps", "0"),
        ("base", "seed", "-1"),
        ("base", "weight_decay", "inf"),
        ("base", "dropout", "nan"),
        ("base", "learning_rate", "nan"),
        ("base", "muon_rate", "-1"),
        ("base", "batch_size", "0"),
        ("base", "max_minutes", "nan"),
        ("base", "checkpoint_minutes", "-1"),
        ("base", "warmup_share", "1"),
        ("control", "field_dropout", "2"),
        ("control", "context_dropout", "nan"),
        ("control", "held_out_share", "0"),
        ("control", "new_tokens", "-1"),
    ],
)
def test_a_setting_outside_its_limits_is_refused_by_name(
    stage: str, setting: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(flags({"stage": stage, setting: value})) == 2
    assert f"{setting} is {value}" in re.sub(r"\.0\b", "", capsys.readouterr().err)


def ends_of(kind: Any) -> Iterator[tuple[str, Any]]:
    """Values at the ends of each numeric setting, beyond them, and none at all."""
    for one in fields(kind):
        low, high = one.metadata.get("limits", (None, None))
        if low is not None:
            step = 1 if isinstance(low, int) else max(1e-9, abs(low) * 1e-6)
            yield from ((one.name, value) for value in (low, high))
            yield from ((one.name, value) for value in (low - step, high + max(1, abs(high)), math.nan, math.inf, -math.inf))


@pytest.mark.parametrize("kind", [CorpusSettings, NetworkSettings, BaseSettings, ControlSettings, EvaluationSettings])
def test_every_number_has_limits_and_is_held_to_them(kind: Any) -> None:
    for name, value in ends_of(kind):
        low, high = next(one.metadata["limits"] for one in fields(kind) if one.name == name)
        if low <= value <= high:
            # A network's width is a multiple of its heads, whichever of them is tried.
            beside = {"width": value} if name == "heads" else {"heads": 1} if name == "width" else {}
            assert getattr(kind(**{name: value, **beside}), name) == value
        else:
            with pytest.raises(LimitError, match=f"{name} is "):
                kind(**{name: value})
    numbers = {one.name for one in fields(kind) if one.type in (int, float)}
    assert {name for name, _ in ends_of(kind)} == numbers
