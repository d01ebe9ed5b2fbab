"""EventBridge: rules whose targets are state machines, SageMaker's own events, and schedules, fired on request."""

import json
import time
import uuid
from typing import Any

from moto.events.models import Rule, events_backends
from moto.sagemaker.models import SageMakerModelBackend

from local.account import ACCOUNT, REGION, client
from local.iam.guard import Guard

SERVICE = "events.amazonaws.com"
"""Who starts a rule's targets."""


def install(port: int, guard: Guard) -> None:
    """Let rules start state machines, and let SageMaker say when a model package changes."""
    send = Rule.send_to_targets
    update = SageMakerModelBackend.update_model_package

    def send_to_targets(rule: Rule, original_event: Any, transform_input: bool = True) -> None:
        machines = [target for target in rule.targets if target["Arn"].split(":")[2] == "states"]
        if len(machines) < len(rule.targets):
            send(rule, original_event, transform_input)
        if machines and rule.event_pattern.matches_event(original_event):
            event = {name: value for name, value in original_event.items() if name != "ingestion-time"}  # moto's own
            for machine in machines:
                client("stepfunctions", port, guard.key_of(machine["RoleArn"], SERVICE)).start_execution(
                    stateMachineArn=machine["Arn"], name=str(uuid.uuid4()), input=json.dumps(event)
                )

    def update_model_package(backend: SageMakerModelBackend, *args: Any, **options: Any) -> str:
        arn: str = update(backend, *args, **options)
        package = backend.describe_model_package(arn)
        emit(
            "aws.sagemaker",
            "SageMaker Model Package State Change",
            {
                "ModelPackageGroupName": package.model_package_group_name,
                "ModelPackageVersion": package.model_package_version,
                "ModelPackageArn": package.arn,
                "ModelApprovalStatus": package.model_approval_status,
            },
        )
        return arn

    Rule.send_to_targets = send_to_targets
    SageMakerModelBackend.update_model_package = update_model_package


def emit(source: str, detail_type: str, detail: dict[str, Any]) -> None:
    """An event of AWS itself, which no program may put: straight to the default bus's rules."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [],
        "detail": detail,
    }
    for rule in list(events_backends[ACCOUNT][REGION].describe_event_bus("default").rules.values()):
        rule.send_to_targets(event)
