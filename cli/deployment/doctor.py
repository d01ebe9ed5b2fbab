"""`politico doctor`: what is missing on this machine and in the account, each with its remedy. Changes nothing."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.aws_errors import readable
from cli.settings import deployers_settings
from infra import node
from infra.settings import Settings
from politico.cost import quotas
from politico.errors import MissingToolError, PoliticoError

OK, MISSING, UNKNOWN = "ok", "missing", "unknown"
"""Missing: it keeps something from working. Unknown: it could not be told, or is needed for a part only."""
NEEDED_SERVICES = ("comprehend", "sagemaker", "stepfunctions", "scheduler", "dynamodb", "apigateway")
OLDEST_BOOTSTRAP = 6
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
DOCKER_SECONDS = 10
SHOWN = {OK: "[green]✓[/]", MISSING: "[red]✗[/]", UNKNOWN: "[yellow]?[/]"}


@dataclass(frozen=True)
class Finding:
    """One thing that is needed, and whether it is there."""

    what: str
    state: str
    told: str
    remedy: str = ""


def examine(*, as_json: bool) -> int:
    """Print the findings. The exit code: 1 where something is missing, which a person can mend."""
    settings = deployers_settings(Path.cwd())
    findings = [*_machine(settings), *_account(settings)]
    if as_json:
        print(json.dumps([asdict(one) for one in findings], ensure_ascii=False, indent=1))
    else:
        _show(Console(), findings)
    return int(any(one.state == MISSING for one in findings))


def _show(console: Console, findings: list[Finding]) -> None:
    for one in findings:
        console.print(f"{SHOWN[one.state]} [bold]{one.what}[/]: ", end="", highlight=False)
        console.print(one.told, highlight=False, markup=False, soft_wrap=True)
        if one.remedy:
            console.print(f"    {one.remedy}", highlight=False, markup=False, soft_wrap=True)
    missing = sum(one.state == MISSING for one in findings)
    console.print(f"\n{missing} missing" if missing else "\nnothing is missing", highlight=False)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", OK, sys.version.split()[0])
    try:
        yield Finding("Node", OK, str(node.find()))
    except MissingToolError as error:
        yield Finding("Node", MISSING, str(error), "make setup")
    yield _docker(settings)


def _docker(settings: Settings) -> Finding:
    if settings.serving_image:
        return Finding("Docker", OK, "not needed: serving_image names an image that is built")
    remedy = "install and start Docker, or set serving_image to an image in ECR that was built from inference/Dockerfile"
    if shutil.which("docker") is None:
        return Finding("Docker", MISSING, "there is none, and the serving image is to be built", remedy)
    try:
        subprocess.run(["docker", "info"], capture_output=True, check=True, timeout=DOCKER_SECONDS)
    except (subprocess.SubprocessError, OSError):
        return Finding("Docker", MISSING, "it is installed, but does not answer", remedy)
    return Finding("Docker", OK, "answers")


def _account(settings: Settings) -> Iterator[Finding]:
    session = boto3.Session()
    region = session.region_name
    if region is None:
        yield Finding("region", MISSING, "none is set", "export AWS_REGION=us-east-1")
        return
    yield _tried("region", lambda: _region(region))
    try:
        who = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding("credentials", MISSING, str(readable(error)), "export AWS_PROFILE=…")
        return
    yield Finding("credentials", OK, f"account {who['Account']}, {who['Arn'].rpartition(':')[2]}")
    for what, look in (
        ("bootstrap", _bootstrap),
        ("stack", _stack),
        ("X's token", _secret),
        ("layers", _layers),
        ("quotas", _quotas),
    ):
        yield _tried(what, lambda look=look: look(session, settings))  # type: ignore[misc]


def _tried(what: str, look: Callable[[], Finding]) -> Finding:
    """A question that AWS does not answer is an answer, too."""
    try:
        return look()
    except (BotoCoreError, ClientError) as error:
        return Finding(what, UNKNOWN, str(readable(error)))
    except PoliticoError as error:
        return Finding(what, UNKNOWN, str(error))


def _region(region: str) -> Finding:
    session = botocore.session.get_session()
    partition = session.get_partition_for_region(region)
    lacking = [one for one in NEEDED_SERVICES if region not in session.get_available_regions(one, partition)]
    if lacking:
        return Finding("region", MISSING, f"{region} has no {', '.join(lacking)}", "choose another: us-east-1 has all of them")
    return Finding("region", OK, region)


def _bootstrap(session: Any, _settings: Settings) -> Finding:
    client = session.client("ssm")
    try:
        version = int(client.get_parameter(Name=BOOTSTRAP)["Parameter"]["Value"])
    except client.exceptions.ParameterNotFound:
        return Finding("bootstrap", MISSING, "the CDK has nothing in this account and region yet", "make bootstrap")
    if version < OLDEST_BOOTSTRAP:
        return Finding("bootstrap", MISSING, f"version {version} is too old", "make bootstrap")
    return Finding("bootstrap", OK, f"version {version}")


def _stack(session: Any, settings: Settings) -> Finding:
    try:
        (found,) = session.client("cloudformation").describe_stacks(StackName=settings.stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        return Finding("stack", UNKNOWN, f"{settings.stack_name} is not deployed yet", "make deploy")
    status = found["StackStatus"]
    state = OK if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") else UNKNOWN
    return Finding("stack", state, f"{settings.stack_name} is {status}")


def _secret(session: Any, settings: Settings) -> Finding:
    client, name = session.client("secretsmanager"), settings.x_secret_name
    try:
        client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        remedy = f'to read from X: aws secretsmanager create-secret --name {name} --secret-string "$X_BEARER_TOKEN"'
        return Finding("X's token", UNKNOWN, f"there is no secret {name}; imports need none", remedy)
    return Finding("X's token", OK, f"the secret {name} is there")


def _layers(session: Any, settings: Settings) -> Finding:
    """AWS publishes them region by region, each in versions of its own."""
    client, lacking = session.client("lambda"), []
    partition = session.get_partition_for_region(session.region_name)
    for account, layer in (
        (settings.pandas_layer_account, settings.pandas_layer),
        (settings.powertools_layer_account, settings.powertools_layer),
    ):
        try:
            client.get_layer_version_by_arn(Arn=f"arn:{partition}:lambda:{session.region_name}:{account}:layer:{layer}")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("ResourceNotFoundException", "AccessDeniedException"):
                raise
            lacking.append(layer)
    if lacking:
        remedy = "set pandas_layer or powertools_layer to a version of this region, as AWS's lists of these layers have it"
        return Finding("layers", MISSING, f"this region has no {' and no '.join(lacking)}, or it may not be read", remedy)
    return Finding("layers", OK, "both are there")


def _quotas(session: Any, settings: Settings) -> Finding:
    training = (settings.training_instance, settings.training_instances)
    needed = {
        **quotas.of_jobs(training, settings.processing_instance),
        **quotas.of_endpoint(settings.serving_instance, settings.serving_instances, settings.serving_most_instances),
    }
    found = quotas.shortages(session.client("service-quotas"), needed)
    if found is None:
        return Finding("quotas", UNKNOWN, "they can't be read", "aws service-quotas list-service-quotas --service-code sagemaker")
    if found:
        return Finding("quotas", MISSING, "; ".join(map(str, found)))
    return Finding("quotas", OK, ", ".join(f"{count} × {name}" for name, count in needed.items()))
