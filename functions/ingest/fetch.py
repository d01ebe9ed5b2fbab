"""Ingest: store one account's new pages until none is left, X asks to wait, the cap is reached, or time runs out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from functions import environment
from functions.telemetry import measure, measure_spending, observed
from politico.errors import RateLimitedError, ServiceError, SpendingCapError
from politico.ingest.fetching import Fetch
from politico.lake import places
from politico.tweets.tweet import read_time, write_time
from politico.x.timelines import Timeline

_SPARE_MILLISECONDS = 60_000
"""A page is asked for only with this much left, so that it is stored and noted before the function ends."""


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Event: one `account` of the run's list with its `number`, and in `fetched` the answer before, when there was one.

    Answer: `status` done, more, wait (then `until`), capped, late or failed (then `reason`); `pages` and `posts`, of all calls
    for this account together. It stands in the lake too, for the report.
    """
    environment.require_x_terms()
    account = event["account"]
    work = Fetch(
        lake=environment.lake(),
        ledger=environment.ledger(),
        timeline=Timeline.over(environment.x_connection()),
        monthly_cap=environment.x_monthly_cap(),
        reference=read_time(event["reference"]),
        now=environment.now,
        exclude_retweets=environment.x_exclude_retweets(),
        late=timedelta(hours=environment.x_late_hours()),
    )
    answer = {"user_id": account["user_id"], "screen_name": account["screen_name"]}

    def time_left() -> bool:
        return bool(context.get_remaining_time_in_millis() > _SPARE_MILLISECONDS)

    try:
        done = work.account(event["run"], account["user_id"], time_left)
        answer["status"] = "done" if done else "more"
    except RateLimitedError as error:
        answer |= {"status": "wait", "until": write_time(datetime.fromtimestamp(error.reset, UTC))}
    except SpendingCapError as error:
        answer |= {"status": "capped", "reason": str(error)}
    except ServiceError as error:  # this account's own, or X's for now: the others go on, and the next run asks again
        answer |= {"status": "failed", "reason": str(error)}
    finally:
        measure(posts_fetched=work.posts)
    go_on = answer.get("until", write_time(work.now()))
    if answer["status"] in ("more", "wait") and read_time(go_on) > read_time(event["latest"]):
        answer |= {"status": "late", "reason": "X keeps the run waiting; the next one goes on where this account stands"}
    measure_spending(work.ledger.spent(work.now()), work.monthly_cap)
    before = event.get("fetched", {})
    answer |= {"pages": before.get("pages", 0) + work.pages, "posts": before.get("posts", 0) + work.posts}
    work.lake.write_json(places.fetched(event["run"], event["number"]), answer)
    return answer
