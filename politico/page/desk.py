"""The page's requests and their answers, wherever they are asked: behind API Gateway, or on one's own machine."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from politico.errors import InputError, SpendingCapError
from politico.page.document import document
from politico.page.failures import ASKING_FAILS, Failure, failure_of
from politico.page.order import DEFAULTS, MOST_CANDIDATES, read_order
from politico.page.orders import Orders
from politico.page.writing import JSON

PAGE, MODEL, TWEETS = "page", "page/model", "page/tweets"
"""Where they are asked, behind the API's stage."""
ORDER = "order"
"""The last part of an order's own path."""
MODEL_SECONDS = 15
"""The endpoint may take so long to say what it is."""


@dataclass(frozen=True)
class Answer:
    """As HTTP gives it."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON, "Cache-Control": "no-store"})


def page() -> Answer:
    """The page itself, and what it may do."""
    shown = document()
    return Answer(200, shown.html, {"Content-Type": "text/html; charset=utf-8", **shown.headers})


def model(runtime: Any, endpoint: str) -> Answer:
    """What the endpoint says of its model, and the page's own limits."""
    try:
        said = runtime.invoke_endpoint(EndpointName=endpoint, ContentType=JSON, Body=json.dumps({"describe": True}).encode())
        told = json.loads(said["Body"].read())
    except ASKING_FAILS as error:
        return refused(failure_of(error, MODEL_SECONDS))
    page_limits = {"defaults": dict(DEFAULTS), "most_candidates": MOST_CANDIDATES}
    return Answer(200, json.dumps({**told, "page": page_limits}, ensure_ascii=False))


def take(body: bytes, orders: Orders, now: datetime, begin: Callable[[str, str], None]) -> Answer:
    """Take an order: `begin` is told its name and the endpoint's request. It is looked for under its name from then on."""
    try:
        request = read_order(body)
        order = orders.open(now)
    except InputError as error:
        return refused(Failure(400, type(error).__name__, str(error)))
    except SpendingCapError as error:
        return refused(Failure(429, "DailyCapError", str(error)))
    begin(order, request)
    return Answer(202, json.dumps({"order": order}))


def look(order: str, orders: Orders, now: datetime) -> Answer:
    """What has become of an order."""
    state = orders.get(order, now)
    if state is None:
        return refused(Failure(404, "UnknownOrderError", "there is no such order, or none any more"))
    return Answer(200, json.dumps(state, ensure_ascii=False))


def refused(failure: Failure) -> Answer:
    return Answer(failure.status, failure.body)
