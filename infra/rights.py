"""What a role may do, as narrow as its use. Where a wildcard stays, its reason stands beside it, for cdk-nag and auditors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

PACK = "AwsSolutions"
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
"""What it takes to pull an image from a repository."""
TRACES = "X-Ray's calls have no resource to name"


def allow(
    grantee: iam.IGrantable,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    why: str = "",
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Let a role do this. `why` says what keeps a resource from being named in full, where one has a wildcard."""
    principal = cast(iam.Role, grantee.grant_principal)  # functions and state machines have theirs
    principal.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=dict(conditions) if conditions else None)
    )
    wide = [shown for one in resources if "*" in (shown := _shown(Stack.of(principal).resolve(one)))]
    if wide:
        assert why, f"{wide} need a reason"
        explain_wildcards(principal, [f"Resource::{one}" for one in wide], why)


def explain_wildcards(scope: IConstruct, wildcards: Sequence[str], why: str) -> None:
    """Say why a policy under `scope` has these: `Resource::…` or `Action::…`, as cdk-nag writes them."""
    explain(scope, {f"IAM5[{one}]": why for one in wildcards})


def explain(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Say why cdk-nag's rules, such as `L1`, do not hold under `scope`."""
    Validations.of(scope).acknowledge(
        *(Acknowledgment(id=f"{PACK}::{PACK}-{rule}", reason=reason) for rule, reason in reasons.items())
    )


def explain_function(function: lambda_.Function) -> None:
    """What CDK and its layers bring along with every function."""
    explain(function, {"L1": "Python 3.12: AWS's layer with pandas and the training image have no newer one in common"})


def explain_machine(machine: sfn.StateMachine, functions: Sequence[lambda_.Function], *, lists: s3.Bucket | None = None) -> None:
    """What CDK lets a state machine do: trace, log, call all versions of its functions, and where it has distributed maps over
    `lists`, read those and run the maps."""
    stack = Stack.of(machine)
    explain_wildcards(machine, ["Resource::*"], f"{TRACES}, nor do those that deliver a state machine's log")
    versions = [f"Resource::{_shown(stack.resolve(one.function_arn))}:*" for one in functions]
    explain_wildcards(machine, versions, "CDK's task may call any version of the function; each is this stack's own code")
    if lists is not None:
        objects = f"arn:<AWS::Partition>:s3:::{_shown(stack.resolve(lists.bucket_name))}/*"
        explain_wildcards(machine, [f"Resource::{objects}"], "each run's lists lie under its own name")
        name = {"Fn::Select": [6, {"Fn::Split": [":", stack.resolve(machine.state_machine_arn)]}]}
        runs = f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{json.dumps(name, separators=(',', ':'))}"
        explain_wildcards(
            machine, [f"Resource::{runs}:*", f"Resource::{runs}/*:*"], "a map's runs and children have names of their own"
        )


def _shown(value: Any) -> str:
    """A resolved ARN as cdk-nag writes it: references in angle brackets."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator.join(map(_shown, parts)))
    if "Fn::GetAtt" in value:
        return f"<{'.'.join(value['Fn::GetAtt'])}>"
    if "Ref" in value:
        return f"<{value['Ref']}>"
    return json.dumps(value, separators=(",", ":"))
