"""Batch transform: requests as JSON lines, an answer a line in their order; what can't be met is one line and no more.

{"inputs": {"partido": "Espiga"}, "parameters": {"seed": 7}}   ──►   [{"generated_text": …}]
{"inputs": {"partido": "nobody"}}                              ──►   {"error": "UnknownValueError", "message": …}
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any

from inference.answering import Said, read_json, shallow, written
from inference.callers import Caller, HungUpError
from inference.engine import Engine
from inference.streaming import MEDIA_TYPE
from politico.control.request import parse_request
from politico.errors import InputError, ServiceError

__all__ = ["MEDIA_TYPE", "lines"]

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
        with shallow():
            asked = parse_request(read_json(line), engine.model.codec.schema)
        # Behind those of whoever waits for an answer at once.
        found: Any = [asdict(tweet) for tweet in written(engine, asked, lambda _so_far: caller.check(), said, later=True)]
    except HungUpError:
        return b""
    except (InputError, ServiceError) as error:
        found = {"error": type(error).__name__, "message": str(error)}
    return json.dumps(found, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"
