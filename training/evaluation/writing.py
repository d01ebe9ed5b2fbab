"""Many tweets on demand: batch after batch, or with a small network on a CPU one process a core."""

import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import torch

from inference.engine import Engine, GeneratedTweet
from politico.control.format import Context
from politico.control.request import Parameters, Request
from training.cores import cores

MAX_NEW_TOKENS = 120
"""Longer than most tweets; less where the network's own length is short."""
TOGETHER = 20
"""Tweets that are written at once. Each such batch has a seed of its own, so the tweets are the same with any number of cores."""


def write(engine: Engine, contexts: Sequence[Context], how: Mapping[str, Any], seed: int) -> list[GeneratedTweet]:
    """A tweet for each context, in their order. Raises as `Engine.generate_batch` does."""
    longest = min(MAX_NEW_TOKENS, engine.model.length // 2)
    batches = []
    for number, first in enumerate(range(0, len(contexts), TOGETHER)):
        parameters = Parameters(max_new_tokens=longest, seed=seed + number, **how)
        batches.append([Request(context, "", parameters) for context in contexts[first : first + TOGETHER]])
    return [tweet for batch in _each(engine, batches) for tweet in batch]


def _each(engine: Engine, batches: Sequence[Sequence[Request]]) -> list[list[GeneratedTweet]]:
    workers = min(cores(), len(batches))
    # A forked process has the network without reading it again. Where threads share one network's sums, or a GPU computes
    # them, more processes bring nothing; elsewhere than on Linux a fork is not safe.
    if workers < 2 or torch.get_num_threads() > 1 or engine.model.network.device.type != "cpu" or sys.platform != "linux":
        return [_write(engine, batch) for batch in batches]
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=fork, initializer=_take, initargs=(engine,)) as pool:
        return list(pool.map(_write_here, batches))


def _write(engine: Engine, batch: Sequence[Request]) -> list[GeneratedTweet]:
    return engine.generate_batch(batch)


_engine: Engine | None = None
"""In a worker: what it writes with."""


def _take(engine: Engine) -> None:
    global _engine
    _engine = engine


def _write_here(batch: Sequence[Request]) -> list[GeneratedTweet]:
    assert _engine is not None
    return _write(_engine, batch)
