"""`politico retire`: delete what the stack does not own and what bills or stands in the way of its removal."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from cli import local_cloud


def retire(*, versions: bool, local: bool) -> None:
    """Delete the endpoint and any candidate left beside it; with `versions`, the registered models, too.

    What the versions were made of stays in the lake. Raises InputError when no stack is in reach.
    """
    services, console = local_cloud.stack(local=local), Console()
    sagemaker, name = services.client("sagemaker"), services.outputs["Endpoint"]
    found = [one["EndpointName"] for one in _all(sagemaker, "list_endpoints", "Endpoints", NameContains=name)]
    ours = [one for one in found if one == name or one.startswith(f"{name}-candidate-")]
    for one in ours:
        sagemaker.delete_endpoint(EndpointName=one)
    console.print(f"deleted {', '.join(ours)}" if ours else "there is no endpoint to delete", highlight=False)
    if versions:
        group = services.outputs["ModelGroup"]
        listed = list(_all(sagemaker, "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=group))
        for one in listed:
            sagemaker.delete_model_package(ModelPackageName=one["ModelPackageArn"])
        console.print(f"deleted {len(listed)} versions of {group}; their weights stay in the lake", highlight=False)


def _all(sagemaker: Any, operation: str, field: str, **asked: str) -> Iterator[dict[str, Any]]:
    for page in sagemaker.get_paginator(operation).paginate(**asked):
        yield from page[field]
