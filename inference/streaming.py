"""An answer as it is being written: one JSON object a line, for `InvokeEndpointWithResponseStream`.

    {"event": "progress", "tokens": 12, "longest": 80, "text": "Hoy en la"}     `text` only where one draft is written
    {"event": "tweet", "tweet": {"generated_text": …}}                           once a tweet, as in the answer at once
    {"event": "failed", "status": 500, "error": "ServiceError", "message": "…"}                 in the tweets' place

Who hangs up stops the writing.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from inference.answering import Said, written
from inference.callers import Caller, HungUpError, status_of
from inference.engine import Engine, Written
from politico.control.request import Request
from politico.errors import ServiceError

MEDIA_TYPE = "application/jsonlines"
"""What a request's `Accept` asks for it with."""
EVERY_SECONDS = 0.1
"""Progress is told at most so often: a small model writes hundreds of tokens a second."""
PROGRESS, TWEET, FAILED = "progress", "tweet", "failed"


async def lines(engine: Engine, asked: Request, caller: Caller, threads: Executor, said: Said) -> AsyncIterator[bytes]:
    """The events of a request that the engine has checked, each a line."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def put(event: dict[str, Any] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody listens
            loop.call_soon_threadsafe(queue.put_nowait, event)

    work = loop.run_in_executor(threads, _write, engine, asked, put, caller, said)
    try:
        while (event := await queue.get()) is not None:
            yield json.dumps(event, ensure_ascii=False).encode() + b"\n"
        await work
    finally:
        caller.hang_up()


def _write(engine: Engine, asked: Request, put: Callable[[dict[str, Any] | None], None], caller: Caller, said: Said) -> None:
    """In a thread of its own: write, and put what happens."""
    told, tokens = -EVERY_SECONDS, 1

    def tell(so_far: Written) -> None:
        nonlocal told, tokens
        caller.check()
        if so_far.tokens < tokens or time.monotonic() - told >= EVERY_SECONDS:  # fewer: it begins, or is drawn again
            told, tokens = time.monotonic(), so_far.tokens
            put({"event": PROGRESS, **asdict(so_far)})

    try:
        for tweet in written(engine, asked, tell, said):
            put({"event": TWEET, "tweet": asdict(tweet)})
    except HungUpError:
        pass
    except ServiceError as error:
        put(failed(error))
    finally:
        put(None)


def failed(error: ServiceError) -> dict[str, Any]:
    """What is said in the tweets' place."""
    return {"event": FAILED, "status": status_of(error), "error": type(error).__name__, "message": str(error)}
