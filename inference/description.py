"""`GET /openapi.json`: what this endpoint takes and gives, with its own model's fields."""

from typing import Any

from inference.about import ASKING
from inference.model import Model
from inference.streaming import MEDIA_TYPE
from politico.control.contract import answer, closed, components, ref

REFUSALS = {
    "400": "A field or value that is unknown or outside its limits; the message names it",
    "409": "All that the model wrote were near copies of tweets that it has learnt from: ask for something else",
    "413": "The body is larger than it may be",
    "415": "The body is declared as neither JSON nor JSON lines",
    "500": "The model failed",
    "503": "More is asked than can be written in time; Retry-After says when to come back",
    "504": "It was not written in time: ask for less",
}


def describe(model: Model) -> dict[str, Any]:
    """OpenAPI 3.1."""
    schema = model.codec.schema
    tweets = {"type": "array", "items": ref("Tweet")}
    good = answer("One object a tweet; of a question what the endpoint says of itself", {"anyOf": [tweets, {"type": "object"}]})
    events = "With Accept: the events of an answer as it is written; of lines a line for each"
    good["content"][MEDIA_TYPE] = {"schema": {"type": "string", "description": events}}
    asking = closed({name: {"const": value} for name, value in ASKING.items()}, required=list(ASKING))
    taken = {
        "application/json": {"schema": {"anyOf": [ref("Request"), asking]}},
        MEDIA_TYPE: {"schema": {"type": "string", "description": "A request a line; the answer has a line for each"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": model.name,
            "version": str(schema.version),
            "description": "What it writes is synthetic: nobody said it.",
        },
        "paths": {
            "/invocations": {
                "post": {
                    "operationId": "writeTweets",
                    "requestBody": {"required": True, "content": taken},
                    "responses": {
                        "200": good,
                        **{status: answer(what, ref("Refusal")) for status, what in REFUSALS.items()},
                    },
                }
            },
            "/ping": {"get": {"operationId": "ping", "responses": {"200": {"description": "The model has written"}}}},
        },
        "components": {"schemas": components(schema)},
    }
