"""A stand-in for X's API v2: serves posts from a file, with paging, the 3,200-post window, rate-limit headers and faults.

tweepy talks to it unchanged. It knows what the project asks for, no more: timelines, users, posts and compliance jobs.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.account import X_TOKEN
from local.x.compliance import Jobs
from local.x.content import Content
from local.x.faults import PROBLEMS, Fault, Faults, refusal
from local.x.pages import Pages
from politico.errors import LimitError

RATE_LIMIT = 10_000
"""Requests a quarter of an hour."""
RATE_SECONDS = 15 * 60

_LOOKED_UP_AT_ONCE = 100
_QUERY = re.compile(r"[A-Za-z0-9_' ]{1,50}")
_SETTINGS = {"latency_seconds", "plan", "compliance_seconds", "compliance_outcome"}
_CHANGES = {"delete", "withhold", "protect", "suspend", "close", "restore", "rename"}

Body = dict[str, Any]


@dataclass
class XApi:
    """What is served, how fast, to which plan, and with which faults."""

    content: Content = field(default_factory=Content)
    latency_seconds: float = 0.0
    """Every answer takes so long; others are answered meanwhile."""
    plan: dict[str, bool] = field(default_factory=dict)
    """Parts of the API that the plan in use lacks are False: timelines, search, users, posts, compliance."""
    requests: int = 0
    looked_up: int = 0
    """Posts that lookups gave."""

    def __post_init__(self) -> None:
        self.jobs = Jobs(lambda: self.content)
        self.pages = Pages()
        self._faults = Faults()
        self._window_start, self._used = time.time(), 0

    @property
    def faults(self) -> list[Fault]:
        """Those that are armed; may be set anew at any time."""
        return self._faults.armed

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self._faults = Faults(list(faults))

    @property
    def served(self) -> Counter[str]:
        """Posts that timelines gave, by account: more than there are means that some were bought twice."""
        return self.pages.served

    def load(self, posts: Iterable[Mapping[str, Any]], users: Iterable[Mapping[str, Any]]) -> int:
        """Serve these posts from now on, in place of any before, and count anew; how many there are."""
        self.content, self.pages, self.looked_up = Content.of(posts, users), Pages(), 0
        return sum(len(timeline) for timeline in self.content.timelines.values())

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Change what is at X or how it answers; the names are those of _SETTINGS and _CHANGES. Raises LimitError."""
        unknown = set(wanted) - _SETTINGS - _CHANGES
        if unknown:
            raise LimitError(f"{', '.join(sorted(unknown))} can't be changed; X takes {', '.join(sorted(_SETTINGS | _CHANGES))}")
        self.latency_seconds = float(wanted.get("latency_seconds", self.latency_seconds))
        self.plan |= wanted.get("plan", {})
        self.jobs.seconds = float(wanted.get("compliance_seconds", self.jobs.seconds))
        self.jobs.outcome = wanted.get("compliance_outcome", self.jobs.outcome)
        self.content.change(wanted)

    def describe(self) -> Body:
        return {"requests": self.requests, "served": dict(self.served), "looked_up": self.looked_up}

    def routes(self) -> list[Route]:
        """X's own, and under /local what X has not: storage, and a way to change and to count."""
        stored = "/local/x/compliance/{job_id}"
        return [
            Route("/2/users/search", self._x("search", self._search)),
            Route("/2/users", self._x("users", self._users)),
            Route("/2/users/{user_id}/tweets", self._x("timelines", self._timeline)),
            Route("/2/tweets", self._x("posts", self._posts)),
            Route("/2/compliance/jobs", self._x("compliance", self.jobs.create), methods=["POST"]),
            Route("/2/compliance/jobs", self._x("compliance", self.jobs.list_jobs)),
            Route("/2/compliance/jobs/{job_id}", self._x("compliance", self.jobs.look)),
            Route(f"{stored}/upload", self.jobs.upload, methods=["PUT"]),
            Route(f"{stored}/results", self.jobs.results),
            Route("/local/x", self._change, methods=["POST"]),
            Route("/local/x", lambda _request: JSONResponse(self.describe())),
        ]

    def _x(self, route: str, answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """What X does before it looks at a question: the token, the rate limit, the plan; and what goes wrong on demand."""

        async def handle(request: Request) -> Response:
            headers = self._count()
            await asyncio.sleep(self.latency_seconds)
            if request.headers.get("authorization") != f"Bearer {X_TOKEN}":
                return JSONResponse({"title": "Unauthorized", "status": 401, "detail": "Unauthorized"}, 401)
            user_id = request.path_params.get("user_id")
            possible = self.pages.possible(self.content, user_id, request.query_params) if self.faults else {}
            fault = self._faults.due(route, user_id, possible)
            if fault and fault.kind == "hang":
                await self._hang(request, fault.seconds)
            if fault and fault.kind in ("status", "capped", "hang"):
                body, status, said = refusal(fault)
                return JSONResponse(body, status, headers=said if status == 429 else headers | said)
            if int(headers["x-rate-limit-remaining"]) < 0:
                return JSONResponse({"title": "Too Many Requests", "status": 429}, 429, headers)
            if not self.plan.get(route, True):
                return JSONResponse(_NOT_ENROLLED, 403, headers)
            request.state.fault = fault
            response = await answer(request)
            response.headers.update(headers)
            if fault and fault.kind == "torn":
                return Response(
                    bytes(response.body)[: len(response.body) // 2], response.status_code, headers, "application/json"
                )
            return response

        return handle

    async def _timeline(self, request: Request) -> Response:
        user_id, fault = request.path_params["user_id"], request.state.fault
        refused = self.content.user_problem(user_id, "id", reading=True)
        if refused:
            return JSONResponse({"errors": [refused]})
        if fault and fault.kind == "rename":
            self.content.change({"rename": {user_id: fault.screen_name}})
        return JSONResponse(self.pages.page(self.content, user_id, request.query_params, fault))

    async def _users(self, request: Request) -> Response:
        ids = request.query_params.get("ids", "").split(",")
        if not _ids_are_valid(ids):
            return _invalid("ids")
        problems = {one: self.content.user_problem(one, "ids", reading=False) for one in ids}
        fields = request.query_params.get("user.fields", "")
        found = [self.content.shown_user(one, fields) for one in ids if problems[one] is None]
        return _data(found, problems.values())

    async def _search(self, request: Request) -> Response:
        query = request.query_params.get("query", "")
        if not _QUERY.fullmatch(query):
            return _invalid("query")
        found = self.content.search(query.split())[: int(request.query_params.get("max_results", 100))]
        shown = [self.content.shown_user(one, request.query_params.get("user.fields", "")) for one in found]
        return JSONResponse({**({"data": shown} if shown else {}), "meta": {"result_count": len(shown)}})

    async def _posts(self, request: Request) -> Response:
        ids = request.query_params.get("ids", "").split(",")
        if not _ids_are_valid(ids):
            return _invalid("ids")
        posts = self.content.posts_by_id()
        problems = {one: self.content.post_problem(one, posts.get(one)) for one in ids}
        found = [posts[one] for one in ids if problems[one] is None]
        if "withheld" in request.query_params.get("tweet.fields", "").split(","):
            mark = {"withheld": {"copyright": False, "country_codes": ["XY"]}}
            found = [post | mark if post["id"] in self.content.withheld else post for post in found]
        self.looked_up += len(found)
        return _data(found, problems.values())

    async def _change(self, request: Request) -> Response:
        try:
            self.change(await request.json())
        except (LimitError, KeyError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(self.describe())

    async def _hang(self, request: Request, seconds: float) -> None:
        """Wait in small pieces: whoever asked may have given up long before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not await request.is_disconnected():
            await asyncio.sleep(0.05)

    def _count(self) -> dict[str, str]:
        """Count one request against the window; the headers that say what is left."""
        now = time.time()
        if now > self._window_start + RATE_SECONDS:
            self._window_start, self._used = now, 0
        self._used += 1
        self.requests += 1
        return {
            "x-rate-limit-limit": str(RATE_LIMIT),
            "x-rate-limit-remaining": str(RATE_LIMIT - self._used),
            "x-rate-limit-reset": str(int(self._window_start + RATE_SECONDS)),
        }


_NOT_ENROLLED = {
    "client_id": "0",
    "title": "Client Forbidden",
    "detail": "This App's access level does not include the endpoint.",
    "reason": "client-not-enrolled",
    "required_enrollment": "Appropriate Level of API Access",
    "registration_url": "https://developer.x.com/",
    "type": f"{PROBLEMS}client-forbidden",
}


def _data(found: list[Any], problems: Iterable[Body | None]) -> Response:
    errors = [one for one in problems if one]
    return JSONResponse({**({"data": found} if found else {}), **({"errors": errors} if errors else {})})


def _ids_are_valid(ids: list[str]) -> bool:
    return len(ids) <= _LOOKED_UP_AT_ONCE and all(one.isdigit() for one in ids)


def _invalid(parameter: str) -> Response:
    detail = f"The `{parameter}` query parameter value is not valid."
    body = {"title": "Invalid Request", "detail": detail, "type": f"{PROBLEMS}invalid-request"}
    return Response(json.dumps(body), 400, media_type="application/json")
