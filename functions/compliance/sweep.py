"""Compliance: one part of a sweep: what is buried, out of this part's share of the lake's objects."""

from typing import Any

from functions import environment
from functions.telemetry import measure, observed
from politico.forgetting.sweeping import Sweep
from politico.lake import places


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`, `phase` (one of PHASES), `part` and `of`. What went stands in the lake; the answer only names it."""
    sweep = Sweep(environment.lake(), event["part"], event["of"], environment.now)
    sweep.run(event["phase"])
    measure(tweets_swept=sweep.removed["posts"])
    done = {"phase": event["phase"], "removed": dict(sweep.removed)}
    environment.lake().write_json(places.swept_part(event["run"], event["phase"], event["part"]), done)
    return {"phase": event["phase"], "part": event["part"]}
