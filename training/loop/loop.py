"""The loop: a rate that rises and falls, one step after another, a look at the held-out text now and then, checkpoints.

Everything a step does follows from its number: its rows, its random draws, and with a bound on steps its learning rate.
So a run that was stopped ends with the weights of one that was not.
"""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from transformers import GPT2LMHeadModel

from politico.models.experiment import LearningSettings
from training.exit_codes import StoppedError
from training.loop.checkpoint import Progress, load_checkpoint, save_checkpoint
from training.loop.network import ScoredLoss, set_dropout
from training.loop.optimizers import Optimizers, make_optimizers
from training.loop.processes import Processes
from training.loop.schedule import asked_weight, held_out_line, progress_line, rate_share, share_done
from training.samples.batch import Batch, Data

MAX_GRADIENT = 1.0
"""Longer gradients are shortened to this norm."""
CPU_PASS_TOKENS, GPU_PASS_TOKENS = 2_048, 16_384
"""Token positions in one pass through the network; a larger step is several passes.

On a CPU small passes are faster: what they need in memory is used again instead of being asked for anew. On a GPU it bounds
the memory, whatever the batch size.
"""
SECONDS_BETWEEN_LINES = 2.0


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
    record: Callable[[Progress], None] = lambda progress: None,
) -> Learned:
    """Train the network in place, from the checkpoint where there is one.

    `record` is called in the first process whenever there are new figures. Raises StoppedError on SIGTERM, once a checkpoint
    is written.
    """
    set_dropout(network, settings.dropout)
    network.to(processes.device)
    if processes.device.type == "cuda" and settings.max_steps >= 1_000:  # on a CPU the compiler's minute is a short stage's
        network.transformer.compile()
    scored_loss: torch.nn.Module = ScoredLoss(network)
    optimizers = make_optimizers(network, settings, processes)
    run = f"{asdict(settings)} {data.identity}"
    progress = load_checkpoint(checkpoint, run, network, optimizers, processes.device)
    if processes.world > 1:
        scored_loss = DistributedDataParallel(scored_loss, gradient_as_bucket_view=True)
    say = print if processes.first else _nothing
    if progress.step:
        say(f"going on from step {progress.step}", flush=True)
    if progress.before is None:
        progress.before = held_out_loss(scored_loss, data, processes)
        progress.records.append(_figures(progress, held_out_loss=progress.before))
        say(held_out_line(0, progress.before), flush=True)

    started = time.monotonic()
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
            optimizers.set_share(rate_share(settings, soon))
            weight = asked_weight(settings, soon)
            loss = take_step(scored_loss, optimizers, batch, weight, settings.seed, progress.step, processes)
            progress.step += 1
            seconds = seconds_before + time.monotonic() - started
            # All processes go by the first one's clock, and all stop when one is told to.
            loss, tokens, done, seconds, stopped = processes.add(
                loss,
                batch.tokens,
                share_done(settings, progress.step, seconds) if processes.first else 0.0,
                seconds if processes.first else 0.0,
                float(stop.is_set),
            )
            progress.tokens += int(tokens)
            progress.seconds = seconds
            loss_since, steps_since = loss_since + loss, steps_since + 1
            if done >= 1 or seconds - last_line >= SECONDS_BETWEEN_LINES:
                mean = loss_since / steps_since
                speed = (progress.tokens - tokens_at_start) / max(seconds - seconds_before, 1e-9)
                say(progress_line(settings, progress.step, seconds, done, mean, speed), flush=True)
                progress.records.append(_figures(progress, train_loss=mean))
                last_line, loss_since, steps_since = seconds, 0.0, 0
                if processes.first:
                    record(progress)
            if done < 1 and progress.step % settings.evaluate_every == 0:
                looked = held_out_loss(scored_loss, data, processes)
                say(held_out_line(progress.step, looked), flush=True)
                progress.records.append(_figures(progress, held_out_loss=looked))
            if stopped or (done < 1 and seconds - last_checkpoint >= 60 * settings.checkpoint_minutes):
                if processes.first:
                    save_checkpoint(checkpoint, run, network, optimizers, progress)
                processes.wait()
                last_checkpoint = seconds
            if stopped and done < 1:
                raise StoppedError(f"stopped after step {progress.step}; {checkpoint} goes on from there")

    after = held_out_loss(scored_loss, data, processes)
    progress.records.append(_figures(progress, held_out_loss=after))
    say(held_out_line(progress.step, after), flush=True)
    if processes.first:
        record(progress)
    return Learned(progress, progress.before, after)


def take_step(
    scored_loss: torch.nn.Module,
    optimizers: Optimizers,
    batch: Batch,
    weight: float,
    seed: int,
    step: int,
    processes: Processes,
) -> float:
    """One step on this process's rows; what their contexts ask for weighs `weight`, the rest 1.

    Gives their share of the step's mean loss, unweighted: the shares add up to it.
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
    torch.nn.utils.clip_grad_norm_(scored_loss.parameters(), MAX_GRADIENT)
    optimizers.step()
    optimizers.zero_grad()
    return total


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
    weights = batch.weights(weight)
    with _half_precision(device):
        losses: tuple[torch.Tensor, torch.Tensor] = scored_loss(
            batch.ids.to(device), batch.targets.to(device), None if weights is None else weights.to(device)
        )
    return losses


def _half_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 on GPUs that have it. On the CPUs measured (AVX-512 BF16) it is slower for networks that train there."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def _figures(progress: Progress, **losses: float) -> dict[str, float]:
    return {"step": progress.step, "tokens": progress.tokens, "seconds": round(progress.seconds, 3), **losses}


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
