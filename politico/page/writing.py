"""An order on its way: the endpoint's stream of events in, what the page is shown out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from politico.control.honoured import places
from politico.page.failures import ASKING_FAILS, TOO_SLOW, Failure, failure_of

QUEUED, WRITING, DONE, FAILED = "queued", "writing", "done", "failed"
LONGEST_SECONDS = 75
"""The endpoint may be silent for so long: SageMaker gives a model 60 until it says its first word."""
JSON, JSON_LINES = "application/json", "application/jsonlines"

State = dict[str, Any]
"""What the page is shown of an order: `state`, and what belongs to it."""


def queued() -> State:
    return {"state": QUEUED}


def write(runtime: Any, endpoint: str, order: str) -> Iterator[State]:
    """The states of an order as they come, the last of them `done` or `failed`. `runtime` is a client for sagemaker-runtime."""
    try:
        answer = runtime.invoke_endpoint_with_response_stream(
            EndpointName=endpoint, ContentType=JSON, Accept=JSON_LINES, Body=order.encode()
        )
        yield from _states(_lines(answer["Body"]))
    except ASKING_FAILS as error:
        yield failed(failure_of(error, LONGEST_SECONDS))


def failed(failure: Failure) -> State:
    return {"state": FAILED, "status": failure.status, "error": failure.error, "message": failure.message}


def _lines(parts: Any) -> Iterator[bytes]:
    """A stream's whole lines, wherever it is cut into parts. What follows the last line's end was torn off."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part.get("PayloadPart", {}).get("Bytes", b"")).split(b"\n")
        yield from whole


def _states(lines: Iterator[bytes]) -> Iterator[State]:
    for line in lines:
        event = json.loads(line)
        if event["event"] == "progress":
            yield {"state": WRITING, **{name: event[name] for name in ("tokens", "longest", "text")}}
        elif event["event"] == "tweet":
            yield {"state": DONE, "tweet": shown_tweet(event["tweet"])}
            return
        else:
            told = Failure(502, str(event["error"]), str(event["message"]))
            yield failed(TOO_SLOW if event.get("status") == TOO_SLOW.status else told)
            return
    yield failed(Failure(502, "ModelFailed", "the model's answer broke off"))


def shown_tweet(tweet: Mapping[str, Any]) -> dict[str, Any]:
    """A tweet of the endpoint's answer with the places of what was asked for, and what it does not say."""
    text, honoured = str(tweet["generated_text"]), tweet["honoured"]
    asked = [(field, item, said) for field, items in honoured.items() for item, said in items.items()]
    return {
        "text": text,
        "ended": tweet["finish_reason"] == "stop",
        "model": tweet["model"],
        "marks": sorted([*place, field] for field, item, said in asked if said for place in places(text, item)),
        "unsaid": [{"field": field, "item": item} for field, item, said in asked if not said],
        "said": [{"field": field, "item": item} for field, item, said in asked if said],
    }
