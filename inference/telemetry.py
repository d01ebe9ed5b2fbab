"""What the endpoint counts, as lines that CloudWatch makes metrics of (its embedded metric format). Never a text."""

import contextlib
import json
import sys
import time
from typing import Any

NAMESPACE = "politico"
UNITS = {
    "EndpointSeconds": "Seconds",
    "EndpointTweets": "Count",
    "EndpointTokens": "Count",
    "EndpointTokensPerSecond": "Count/Second",
    "EndpointCallers": "Count",
    "EndpointRows": "Count",
    "EndpointTurnedAway": "Count",
}
"""Of one request: from its arrival to its answer; what was written, and how fast; requests and rows under way as it ended; and
whether it was turned away."""


def count(**values: float) -> None:
    """Say these metrics of one request."""
    assert values.keys() <= UNITS.keys(), "every metric has its unit"
    named = [{"Name": name, "Unit": UNITS[name]} for name in values]
    about: dict[str, Any] = {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": named}],
    }
    rounded = {name: round(value, 3) for name, value in values.items()}
    with contextlib.suppress(OSError, ValueError):  # nobody listens; the tweet is written all the same
        sys.stdout.write(json.dumps({"_aws": about, "service": "endpoint", **rounded}) + "\n")  # in one piece: threads share it
        sys.stdout.flush()
