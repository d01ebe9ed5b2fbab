"""What the loop promises: loss where it belongs, the same run however it was interrupted or spread, agreed ends."""

import errno
import itertools
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import settings as searched
from hypothesis import strategies as st
from transformers import GPT2LMHeadModel

from politico.control.format import Sample
from politico.models.settings import LearningSettings, NetworkSettings
from tests.support.paths import ROOT
from training.evaluation.metrics import Loss, bits_per_byte, perplexity
from training.exit_codes import StoppedError
from training.loop.checkpoint import Identity, OtherRunError, Progress, load_checkpoint, save_checkpoint
from training.loop.loop import DATASET, DivergedError, held_out_loss, learn
from training.loop.network import ScoredLoss, build_network, count_parameters, set_dropout
from training.loop.optimizers import make_optimizers
from training.loop.processes import ALONE, Processes
from training.loop.schedule import asked_weight, progress_line, rate_share, share_done
from training.samples.batch import IGNORED, Batch, pack, pad
from training.samples.windows import Windows

SHAPE = NetworkSettings(layers=2, width=32, heads=2, positions=16)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a micro network only loses when cores share its sums
    yield
    torch.set_num_threads(before)


def micro(seed: int = 1) -> GPT2LMHeadModel:
    network = build_network(SHAPE, 50, 0, seed)
    set_dropout(network, 0.0)
    return network


def windows(**changes: Any) -> Windows:
    tokens = np.random.default_rng(3).integers(0, 50, 1000).astype(np.uint16)
    asked: dict[str, Any] = {"positions": 16, "batch_size": 4, "seed": 7, "held_out_tokens": 160} | changes
    return Windows(tokens[:800], tokens[800:], **asked)


def settings(**changes: Any) -> LearningSettings:
    asked: dict[str, Any] = {"max_steps": 8, "batch_size": 4, "learning_rate": 1e-2, "dropout": 0.1, "evaluate_every": 3}
    return LearningSettings(**(asked | changes))


def samples() -> list[Sample]:
    """Three samples of different lengths; the tweet begins after a prefix of different length."""
    return [Sample((8, 20, 7, 30, 31, 0), 3), Sample((7, 32, 0), 1), Sample((8, 21, 9, 22, 23, 7, 33, 34, 35, 0), 6)]


def test_the_loss_is_that_of_the_tweet_and_its_end_computed_by_hand() -> None:
    network = micro()
    one = samples()[0]
    with torch.no_grad():
        logits = network(torch.tensor([one.ids])).logits[0].double()
    by_hand = -sum(float(logits[position - 1].log_softmax(0)[one.ids[position]]) for position in (3, 4, 5))
    batch = pad([one], 0)
    assert ScoredLoss(network)(batch.ids, batch.targets)[0].item() == pytest.approx(by_hand, rel=1e-5)


def test_no_label_in_the_prefix_counts() -> None:
    targets = pad(samples(), 0).targets
    for row, one in zip(targets, samples(), strict=True):
        scored = len(one.ids) - one.loss_from
        assert (row[: one.loss_from - 1] == IGNORED).all()
        assert row[one.loss_from - 1 :][:scored].tolist() == list(one.ids[one.loss_from :])
        assert (row[one.loss_from - 1 + scored :] == IGNORED).all()


def test_the_head_on_scored_tokens_gives_the_loss_and_gradients_of_the_whole() -> None:
    batch = pad(samples(), 0)
    networks = [micro(), micro()]
    ScoredLoss(networks[0])(batch.ids, batch.targets)[0].backward()
    whole = networks[1](batch.ids).logits
    F.cross_entropy(whole.flatten(0, 1), batch.targets.flatten(), reduction="sum").backward()  # type: ignore[no-untyped-call]
    for one, other in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_samples_of_a_batch_never_see_each_other_nor_the_filling() -> None:
    loss = ScoredLoss(micro())
    together = pad(samples(), 0)
    alone = [pad([one], 0) for one in samples()]
    other_filler = pad(samples(), 13)
    expected = sum(loss(one.ids, one.targets)[0].item() for one in alone)
    assert loss(together.ids, together.targets)[0].item() == pytest.approx(expected, rel=1e-5)
    assert loss(other_filler.ids, other_filler.targets)[0].item() == pytest.approx(expected, rel=1e-5)


@searched(max_examples=25, deadline=None)
@given(st.lists(st.integers(3, 16), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_samples_side_by_side_give_the_losses_and_gradients_of_samples_in_rows_of_their_own(
    lengths: list[int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    drawn = []
    for length in lengths:
        ids = (*random.integers(1, 50, length - 1).tolist(), 0)
        start = int(random.integers(1, length))
        drawn.append(Sample(ids, start, asked=tuple(range(start, length, 2))))
    padded, packed = pad(drawn, 0), pack(drawn, 16, 0)
    assert packed.scored == padded.scored
    assert sorted(packed.targets[packed.targets != IGNORED].tolist()) == sorted(
        padded.targets[padded.targets != IGNORED].tolist()
    )
    networks = [micro(), micro()]
    losses = []
    for network, batch in zip(networks, (padded, packed), strict=True):
        weighted, plain = ScoredLoss(network)(batch.ids, batch.targets, batch.weights(6.0), batch.positions)
        weighted.backward()
        losses.append((weighted.item(), plain.item()))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for one, other in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-4, rtol=1e-3)


def test_samples_side_by_side_take_fewer_positions_and_parts_of_them_are_still_themselves() -> None:
    drawn = [Sample((*range(1, length), 0), 1) for length in (9, 4, 12, 5, 8, 3, 6, 16)]
    batch, loss = pack(drawn, 16, 0), ScoredLoss(micro())
    assert batch.tokens < pad(drawn, 0).tokens
    whole = loss(batch.ids, batch.targets, None, batch.positions)[0].item()
    parts = [loss(one.ids, one.targets, None, one.positions)[0].item() for one in batch.passes(16)]
    assert len(parts) == len(batch.ids)
    assert sum(parts) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("hidden", [True, False])
def test_a_document_that_is_hidden_changes_nothing_in_the_one_behind_it(hidden: bool) -> None:
    random = np.random.default_rng(5)
    first, second = (random.integers(1, 50, length).astype(np.uint16) for length in (5, 7))
    network, losses = ScoredLoss(micro()), []
    for poison in (0, 1):
        document = (first + poison * 13) % 49 + 1
        tokens = np.concatenate([[0], document, [0], second, [0]]).astype(np.uint16)
        data = Windows(tokens, tokens, positions=14, batch_size=1, seed=1, held_out_tokens=14, hidden=0 if hidden else None)
        batch = data.training_batch(0, 0, 1)
        targets = batch.targets.clone()
        targets[:, : len(document) + 1] = IGNORED
        with torch.no_grad():
            losses.append(network(batch.ids, targets, None, batch.positions)[0].item())
    apart = abs(losses[0] - losses[1])
    assert apart < 1e-5 if hidden else apart > 1e-2


def test_a_hidden_documents_positions_begin_with_its_end_token_and_a_torn_ones_with_the_row() -> None:
    tokens = np.array([5, 6, 0, 7, 8, 9, 0, 0, 4], dtype=np.uint16)
    batch = Windows(tokens, tokens, positions=8, batch_size=1, seed=1, held_out_tokens=8, hidden=0).training_batch(0, 0, 1)
    assert batch.positions is not None
    assert batch.positions.tolist() == [[0, 1, 0, 1, 2, 3, 0, 0]]
    assert Windows(tokens, tokens, positions=8, batch_size=1, seed=1, held_out_tokens=8).training_batch(0, 0, 1).positions is None


def test_what_was_asked_for_weighs_as_much_as_is_said_and_the_rest_one() -> None:
    network = micro()
    asked = replace(samples()[2], asked=(7, 8))
    batch = pad([samples()[0], asked], 0)
    assert batch.asked is not None
    assert batch.targets[batch.asked].tolist() == [34, 35]
    with torch.no_grad():
        logits = network(torch.tensor([asked.ids])).logits[0].log_softmax(-1)
        of_asked = -sum(float(logits[at - 1, asked.ids[at]]) for at in (7, 8))
    loss = ScoredLoss(network)
    alike = loss(batch.ids, batch.targets)[0].item()
    weighted, plain = loss(batch.ids, batch.targets, batch.weights(6.0))
    assert weighted.item() == pytest.approx(alike + 5 * of_asked, rel=1e-5)
    assert plain.item() == pytest.approx(alike, rel=1e-5)
    assert batch.weights(1.0) is None
    parts = [loss(one.ids, one.targets, one.weights(6.0))[0].item() for one in batch.passes(9)]
    assert len(parts) == 2
    assert sum(parts) == pytest.approx(weighted.item(), rel=1e-5)


def test_the_weight_of_what_was_asked_for_falls_to_one() -> None:
    weights = [asked_weight(settings(context_weight=6.0, context_weight_share=0.8), done / 10) for done in range(11)]
    assert weights[0] == 6
    assert weights[4] == pytest.approx(3.5)
    assert weights[8:] == [1, 1, 1]
    assert asked_weight(settings(context_weight=6.0, context_weight_share=0.0), 0.0) == 1
    assert asked_weight(settings(context_weight=1.0), 0.3) == 1


class _Asking:
    """Windows with a context of sorts: every third token was asked for."""

    def __init__(self, data: Windows) -> None:
        self.data, self.identity = data, data.identity
        self.batch_size, self.batches = data.batch_size, data.batches

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        batch = self.data.training_batch(step, rank, world)
        return replace(batch, asked=batch.targets % 3 == 0)

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        return self.data.held_out_batches(rank, world)


def test_a_weight_of_one_is_the_run_without_weights(tmp_path: Path) -> None:
    plain, asked, weighted = micro(), micro(), micro()
    learn(plain, windows(), settings(), ALONE, tmp_path / "a.pt")
    learn(asked, _Asking(windows()), settings(context_weight=1.0), ALONE, tmp_path / "b.pt")
    learn(weighted, _Asking(windows()), settings(context_weight=6.0), ALONE, tmp_path / "c.pt")
    weights = [one.transformer.wte.weight for one in (plain, asked, weighted)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_passes_are_the_batch_in_parts_without_needless_filling() -> None:
    whole = pad(sorted(samples(), key=lambda one: len(one.ids)), 0)
    parts = list(whole.passes(10))
    assert [tuple(one.ids.shape) for one in parts] == [(1, 2), (1, 5), (1, 9)]
    loss = ScoredLoss(micro())
    assert sum(loss(one.ids, one.targets)[0].item() for one in parts) == pytest.approx(
        loss(whole.ids, whole.targets)[0].item(), rel=1e-5
    )


def test_a_window_is_read_as_one_text_whatever_documents_it_holds() -> None:
    """Documents of a window are told apart by the end token alone: the loss is that of plain causal attention."""
    network = micro()
    ids = torch.tensor([[3, 4, 0, 5, 6, 0, 7, 8]])
    targets = ids[:, 1:]
    expected = F.cross_entropy(network(ids[:, :-1]).logits[0], targets[0], reduction="sum").item()
    assert ScoredLoss(network)(ids[:, :-1], targets)[0].item() == pytest.approx(expected, rel=1e-5)
    changed = torch.tensor([[9, 9, 0, 5, 6, 0, 7, 8]])
    last = [network(one).logits[0, -1] for one in (ids, changed)]
    assert not torch.allclose(*last)


def test_an_epoch_reads_every_window_once_in_an_order_of_its_own() -> None:
    data = windows(batch_size=7)
    count = (800 - 1) // 16
    assert count == 49
    epochs = [
        [tuple(row) for step in range(first, first + 7) for row in data.training_batch(step, 0, 1).ids.tolist()]
        for first in (0, 7)
    ]
    assert len(set(epochs[0])) == count
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1])


def test_processes_share_a_step_without_gap_or_overlap() -> None:
    data = windows()
    whole = data.training_batch(5, 0, 1)
    shares = [data.training_batch(5, rank, 3) for rank in range(3)]
    rows = sorted(row for one in shares for row in one.ids.tolist())
    assert rows == sorted(whole.ids.tolist())
    assert sum(one.scored for one in shares) == whole.scored == whole.targets.numel()


def test_the_held_out_loss_is_the_same_however_many_processes_look() -> None:
    data, network = windows(), ScoredLoss(micro())
    whole = held_out_loss(network, data, ALONE)
    shares = [_Share(data, rank) for rank in range(3)]
    counts = [sum(batch.scored for batch in share.held_out_batches(0, 1)) for share in shares]
    parts = [count * held_out_loss(network, share, ALONE) for count, share in zip(counts, shares, strict=True)]
    assert sum(parts) / sum(counts) == pytest.approx(whole, rel=1e-6)


class _Share:
    """One of three processes' view of the held-out text."""

    def __init__(self, data: Windows, rank: int) -> None:
        self.data, self.rank, self.identity = data, rank, data.identity
        self.batch_size, self.batches = data.batch_size, data.batches

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        return self.data.training_batch(step, rank, world)

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        return self.data.held_out_batches(self.rank, 3)


def test_a_run_learns_and_says_how_far_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ordered = np.tile(np.arange(50, dtype=np.uint16), 40)
    data = Windows(ordered[:1600], ordered[1600:], positions=16, batch_size=4, seed=7, held_out_tokens=160)
    learned = learn(micro(), data, settings(max_steps=60, dropout=0.0), ALONE, tmp_path / "base.pt")
    assert learned.after < learned.before - 2
    assert learned.before == pytest.approx(math.log(50), abs=0.3)
    said = capsys.readouterr().out
    assert "held-out step 0 loss" in said
    assert "step 60/60 100% loss" in said
    assert learned.progress.tokens == 60 * 4 * 16


def test_the_same_seed_is_the_same_run_and_another_is_not(tmp_path: Path) -> None:
    def weights(seed: int) -> torch.Tensor:
        network = micro()
        learn(network, windows(seed=seed), settings(seed=seed), ALONE, tmp_path / "none.pt")
        learnt: torch.Tensor = network.transformer.wte.weight.detach()
        return learnt

    assert torch.equal(weights(7), weights(7))
    assert not torch.equal(weights(7), weights(8))


class _StopsAt:
    """Data whose machine is taken away while a step is computed."""

    def __init__(self, data: Windows, step: int) -> None:
        self.data, self.step, self.identity = data, step, data.identity
        self.batch_size, self.batches = data.batch_size, data.batches

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        if step == self.step + 1:  # fetched while step number `step` is under way
            os.kill(os.getpid(), signal.SIGTERM)
        return self.data.training_batch(step, rank, world)

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        return self.data.held_out_batches(rank, world)


def test_a_run_that_is_killed_goes_on_to_the_weights_of_one_that_is_not(tmp_path: Path) -> None:
    whole, stopped, resumed = micro(), micro(), micro(seed=99)
    uninterrupted = learn(whole, windows(), settings(), ALONE, tmp_path / "whole.pt")
    checkpoint = tmp_path / "checkpoints" / "base.pt"
    with pytest.raises(StoppedError, match="stopped after step"):
        learn(stopped, _StopsAt(windows(), 4), settings(), ALONE, checkpoint)
    assert checkpoint.is_file()
    assert not torch.equal(stopped.transformer.wte.weight, whole.transformer.wte.weight)
    finished = learn(resumed, windows(), settings(), ALONE, checkpoint)
    for (name, one), other in zip(whole.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert finished.before == uninterrupted.before
    assert finished.after == uninterrupted.after
    assert finished.progress.tokens == uninterrupted.progress.tokens


def test_a_checkpoint_by_the_clock_is_written_while_the_run_goes_on(tmp_path: Path) -> None:
    checkpoint = tmp_path / "base.pt"
    network = micro()
    learned = learn(network, windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint)
    assert learned.progress.step == 8
    again = micro()
    run = Identity(torch.load(checkpoint, weights_only=True)["run"])
    progress, made_with = load_checkpoint(checkpoint, run, again, make_optimizers(again, settings()), ALONE.device)
    assert (progress.step, made_with["precision"]) == (7, "float32")
    assert not list(tmp_path.glob("*.part"))


def test_a_checkpoint_of_another_run_or_a_torn_one_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "base.pt"
    learn(micro(), windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint)
    with pytest.raises(OtherRunError, match=r"learning_rate is 0\.01 there and 0\.005 here"):
        learn(micro(), windows(), settings(learning_rate=5e-3), ALONE, checkpoint)
    torch.save({"run": "settings in one text", "progress": {}}, tmp_path / "old.pt")
    with pytest.raises(OtherRunError, match="by an earlier version"):
        learn(micro(), windows(), settings(), ALONE, tmp_path / "old.pt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(Exception, match="is no checkpoint") as raised:
        learn(micro(), windows(), settings(), ALONE, checkpoint)
    assert "remove it" in str(raised.value)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ({"heads": 4}, "heads is 2 there and 4 here"),
        ({"layers": 1}, "layers is 2 there and 1 here"),
        ({"width": 64}, "width is 32 there and 64 here"),
        ({"positions": 32}, "positions is 16 there and 32 here"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_before_its_weights_are_looked_at(
    tmp_path: Path, shape: dict[str, int], told: str
) -> None:
    checkpoint = tmp_path / "base.pt"
    learn(micro(), windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint)
    other = build_network(replace(SHAPE, **shape), 50, 0, seed=1)
    with pytest.raises(OtherRunError, match=told):
        learn(other, windows(), settings(), ALONE, checkpoint)


def test_a_checkpoint_that_learnt_from_something_else_is_refused_by_its_name(tmp_path: Path) -> None:
    checkpoint = tmp_path / "base.pt"
    learn(micro(), windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint, learnt_from={"train.bin": "a1"})
    with pytest.raises(OtherRunError, match=r"train\.bin is a1 there and b2 here"):
        learn(micro(), windows(), settings(), ALONE, checkpoint, learnt_from={"train.bin": "b2"})


def test_a_checkpoint_over_tweets_that_are_gone_is_written_over_before_the_first_step(tmp_path: Path) -> None:
    """What is deleted on a machine may lie in S3 still."""
    checkpoint = tmp_path / "control.pt"
    learn(micro(), windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint, learnt_from={DATASET: "a1"})

    class Gone(_StopsAt):
        def training_batch(self, step: int, rank: int, world: int) -> Batch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(micro(), Gone(windows(), 0), settings(), ALONE, checkpoint, learnt_from={DATASET: "b2"})
    left = torch.load(checkpoint, weights_only=True)
    assert (left["progress"]["step"], left["run"][DATASET]) == (0, "b2")


def test_other_threads_than_before_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "base.pt"
    learn(micro(), windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint)
    torch.set_num_threads(2)
    try:
        learn(micro(), windows(), settings(), ALONE, checkpoint)
    finally:
        torch.set_num_threads(1)
    assert "to the last bit: threads is 1 there and 2 here\n" in capsys.readouterr().out


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_base_whose_weights_are_not_finite_ends_the_run_before_it_begins(tmp_path: Path, bad: float) -> None:
    network = micro()
    with torch.no_grad():
        network.transformer.wte.weight[3, 3] = bad
    with pytest.raises(DivergedError, match="held-out loss is nan at step 0"):
        learn(network, windows(), settings(), ALONE, tmp_path / "base.pt")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_first_gradient_that_is_not_finite_ends_the_run_and_leaves_weights_and_checkpoint(tmp_path: Path, bad: float) -> None:
    checkpoint, network, steps = tmp_path / "base.pt", micro(), itertools.count(1)
    kept: list[bytes] = []

    def spoilt(gradient: torch.Tensor) -> torch.Tensor:
        if next(steps) < 4:
            return gradient
        kept.append(checkpoint.read_bytes())
        return gradient * bad

    network.transformer.ln_f.bias.register_hook(spoilt)
    with pytest.raises(DivergedError, match=f"gradient is (nan|inf) at step 4.* lower learning_rate 0.01 .*{checkpoint}"):
        learn(network, windows(), settings(checkpoint_minutes=0.0), ALONE, checkpoint)
    assert [checkpoint.read_bytes()] == kept
    assert all(bool(torch.isfinite(one).all()) for one in network.parameters())
    again = learn(micro(), windows(), settings(), ALONE, checkpoint)
    assert again.progress.step == 8


def test_a_checkpoint_that_was_cut_short_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = micro()
    optimizers = make_optimizers(network, settings())
    checkpoint = tmp_path / "base.pt"
    run = Identity({"of": "a test"})
    save_checkpoint(checkpoint, run, network, optimizers, Progress())
    earlier = checkpoint.read_bytes()
    whole = os.fsync

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(checkpoint, run, network, optimizers, Progress(step=1))
    assert checkpoint.read_bytes() == earlier
    assert list(tmp_path.iterdir()) == [checkpoint], "half a checkpoint is in the way of what the disk has room for"
    monkeypatch.setattr(os, "fsync", whole)
    save_checkpoint(checkpoint, run, network, optimizers, Progress(step=1))


def test_the_rate_rises_over_the_warmup_and_falls_to_a_tenth() -> None:
    rates = [rate_share(settings(warmup_share=0.1), done / 100) for done in range(101)]
    assert rates[5] == pytest.approx(0.5)
    assert max(rates) == rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ({"schedule": "linear"}, [1.0, 0.55, 0.1]),
        ({"schedule": "constant"}, [1.0, 1.0, 1.0]),
        ({"schedule": "cosine"}, [1.0, 0.55, 0.1]),
    ],
)
def test_after_the_warmup_the_rate_falls_as_it_is_asked_to(given: dict[str, str], shares: list[float]) -> None:
    by_share = settings(max_steps=100, warmup_share=0.2, **given)
    assert [rate_share(by_share, done) for done in (0.2, 0.6, 1.0)] == pytest.approx(shares)
    assert rate_share(by_share, 0.1) == pytest.approx(0.5)
    # So many steps are so many, however soon the stage's minutes are over.
    by_steps = settings(max_steps=100_000, max_minutes=1.0, warmup_steps=20, **given)
    assert [rate_share(by_steps, 0.9, step) for step in (1, 10, 19)] == pytest.approx([0.05, 0.5, 0.95])
    assert rate_share(by_steps, 0.0, 20) == 1.0
    assert rate_share(by_steps, 1.0, 50) == pytest.approx(shares[-1])


def test_a_stage_ends_with_its_epochs(tmp_path: Path) -> None:
    data = windows()
    assert data.batches == 12
    learned = learn(micro(), data, settings(max_steps=1000, max_epochs=1.5), ALONE, tmp_path / "base.pt")
    assert learned.progress.step == 18


def test_a_stage_ends_at_its_steps_or_its_minutes_whichever_comes_first(tmp_path: Path) -> None:
    assert share_done(settings(max_steps=100, max_minutes=2.0), 50, 30.0) == 0.5
    assert share_done(settings(max_steps=100, max_minutes=2.0), 50, 90.0) == 0.75
    learned = learn(micro(), windows(), settings(max_steps=10_000, max_minutes=0.01), ALONE, tmp_path / "base.pt")
    assert 0 < learned.progress.step < 10_000


def test_the_progress_line_keeps_its_form() -> None:
    line = progress_line(settings(max_steps=5000), 120, 20.0, 0.4, 3.2141, 5210.4)
    assert line == "step 120/5000 40% loss 3.214 tokens/s 5210 left 00:30"
    assert progress_line(settings(max_steps=5000), 120, 20.0, 0.4, 3.2141, 5210.4, 0.412) == f"{line} MFU 41%"


def test_a_resumed_run_says_where_it_goes_on_and_keeps_its_first_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It once showed the loss before the first step as that of the step it went on from."""
    with pytest.raises(StoppedError):
        learn(micro(), _StopsAt(windows(), 4), settings(), ALONE, tmp_path / "base.pt")
    capsys.readouterr()
    learned = learn(micro(seed=99), windows(), settings(), ALONE, tmp_path / "base.pt")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("going on from step")
    assert not any(line.startswith("held-out step 5 ") for line in said)
    assert learned.progress.records[0]["held_out_loss"] == learned.before


def test_weight_decay_leaves_biases_and_norms_alone() -> None:
    decayed, spared = make_optimizers(micro(), settings(optimizer="adamw", weight_decay=0.1)).param_groups
    assert decayed["weight_decay"] == 0.1
    assert spared["weight_decay"] == 0.0
    assert all(one.dim() >= 2 for one in decayed["params"])
    assert all(one.dim() < 2 for one in spared["params"])


def test_tied_embeddings_are_counted_once() -> None:
    network = micro()
    assert network.lm_head.weight is network.transformer.wte.weight
    rows = 64  # 50 ids, up to the next multiple
    block = 12 * 32 * 32 + 13 * 32
    assert count_parameters(network) == rows * 32 + 16 * 32 + 2 * block + 2 * 32


def test_bits_per_byte_and_perplexity_follow_their_formulas() -> None:
    assert bits_per_byte(math.log(2) * 80, 10) == pytest.approx(8.0)
    assert perplexity(math.log(50) * 7, 7) == pytest.approx(50)
    figures = Loss(total=math.log(2) * 30, tokens=10, bytes=30, words=5).figures()
    assert figures["bits_per_byte"] == pytest.approx(1.0)
    assert figures["perplexity_per_token"] == pytest.approx(8.0)
    assert figures["perplexity_per_word"] == pytest.approx(64.0)


_SPREAD = """
import os, sys
from pathlib import Path
import torch
from tests.training.test_loop import spread_run
from training.loop.processes import joined

with joined(os.environ) as processes:
    torch.set_num_threads(1)
    outcome = spread_run(processes, Path(sys.argv[1]))
    if processes.first:
        torch.save(outcome, Path(sys.argv[1]) / "out.pt")
"""


def spread_run(processes: Processes, folder: Path) -> tuple[float, int, dict[str, torch.Tensor]]:
    """Held-out loss, tokens and weights after a few steps of 5 rows, which two processes can't share evenly."""
    network = micro()
    given = settings(max_steps=6, batch_size=5, dropout=0.0, checkpoint_minutes=0.0)
    learned = learn(network, _Asking(windows(batch_size=5)), given, processes, folder / "base.pt")
    return learned.after, learned.progress.tokens, network.state_dict()


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    (tmp_path / "spread.py").write_text(_SPREAD)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*launcher, str(tmp_path / "spread.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=240,
    )
    after, tokens, weights = torch.load(tmp_path / "out.pt", weights_only=True)
    expected_after, expected_tokens, expected_weights = spread_run(ALONE, tmp_path / "alone")
    assert tokens == expected_tokens
    assert after == pytest.approx(expected_after, rel=1e-5)
    for name, expected in expected_weights.items():
        if expected.dim() == 2:  # the keys' bias has no gradient but rounding noise, which Adam makes steps of
            torch.testing.assert_close(weights[name], expected, atol=1e-4, rtol=1e-3)


def test_what_the_network_wrote_on_the_way_is_there_after_an_interruption(tmp_path: Path) -> None:
    drawn = iter(range(100))

    def tried() -> list[dict[str, str]]:
        return [{"asked": "x", "text": str(next(drawn))}]

    with pytest.raises(StoppedError):
        learn(micro(), _StopsAt(windows(), 4), settings(), ALONE, tmp_path / "base.pt", tried=tried)
    learned = learn(micro(), windows(), settings(), ALONE, tmp_path / "base.pt", tried=tried)
    assert [(one["step"], one["text"]) for one in learned.progress.samples] == [(3, "0"), (6, "1"), (8, "2")]


def test_the_history_is_one_object_a_line(tmp_path: Path) -> None:
    learned = learn(micro(), windows(), settings(), ALONE, tmp_path / "base.pt")
    assert [one["step"] for one in learned.progress.records if "held_out_loss" in one] == [0, 3, 6, 8]
    assert all(json.loads(json.dumps(one)) == one for one in learned.progress.records)
