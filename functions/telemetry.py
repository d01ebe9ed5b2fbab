"""What a function says of itself: structured logs, metrics and traces, through Powertools. Never an event, a text or a token.

Nothing is set up before a handler runs for the first time.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any, TextIO

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from functions import environment
from politico.errors import PoliticoError

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

NAMESPACE = "politico"

CAP_SPENT = "CapSpent"
"""Share of the month's posts that are spent, in percent."""
ACCOUNTS_FAILED = "AccountsFailed"
PARTS_FAILED = "PartsFailed"
DAYS_FAILED = "DaysFailed"
UNITS: Mapping[str, MetricUnit] = {
    "PostsFetched": MetricUnit.Count,
    CAP_SPENT: MetricUnit.Percent,
    ACCOUNTS_FAILED: MetricUnit.Count,
    "PostsRead": MetricUnit.Count,
    "PostsKept": MetricUnit.Count,
    "PostsFiltered": MetricUnit.Count,
    "PostsRejected": MetricUnit.Count,
    "RowsWritten": MetricUnit.Count,
    PARTS_FAILED: MetricUnit.Count,
    DAYS_FAILED: MetricUnit.Count,
    "Tombstones": MetricUnit.Count,
    "TweetsSwept": MetricUnit.Count,
}
"""Every metric of ours. How often and how long functions run, and fail, Lambda measures itself."""

_KEYS = ("run", "part", "phase", "name")
"""What an event may say of the work it belongs to; nothing else of it is ever logged."""
_FRAMES = 8


def observed(handler: Handler) -> Handler:
    """A handler that logs its begin and end, or its failure once, under the keys of its work, and sends its metrics."""
    function = handler.__module__.rpartition(".")[2]

    @wraps(handler)
    def run(event: dict[str, Any], context: Any) -> dict[str, Any]:
        mine = _telemetry()
        request = getattr(context, "aws_request_id", None)
        keys = {"function": function, "request": request, "cold_start": mine.is_cold(), **_work(event)}
        began = time.perf_counter()
        with mine.logger.append_context_keys(**{name: value for name, value in keys.items() if value is not None}):
            try:
                answer = mine.traced(handler)(event, context)
            except Exception as error:
                mine.logger.error("failed", extra={**_failure(error), "duration_ms": _milliseconds(began)})
                raise
            else:
                mine.logger.info("done", extra={"duration_ms": _milliseconds(began)})
                return answer
            finally:
                mine.send_metrics()

    return run


def measure(**counts: float) -> None:
    """Add to what the function's run is measured by, by names such as `posts_read` for PostsRead."""
    for name, value in counts.items():
        metric = "".join(word.capitalize() for word in name.split("_"))
        assert metric in UNITS, f"no metric {metric}; there are {', '.join(UNITS)}"
        _telemetry().metrics.add_metric(name=metric, unit=UNITS[metric], value=value)


def measure_spending(spent: int, cap: int) -> None:
    """How much of the month's posts is spent. A cap of none is spent whole."""
    measure(cap_spent=100 * spent / cap if cap else 100)


def warn(message: str, **facts: str | int) -> None:
    """Log what an operator should see; facts are ids, names and reasons, never a text."""
    _telemetry().logger.warning(message, extra=facts)


class _Telemetry:
    """Powertools' three, as we want them."""

    def __init__(self) -> None:
        self.logger = Logger(
            service=environment.service(), logger_handler=_StandardOutput(), utc=True, use_rfc3339=True, location=None
        )
        self.metrics = Metrics(service=environment.service(), namespace=NAMESPACE)
        # Only on AWS: elsewhere nobody listens, and the X-Ray SDK takes longer to import than all the rest of a function.
        self._tracer = _tracer() if environment.is_on_aws() else None
        self._cold = True

    def is_cold(self) -> bool:
        """Is this the process's first run?"""
        cold, self._cold = self._cold, False
        return cold

    def traced(self, handler: Handler) -> Handler:
        """Neither answers nor exceptions become part of a trace."""
        if self._tracer is None:
            return handler
        traced: Handler = self._tracer.capture_lambda_handler(handler, capture_response=False, capture_error=False)
        return traced

    def send_metrics(self) -> None:
        """To the log, in the embedded metric format, where CloudWatch finds them."""
        if self.metrics.metric_set:  # Powertools warns of an empty one
            self.metrics.flush_metrics()


def _tracer() -> Tracer:
    """Of all that functions call, boto3 alone is traced, for the addresses of X's answers name tweets; and of S3 no object's
    key, for the key of a page holds ids."""
    tracer = Tracer(service=environment.service(), patch_modules=["boto3"])
    from aws_xray_sdk.ext import boto_utils

    boto_utils.whitelist["services"].pop("s3", None)
    return tracer


@cache
def _telemetry() -> _Telemetry:
    return _Telemetry()


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Standard output as it is when a line is written; it may have been another when the logger was made."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stdout

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        raise AttributeError("the log goes to standard output")


def _work(event: Any) -> dict[str, Any]:
    """The run, part, account or first day that an event is about."""
    if not isinstance(event, Mapping):
        return {}
    found = {name: event[name] for name in _KEYS if isinstance(event.get(name), str | int)}
    account, days = event.get("account"), event.get("days")
    if isinstance(account, Mapping) and "user_id" in account:
        found["user_id"] = account["user_id"]
    if isinstance(days, list) and days:
        found["first_day"] = days[0]
    return {"execution" if name == "name" else name: value for name, value in found.items()}


def _failure(error: Exception) -> dict[str, Any]:
    """What an error is and where it came from. In words only where they are ours: others quote what they were given."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    if isinstance(error, PoliticoError):
        return {"error": type(error).__name__, "reason": str(error), "where": where}
    if isinstance(error, ClientError):
        return {"error": error.response.get("Error", {}).get("Code", ""), "reason": error.operation_name, "where": where}
    return {"error": type(error).__name__, "where": where}


def _milliseconds(began: float) -> int:
    return round(1000 * (time.perf_counter() - began))
