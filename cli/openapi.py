"""`politico openapi`: the REST API's description, made from the very fields and limits that the endpoint checks."""

import json
from pathlib import Path
from typing import Any

from politico.control.contract import answer, components, opened, ref
from politico.control.political import SCHEMA

SERVER = "https://{api}.execute-api.{region}.amazonaws.com/v1"
REFUSALS = {
    "400": "A field or value that is unknown or outside its limits; the message names it",
    "409": "All that the model wrote were near copies of tweets that it has learnt from: ask for something else",
    "413": "The body is larger than 64 KiB",
    "415": "The body is not declared as application/json",
    "502": "The model failed",
    "503": "No model is served, or it has too much to do: try again later",
    "504": "The model took too long: ask for less",
}
GATES = {"403": "No key, a wrong one, or no such path", "429": "The key has asked too much, in a second or in a day"}
"""What API Gateway says by itself."""


def describe() -> dict[str, Any]:
    """OpenAPI 3.1."""
    example = {"inputs": {"sentimiento": "POSITIVE", "hashtags": ["#Salud"]}, "parameters": {"candidates": 4, "seed": 7}}
    answers: dict[str, Any] = {"200": answer("One object a tweet", {"type": "array", "items": ref("Tweet")})}
    answers |= {status: answer(what, ref("Refusal")) for status, what in REFUSALS.items()}
    answers |= {status: answer(what, ref("Gate")) for status, what in GATES.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "politico",
            "version": "1",
            "description": "Tweets on demand, of a model that learnt from politicians' tweets. Nobody wrote or said them.",
        },
        "servers": [
            {
                "url": SERVER,
                "description": "The stack's output ApiUrl has it whole",
                "variables": {"api": {"default": "ID"}, "region": {"default": "us-east-1"}},
            }
        ],
        "security": [{"key": []}],
        "paths": {
            "/tweets": {
                "post": {
                    "operationId": "writeTweets",
                    "summary": "Write tweets that say what is asked for",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": ref("Request"), "example": example}},
                    },
                    "responses": answers,
                }
            }
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {
                **components(SCHEMA),
                "Gate": opened({"message": {"type": "string"}}, required=["message"]),
            },
        },
    }


def write(out: Path | None) -> None:
    """To a file, or to standard output."""
    text = json.dumps(describe(), ensure_ascii=False, indent=1) + "\n"
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
