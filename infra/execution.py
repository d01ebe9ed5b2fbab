"""What a workflow's first function is told of the execution it runs in."""

from aws_cdk import aws_stepfunctions as sfn


def execution() -> dict[str, object]:
    """Who it runs for, since when, and what was asked."""
    return {
        "name": sfn.JsonPath.string_at("$$.Execution.Name"),
        "started": sfn.JsonPath.string_at("$$.Execution.StartTime"),
        "input": sfn.JsonPath.object_at("$$.Execution.Input"),
    }
