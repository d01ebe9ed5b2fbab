"""Addresses of what CDK does not make itself, for policies: `arn_of(self, "sagemaker", "endpoint", "politico")`."""

from aws_cdk import ArnFormat, Stack
from constructs import Construct

_WITH_COLON = {("cloudwatch", "alarm"), ("logs", "log-group"), ("secretsmanager", "secret")}
"""Written `resource:name`, where others are written `resource/name`."""


def arn_of(scope: Construct, service: str, resource: str, name: str) -> str:
    """In the stack's own partition, region and account."""
    arn_format = ArnFormat.COLON_RESOURCE_NAME if (service, resource) in _WITH_COLON else ArnFormat.SLASH_RESOURCE_NAME
    return Stack.of(scope).format_arn(service=service, resource=resource, resource_name=name, arn_format=arn_format)


def x_secret(scope: Construct, name: str) -> str:
    """The secret that the operator made under this name; Secrets Manager adds six characters to it."""
    return arn_of(scope, "secretsmanager", "secret", f"{name}-??????")


def model_versions(scope: Construct, group: str) -> list[str]:
    """A model package group and its versions."""
    return [
        arn_of(scope, "sagemaker", "model-package-group", group),
        arn_of(scope, "sagemaker", "model-package", f"{group}/*"),
    ]
