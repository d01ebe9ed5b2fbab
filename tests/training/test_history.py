"""What a run keeps of itself: figures and samples, in lines and for TensorBoard, the same after an interruption."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboardX.proto.event_pb2 import Event

from politico.control.political import SCHEMA
from politico.models.experiment import BASE, CASUAL, CONTROL
from politico.models.settings import NetworkSettings
from tests.support.models import MICRO_SCHEMA, micro_network, micro_tokenizer
from training.history import HISTORY_FILE, SAMPLES_FILE, SPEED, TENSORBOARD, History
from training.loop.checkpoint import Progress
from training.loop.network import build_network
from training.loop.utilisation import flops_a_position, peak_by_name, peak_of
from training.trying import BEGINNINGS, _asked, tries

VALUES = {"coalicion": ("Sur",), "partido": ("PVA", "UDI"), "sentimiento": ("NEGATIVE", "POSITIVE")}


def progress(steps: int) -> Progress:
    records: list[dict[str, float]] = [{"step": 0, "tokens": 0, "seconds": 0.0, "held_out_loss": 5.0}]
    for step in range(1, steps + 1):
        records.append({"step": step, "tokens": 100 * step, "seconds": 2.0 * step, "train_loss": 5.0 - step / 10})
    return Progress(steps, 2.0 * steps, 100 * steps, 5.0, records, [{"step": steps, "asked": "", "text": "Así, ñandú 🤔"}])


def events(folder: Path) -> Iterator[tuple[str, int, Any]]:
    """What TensorBoard would show: tag, step, and a number or a text. Records of length, its checksum, content, its checksum."""
    for path in sorted(folder.iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event()
            event.ParseFromString(content[at + 12 : at + 12 + length])
            at += 16 + length
            for value in event.summary.value:
                text = value.tensor.string_val
                yield value.tag, event.step, text[0].decode() if text else value.simple_value


def test_a_run_s_figures_are_lines_and_what_tensorboard_shows(tmp_path: Path) -> None:
    history = History(tmp_path)
    for steps in (1, 3):
        history.write(progress(steps))
    history.close()
    lines = [json.loads(line) for line in (tmp_path / HISTORY_FILE).read_text().splitlines()]
    assert lines == progress(3).records
    assert [json.loads(line) for line in (tmp_path / SAMPLES_FILE).read_text().splitlines()] == progress(3).samples
    shown = list(events(tmp_path / TENSORBOARD))
    assert [(step, value) for tag, step, value in shown if tag == "loss/training"] == [
        (step, pytest.approx(5.0 - step / 10)) for step in (1, 2, 3)
    ]
    assert [(step, value) for tag, step, value in shown if tag == "loss/held_out"] == [(0, 5.0)]
    assert {value for tag, _, value in shown if tag == SPEED} == {50.0}
    assert [value for tag, _, value in shown if tag.startswith("nothing_asked")] == ["Así, ñandú 🤔"]


def test_after_an_interruption_each_figure_is_shown_once(tmp_path: Path) -> None:
    for steps in (2, 4):  # the second is another try, in the same folder
        history = History(tmp_path)
        history.write(progress(steps))
        history.close()
    shown = [step for tag, step, _ in events(tmp_path / TENSORBOARD) if tag == "loss/training"]
    assert shown == [1, 2, 3, 4]


@pytest.mark.parametrize("stage", [BASE, CASUAL, CONTROL])
def test_samples_on_the_way_change_neither_the_weights_nor_the_draws_of_the_training(stage: str) -> None:
    tokenizer = micro_tokenizer(SCHEMA)
    network = micro_network(tokenizer, seed=1).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    schema = SCHEMA.with_values(VALUES) if stage == CONTROL else SCHEMA
    tried = tries(network, tokenizer, schema, stage)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    first, again = tried(), tried()
    assert torch.equal(torch.rand(4), expected)
    assert first == again
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(set(one) == {"asked", "text"} for one in first)
    if stage == BASE:
        assert [one["asked"] for one in first] == list(BEGINNINGS)
    elif stage == CONTROL:
        assert [one["asked"].split()[0] for one in first] == ["partido=PVA", "partido=UDI"]
        assert {one["asked"].split()[1] for one in first} == {"sentimiento=POSITIVE", "sentimiento=NEGATIVE"}
    else:
        assert [one["asked"] for one in first] == ["", ""]


def test_a_network_of_two_positions_is_tried_too() -> None:
    tokenizer = micro_tokenizer(SCHEMA)
    shape = NetworkSettings(layers=1, width=8, heads=1, positions=2)
    network = build_network(shape, tokenizer.get_vocab_size(), 0, 1)
    for stage in (BASE, CASUAL):
        assert tries(network, tokenizer, SCHEMA, stage)()


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA A10G", 70e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("Tesla V100-SXM2-16GB", 125e12),
        ("Tesla T4", 65e12),
        ("NVIDIA RTX 9999", None),
    ],
)
def test_a_gpu_s_peak_is_known_by_its_name(name: str, peak: float | None) -> None:
    assert peak_by_name(name) == peak


def test_the_work_of_a_position_is_six_times_its_weights_and_its_attention() -> None:
    network = build_network(NetworkSettings(layers=12, width=768, heads=12, positions=1024), 50_257, 0, 1)
    weights = 12 * (12 * 768**2 + 13 * 768) + 2 * 768 + 50_304 * 768
    assert flops_a_position(network, 1024) == 6 * weights + 12 * 12 * 768 * 1024
    assert peak_of(torch.device("cpu")) is None


def test_a_field_that_no_training_tweet_had_is_not_asked_for() -> None:
    schema = MICRO_SCHEMA.with_values({"partido": ("UDI", "PVA"), "sentimiento": ()})
    assert [sorted(one) for one in _asked(schema)] == [["frases", "partido"]] * 2
