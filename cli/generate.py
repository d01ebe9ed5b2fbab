"""`politico generate`: ask an endpoint for tweets through boto3, local or AWS alike."""

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError
from rich.console import Console

from cli import local_cloud
from cli.aws_errors import is_about_credentials, readable
from infra.settings import Settings
from politico.errors import InputError, ServiceError, UnknownValueError

Answer = list[dict[str, Any]]


def ask(endpoint: str | None, inputs: dict[str, Any], parameters: dict[str, Any], *, local: bool) -> None:
    """Print the tweets. Without a name the endpoint is the local stack's, or the one that is deployed where nobody chose a name.

    Raises InputError with the endpoint's own words for a 400, ServiceError for all else.
    """
    console = Console()
    runtime, default = runtime_of(local)
    for tweet in invoke(runtime, endpoint or default, inputs, parameters):
        console.print(tweet["generated_text"], highlight=False, markup=False)
        if tweet["finish_reason"] == "length":
            console.print("[dim](cut at the longest length)[/]")
        unsaid = [item for items in tweet["honoured"].values() for item, said in items.items() if not said]
        if unsaid:
            console.print(f"(does not say: {', '.join(unsaid)})", style="dim", highlight=False, markup=False)


def parse_fields(given: list[str]) -> dict[str, str | list[str]]:
    """`producto=Agua` pairs: a field that is given once has a text, one given more often a list. Raises UnknownValueError."""
    found: dict[str, list[str]] = {}
    for one in given:
        name, _, value = one.partition("=")
        if not (name.strip() and value.strip()):
            raise UnknownValueError(f"--field {one}: it takes NAME=VALUE, such as producto=Agua")
        found.setdefault(name.strip(), []).append(value.strip())
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def invoke(runtime: Any, endpoint: str, inputs: dict[str, Any], parameters: dict[str, Any]) -> Answer:
    """The endpoint's answer. `runtime` is boto3's client for sagemaker-runtime. Raises InputError, ServiceError."""
    body = json.dumps({"inputs": inputs, "parameters": parameters})
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
    except ClientError as error:
        raise _readable(error, endpoint) from error
    tweets: Answer = json.loads(answer["Body"].read())
    return tweets


def runtime_of(local: bool) -> tuple[Any, str]:
    """The client, and the name of the endpoint that it is asked for where none is given."""
    if not local:  # no stack is looked up: who may ask the endpoint need not be allowed to
        return boto3.Session().client("sagemaker-runtime"), Settings().endpoint_name
    services = local_cloud.stack(local=True)
    return services.client("sagemaker-runtime"), services.output("Endpoint")


def _readable(error: ClientError, endpoint: str) -> Exception:
    """What the container said, where it said something; otherwise what SageMaker says."""
    answer = error.response
    status = answer.get("OriginalStatusCode")
    if is_about_credentials(error):
        return readable(error)
    if status is None:
        said = answer.get("Error", {}).get("Message", str(error))
        if "not found" in said.lower():
            return InputError(f"there is no endpoint {endpoint!r}: {said}")
        return ServiceError(f"SageMaker refused: {said}")
    try:
        said = json.loads(answer["OriginalMessage"])["message"]
    except (ValueError, KeyError, TypeError):
        said = str(answer.get("OriginalMessage"))
    return InputError(said) if 400 <= status < 500 else ServiceError(f"the model failed: {said}")
