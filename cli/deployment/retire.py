"""`politico retire`: delete what the stack does not own and what bills or stands in the way of its removal."""

import contextlib
from collections.abc import Iterator
from typing import Any

from rich.console import Console

from cli import local_cloud
from cli.services import Services
from politico.errors import InputError
from politico.models.packages import VARIANT


def retire(*, versions: bool, local: bool) -> None:
    """Delete the endpoint and any candidate left beside it; with `versions`, the registered models, too.

    What the versions were made of stays in the lake. Raises InputError when no stack is in reach and, before anything goes,
    when the stack may not go.
    """
    services, console = local_cloud.stack(local=local), Console()
    console.print(f"of the stack {services.stack}:", highlight=False)
    if versions:
        _refuse_if_protected(services)
    sagemaker, name = services.client("sagemaker"), services.outputs["Endpoint"]
    found = [one["EndpointName"] for one in _all(sagemaker, "list_endpoints", "Endpoints", NameContains=name)]
    ours = [one for one in found if one == name or one.startswith(f"{name}-candidate-")]
    if name in ours:
        _stop_scaling(services.client("application-autoscaling"), name)
    for one in ours:
        sagemaker.delete_endpoint(EndpointName=one)
    console.print(f"deleted {', '.join(ours)}" if ours else "there is no endpoint to delete", highlight=False)
    if versions:
        group = services.outputs["ModelGroup"]
        listed = list(_all(sagemaker, "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group))
        for one in listed:
            sagemaker.delete_model_package(ModelPackageName=one["ModelPackageArn"])
        console.print(f"deleted {len(listed)} versions of {group}; their weights stay in the lake", highlight=False)


def _refuse_if_protected(services: Services) -> None:
    """The versions go because the stack is to go: not before that is allowed."""
    (stack,) = services.client("cloudformation").describe_stacks(StackName=services.stack)["Stacks"]
    if stack.get("EnableTerminationProtection"):
        raise InputError(
            f"the stack {services.stack} is protected from being deleted; if it is to go: aws cloudformation "
            f"update-termination-protection --no-enable-termination-protection --stack-name {services.stack}"
        )


def _stop_scaling(scaling: Any, endpoint: str) -> None:
    """Let nothing try to change the size of an endpoint that goes."""
    variant = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    with contextlib.suppress(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**variant)


def _all(sagemaker: Any, operation: str, field: str, **asked: str) -> Iterator[dict[str, Any]]:
    for page in sagemaker.get_paginator(operation).paginate(**asked):
        yield from page[field]
