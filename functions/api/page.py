"""API: the page that writes a tweet for whoever visits it: the document, what the model is, an order, and what became of it."""

import base64
import json
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.page import desk

BESIDE = "/"
"""What parts the page's paths."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: API Gateway's. Answer: `statusCode`, `headers`, `body`, as API Gateway takes it."""
    answer = _answer(event)
    return {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.body}


def _answer(event: dict[str, Any]) -> desk.Answer:
    resource = event["resource"].strip(BESIDE)
    if resource == desk.PAGE:
        return desk.page()
    if resource == desk.MODEL:
        return desk.model(environment.impatient_client("sagemaker-runtime", desk.MODEL_SECONDS), environment.endpoint())
    orders, now = environment.orders(), environment.now()
    if resource == desk.TWEETS:
        body = event.get("body") or ""
        given = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        return desk.take(given, orders, now, _begin)
    return desk.look(event["pathParameters"][desk.ORDER], orders, now)


def _begin(order: str, request: str) -> None:
    """Have it written by a function that nobody waits for: API Gateway gives up sooner than a model."""
    payload = json.dumps({"order": order, "request": request})
    environment.client("lambda").invoke(FunctionName=environment.page_writer(), InvocationType="Event", Payload=payload)
