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

from inference import streaming
from inference.callers import Caller, HungUpError
from inference.engine import Engine
from politico.control.request import parse_request
from politico.errors import InputError, LimitError, PoliticoError, ServiceError

MEDIA_TYPE = "application/jsonlines"
"""What a batch is declared as with `Content-Type`."""
MAX_BODY_BYTES = 6 * 1024 * 1024
AT_ONCE = 16
"""Lines that are written side by side; a place is left for whoever asks meanwhile."""
SECONDS = 3_600.0
"""The longest that SageMaker waits for a batch."""
PARAMETERS = {"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}
"""What SageMaker is told before a transform: a body of many lines fills the model better than many bodies."""


async def lines(engine: Engine, body: bytes, caller: Caller, threads: Executor) -> AsyncIterator[bytes]:
    """The answers, each a line, as they are written."""
    loop, waiting = asyncio.get_running_loop(), deque[asyncio.Future[bytes]]()
    try:
        for line in body.split(b"\n"):
            if not line.strip():
                continue
            waiting.append(loop.run_in_executor(threads, _answered, engine, line, caller))
            if len(waiting) >= AT_ONCE:
                yield await waiting.popleft()
        while waiting:
            yield await waiting.popleft()
    finally:
        caller.hang_up()


def _answered(engine: Engine, line: bytes, caller: Caller) -> bytes:
    """In a thread of its own."""
    try:
        asked = parse_request(json.loads(line), engine.model.codec.schema)
        found: Any = [asdict(tweet) for tweet in engine.generate(asked, lambda _written: caller.check())]
    except HungUpError:
        return b""
    except (InputError, ServiceError) as error:
        found = _refusal(error)
    except RecursionError:
        found = _refusal(LimitError("the line is nested too deep; it takes an object of texts, numbers and lists"))
    except ValueError as error:
        found = _refusal(LimitError(f"the line is no JSON: {error}"))
    except Exception as error:  # whatever it is, its text may hold the request's
        found = _refusal(streaming.broken(error))
    return json.dumps(found, ensure_ascii=False).encode(errors="backslashreplace") + b"\n"


def _refusal(error: PoliticoError) -> dict[str, str]:
    return {"error": type(error).__name__, "message": str(error)}
