"""API: write one order of the page, and say how far it is. Nobody waits for the answer: the page looks for the order."""

import time
from typing import Any

from functions import environment
from functions.telemetry import observed, warn
from politico.page.orders import Orders
from politico.page.writing import FAILED, LONGEST_SECONDS, WRITING, State, write

EVERY_SECONDS = 0.3
"""Progress is kept so often: a page looks about as often, and each time costs a write."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `order`, its name, and `request`, the endpoint's JSON."""
    runtime = environment.impatient_client("sagemaker-runtime", LONGEST_SECONDS)
    last = keep(event["order"], environment.orders(), write(runtime, environment.endpoint(), event["request"]))
    return {"state": last["state"]}


def keep(order: str, orders: Orders, states: Any) -> State:
    """Keep an order's states, not every one of those under way; the last of them."""
    kept, state = -EVERY_SECONDS, {}
    for state in states:
        if state["state"] != WRITING or time.monotonic() - kept >= EVERY_SECONDS:
            kept = time.monotonic()
            orders.put(order, state, environment.now())
    if state["state"] == FAILED:
        warn("order failed", status=state["status"], reason=state["error"])
    return state
