"""Ingest: store one account's new pages until none is left, X asks to wait, the cap is reached, or time runs out."""

import os
from datetime import UTC, datetime
from typing import Any

from functions import environment
from politico.errors import RateLimitedError, SpendingCapError
from politico.fetching import Fetch
from politico.tweet import read_time, write_time
from politico.x import Timeline

_SPARE_MILLISECONDS = 60_000
"""A page is begun only with this much left, so that no page is cut off between storing and noting it."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Event: `run`, `reference` and `account`, and in `fetched` the answer before, when there was one.

    Answer: `status` done, more, wait (then `until`) or capped; `pages` and `posts`, of all calls for this account together.
    """
    environment.require_x_terms()
    account = event["account"]
    work = Fetch(
        lake=environment.lake(),
        ledger=environment.ledger(),
        timeline=Timeline(environment.x_bearer_token(), os.environ.get(environment.X_ADDRESS)),
        monthly_cap=int(os.environ[environment.X_MONTHLY_CAP]),
        reference=read_time(event["reference"]),
        now=environment.now,
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
    before = event.get("fetched", {})
    return answer | {"pages": before.get("pages", 0) + work.pages, "posts": before.get("posts", 0) + work.posts}
