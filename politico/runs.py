"""Names of runs: short, in order of time, the same again when a step is repeated, and fit for every AWS name."""

import hashlib
import re
from datetime import UTC, datetime

_RUN = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")


def run_id(started: datetime, execution: str | None) -> str:
    """`20241130-120000-1a2b3c4d` for a workflow execution; its name, when it has one, tells two of one second apart."""
    return f"{started.astimezone(UTC):%Y%m%d-%H%M%S}-{digest(execution)}"


def digest(execution: str | None) -> str:
    """How the run of this execution ends, for who knows only the execution's name."""
    return hashlib.sha256((execution or "").encode()).hexdigest()[:8]


def run_of(job: str) -> str | None:
    """The run that a job is of, by its name; None for one that is no run's."""
    found = _RUN.match(job)
    return found[0] if found and job[found.end() : found.end() + 1] == "-" else None


def is_run(text: str) -> bool:
    """Whether it is written as a run is named."""
    return _RUN.fullmatch(text) is not None
