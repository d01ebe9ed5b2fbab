"""`politico generate`: ask an endpoint for tweets through boto3, local or AWS alike."""

import json
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli import local_cloud
from politico.errors import InputError, ServiceError

Answer = list[dict[str, Any]]


def ask(endpoint: str, inputs: dict[str, Any], parameters: dict[str, Any], *, local: bool) -> None:
    """Print the tweets. Raises InputError with the endpoint's own words for a 400, ServiceError for all else."""
    console = Console()
    for tweet in invoke(_runtime(local), endpoint, inputs, parameters):
        console.print(tweet["generated_text"], highlight=False, markup=False)
        if tweet["finish_reason"] == "length":
            console.print("[dim](cut at the longest length)[/]")


def invoke(runtime: Any, endpoint: str, inputs: dict[str, Any], parameters: dict[str, Any]) -> Answer:
    """The endpoint's answer. `runtime` is boto3's client for sagemaker-runtime. Raises InputError, ServiceError."""
    body = json.dumps({"inputs": inputs, "parameters": parameters})
    try:
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=body)
    except ClientError as error:
        raise _readable(error, endpoint) from error
    except BotoCoreError as error:
        raise ServiceError(f"the endpoint {endpoint!r} can't be reached: {error}") from error
    tweets: Answer = json.loads(answer["Body"].read())
    return tweets


def _runtime(local: bool) -> Any:
    return local_cloud.stack(local=True).client("sagemaker-runtime") if local else boto3.client("sagemaker-runtime")


def _readable(error: ClientError, endpoint: str) -> Exception:
    """What the container said, where it said something; otherwise what SageMaker says."""
    answer = error.response
    status = answer.get("OriginalStatusCode")
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
