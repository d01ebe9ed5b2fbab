"""A stand-in for X's API v2: serves posts from a file, with paging, the 3,200-post window, rate-limit headers and faults.

tweepy talks to it unchanged. It knows what the project asks for, no more.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.account import X_TOKEN

WINDOW = 3_200
"""X shows no more than an account's newest so many posts."""
RATE_LIMIT = 10_000
"""Requests a quarter of an hour."""
RATE_SECONDS = 15 * 60


@dataclass
class Fault:
    """One misbehaviour on demand."""

    status: int
    """The HTTP status to answer with."""
    times: int = 1
    user_id: str | None = None
    """Only for this account, or for any."""
    reset_seconds: int = 1
    """With 429: when X answers again."""


@dataclass
class XApi:
    """The posts, and how to misbehave with them."""

    posts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By author, newest first."""
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _window_start: float = field(default_factory=time.time)
    _used: int = 0

    def load(self, posts: Iterable[Mapping[str, Any]], users: Iterable[Mapping[str, Any]]) -> int:
        """Serve these posts from now on, in place of any before; how many there are."""
        by_author: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for post in posts:
            by_author[str(post["author_id"])].append(dict(post))
        for timeline in by_author.values():
            timeline.sort(key=lambda post: int(post["id"]), reverse=True)
        self.posts = dict(by_author)
        self.users = {str(user["id"]): dict(user) for user in users}
        return sum(len(timeline) for timeline in self.posts.values())

    def routes(self) -> list[Route]:
        return [Route("/2/users/{user_id}/tweets", self._timeline)]

    def _timeline(self, request: Request) -> Response:
        user_id = request.path_params["user_id"]
        if request.headers.get("authorization") != f"Bearer {X_TOKEN}":
            return JSONResponse({"title": "Unauthorized", "status": 401, "detail": "Unauthorized"}, 401)
        headers = self._count()
        fault = self._due(user_id)
        if fault:
            reset = {"x-rate-limit-reset": str(int(time.time()) + fault.reset_seconds)} if fault.status == 429 else {}
            return JSONResponse({"title": "Fault on demand", "status": fault.status}, fault.status, {**headers, **reset})
        if int(headers["x-rate-limit-remaining"]) < 0:
            return JSONResponse({"title": "Too Many Requests", "status": 429}, 429, headers)
        if user_id not in self.users:
            missing = {"title": "Not Found Error", "detail": f"Could not find user with id: [{user_id}].", "value": user_id}
            return JSONResponse({"errors": [missing]}, headers=headers)
        return JSONResponse(self._page(user_id, request.query_params), headers=headers)

    def _page(self, user_id: str, asked: Mapping[str, str]) -> dict[str, Any]:
        since, until = int(asked.get("since_id", 0)), asked.get("until_id")
        found = [
            post
            for post in self.posts.get(user_id, [])[:WINDOW]
            if int(post["id"]) > since and (until is None or int(post["id"]) < int(until))
        ]
        start = int(asked.get("pagination_token", 0))
        size = int(asked.get("max_results", 10))
        page = found[start : start + size]
        if not page:
            return {"meta": {"result_count": 0}}
        meta: dict[str, Any] = {"result_count": len(page), "newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if start + size < len(found):
            meta["next_token"] = str(start + size)
        return {"data": page, "includes": {"users": [self.users[user_id]]}, "meta": meta}

    def _count(self) -> dict[str, str]:
        """Count one request against the window; the headers that say what is left."""
        with self._lock:
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

    def _due(self, user_id: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.times > 0 and fault.user_id in (None, user_id):
                    fault.times -= 1
                    return fault
        return None
