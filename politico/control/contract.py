"""What a request takes and an answer gives, as JSON Schema: made from the very fields and limits that are checked."""

import ast
import inspect
import textwrap
from dataclasses import MISSING, Field, fields
from typing import Any

from politico.control.format import MAX_ITEMS, MAX_VALUE_CHARACTERS, Schema
from politico.control.presets import PRESETS
from politico.control.request import MAX_BAD_WORD_CHARACTERS, MAX_BAD_WORDS, MAX_PROMPT_CHARACTERS, PRESET, Parameters


def components(schema: Schema) -> dict[str, Any]:
    """The schemas of an OpenAPI description, by name: of a model with these fields."""
    return {
        "Request": closed({"inputs": _inputs(schema), "parameters": ref("Parameters")}, required=["inputs"]),
        "Parameters": closed({PRESET: _preset(), **{one.name: _parameter(one) for one in fields(Parameters)}}),
        "Tweet": opened(
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
                "watermarked": {"type": "boolean", "description": "It was drawn with the model's marks"},
                "dataset": {"type": "string", "description": "SHA-256 of what the model has learnt from"},
                "precision": {"enum": ["fp32", "bf16", "int8"], "description": "Of the network's numbers"},
                "parameters": {
                    "$ref": "#/components/schemas/Parameters",
                    "description": "All settings that it was written with, the seed among them",
                },
            }
        ),
        "Refusal": opened({"error": {"type": "string"}, "message": {"type": "string"}}, required=["error", "message"]),
    }


def closed(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """An object that has these properties and no others."""
    return {**opened(properties, required), "additionalProperties": False}


def opened(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """An object that has these properties and may have others one day."""
    told: dict[str, Any] = {"type": "object", "properties": properties}
    return {**told, "required": required} if required else told


def ref(name: str) -> dict[str, str]:
    """One of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def answer(what: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A response in JSON."""
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def _inputs(schema: Schema) -> dict[str, Any]:
    value = {"type": "string", "maxLength": MAX_VALUE_CHARACTERS}
    prompt = {"type": "string", "maxLength": MAX_PROMPT_CHARACTERS, "description": "How the tweet begins"}
    named: dict[str, Any] = {}
    for one in schema.fields:
        if one.many:
            named[one.name] = {"type": "array", "items": value, "maxItems": MAX_ITEMS}
        elif values := schema.values.get(one.name):
            named[one.name] = {"enum": list(values)}
        else:
            named[one.name] = {**value, "description": "Only what the model's training held"}
    return {"oneOf": [{**prompt}, closed({**named, "prompt": prompt})]}


def _preset() -> dict[str, Any]:
    return {"enum": list(PRESETS), "description": "The thesis's own way of drawing; what is given beside it goes before"}


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
