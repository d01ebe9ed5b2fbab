"""What runs on a local cloud, waited for and listened to."""

import time
from collections.abc import Callable
from typing import Any

from cli.services import Services

PATIENCE = 150.0
"""Seconds until something that should have happened is taken not to happen."""


def until(there: Callable[[], Any], every: float = 0.05) -> Any:
    """What `there` gives, as soon as that is true; looked at once in so many seconds."""
    deadline = time.monotonic() + PATIENCE
    while not (found := there()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(every)
    return found


def ended(services: Services, arn: str) -> dict[str, Any]:
    """The execution, once it runs no more."""
    steps = services.client("stepfunctions")

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = steps.describe_execution(executionArn=arn)
        return None if found["status"] == "RUNNING" else found

    over: dict[str, Any] = until(look, every=0.15)
    return over


def said(services: Services, job: str) -> list[str]:
    """Every line of the log of a training job, or of those whose names begin so, over all its lives."""
    logs, group = services.client("logs"), "/aws/sagemaker/TrainingJobs"
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    names = [one["logStreamName"] for one in streams]
    pages = [logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"] for name in names]
    return [event["message"] for events in pages for event in events]
