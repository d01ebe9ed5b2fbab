"""An answer as it is being written: one JSON object a line, for `InvokeEndpointWithResponseStream`.

    {"event": "progress", "tokens": 12, "longest": 80, "text": "Hoy en la"}     `text` only where one draft is written
    {"event": "tweet", "tweet": {"generated_text": …}}                           once a tweet, as in the answer at once
    {"event": "failed", "status": 500, "error": "ServiceError", "message": "…"}                 in the tweets' place

Who hangs up stops the writing.
"""

import asyncio
import contextlib
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from inference.callers import Caller, HungUpError, status_of
from inference.engine import Engine, GeneratedTweet, Written
from politico.control.request import Request
from politico.errors import ServiceError

MEDIA_TYPE = "application/jsonlines"
"""What a request's `Accept` asks for it with."""
EVERY_SECONDS = 0.1
"""Progress is told at most so often: a small model writes hundreds of tokens a second."""
PROGRESS, TWEET, FAILED = "progress", "tweet", "failed"

log = logging.getLogger("inference")


Said = Callable[[Sequence[GeneratedTweet], float], None]
"""Is told what was written, and in how many seconds."""


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
    began, told, tokens = time.monotonic(), -EVERY_SECONDS, 1

    def tell(written: Written) -> None:
        nonlocal told, tokens
        caller.check()
        if written.tokens < tokens or time.monotonic() - told >= EVERY_SECONDS:  # fewer: it begins, or is drawn again
            told, tokens = time.monotonic(), written.tokens
            put({"event": PROGRESS, **asdict(written)})

    try:
        tweets = engine.generate(asked, tell)
        for tweet in tweets:
            put({"event": TWEET, "tweet": asdict(tweet)})
        said(tweets, time.monotonic() - began)
    except HungUpError:
        log.info("the caller hung up after %.2f s", time.monotonic() - began)
    except ServiceError as error:
        log.error("%s", type(error).__name__)
        put(failed(error))
    except Exception as error:  # whatever it is, its text may hold the request's
        put(failed(broken(error)))
    finally:
        put(None)


def failed(error: ServiceError) -> dict[str, Any]:
    """What is said in the tweets' place."""
    return {"event": FAILED, "status": status_of(error), "error": type(error).__name__, "message": str(error)}


def broken(error: Exception) -> ServiceError:
    """Log where an error came from, and what a caller may know of it: neither holds a word of the request."""
    log.error("%s while generating\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return ServiceError("the model failed on this request; the endpoint's log says where")
