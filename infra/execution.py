"""What every workflow has: its state machine, and what its first function is told of the execution it runs in."""

from collections.abc import Sequence

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.rights import explain_machine


def execution() -> dict[str, object]:
    """Who it runs for, since when, and what was asked."""
    return {
        "name": sfn.JsonPath.string_at("$$.Execution.Name"),
        "started": sfn.JsonPath.string_at("$$.Execution.StartTime"),
        "input": sfn.JsonPath.object_at("$$.Execution.Input"),
    }


def executions_of(scope: Construct, machine: str) -> str:
    """The address of a machine's executions, for its own functions: their rights come before its name, which CloudFormation makes
    from the construct's path."""
    return Stack.of(scope).format_arn(
        service="states", resource="execution", resource_name=f"*{machine}*", arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def machine_of(
    scope: Construct,
    *,
    comment: str,
    definition: sfn.IChainable,
    timeout: Duration,
    functions: Sequence[lambda_.Function],
    lists: s3.Bucket | None = None,
) -> sfn.StateMachine:
    """A workflow's state machine. `functions` are those that it calls, `lists` is where its distributed maps have their lists.

    Its log has every event for a month, without what was said in them, which may name who must be forgotten.
    """
    log = logs.LogGroup(scope, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
    machine = sfn.StateMachine(
        scope,
        "Workflow",
        comment=comment,
        definition_body=sfn.DefinitionBody.from_chainable(definition),
        timeout=timeout,
        tracing_enabled=True,
        logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ALL, include_execution_data=False),
    )
    explain_machine(machine, functions, lists=lists)
    return machine
