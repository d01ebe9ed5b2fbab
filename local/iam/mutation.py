"""Which of its rights a role has used: each is taken away in turn, and what was asked for is judged anew."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from local.iam.guard import Guard, Role
from local.iam.policies import Need, Statement, allowed, matches_action


@dataclass(frozen=True)
class Right:
    """One action that a statement of a role's policies allows."""

    role: str
    """The role's name."""
    action: str
    """As the policy writes it."""
    resources: tuple[str, ...]
    needed_by: int
    """Of the different calls that were judged, those that would have been refused without it."""


def rights(guard: Guard) -> Iterator[Right]:
    """Every right that the roles' policies give, with how much hung on it so far."""
    asked: defaultdict[str, list[Need]] = defaultdict(list)
    for (role_arn, need), had in list(guard.judged.items()):
        if had:
            asked[role_arn].append(need)
    for role in guard.roles.values():
        for number, statement in enumerate(role.statements):
            for action in statement.actions if statement.allows else ():
                left = _without(role, number, statement, action)
                near = [one for one in asked[role.arn] if matches_action(action, one.action)]
                lost = [one for one in near if not allowed((*left, *guard.buckets), one)]
                yield Right(role.arn.rpartition("/")[2], action, statement.resources, len(lost))


def record(guard: Guard, called: Mapping[str, str], folder: Path) -> None:
    """Leave the rights and what hung on them in a file of its own, for who adds up several clouds' (tests/support/rights.py).

    `called` has the roles' logical ids by their names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = [{**asdict(one), "role": called.get(one.role, one.role)} for one in rights(guard)]
    (folder / f"{uuid.uuid4().hex}.json").write_text(json.dumps(told), encoding="utf-8")


def _without(role: Role, number: int, statement: Statement, action: str) -> tuple[Statement, ...]:
    kept = replace(statement, actions=tuple(one for one in statement.actions if one != action))
    return (*role.statements[:number], *((kept,) if kept.actions else ()), *role.statements[number + 1 :])
