"""What a role's policies say to one action on one resource: IAM's evaluation, as far as this project's policies go.

An explicit Deny wins, an Allow is needed, all else is refused (IAM user guide, "Policy evaluation logic"). What is not known
here, an operator or a policy variable, is an error where the policy is read, so that nothing is decided by not looking.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from politico.errors import FileFormatError

Context = Mapping[str, str]
"""Condition keys in lower case, and their values in the request. Keys with several values are not used here."""

_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal"}
_ARN_PARTS = 6


@dataclass(frozen=True)
class Need:
    """One right that a call takes."""

    action: str
    """`s3:PutObject`."""
    resource: str
    """An ARN, or `*` for an action that has no resource."""
    context: Context = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.action} on resource: {self.resource}"


@dataclass(frozen=True)
class _Condition:
    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        operator, optional = self.operator.removesuffix("IfExists"), self.operator.endswith("IfExists")
        given = context.get(self.key.lower())
        if operator == "Null":
            return str(given is None).lower() in [value.lower() for value in self.values]
        if given is None:
            return optional or operator in _NEGATED
        said = any(_OPERATORS[operator](value, given) for value in self.values)
        return said != (operator in _NEGATED)


def matches_action(pattern: str, action: str) -> bool:
    """Actions are written in any case."""
    return _like(pattern.lower(), action.lower())


def _arn_like(pattern: str, given: str) -> bool:
    """Each of an ARN's first five parts by itself; the sixth may hold colons."""
    wanted, parts = pattern.split(":", _ARN_PARTS - 1), given.split(":", _ARN_PARTS - 1)
    return len(wanted) == len(parts) and all(_like(one, part) for one, part in zip(wanted, parts, strict=True))


def _like(pattern: str, given: str) -> bool:
    return _wildcards(pattern).fullmatch(given) is not None


@lru_cache(maxsize=4096)
def _wildcards(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern), re.DOTALL)


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringNotEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda value, given: value.lower() == given.lower(),
    "StringLike": _like,
    "StringNotLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "ArnNotLike": _arn_like,
    "Bool": lambda value, given: value.lower() == given.lower(),
}
_NEGATED = {"StringNotEquals", "StringNotLike", "ArnNotLike"}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy document."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    all_actions_but: bool = False
    all_resources_but: bool = False
    conditions: tuple[_Condition, ...] = ()

    def covers(self, need: Need) -> bool:
        action = any(matches_action(one, need.action) for one in self.actions)
        resource = any(one == "*" or _arn_like(one, need.resource) for one in self.resources)
        named = action != self.all_actions_but and resource != self.all_resources_but
        return named and all(one.holds(need.context) for one in self.conditions)


def read_policy(document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """The statements of a policy document; of a bucket's, too, where it is everybody's. Raises FileFormatError."""
    return tuple(_statement(one) for one in _listed(document["Statement"]))


def allowed(statements: Iterable[Statement], need: Need) -> bool:
    """Whether something allows it, and nothing denies it."""
    found = [one.allows for one in statements if one.covers(need)]
    return bool(found) and all(found)


def _statement(given: Mapping[str, Any]) -> Statement:
    if unknown := sorted(set(given) - _ELEMENTS):
        raise FileFormatError(f"a policy statement has {', '.join(unknown)}, which the local IAM does not know: {given}")
    if given.get("Principal", "*") not in ("*", {"AWS": "*"}):
        raise FileFormatError(f"a policy names principals, which the local IAM can't tell apart: {given}")
    if "${" in str(given):
        raise FileFormatError(f"a policy has a variable, which the local IAM does not fill in: {given}")
    resources = tuple(_listed(given.get("Resource", given.get("NotResource", "*"))))
    if short := [one for one in resources if one != "*" and one.count(":") < _ARN_PARTS - 1]:
        raise FileFormatError(f"a policy names {short[0]}, which is no ARN of {_ARN_PARTS} parts: {given}")
    return Statement(
        allows={"Allow": True, "Deny": False}[given["Effect"]],
        actions=tuple(_listed(given.get("Action", given.get("NotAction")))),
        resources=resources,
        all_actions_but="NotAction" in given,
        all_resources_but="NotResource" in given,
        conditions=tuple(_conditions(given.get("Condition", {}))),
    )


def _conditions(given: Mapping[str, Mapping[str, Any]]) -> Iterable[_Condition]:
    for operator, keys in given.items():
        if operator.removesuffix("IfExists") not in {*_OPERATORS, "Null"}:
            raise FileFormatError(f"a policy has the operator {operator}, which the local IAM does not know")
        for key, values in keys.items():
            yield _Condition(
                operator, key, tuple(str(one).lower() if one in (True, False) else str(one) for one in _listed(values))
            )


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
