"""X's batch compliance jobs in the stand-in: ids are put in one place, and after a while what became of them lies in another."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from local.x.content import Content
from politico.tweets.tweet import write_time

NAME_CHARACTERS = 64
_ACTIONS = {"deleted": "delete", "protected": "protect", "suspended": "suspend"}


@dataclass
class StoodInJob:
    """One job, and the ids it was given."""

    id: str
    kind: str
    name: str
    address: str
    """Where the stand-in is reached."""
    created: datetime
    ids: list[str] = field(default_factory=list)
    uploaded: float | None = None

    def shown(self, status: str) -> dict[str, str]:
        place = f"{self.address}local/x/compliance/{self.id}"
        return {
            "id": self.id,
            "type": self.kind,
            "name": self.name,
            "status": status,
            "created_at": write_time(self.created),
            "upload_url": f"{place}/upload?signature=local",
            "upload_expires_at": write_time(self.created + timedelta(minutes=15)),
            "download_url": f"{place}/results?signature=local",
            "download_expires_at": write_time(self.created + timedelta(days=7)),
        }


@dataclass
class Jobs:
    """All jobs since the start."""

    content: Callable[[], Content]
    seconds: float = 0.0
    """How long a job stays in progress."""
    outcome: str = "complete"
    """How jobs end: complete, failed or expired."""
    made: dict[str, StoodInJob] = field(default_factory=dict)

    async def create(self, request: Request) -> Response:
        asked = await request.json()
        kind, name = asked.get("type"), str(asked.get("name", ""))
        if kind not in ("tweets", "users") or len(name) > NAME_CHARACTERS:
            return JSONResponse({"title": "Invalid Request", "detail": "type or name is not valid", "status": 400}, 400)
        job = StoodInJob(str(1_000 + len(self.made)), kind, name, str(request.base_url), datetime.now(UTC))
        self.made[job.id] = job
        return JSONResponse({"data": job.shown(self._status(job))})

    async def look(self, request: Request) -> Response:
        job = self.made.get(request.path_params["job_id"])
        if job is None:
            return JSONResponse({"title": "Not Found", "detail": "no such job", "status": 404}, 404)
        return JSONResponse({"data": job.shown(self._status(job))})

    async def list_jobs(self, request: Request) -> Response:
        kind, status = request.query_params.get("type"), request.query_params.get("status")
        shown = [job.shown(self._status(job)) for job in self.made.values() if job.kind == kind]
        found = [one for one in shown if status in (None, one["status"])]
        return JSONResponse({**({"data": found} if found else {}), "meta": {"result_count": len(found)}})

    async def upload(self, request: Request) -> Response:
        """Not X's: another company's storage, which refuses whoever brings X's token or another type than was signed."""
        job = self.made[request.path_params["job_id"]]
        if "authorization" in request.headers or request.headers.get("content-type") != "text/plain":
            return PlainTextResponse("SignatureDoesNotMatch", 403)
        job.ids = (await request.body()).decode().split()
        job.uploaded = time.monotonic()
        return PlainTextResponse("")

    async def results(self, request: Request) -> Response:
        job = self.made[request.path_params["job_id"]]
        if "authorization" in request.headers:
            return PlainTextResponse("SignatureDoesNotMatch", 403)
        if self._status(job) != "complete":
            return PlainTextResponse("NoSuchKey", 404)
        return PlainTextResponse("".join(f"{json.dumps(line)}\n" for line in self._lines(job)))

    def _status(self, job: StoodInJob) -> str:
        if job.uploaded is None:
            return "created"
        return "in_progress" if time.monotonic() < job.uploaded + self.seconds else self.outcome

    def _lines(self, job: StoodInJob) -> Iterator[dict[str, Any]]:
        content = self.content()
        posts = content.posts_by_id() if job.kind == "tweets" else {}
        for one in job.ids:
            reason = content.fates.get(one)
            action, subject, changed = _ACTIONS.get(reason or ""), content.users.get(one, {}), content.changed.get(one)
            if job.kind == "tweets":
                subject = content.deleted.get(one) or posts.get(one) or {}
                author = str(subject.get("author_id"))
                reason = "deleted" if one in content.deleted else content.fates.get(author)
                action, changed = "delete" if reason else None, changed or content.changed.get(author)
            if action:
                created = subject.get("created_at", write_time(datetime.fromtimestamp(0, UTC)))
                yield {"id": one, "action": action, "created_at": created, "redacted_at": changed, "reason": reason}
