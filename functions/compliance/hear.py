"""Compliance: look whether X's jobs are done, and bury what they say is gone."""

from collections import Counter
from datetime import timedelta
from typing import Any

from functions import environment
from functions.telemetry import measure, observed
from politico.errors import JobError
from politico.forgetting.asking import TWEETS, gone_by, read_stored, tweets_of
from politico.lake import places
from politico.lake.tombstones import bury
from politico.tweets.tweet import write_time
from politico.x.compliance import Compliance

COMPLETE = "complete"
UNDER_WAY = ("created", "in_progress")
LONGEST_WAIT_SECONDS = 300
TRIES = 60
"""About five hours: what is not done then is asked again by the next run, and the sweep waits no longer."""


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the answer of `ask` or of the call before. Answer: the same with `status` done, or wait (then `until`).

    What finished jobs say is buried in any case. Raises JobError then for a job that failed, expired or did not end in time: the
    next run asks again.
    """
    x, lake = Compliance(environment.x_connection()), environment.lake()
    jobs = [x.look(one["id"]) for one in event["jobs"]]
    if event["tries"] < TRIES and any(job.status in UNDER_WAY for job in jobs):
        seconds = min(LONGEST_WAIT_SECONDS, 2 ** event["tries"])
        until = write_time(environment.now() + timedelta(seconds=seconds))
        return {**event, "status": "wait", "until": until, "tries": event["tries"] + 1}
    tweets: dict[str, str] = {}
    users: dict[str, str] = {}
    for job in (one for one in jobs if one.status == COMPLETE):
        (tweets if job.kind == TWEETS else users).update(gone_by(job, x))
    if users:  # of those who left or hide now, every stored tweet; they themselves may come back
        tweets = {**tweets_of(users, read_stored(lake), users), **tweets}
    if tweets:
        bury(lake, tweets=tweets, now=environment.now())
    measure(tombstones=len(tweets))
    lake.write_json(places.compliance_heard(event["run"]), {"gone": dict(Counter(tweets.values())), "users": len(users)})
    lost = [job for job in jobs if job.status != COMPLETE]
    if lost:
        raise JobError(f"X left compliance job {lost[0].id} as {lost[0].status}; the next run asks again")
    return {**event, "status": "done"}
