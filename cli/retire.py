"""`politico retire`: delete the endpoints of the deploy workflow; they bill by the hour, and the stack does not own them."""

from rich.console import Console

from cli import local_cloud


def retire(*, local: bool) -> None:
    """Delete the endpoint and any candidate left beside it. Raises InputError when no stack is in reach."""
    services = local_cloud.stack(local=local)
    sagemaker, name = services.client("sagemaker"), services.outputs["Endpoint"]
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=name)
    found = [one["EndpointName"] for page in pages for one in page["Endpoints"]]
    ours = [one for one in found if one == name or one.startswith(f"{name}-candidate-")]
    for one in ours:
        sagemaker.delete_endpoint(EndpointName=one)
    Console().print(f"deleted {', '.join(ours)}" if ours else "there is no endpoint to delete", highlight=False)
