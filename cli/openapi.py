"""`politico openapi`: the REST API's description, made from the very fields and limits that the endpoint checks."""

import ast
import inspect
import json
import textwrap
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from politico.control.format import MAX_ITEMS, MAX_VALUE_CHARACTERS
from politico.control.political import SCHEMA
from politico.control.request import MAX_BAD_WORD_CHARACTERS, MAX_BAD_WORDS, MAX_PROMPT_CHARACTERS, Parameters

SERVER = "https://{api}.execute-api.{region}.amazonaws.com/v1"
REFUSALS = {
    "400": "A field or value that is unknown or outside its limits; the message names it",
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
    answers: dict[str, Any] = {"200": _answer("One object a tweet", {"type": "array", "items": _ref("Tweet")})}
    answers |= {status: _answer(what, _ref("Refusal")) for status, what in REFUSALS.items()}
    answers |= {status: _answer(what, _ref("Gate")) for status, what in GATES.items()}
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
                        "content": {"application/json": {"schema": _ref("Request"), "example": example}},
                    },
                    "responses": answers,
                }
            }
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {
                "Request": _object({"inputs": _inputs(), "parameters": _ref("Parameters")}, required=["inputs"]),
                "Parameters": _object({one.name: _parameter(one) for one in fields(Parameters)}),
                "Tweet": _object(
                    {
                        "generated_text": {"type": "string", "description": "The prompt and what follows it"},
                        "finish_reason": {
                            "enum": ["stop", "length"],
                            "description": "What ended the tweet: the model or its length",
                        },
                        "tokens": {"type": "integer", "description": "How many were generated"},
                        "model": {"type": "string"},
                        "honoured": {
                            "type": "object",
                            "description": "Of each list that was asked for, which items the text says",
                            "additionalProperties": {"type": "object", "additionalProperties": {"type": "boolean"}},
                        },
                        "synthetic": {"const": True, "description": "A program wrote it; nobody said it"},
                    },
                    closed=False,
                ),
                "Refusal": _object(
                    {"error": {"type": "string"}, "message": {"type": "string"}}, required=["error", "message"], closed=False
                ),
                "Gate": _object({"message": {"type": "string"}}, required=["message"], closed=False),
            },
        },
    }


def _inputs() -> dict[str, Any]:
    value = {"type": "string", "maxLength": MAX_VALUE_CHARACTERS}
    prompt = {"type": "string", "maxLength": MAX_PROMPT_CHARACTERS, "description": "How the tweet begins"}
    named: dict[str, Any] = {
        one.name: {"type": "array", "items": value, "maxItems": MAX_ITEMS}
        if one.many
        else {**value, "description": "Only what the model's training held"}
        for one in SCHEMA.fields
    }
    return {"oneOf": [{**prompt}, _object({**named, "prompt": prompt})]}


def _parameter(one: "Field[Any]") -> dict[str, Any]:
    told: dict[str, Any] = {"description": _DESCRIPTIONS[one.name]}
    if one.name == "bad_words":
        words = {"type": "string", "minLength": 1, "maxLength": MAX_BAD_WORD_CHARACTERS}
        return {**told, "type": "array", "items": words, "maxItems": MAX_BAD_WORDS}
    assert one.default is not MISSING, "every parameter may be left out"
    if isinstance(one.default, bool):
        return {**told, "type": "boolean", "default": one.default}
    whole = not isinstance(one.default, float)
    kind: Any = "integer" if whole else "number"
    if one.default is None:
        kind = [kind, "null"]
    given = {} if one.default is None else {"default": one.default}
    return {**told, "type": kind, **given, "minimum": one.metadata["low"], "maximum": one.metadata["high"]}


def _documented(kind: type) -> dict[str, str]:
    """What stands under each field of a class."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef), "it is a class"
    found = {}
    for one, then in zip(body.body, body.body[1:], strict=False):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and isinstance(then, ast.Expr):
            found[one.target.id] = str(ast.literal_eval(then.value))
    return found


_DESCRIPTIONS = _documented(Parameters)


def _object(properties: dict[str, Any], required: list[str] | None = None, *, closed: bool = True) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        told["required"] = required
    return {**told, "additionalProperties": False} if closed else told


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(what: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def write(out: Path | None) -> None:
    """To a file, or to standard output."""
    text = json.dumps(describe(), ensure_ascii=False, indent=1) + "\n"
    if out is None:
        print(text, end="")
    else:
        out.write_text(text, encoding="utf-8")
