"""Batch transform: requests as JSON lines, an answer a line in their order; what can't be met is one line and no more.

{"inputs": {"partido": "Espiga"}, "parameters": {"seed": 7}}   ──►   [{"generated_text": …}]
{"inputs": {"partido": "nobody"}}                              ──►   {"error": "UnknownValueError", "message": …}
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from inference import streaming
from inference.callers import Caller, HungUpError
from inference.engine import Engine, GeneratedTweet
from inference.streaming import Said
from politico.control.request import Request, parse_request
from politico.errors import InputError, LimitError, ServiceError

log = logging.getLogger("inference")

MEDIA_TYPE = "application/jsonlines"
"""What a batch is declared as with `Content-Type`."""
MAX_BODY_BYTES = 6 * 1024 * 1024
AT_ONCE = 16
"""Lines of all batches that are written side by side, behind whoever asks meanwhile."""
SECONDS = 3_600.0
"""The longest that SageMaker waits for a batch."""
PARAMETERS = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
"""What SageMaker is told before a transform: a body of many lines fills the model better than many bodies."""


async def lines(engine: Engine, body: bytes, caller: Caller, threads: Executor, said: Said) -> AsyncIterator[bytes]:
    """The answers, each a line, as they are written."""
    loop, waiting = asyncio.get_running_loop(), deque[asyncio.Future[bytes]]()
    try:
        for line in body.split(b"\n"):
            if not line.strip():
                continue
            waiting.append(loop.run_in_executor(threads, _answered, engine, line, caller, said))
            if len(waiting) >= AT_ONCE:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        caller.hang_up()


def _answered(engine: Engine, line: bytes, caller: Caller, said: Said) -> bytes:
    """In a thread of its own."""
    try:
        asked = parse_request(_json(line), engine.model.codec.schema)
        found: Any = [asdict(tweet) for tweet in _written(engine, asked, caller, said)]
    except HungUpError:
        return b""
    except (InputError, ServiceError) as error:
        found = {"error": type(error).__name__, "message": str(error)}
    return json.dumps(found, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _json(line: bytes) -> Any:
    """Raises LimitError."""
    try:
        return json.loads(line)
    except RecursionError as error:
        raise LimitError("the line is nested too deep; it takes an object of texts, numbers and lists") from error
    except ValueError as error:
        raise LimitError(f"the line is no JSON: {error}") from error


def _written(engine: Engine, asked: Request, caller: Caller, said: Said) -> list[GeneratedTweet]:
    """The tweets, behind those of whoever waits for an answer at once. Raises ServiceError for whatever fails inside."""
    began = time.monotonic()
    try:
        tweets = engine.generate(asked, lambda _written: caller.check(), later=True)
    except (HungUpError, InputError):
        raise
    except ServiceError as error:
        log.error("%s", type(error).__name__)
        raise
    except Exception as error:  # whatever it is, its text may hold the request's
        raise streaming.broken(error) from error
    said(tweets, time.monotonic() - began)
    return tweets
