"""The loop: a rate that rises and falls, one step after another, a look at the held-out text now and then, checkpoints.

Everything a step does follows from its number: its rows, its random draws, and with a bound on steps its learning rate.
So a run that was stopped ends with the weights of one that was not.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from transformers import GPT2LMHeadModel

from politico.errors import InputError
from politico.models.settings import MUON, LearningSettings
from training.exit_codes import StoppedError
from training.loop.checkpoint import Identity, Progress, differences, load_checkpoint, save_checkpoint
from training.loop.network import ScoredLoss, set_dropout, shape_of
from training.loop.optimizers import make_optimizers
from training.loop.processes import Processes
from training.loop.schedule import asked_weight, held_out_line, progress_line, rate_share, share_done
from training.loop.utilisation import flops_a_position, peak_of
from training.samples.batch import Batch, Data

MAX_GRADIENT = 1.0
"""Longer gradients are shortened to this norm."""
CPU_PASS_TOKENS, GPU_PASS_TOKENS = 2_048, 16_384
"""Token positions in one pass through the network; a larger step is several passes.

On a CPU small passes are faster: what they need in memory is used again instead of being asked for anew. On a GPU it bounds
the memory, whatever the batch size.
"""
SECONDS_BETWEEN_LINES = 2.0
DATASET = "the dataset"
"""What `learnt_from` calls the rows: a checkpoint over others is not gone on with, and is no reason to stop."""
WHEN = ("evaluate_every", "checkpoint_minutes")
"""Settings that change nothing of what is learnt: a run may be gone on with under others."""


class DivergedError(InputError):
    """The loss or the gradient is no finite number any more: from there on a network learns nothing."""


@dataclass(frozen=True)
class Learned:
    """What a stage came to. Losses are nats a held-out token."""

    progress: Progress
    before: float
    after: float


def learn(
    network: GPT2LMHeadModel,
    data: Data,
    settings: LearningSettings,
    processes: Processes,
    checkpoint: Path,
    *,
    learnt_from: Mapping[str, str] = MappingProxyType({}),
    record: Callable[[Progress], None] = lambda progress: None,
    tried: Callable[[], list[dict[str, str]]] = list,
) -> Learned:
    """Train the network in place, from the checkpoint where there is one.

    `learnt_from` has the hashes of what the data is made of. `record` is called in the first process whenever there are new
    figures, and `tried` for samples of what the network writes whenever the held-out text is looked at.

    Raises StoppedError on SIGTERM, once a checkpoint is written; OtherRunError where the checkpoint is another run's;
    DivergedError at the first loss or gradient that is not finite, the checkpoint left as it was.
    """
    if settings.max_epochs:
        steps = max(1, round(settings.max_epochs * data.batches))
        settings = replace(settings, max_steps=min(settings.max_steps, steps))
    set_dropout(network, settings.dropout)
    network.to(processes.device)
    if processes.device.type == "cuda" and settings.max_steps >= 1_000:  # on a CPU the compiler's minute is a short stage's
        # Block by block: compiled as a whole, attention would always get a mask, and lose its fastest form.
        for block in network.transformer.h:
            block.compile()
    scored_loss: torch.nn.Module = ScoredLoss(network)
    optimizers = make_optimizers(network, settings, processes)
    learning = {name: value for name, value in asdict(settings).items() if name not in WHEN}
    run = Identity({**learning, **shape_of(network), "the data": data.identity, **learnt_from}, _made_with(processes))
    progress, made_with = load_checkpoint(checkpoint, run, network, optimizers, processes.device, replaced=[DATASET])
    if processes.world > 1:
        scored_loss = DistributedDataParallel(scored_loss, gradient_as_bucket_view=True)
    say = print if processes.first else _nothing
    if progress.step:
        say(f"going on from step {progress.step}", flush=True)
        if others := differences(made_with, run.made_with):
            say(f"the weights will not be those of an uninterrupted run to the last bit: {'; '.join(others)}", flush=True)
    if progress.before is None:
        progress.before = _finite("held-out loss", held_out_loss(scored_loss, data, processes), 0, settings, checkpoint)
        progress.records.append(_figures(progress, held_out_loss=progress.before))
        say(held_out_line(0, progress.before), flush=True)
        if processes.first and checkpoint.is_file():  # it has learnt from what must go, and lies elsewhere, too
            save_checkpoint(checkpoint, run, network, optimizers, progress)
        processes.wait()

    started, peak = time.monotonic(), peak_of(processes.device)
    seconds_before, tokens_at_start = progress.seconds, progress.tokens
    last_line = last_checkpoint = progress.seconds
    loss_since, steps_since = 0.0, 0
    with _stop_signal() as stop, ThreadPoolExecutor(max_workers=1) as ahead:
        done = share_done(settings, progress.step, progress.seconds)
        following = ahead.submit(data.training_batch, progress.step, processes.rank, processes.world)
        while done < 1:
            batch = following.result()
            following = ahead.submit(data.training_batch, progress.step + 1, processes.rank, processes.world)
            # The step to come counts as done, so that the first one already moves.
            soon = max(done, (progress.step + 1) / settings.max_steps)
            optimizers.set_share(rate_share(settings, soon, progress.step + 1))
            weight = asked_weight(settings, soon)
            loss, norm = gradients_of(scored_loss, batch, weight, settings.seed, progress.step, processes)
            progress.step += 1
            _finite("gradient", norm, progress.step, settings, checkpoint)  # the same in all processes
            optimizers.step()
            optimizers.zero_grad()
            seconds = seconds_before + time.monotonic() - started
            # All processes go by the first one's clock, and all stop when one is told to.
            loss, tokens, done, seconds, stopped = processes.add(
                loss,
                batch.tokens,
                share_done(settings, progress.step, seconds) if processes.first else 0.0,
                seconds if processes.first else 0.0,
                float(stop.is_set),
            )
            _finite("loss", loss, progress.step, settings, checkpoint)
            progress.tokens += int(tokens)
            progress.seconds = seconds
            loss_since, steps_since = loss_since + loss, steps_since + 1
            if done >= 1 or seconds - last_line >= SECONDS_BETWEEN_LINES:
                mean = loss_since / steps_since
                speed = (progress.tokens - tokens_at_start) / max(seconds - seconds_before, 1e-9)
                used = None if peak is None else speed * flops_a_position(network, batch.ids.shape[1]) / (peak * processes.world)
                say(progress_line(settings, progress.step, seconds, done, mean, speed, used), flush=True)
                progress.records.append(_figures(progress, train_loss=mean))
                last_line, loss_since, steps_since = seconds, 0.0, 0
                if processes.first:
                    record(progress)
            if done < 1 and progress.step % settings.evaluate_every == 0:
                looked = _finite(
                    "held-out loss", held_out_loss(scored_loss, data, processes), progress.step, settings, checkpoint
                )
                say(held_out_line(progress.step, looked), flush=True)
                progress.records.append(_figures(progress, held_out_loss=looked))
                if processes.first:
                    progress.samples += _samples(progress, tried)
            if stopped or (done < 1 and seconds - last_checkpoint >= 60 * settings.checkpoint_minutes):
                if processes.first:
                    save_checkpoint(checkpoint, run, network, optimizers, progress)
                processes.wait()
                last_checkpoint = seconds
            if stopped and done < 1:
                raise StoppedError(f"stopped after step {progress.step}; {checkpoint} goes on from there")

    after = _finite("held-out loss", held_out_loss(scored_loss, data, processes), progress.step, settings, checkpoint)
    progress.records.append(_figures(progress, held_out_loss=after))
    say(held_out_line(progress.step, after), flush=True)
    if processes.first:
        progress.samples += _samples(progress, tried)
        record(progress)
    return Learned(progress, progress.before, after)


def _finite(what: str, value: float, step: int, settings: LearningSettings, checkpoint: Path) -> float:
    if math.isfinite(value):
        return value
    rates = f"learning_rate {settings.learning_rate}" + (
        f" and muon_rate {settings.muon_rate}" if settings.optimizer == MUON else ""
    )
    kept = f"; {checkpoint} is of an earlier step" if checkpoint.is_file() else ""
    raise DivergedError(
        f"the {what} is {value} at step {step}, and nothing can be learnt from there on; give a lower {rates}, a longer "
        f"warmup_share, or a base whose weights are finite{kept}"
    )


def gradients_of(
    scored_loss: torch.nn.Module,
    batch: Batch,
    weight: float,
    seed: int,
    step: int,
    processes: Processes,
) -> tuple[float, float]:
    """The gradients of one step, on this process's rows; what their contexts ask for weighs `weight`, the rest 1.

    Gives their share of the step's mean loss, unweighted: the shares add up to it. And the gradient's norm before it was cut.
    """
    torch.manual_seed(int(np.random.SeedSequence((seed, step, processes.rank)).generate_state(1, np.uint64)[0] >> 1))
    scored_loss.train()
    total = 0.0
    weights = batch.weights(weight)
    scored, whole = processes.add(batch.scored, batch.scored if weights is None else float(weights.sum(dtype=torch.float64)))
    passes = list(batch.passes(GPU_PASS_TOKENS if processes.device.type == "cuda" else CPU_PASS_TOKENS))
    for number, part in enumerate(passes, start=1):
        last = number == len(passes)
        # Gradients travel once a step, with its last pass.
        alone = nullcontext() if last or processes.world == 1 else scored_loss.no_sync()  # type: ignore[operator]
        with alone:
            weighted, plain = _losses(scored_loss, part, processes.device, weight)
            # DistributedDataParallel takes the mean over processes where the sum is wanted.
            (weighted / whole * processes.world).backward()  # type: ignore[no-untyped-call]
        total += float(plain) / scored
    norm = torch.nn.utils.clip_grad_norm_(scored_loss.parameters(), MAX_GRADIENT)
    return total, float(norm)


@torch.no_grad()
def held_out_loss(scored_loss: torch.nn.Module, data: Data, processes: Processes) -> float:
    """Nats a scored token over all the held-out text that is looked at."""
    module = scored_loss.module if isinstance(scored_loss, DistributedDataParallel) else scored_loss
    module.eval()
    total, scored = 0.0, 0
    for batch in data.held_out_batches(processes.rank, processes.world):
        scored += batch.scored
        for part in batch.passes(GPU_PASS_TOKENS if processes.device.type == "cuda" else CPU_PASS_TOKENS):
            total += float(_losses(module, part, processes.device, weight=1.0)[1])
    total, count = processes.add(total, scored)
    return total / count


def _losses(scored_loss: torch.nn.Module, batch: Batch, device: torch.device, weight: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The summed loss of some rows, weighted and plain."""
    given = (batch.ids, batch.targets, batch.weights(weight), batch.positions)
    with _half_precision(device):
        losses: tuple[torch.Tensor, torch.Tensor] = scored_loss(*(None if one is None else one.to(device) for one in given))
    return losses


def _half_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 on GPUs that have it. On the CPUs measured (AVX-512 BF16) it is slower for networks that train there."""
    return torch.autocast("cuda", torch.bfloat16) if _is_half(device) else nullcontext()


def _is_half(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def _figures(progress: Progress, **losses: float) -> dict[str, float]:
    return {"step": progress.step, "tokens": progress.tokens, "seconds": round(progress.seconds, 3), **losses}


def _samples(progress: Progress, tried: Callable[[], list[dict[str, str]]]) -> list[dict[str, Any]]:
    return [{"step": progress.step, **one} for one in tried()]


def _made_with(processes: Processes) -> dict[str, Any]:
    """What the last bits of the weights hang on besides."""
    return {
        "torch": str(torch.__version__),
        "the device": processes.device.type,
        "precision": "bfloat16" if _is_half(processes.device) else "float32",
        "threads": torch.get_num_threads(),
        "processes": processes.world,
    }


def _nothing(*_: object, **__: object) -> None:
    pass


@dataclass
class _Stop:
    is_set: bool = False


@contextmanager
def _stop_signal() -> Iterator[_Stop]:
    """Set by SIGTERM, which spot machines send two minutes before they go."""
    stop = _Stop()

    def on_signal(number: int, frame: object) -> None:
        stop.is_set = True

    earlier = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, earlier)
