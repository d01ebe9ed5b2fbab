"""The page on this machine's loopback, before a model's folder or before an endpoint that one's own credentials may ask."""

import contextlib
import threading
import webbrowser
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cli.generate import runtime_of
from cli.page.container import serving
from local.processes.ports import HOST, require_free
from politico.errors import LimitError
from politico.page import desk
from politico.page.failures import Failure
from politico.page.orders import OrdersHere
from politico.page.writing import JSON, write

LOCAL_NAMES = [HOST, "localhost"]
"""A page of somebody else's that has its own name lead here is not answered."""


def serve_page(endpoint: str | None, model: Path | None, *, local: bool, port: int, browser: bool) -> None:
    """Show where it is, and serve until Ctrl-C. Raises InputError."""
    if model is not None and (endpoint is not None or local):
        raise LimitError("--model is a folder on this machine, --endpoint and --local are served already: give one of them")
    require_free(port)
    console = Console()
    with _asked(endpoint, model, local=local) as (runtime, name):
        address = f"http://localhost:{port}/{desk.PAGE}"
        console.print(f"{address}   (before {model or name}; Ctrl-C ends it)", highlight=False, soft_wrap=True)
        if browser:
            threading.Timer(1.0, webbrowser.open, [address]).start()
        # uvicorn ends on Ctrl-C by itself, and raises it again for whoever started it.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.run(page_app(runtime, name), host=HOST, port=port, log_level="error", timeout_graceful_shutdown=1)


def page_app(runtime: Any, endpoint: str) -> Starlette:
    """The page's four requests, each as behind API Gateway. `runtime` is a client for sagemaker-runtime."""
    orders = OrdersHere()

    def begin(order: str, request: str) -> None:
        threading.Thread(target=_keep, args=(orders, order, write(runtime, endpoint, request)), daemon=True).start()

    async def page(_request: Request) -> Response:
        return _given(desk.page())

    async def model(_request: Request) -> Response:
        return _given(await run_in_threadpool(desk.model, runtime, endpoint))

    async def take(request: Request) -> Response:
        # Another site's page can send a form here, but not this type.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            return _given(desk.refused(Failure(415, "LimitError", f"an order is sent as {JSON}")))
        return _given(desk.take(await request.body(), orders, datetime.now(UTC), begin))

    async def look(request: Request) -> Response:
        return _given(desk.look(request.path_params[desk.ORDER], orders, datetime.now(UTC)))

    routes = [
        Route("/", lambda _request: RedirectResponse(f"/{desk.PAGE}")),
        Route(f"/{desk.PAGE}", page),
        Route(f"/{desk.MODEL}", model),
        Route(f"/{desk.TWEETS}", take, methods=["POST"]),
        Route(f"/{desk.TWEETS}/{{{desk.ORDER}}}", look),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=LOCAL_NAMES)])


def _keep(orders: OrdersHere, order: str, states: Any) -> None:
    for state in states:
        orders.put(order, state, datetime.now(UTC))


def _given(answer: desk.Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))


@contextlib.contextmanager
def _asked(endpoint: str | None, model: Path | None, *, local: bool) -> Iterator[tuple[Any, str]]:
    """Whom the page asks, and what that is called."""
    if model is not None:
        with serving(model) as runtime:
            yield runtime, str(model)
    else:
        runtime, default = runtime_of(local)
        yield runtime, endpoint or default
