"""A state machine that starts at set times."""

from aws_cdk import CfnCondition, Fn
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.rights import allow


class Schedule(Construct):
    """Starts `machine` with an empty input; under `enabled`, only where that condition holds."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        machine: sfn.StateMachine,
        expression: str,
        time_zone: str,
        undelivered: sqs.Queue,
        enabled: CfnCondition | None = None,
    ) -> None:
        super().__init__(scope, name)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        machine.grant_start_execution(role)
        allow(role, ["sqs:SendMessage"], [undelivered.queue_arn])
        scheduler.CfnSchedule(
            self,
            "Schedule",
            schedule_expression=expression,
            schedule_expression_timezone=time_zone,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state=Fn.condition_if(enabled.logical_id, "ENABLED", "DISABLED").to_string() if enabled else "ENABLED",
            target=scheduler.CfnSchedule.TargetProperty(
                arn=machine.state_machine_arn,
                role_arn=role.role_arn,
                input="{}",
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
            ),
        )
