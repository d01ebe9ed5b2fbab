"""One run of a state machine: started, watched while it goes, and its output or its failure's words."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cli.services import Services
from politico.errors import JobError
from politico.runs import run_id

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Execution:
    """A started execution."""

    services: Services
    arn: str

    @classmethod
    def start(cls, services: Services, machine: str, name: str, given: dict[str, Any]) -> "Execution":
        """`machine` is the stack output that holds the state machine's address."""
        answer = services.client("stepfunctions").start_execution(
            stateMachineArn=services.outputs[machine], name=name, input=json.dumps(given)
        )
        return cls(services, answer["executionArn"])

    @property
    def status(self) -> str:
        """As Step Functions names it; empty where it has no such execution."""
        steps = self.services.client("stepfunctions")
        try:
            return str(steps.describe_execution(executionArn=self.arn)["status"])
        except steps.exceptions.ExecutionDoesNotExist:
            return ""

    @property
    def run(self) -> str:
        """What the lake calls the run that this execution makes."""
        found = self.services.client("stepfunctions").describe_execution(executionArn=self.arn)
        return run_id(found["startDate"], found["name"])

    def wait(self, watch: Callable[[], None]) -> Any:
        """The output, once it is there; `watch` is called every moment until then. Raises JobError with the cause."""
        steps = self.services.client("stepfunctions")
        while True:
            found = steps.describe_execution(executionArn=self.arn)
            watch()
            if found["status"] == "SUCCEEDED":
                return json.loads(found["output"])
            if found["status"] != "RUNNING":
                raise JobError(f"the workflow ended as {found['status']}: {_cause(found)}")
            time.sleep(POLL_SECONDS)


def latest(services: Services, machine: str, after: float, within: float = 20.0) -> Execution:
    """The execution that an event started since `after` (epoch seconds). Raises JobError when none comes."""
    steps = services.client("stepfunctions")
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        for one in steps.list_executions(stateMachineArn=services.outputs[machine])["executions"]:
            if one["startDate"].timestamp() >= after - 1:
                return Execution(services, one["executionArn"])
        time.sleep(POLL_SECONDS)
    raise JobError(f"no execution of {machine} was started by the event")


def _cause(found: dict[str, Any]) -> str:
    """The readable part of a cause: a job's reason, a function's message, or the text itself."""
    cause = found.get("cause") or found.get("error") or "no cause given"
    try:
        body = json.loads(cause)
    except ValueError:
        return str(cause)[:600]
    if not isinstance(body, dict):
        return str(cause)[:600]
    said = body.get("FailureReason") or body.get("errorMessage") or body.get("ExitMessage") or cause
    return str(said)[:1000]
