"""How the stand-in for X misbehaves on demand: which fault strikes which request, and what it answers then."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from politico.errors import LimitError

PROBLEMS = "https://api.twitter.com/2/problems/"
"""How X names the kinds of its problems."""

KINDS = {
    "status": "answers with `status`; a 429 says when to come back, unless `reset_seconds` is null",
    "capped": "429, because the month's reads are used up",
    "hang": "no answer for `seconds`, then 503",
    "torn": "200, and half of the JSON",
    "repeat": "the account's page before, once more",
    "shuffle": "the page's posts out of order",
    "late": "the page lacks its newest post, which comes with the account's next page instead",
    "rename": "from now on the account is called `screen_name`",
}
_AT_TIMELINES_ONLY = ("repeat", "shuffle", "late", "rename")


@dataclass
class Fault:
    """One misbehaviour on demand."""

    status: int = 503
    """The HTTP status to answer with."""
    times: int = 1
    user_id: str | None = None
    """Only for this account, or for any."""
    reset_seconds: int | None = 1
    """With 429: when X answers again; None leaves the header out."""
    kind: str = "status"
    """One of KINDS."""
    after: int = 0
    """Lets so many requests pass first, counted as `user_id` and `route` say."""
    route: str | None = "timelines"
    """What it strikes: timelines, search, users, posts or compliance; None for any of them."""
    seconds: float = 60.0
    """With `hang`."""
    screen_name: str = "renamed"
    """With `rename`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise LimitError(f"kind is {self.kind!r}; it takes {', '.join(KINDS)}")
        if self.kind in _AT_TIMELINES_ONLY and self.route != "timelines":
            raise LimitError(f"route is {self.route!r}; a fault of kind {self.kind!r} takes 'timelines'")

    def concerns(self, route: str, user_id: str | None) -> bool:
        return self.route in (None, route) and self.user_id in (None, user_id)


@dataclass
class Faults:
    """Those that are armed, in the order they are asked."""

    armed: list[Fault] = field(default_factory=list)

    def due(self, route: str, user_id: str | None, possible: Mapping[str, bool]) -> Fault | None:
        """The fault that strikes this request, now used up once. Kinds that are not `possible` yet wait for a later request."""
        struck = None
        for fault in self.armed:
            if not fault.concerns(route, user_id):
                continue
            if fault.after > 0:
                fault.after -= 1
            elif struck is None and fault.times > 0 and possible.get(fault.kind, True):
                fault.times -= 1
                struck = fault
        return struck


def refusal(fault: Fault) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Body, status and headers of a fault that is a plain answer: `status`, `capped` or a `hang` that ended."""
    if fault.kind == "capped":
        said = {"title": "UsageCapExceeded", "period": "Monthly", "scope": "Product", "type": f"{PROBLEMS}usage-capped"}
        return {**said, "detail": "Usage cap exceeded: Monthly product cap"}, 429, {}
    status = 503 if fault.kind == "hang" else fault.status
    headers = {}
    if status == 429 and fault.reset_seconds is not None:
        headers["x-rate-limit-reset"] = str(int(time.time()) + fault.reset_seconds)
    return {"title": "Fault on demand", "type": "about:blank", "status": status}, status, headers
