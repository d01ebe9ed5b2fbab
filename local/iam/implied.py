"""Rights that AWS's services use in a role's name without a call that could be seen here: the table that is checked instead.

Logs and image pulls are asked for where a job, a function or an endpoint starts; what a state machine needs for itself (Step
Functions developer guide, "IAM policies for integrated services", "Logging", "X-Ray", "Distributed Map") once it is made.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.settings import ECR_IMAGE
from local.iam.calls import arn
from local.iam.policies import Need

_JOB_RULES = {"createTrainingJob": "Training", "createProcessingJob": "Processing"}
_RULE = "rule/StepFunctionsGetEventsForSageMaker{}JobsRule"


def to_log(group: str, stream: str) -> list[Need]:
    """To open a stream of CloudWatch Logs, the group, too, where it is new, and to write to it."""
    opened = arn("logs", f"log-group:{group}")
    return [
        Need("logs:CreateLogGroup", opened),
        Need("logs:CreateLogStream", f"{opened}:log-stream:{stream}"),
        Need("logs:PutLogEvents", f"{opened}:log-stream:{stream}"),
    ]


def to_pull(image: str) -> list[Need]:
    """To pull an image from a private registry; none for an image of somewhere else."""
    named = ECR_IMAGE.fullmatch(image)
    if named is None:
        return []
    where = f"arn:aws:ecr:{named['region']}:{named['account']}:repository/{named['repository']}"
    actions = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
    return [Need("ecr:GetAuthorizationToken", "*"), *(Need(action, where) for action in actions)]


def to_trace() -> list[Need]:
    return [Need("xray:PutTraceSegments", "*"), Need("xray:PutTelemetryRecords", "*")]


def of_function(function: Mapping[str, Any], group: str) -> list[Need]:
    """What Lambda does in a function's name. `function` are its properties in the template, `group` is where it logs."""
    opened = arn("logs", f"log-group:{group}:log-stream:x")
    traced = function.get("TracingConfig", {}).get("Mode") == "Active"
    return [Need("logs:CreateLogStream", opened), Need("logs:PutLogEvents", opened), *(to_trace() if traced else ())]


def of_machine(machine: Mapping[str, Any], machine_arn: str, definition: str) -> list[Need]:
    """What Step Functions does in a machine's name. `machine` are its properties in the template."""
    needs = to_trace() if machine.get("TracingConfiguration", {}).get("Enabled") else []
    if machine.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF":
        needs += [Need(f"logs:{action}", "*") for action in _LOG_DELIVERY]
    for state in _states(json.loads(definition)):
        resource = str(state.get("Resource", ""))
        action = resource.partition(":sagemaker:")[2].removesuffix(".sync")
        if resource.endswith(".sync") and action in _JOB_RULES:
            rule, job = arn("events", _RULE.format(_JOB_RULES[action])), _JOB_RULES[action].lower()
            needs += [Need(f"events:{one}", rule) for one in ("PutTargets", "PutRule", "DescribeRule")]
            needs.append(Need(f"sagemaker:Stop{job.capitalize()}Job", arn("sagemaker", f"{job}-job/x")))
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            name = machine_arn.rpartition(":")[2]
            needs.append(Need("states:StartExecution", machine_arn))
            needs += [
                Need(f"states:{one}", arn("states", f"execution:{name}:x")) for one in ("DescribeExecution", "StopExecution")
            ]
            needs.append(Need("states:RedriveExecution", arn("states", f"execution:{name}/Map:x")))
    return needs


_LOG_DELIVERY = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)


def _states(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every state of a definition, however deep."""
    if isinstance(value, dict):
        if "Type" in value:
            yield value
        for one in value.values():
            yield from _states(one)
    elif isinstance(value, list):
        for one in value:
            yield from _states(one)
