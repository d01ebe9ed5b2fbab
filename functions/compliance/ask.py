"""Compliance, first step: ask X which of the stored posts are gone; those it names at once are buried at once."""

import re
from typing import Any

from functions import environment
from functions.telemetry import measure, measure_spending, observed, warn
from politico.forgetting.asking import look_up_some, read_stored, start_jobs
from politico.lake import places
from politico.runs import run_id
from politico.tweets.tweet import read_time
from politico.x.compliance import Compliance, Posts

_ID = re.compile(r"\d{5,}")


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: the execution's `name`, its `started` time and its `input`, which may say `{"ask": false}`: sweep only.

    Answer: `run`, `started`, the `jobs` that X works on and how often they were looked at; `failure` says what could not be
    asked, which is no reason not to hear the rest.
    """
    run = run_id(read_time(event["started"]), event["name"])
    answer = {"run": run, "started": event["started"], "jobs": [], "tries": 0}
    lake = environment.lake()
    if not event["input"].get("ask", True) or not environment.x_terms_acknowledged():
        lake.write_json(places.compliance_asked(run), {"asked": False})
        return answer
    stored = read_stored(lake)
    connection = environment.x_connection()
    jobs, unasked = start_jobs(stored, Compliance(connection), run)
    looked_up = look_up_some(
        stored,
        Posts(connection),
        lake,
        environment.ledger(),
        posts=environment.x_lookups_a_day(),
        cap=environment.x_monthly_cap(),
        now=environment.now(),
    )
    measure(tombstones=len(looked_up.gone))
    measure_spending(environment.ledger().spent(environment.now()), environment.x_monthly_cap())
    # Without ids, which X repeats: what is written here is never swept.
    failure = _ID.sub("…", "; ".join(one for one in (unasked, looked_up.failure) if one))
    told = {"stored_tweets": len(stored.authors), "stored_users": len(stored.users), "jobs": len(jobs), "failure": failure}
    told |= {"looked_up": looked_up.asked, "looked_up_gone": looked_up.reasons()}
    lake.write_json(places.compliance_asked(run), {"asked": True, **told})
    answer |= {"jobs": [{"id": job.id, "kind": job.kind} for job in jobs]}
    if failure:
        warn("X was not asked about everything", reason=failure)
        answer |= {"failure": failure}
    return answer
