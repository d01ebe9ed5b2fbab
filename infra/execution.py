"""What every workflow has: what its first function is told of the execution it runs in, and its log."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct


def execution() -> dict[str, object]:
    """Who it runs for, since when, and what was asked."""
    return {
        "name": sfn.JsonPath.string_at("$$.Execution.Name"),
        "started": sfn.JsonPath.string_at("$$.Execution.StartTime"),
        "input": sfn.JsonPath.object_at("$$.Execution.Input"),
    }


def log_of(scope: Construct) -> sfn.LogOptions:
    """Every event of the executions for a month, without what was said in them, which may name who must be forgotten."""
    group = logs.LogGroup(scope, "Log", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
    return sfn.LogOptions(destination=group, level=sfn.LogLevel.ALL, include_execution_data=False)
