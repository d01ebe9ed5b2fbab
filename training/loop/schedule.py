"""How far a stage is, what its learning rate is there, and the lines that say so."""

import math

from politico.models.settings import CONSTANT, LINEAR, LearningSettings

FINAL_RATE = 0.1
"""The learning rate's share that is left at the end."""


def rate_share(settings: LearningSettings, done: float, step: int = 0) -> float:
    """The share of each optimizer's rate when this share of the stage is done: up in a line, then down to a tenth, in a cosine or
    in a line, or not at all. `step` is the one to come, for a warm-up of so many steps."""
    if step < settings.warmup_steps:
        return step / settings.warmup_steps
    warmup = 0.0 if settings.warmup_steps else settings.warmup_share
    if done < warmup:
        return done / warmup
    if settings.schedule == CONSTANT:
        return 1.0
    falling = min(1.0, (done - warmup) / (1 - warmup))
    left = 1 - falling if settings.schedule == LINEAR else 0.5 * (1 + math.cos(math.pi * falling))
    return FINAL_RATE + (1 - FINAL_RATE) * left


def asked_weight(settings: LearningSettings, done: float) -> float:
    """What a token that was asked for weighs in the loss: less and less, in a line, until it weighs what every other does."""
    left = max(0.0, 1 - done / settings.context_weight_share) if settings.context_weight_share else 0.0
    return 1 + (settings.context_weight - 1) * left


def share_done(settings: LearningSettings, step: int, seconds: float) -> float:
    """The share of the stage's steps or of its minutes, whichever is larger."""
    return max(step / settings.max_steps, seconds / 60 / settings.max_minutes)


def progress_line(
    settings: LearningSettings,
    step: int,
    seconds: float,
    done: float,
    loss: float,
    speed: float,
    utilisation: float | None = None,
) -> str:
    """`step 120/5000 40% loss 3.214 tokens/s 5210 left 00:31`, on a GPU with `MFU 41%`: a fixed form, which other programs read.
    `utilisation` is a share of what the GPUs could compute."""
    left = seconds * max(0.0, 1 - done) / done
    return (
        f"step {step}/{settings.max_steps} {min(done, 1):.0%} loss {loss:.3f} tokens/s {speed:.0f}"
        f" left {int(left // 60):02d}:{int(left % 60):02d}{'' if utilisation is None else f' MFU {utilisation:.0%}'}"
    )


def held_out_line(step: int, loss: float) -> str:
    """`held-out step 100 loss 3.402`: the other line of a fixed form."""
    return f"held-out step {step} loss {loss:.3f}"
