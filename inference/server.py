"""The endpoint's program: SageMaker's `GET /ping` and `POST /invocations` over one model folder, and what describes them.

SM_MODEL_DIR=models/demo BIND_HOST=127.0.0.1 SAGEMAKER_BIND_TO_PORT=8080 python -m inference.server
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from transformers.utils import logging as transformers_logging

from inference import streaming, telemetry, transform
from inference.about import ASKING, about
from inference.answering import read_json, shallow, written
from inference.callers import MOST_CALLERS, RETRY_SECONDS, BusyError, Caller, Callers, HungUpError, status_of
from inference.description import describe
from inference.engine import Engine, GeneratedTweet
from inference.model import load_model
from politico.control.format import shown
from politico.control.request import Parameters, Request, parse_request
from politico.errors import InputError, LimitError, PoliticoError, ServiceError
from politico.flags import from_mapping

JSON = "application/json"
MAX_BODY_BYTES = 64 * 1024
MAX_BYTES = {JSON: MAX_BODY_BYTES, transform.MEDIA_TYPE: transform.MAX_BODY_BYTES}
"""Of a body, by what it is declared as: one request, or many of them in lines."""
HUNG_UP = 499
"""Nobody reads the answer; the number is nginx's."""
WATCH_SECONDS = 0.2
KEPT_SECONDS = 75
"""How long a connection may rest: longer than proxies keep theirs, mostly 60, or they would send into one that closes."""
GRACE_SECONDS = 25
"""For the tweets under way when the container is told to stop; SageMaker kills it after 30."""
SERVE = "serve"
"""The argument that SageMaker starts every serving container with."""

log = logging.getLogger("inference")


@dataclass(frozen=True)
class ServerSettings:
    """Where to listen and what to serve."""

    model_folder: Path = Path("/opt/ml/model")
    """SageMaker unpacks `model.tar.gz` here."""
    host: str = "0.0.0.0"
    port: int = 8080
    threads: int = 0
    """How many cores torch uses; 0 for its own choice."""
    watermark: bool = True
    """Whether what is drawn has the model's marks."""

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise LimitError(f"port is {self.port}; it takes 1 to 65535")
        if self.threads < 0:
            raise LimitError(f"threads is {self.threads}; at least 0")


VARIABLES = {
    "SM_MODEL_DIR": "model_folder",
    "BIND_HOST": "host",
    "SAGEMAKER_BIND_TO_PORT": "port",
    "TORCH_THREADS": "threads",
    "WATERMARK": "watermark",
}
"""The environment's names for the settings."""


def create_app(engine: Engine) -> Starlette:
    """The routes over an engine that is ready."""
    schema, callers, description = engine.model.codec.schema, Callers(), describe(engine.model)
    threads = ThreadPoolExecutor(MOST_CALLERS, thread_name_prefix="writing")
    batches = ThreadPoolExecutor(transform.AT_ONCE, thread_name_prefix="batches")

    async def ping(request: HttpRequest) -> Response:
        return PlainTextResponse("ok")

    async def openapi(request: HttpRequest) -> Response:
        return JSONResponse(description)

    async def execution_parameters(request: HttpRequest) -> Response:
        return JSONResponse(transform.PARAMETERS)

    async def invocations(request: HttpRequest) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in MAX_BYTES:
            return _refusal(415, LimitError(f"Content-Type is {shown(media_type)}; it takes {' or '.join(MAX_BYTES)}"))
        body = await _read(request, MAX_BYTES[media_type])
        if body is None:
            return _refusal(413, LimitError(f"the body is too large; it takes at most {MAX_BYTES[media_type]} bytes"))
        try:
            if media_type == transform.MEDIA_TYPE:
                batch = callers.enter(transform.SECONDS)
                answers = transform.lines(engine, body, batch, batches, say)
                return _Streaming(answers, transform.MEDIA_TYPE, batch, callers)
            with shallow():
                given = read_json(body)
                if given == ASKING:
                    return JSONResponse(about(engine.model, engine.network.precision))
                asked = parse_request(given, schema)
            engine.check(asked)
            caller = callers.enter()
        except InputError as error:
            return _refusal(400, error)
        except BusyError as error:
            log.warning("turned away")
            telemetry.count(EndpointTurnedAway=1)
            return _refusal(503, error, {"Retry-After": str(RETRY_SECONDS)})
        if streaming.MEDIA_TYPE in request.headers.get("accept", "").lower():
            lines = streaming.lines(engine, asked, caller, threads, say)
            return _Streaming(lines, streaming.MEDIA_TYPE, caller, callers)
        watching = asyncio.create_task(_watch(request, caller))
        try:
            return await _answer(asked, caller)
        finally:
            caller.hang_up()  # also where the server is told to stop: the model is not to write on
            watching.cancel()
            callers.leave()

    async def _answer(asked: Request, caller: Caller) -> Response:
        try:
            # In a thread of its own, so that /ping answers while the model writes.
            write = partial(written, engine, asked, lambda _so_far: caller.check(), say)
            tweets = await asyncio.get_running_loop().run_in_executor(threads, write)
        except HungUpError:
            return Response(status_code=HUNG_UP)
        except ServiceError as error:
            return _refusal(status_of(error), error)
        return JSONResponse([asdict(tweet) for tweet in tweets])

    def say(tweets: Sequence[GeneratedTweet], seconds: float) -> None:
        """Say in the log what was written, and in metrics."""
        tokens = sum(tweet.tokens for tweet in tweets)
        log.info("%d tweets, %d tokens, %.2f s", len(tweets), tokens, seconds)
        telemetry.count(
            EndpointSeconds=seconds,
            EndpointTweets=len(tweets),
            EndpointTokens=tokens,
            EndpointTokensPerSecond=tokens / max(seconds, 1e-6),
            EndpointCallers=callers.here,
            EndpointRows=engine.rows,
        )

    routes = [
        Route("/ping", ping),
        Route("/openapi.json", openapi),
        Route("/execution-parameters", execution_parameters),
        Route("/invocations", invocations, methods=["POST"]),
    ]
    return Starlette(routes=routes)


class _Streaming(StreamingResponse):
    """Lines as they are written; the caller's place is free again however it ends, also where it never began."""

    def __init__(self, lines: AsyncIterator[bytes], media_type: str, caller: Caller, callers: Callers) -> None:
        super().__init__(lines, media_type=media_type)
        self._caller, self._callers = caller, callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._caller.hang_up()
            self._callers.leave()


async def _watch(request: HttpRequest, caller: Caller) -> None:
    """Say when the caller has hung up."""
    while not await request.is_disconnected():
        await asyncio.sleep(WATCH_SECONDS)
    caller.hang_up()


async def _read(request: HttpRequest, most: int) -> bytes | None:
    """The body, or None as soon as it is larger than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _refusal(status: int, error: PoliticoError, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": type(error).__name__, "message": str(error)}, status_code=status, headers=headers)


def run(settings: ServerSettings) -> None:
    """Load the model, see that it answers, and serve until told to stop. Raises InputError for a bad model folder."""
    several = 1 << (torch.get_num_threads().bit_length() - 1)  # else vectors are cut, and int8's rows feel each other's number
    torch.set_num_threads(1)  # the thread that writes is to be the only one with helpers
    model = load_model(settings.model_folder)
    threads = settings.threads or (several if model.is_large else 1)
    engine = Engine(model, threads=threads, guarded=True, watermarked=settings.watermark)
    engine.generate(Request({}, "", Parameters(max_new_tokens=1)))  # /ping says ok only for a model that has written
    log.info("serving %s on %s:%d", settings.model_folder, settings.host, settings.port)
    uvicorn.run(
        create_app(engine),
        host=settings.host,
        port=settings.port,
        access_log=False,  # SageMaker pings every few seconds
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve until told to stop. The exit code: 2 when something given can't be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    transformers_logging.disable_progress_bar()
    try:
        if list(arguments) not in ([], [SERVE]):
            raise LimitError(f"the server takes no arguments but {SERVE!r}; given: {' '.join(arguments)}")
        given: dict[str, Any] = {field: environment[name] for name, field in VARIABLES.items() if environment.get(name)}
        run(from_mapping(ServerSettings, given))
    except InputError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    # uvicorn finishes what is under way, then raises the signal again for its program to end on: this is the end.
    # It is also needed before: Linux shows a container's first process no signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    sys.exit(main(sys.argv[1:], os.environ))
