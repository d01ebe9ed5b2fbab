"""AWS's own limits on a request, from botocore's service model: moto takes names and values that the service refuses."""

import re
from functools import cache
from typing import Any

import boto3
from botocore.model import Shape

from local.account import REGION


def violations(service: str, operation: str, request: Any) -> list[str]:
    """What the service would refuse in the request: unknown and missing members, lengths, ranges, patterns and words."""
    return list(_check(operation, request, _model(service).operation_model(operation).input_shape))


@cache
def _model(service: str) -> Any:
    client = boto3.Session(region_name=REGION).client(service, aws_access_key_id="x", aws_secret_access_key="x")
    return client.meta.service_model


def _check(where: str, value: Any, shape: Shape) -> Any:
    kind = shape.type_name
    if kind == "structure":
        yield from _check_structure(where, value, shape)
    elif kind == "list":
        yield from _check_size(where, len(value), shape, "items")
        for index, item in enumerate(value):
            yield from _check(f"{where}[{index}]", item, shape.member)
    elif kind == "map":
        yield from _check_size(where, len(value), shape, "entries")
        for key, item in value.items():
            yield from _check(f"{where} key {key!r}", key, shape.key)
            yield from _check(f"{where}[{key!r}]", item, shape.value)
    elif kind == "string":
        yield from _check_string(where, value, shape)
    elif kind in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            yield f"{where} is {value!r}; it takes a whole number"
        else:
            yield from _check_size(where, value, shape, "")
    elif kind == "boolean" and not isinstance(value, bool):
        yield f"{where} is {value!r}; it takes true or false"


def _check_structure(where: str, value: Any, shape: Any) -> Any:
    if not isinstance(value, dict):
        yield f"{where} is {value!r}; it takes an object"
        return
    for name in shape.required_members:
        if name not in value:
            yield f"{where} lacks {name}"
    for name, member in value.items():
        if name not in shape.members:
            yield f"{where} has the unknown member {name}"
        else:
            yield from _check(f"{where}.{name}", member, shape.members[name])


def _check_string(where: str, value: Any, shape: Any) -> Any:
    if not isinstance(value, str):
        yield f"{where} is {value!r}; it takes a text"
        return
    yield from _check_size(where, len(value), shape, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield f"{where} is {value!r}; it takes {pattern}"
    if shape.enum and value not in shape.enum:
        yield f"{where} is {value!r}; it takes one of {', '.join(shape.enum[:8])}…"


def _check_size(where: str, size: int, shape: Shape, unit: str) -> Any:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and size < low) or (high is not None and size > high):
        allowed = f"{low} or more" if high is None else f"{low or 0} to {high}"
        yield f"{where} {f'has {size} {unit}' if unit else f'is {size}'}; it takes {allowed}"


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:  # written for another dialect, e.g. \p{L}
        return True
