"""What X says of posts that were read before: batch compliance jobs for any number of ids, lookups for a hundred."""

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import requests

from politico.errors import LimitError, ServiceError
from politico.x.connection import Connection, TransientError
from politico.x.refusals import Question, errors, titles
from politico.x.timelines import POST_FIELDS

LOOKED_UP_AT_ONCE = 100
"""Ids a call, the most that X takes."""

_NAME_CHARACTERS = 64
_BLOCK_BYTES = 1 << 16
_FEATURE = "batch compliance jobs"


@dataclass(frozen=True)
class Job:
    """One batch compliance job."""

    id: str
    kind: str
    """`tweets` or `users`."""
    status: str
    """`created` until the ids are uploaded, `in_progress`, then `complete`; or `failed` or `expired`."""
    upload_url: str = field(repr=False)
    """Signed: who has it needs no token. Good for a quarter of an hour."""
    download_url: str = field(repr=False)
    """Signed, good for a week."""


class Compliance:
    """Batch compliance jobs: X takes one of each kind at a time, and sells them with some plans only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._storage = _Storage(connection)

    def create(self, kind: str, name: str) -> Job:
        """A job that waits for its ids. Raises AccessError where the plan in use has no such jobs."""
        question = Question(f"a new compliance job for {kind}", _FEATURE)
        return _job(
            self._connection.ask(
                question,
                lambda client: client.create_compliance_job(kind, name=name[:_NAME_CHARACTERS]),
                repeatable=False,  # a job whose answer was lost stands in the way of the next
            ),
            question,
        )

    def upload(self, job: Job, ids: Iterable[str]) -> int:
        """Give a job its ids, and let X begin; how many there were. They go through a file: memory holds one at a time."""
        count = 0
        with tempfile.TemporaryFile() as file:
            for one in ids:
                file.write(f"{one}\n".encode())
                count += 1
            if not count:
                raise LimitError(f"compliance job {job.id} was given no ids; it takes at least one")
            self._storage.put(job.upload_url, file, f"the upload to compliance job {job.id}")
        return count

    def look(self, job_id: str) -> Job:
        """The job as it stands now."""
        question = Question(f"compliance job {job_id}", _FEATURE)
        return _job(self._connection.ask(question, lambda client: client.get_compliance_job(job_id)), question)

    def results(self, job: Job) -> Iterator[Mapping[str, Any]]:
        """What is to be done, as X says it: objects with `id`, `action`, `reason`, `created_at` and `redacted_at`.

        Ids without a result are as they were. The whole is fetched before the first is given: all of it, or ServiceError.
        """
        about = f"the results of compliance job {job.id}"
        with tempfile.TemporaryFile() as file:
            self._storage.get(job.download_url, file, about)
            for line in file:
                if line.strip():
                    yield _result(line, about)


@dataclass(frozen=True)
class Looked:
    """What a lookup of posts gave. Of an id that is in neither X could not tell just now."""

    found: list[Mapping[str, Any]]
    """The posts as X shows them now."""
    gone: dict[str, str]
    """Id to reason: `deleted`, `protected`, `suspended` or `withheld`."""


class Posts:
    """Looks posts up. X sells each post that it gives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def look_up(self, ids: Sequence[str]) -> Looked:
        """Which of up to 100 posts X still shows to everybody everywhere.

        Only what X says is gone is gone, and what it passes over in an answer that holds anything at all: who trusts this
        deletes what it names.
        """
        if not 0 < len(ids) <= LOOKED_UP_AT_ONCE:
            raise LimitError(f"{len(ids)} ids to look up; X takes 1 to {LOOKED_UP_AT_ONCE} a call")
        question = Question(f"{len(ids)} posts", "the lookup of posts")
        body = self._connection.ask(question, lambda client: client.get_tweets(list(ids), tweet_fields=f"{POST_FIELDS},withheld"))
        posts = body.get("data") or []
        if not (posts or errors(body)) or not all(isinstance(one, Mapping) and "id" in one for one in posts):
            raise ServiceError(f"X did not answer for {question.about}: neither posts nor errors")
        shown = {str(post["id"]): post for post in posts}
        said = {str(one.get("value", one.get("resource_id"))): one for one in errors(body)}
        found, gone = [], {}
        for one in ids:
            if one in shown and not shown[one].get("withheld"):
                found.append(shown[one])
            elif reason := "withheld" if one in shown else _reason(said.get(one)):
                gone[one] = reason
        return Looked(found, gone)


def _reason(error: Mapping[str, Any] | None) -> str | None:
    """Why X does not show a post; None when it may show it again in a moment."""
    if error is None:
        return "deleted"
    kind, said = str(error.get("type")).rpartition("/")[2], f"{error.get('title')} {error.get('detail')}".lower()
    if "suspended" in said:
        return "suspended"
    if kind == "not-authorized-for-resource" or "authoriz" in said:
        return "protected"
    return "deleted" if kind == "resource-not-found" or "not found" in said else None


def _job(body: Mapping[str, Any], question: Question) -> Job:
    data = body.get("data")
    names = ("id", "type", "status", "upload_url", "download_url")
    if not isinstance(data, Mapping) or not all(isinstance(data.get(name), str) for name in names):
        raise ServiceError(f"X did not answer for {question.about}: {titles(body)}")
    return Job(*(data[name] for name in names))


def _result(line: bytes, about: str) -> Mapping[str, Any]:
    try:
        result = json.loads(line)
    except ValueError as error:
        raise ServiceError(f"{about} can't be read: a line is no JSON") from error
    if not isinstance(result, Mapping) or not re.fullmatch(r"\d+", str(result.get("id"))):
        raise ServiceError(f"{about} can't be read: a line is no object with an id")
    return result


class _Storage:
    """Where X's jobs take and leave their files: another company's host, which gets neither the token nor our session.

    Its addresses are signed and open the file to whoever reads them: no error repeats them.
    """

    def __init__(self, connection: Connection) -> None:
        self._patience = connection.patience

    def put(self, url: str, file: IO[bytes], about: str) -> None:
        def send(session: requests.Session) -> None:
            file.seek(0)
            # text/plain: the signature covers it.
            answer = session.put(url, data=file, headers={"Content-Type": "text/plain"}, timeout=self._patience.timeout)
            _require_success(answer, about)

        self._try(send, about)

    def get(self, url: str, file: IO[bytes], about: str) -> None:
        """Write what lies there into the file, and stand at its beginning."""

        def receive(session: requests.Session) -> None:
            file.seek(0)
            file.truncate()
            with session.get(url, stream=True, timeout=self._patience.timeout) as answer:
                _require_success(answer, about)
                for block in answer.iter_content(_BLOCK_BYTES):
                    file.write(block)
            file.seek(0)

        self._try(receive, about)

    def _try(self, work: Callable[[requests.Session], None], about: str) -> None:
        def attempt() -> None:
            with requests.Session() as session:
                try:
                    work(session)
                except requests.RequestException as error:
                    raise TransientError(f"X's storage did not answer for {about}: {type(error).__name__}") from None

        self._patience.keep_trying(attempt)


def _require_success(answer: requests.Response, about: str) -> None:
    if answer.status_code >= 500:
        raise TransientError(f"X's storage did not answer for {about}: {answer.status_code} {answer.reason}")
    if answer.status_code >= 300:
        raise ServiceError(f"X's storage refused {about}: {answer.status_code} {answer.reason}")
