"""The real CDK command line against the local cloud: bootstrap, deploy, diff, destroy, as an operator types them."""

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from cli.local_cloud import LocalCloud, started
from local.account import ACCOUNT, REGION
from tests.support.template import Template

pytestmark = pytest.mark.slow
CLI = "aws-cdk@2"
"""As the Makefile asks for it."""
STACK = "Politico"
OWN = str(Path(sys.executable).parent)
"""Where the environment's own Node is."""


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with started(None, log=tmp_path_factory.mktemp("account") / "log.txt") as cloud:
        yield cloud


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line, brought once: `npx` asks the package index again for every command."""
    folder = tmp_path_factory.mktemp("cdk")
    environment = {**os.environ, "PATH": os.pathsep.join([OWN, os.environ["PATH"]])}
    command = [f"{OWN}/npm", "install", "--silent", "--no-audit", "--no-fund", CLI]
    subprocess.run(command, cwd=folder, env=environment, check=True, timeout=300)
    return folder / "node_modules" / ".bin" / "cdk"


def cdk(program: Path, account: LocalCloud, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it where there is no Docker: images count as built and pushed."""
    docker = folder / "bin" / "docker"
    docker.parent.mkdir(exist_ok=True)
    docker.write_text("#!/bin/sh\nexit 0\n")
    docker.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    given = {
        **kept,
        **account.environment,
        # An address, not a name: the command line then keeps buckets in the path.
        "AWS_ENDPOINT_URL": account.environment["AWS_ENDPOINT_URL"].replace("localhost", "127.0.0.1"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CI": "true",
        "PATH": os.pathsep.join([str(docker.parent), OWN, os.environ["PATH"]]),
    }
    return subprocess.run(
        [str(program), "--no-notices", *words], cwd=folder, env=given, capture_output=True, text=True, timeout=120
    )


def test_an_operator_bootstraps_deploys_compares_and_destroys(
    program: Path, account: LocalCloud, assembly: Path, template: Template, tmp_path: Path
) -> None:
    app, terms = ["--app", str(assembly)], ["--parameters", "XTermsAcknowledged=yes"]
    done = cdk(program, account, tmp_path, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
    assert done.returncode == 0, done.stderr
    done = cdk(program, account, tmp_path, "deploy", *app, "--require-approval", "never", *terms)
    assert done.returncode == 0, done.stderr

    port = account.environment["AWS_ENDPOINT_URL"].rpartition(":")[2]
    session = boto3.Session("local", "local", region_name=REGION)
    stacks, functions, s3 = (
        session.client(one, endpoint_url=f"http://localhost:{port}") for one in ("cloudformation", "lambda", "s3")
    )
    (stack,) = stacks.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    pages = stacks.get_paginator("list_stack_resources").paginate(StackName=STACK)
    names = {one["LogicalResourceId"]: one["PhysicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}
    deployed = list(template.assembly.resources("AWS::Lambda::Function"))
    assert deployed
    for logical, properties in deployed:
        # What runs is what was synthesized, byte by byte: zipped and published by the command line.
        asset = s3.get_object(Bucket=template.resolve(properties["Code"]["S3Bucket"]), Key=properties["Code"]["S3Key"])
        found = functions.get_function(FunctionName=names[logical])["Configuration"]
        assert found["CodeSha256"] == base64.b64encode(hashlib.sha256(asset["Body"].read()).digest()).decode(), logical

    done = cdk(program, account, tmp_path, "diff", *app, "--method", "template", "--fail")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "There were no differences" in done.stdout + done.stderr

    done = cdk(program, account, tmp_path, "destroy", *app, "--force")
    assert "cannot be deleted while TerminationProtection is enabled" in done.stdout + done.stderr
    stacks.update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
    done = cdk(program, account, tmp_path, "destroy", *app, "--force")
    assert done.returncode == 0, done.stderr
    assert STACK not in [one["StackName"] for one in stacks.describe_stacks()["Stacks"]]
