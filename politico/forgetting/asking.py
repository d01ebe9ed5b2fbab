"""Which stored posts X has deleted, protected or withheld: batch compliance jobs for all of them, lookups for a few a day."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from politico.errors import AccessError, RateLimitedError, ServiceError, SpendingCapError
from politico.lake import places
from politico.lake.bucket import READERS, Lake
from politico.lake.tombstones import bury
from politico.ledger.table import Ledger
from politico.x.compliance import LOOKED_UP_AT_ONCE, Compliance, Job, Looked, Posts

TWEETS = "tweets"
USERS = "users"
FAILURES_IN_A_ROW = 2

_GONE = ("delete", "suspend", "protect", "withhold", "withheld")
"""What X calls it when a post or a user is to be removed."""
_PLACES = "scrub_geo"
"""Asks for a post's place to go; we keep none. X's guide shows it as the reason of a `delete`."""


@dataclass(frozen=True)
class Stored:
    """Everything that the raw pages hold."""

    authors: Mapping[str, str]
    """Tweet id to its author's id."""

    @property
    def tweets(self) -> list[str]:
        """Ids, oldest first."""
        return sorted(self.authors, key=int)

    @property
    def users(self) -> list[str]:
        return sorted(set(self.authors.values()), key=int)


def read_stored(lake: Lake) -> Stored:
    """The id and the author of every post in the lake, whoever brought it. Reads every raw page."""
    authors: dict[str, str] = {}
    with ThreadPoolExecutor(READERS) as readers:
        for posts in readers.map(lambda key: list(_ids(lake, key)), lake.keys(places.RAW)):
            authors.update(posts)
    return Stored(authors)


def _ids(lake: Lake, key: str) -> Iterator[tuple[str, str]]:
    for page in lake.read_lines(key):
        for post in page.get("data") or ():
            if isinstance(post, Mapping):
                id_str, author_id = str(post.get("id")), str(post.get("author_id"))
                if id_str.isdigit() and author_id.isdigit():
                    yield id_str, author_id


@dataclass(frozen=True)
class Answer:
    """What X says of some ids: asked = gone + the others."""

    asked: int = 0
    gone: Mapping[str, str] = field(default_factory=dict)
    """Id to X's reason."""
    failure: str = ""
    """Why it ended before its time; empty when it did not, or only because of the cap or of X's rate."""

    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(self.gone.values()).items()))


def start_jobs(stored: Stored, x: Compliance, run: str) -> tuple[list[Job], str]:
    """Ask X about every stored post and every author: the jobs that were begun, and why not both were.

    No jobs and no reason where the plan in use has no compliance jobs.
    """
    jobs: list[Job] = []
    failures = []
    for kind, ids in ((TWEETS, stored.tweets), (USERS, stored.users)):
        if not ids:
            continue
        try:
            job = x.create(kind, f"{run}-{kind}")
            x.upload(job, ids)
            jobs.append(job)
        except AccessError:
            break
        except ServiceError as error:  # one of the kind may still be under way; the other has nothing to do with it
            failures.append(str(error))
    return jobs, "; ".join(failures)


def gone_by(job: Job, x: Compliance) -> dict[str, str]:
    """Ids that a finished job says must go, with X's reason."""
    return {
        str(line["id"]): str(line.get("reason") or line.get("action"))
        for line in x.results(job)
        if str(line.get("action", "delete")) in _GONE and line.get("reason") != _PLACES
    }


def look_up_some(stored: Stored, x: Posts, lake: Lake, ledger: Ledger, *, posts: int, cap: int, now: datetime) -> Answer:
    """The next so many stored posts in turn, a hundred a call, each call reserved against the month's cap first; those that are
    gone are buried.

    The turn goes on where it stood the day before and begins again after the newest. It ends early, without a word, when the
    cap is reached or X asks to wait: tomorrow is another day. A hundred that X fails to answer is passed over and told; two in
    a row end it too.
    """
    turn = lake.read_if_any(places.COMPLIANCE_TURN)
    waiting = _turn(stored.tweets, json.loads(turn[0])["after"] if turn else None, posts)
    asked, gone, failure, failed = 0, {}, "", 0
    for start in range(0, len(waiting), LOOKED_UP_AT_ONCE):
        some = waiting[start : start + LOOKED_UP_AT_ONCE]
        received = 0
        try:
            ledger.reserve(len(some), cap, now)
            try:
                looked = x.look_up(some)
                # X sells what it gives: the withheld too.
                received = len(looked.found) + sum(reason == "withheld" for reason in looked.gone.values())
            finally:
                ledger.give_back(len(some) - received, now)
        except (RateLimitedError, SpendingCapError, AccessError):
            break
        except ServiceError as error:
            failure, failed = str(error), failed + 1
            if failed == FAILURES_IN_A_ROW:
                break
            looked = Looked([], {})  # the turn goes past: it may be these that X can't answer, and would not tomorrow either
        else:
            asked, failed = asked + len(some), 0
        gone.update(looked.gone)
        if looked.gone:  # before the turn moves on: whatever fails afterwards, these are not asked about again
            bury(lake, tweets=looked.gone, now=now)
        lake.write_json(places.COMPLIANCE_TURN, {"after": str(int(some[-1]) + 1)})  # no post's own id, which might have to go
    return Answer(asked, gone, failure)


def _turn(ids: Sequence[str], after: str | None, count: int) -> list[str]:
    """So many ids from `after` on, from the oldest again behind the newest, none twice."""
    begin = next((index for index, one in enumerate(ids) if after is None or int(one) >= int(after)), 0)
    return [*ids[begin:], *ids[:begin]][:count]


def tweets_of(users: Iterable[str], stored: Stored, reasons: Mapping[str, str]) -> dict[str, str]:
    """The stored tweets of users who are gone, each with its author's reason."""
    wanted = set(users)
    return {id_str: reasons[author] for id_str, author in stored.authors.items() if author in wanted}
