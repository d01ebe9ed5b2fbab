"""Whose cloud it is: the account and region that the local cloud plays, and how its own programs reach it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

ACCOUNT = "123456789012"
REGION = "us-east-1"
X_TOKEN = "local-stand-in"  # what the stand-in for X takes; opens nothing else


OPERATOR = "local"
"""The access key of who runs the local cloud and may do everything on it; no workload has it."""


def environment(port: int, key: str = OPERATOR) -> dict[str, str]:
    """What makes any AWS program talk to the local cloud, with this access key.

    `localhost`: moto reads a template's bucket from the host's name.
    """
    return {
        "AWS_ENDPOINT_URL": f"http://localhost:{port}",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def child_environment(port: int, key: str, extra: Mapping[str, str]) -> dict[str, str]:
    """A child process's environment: the way to its programs, the local cloud with its role's access key, and what is said;
    nothing else of ours."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    # `python` is the environment's own, as an image's is the image's.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    # What a container would install must be here already: nothing a job asks for may change this environment.
    # Nor may anything be added where code lies: the serving image's program runs in the assembly itself.
    untouched = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {"LANG": "C.UTF-8", **kept, **untouched, "PATH": path, "TZ": "UTC", **environment(port, key), **extra}


def client(service: str, port: int, key: str = OPERATOR, config: Any = None) -> Any:
    """A boto3 client of the local cloud, with an access key."""
    return boto3.client(
        service,
        endpoint_url=f"http://localhost:{port}",
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=key,
        config=config,
    )
