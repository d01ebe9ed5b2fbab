"""What a function is given: the one place where the environment is read and AWS clients are made, kept while it stays warm."""

import json
import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from politico.errors import TermsError
from politico.lake import Lake
from politico.ledger import Ledger

BUCKET = "POLITICO_BUCKET"
LEDGER_TABLE = "POLITICO_LEDGER_TABLE"
X_SECRET = "POLITICO_X_SECRET"
"""The secret's name, never the secret."""
X_TERMS = "POLITICO_X_TERMS_ACKNOWLEDGED"
X_MONTHLY_CAP = "POLITICO_X_MONTHLY_CAP"
X_ADDRESS = "X_API_URL"
"""Replaces X's own address, as AWS_ENDPOINT_URL does AWS's; set for a stand-in only."""
MODEL_GROUP = "POLITICO_MODEL_GROUP"
ENDPOINT = "POLITICO_ENDPOINT"
SOURCE = "POLITICO_TRAINING_SOURCE"
"""The S3 address of the training archive."""

_PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 8})


@cache
def client(service: str) -> Any:
    """A boto3 client that slows down when the service throttles."""
    return boto3.client(service, config=_PATIENT)


@cache
def lake() -> Lake:
    return Lake(client("s3"), os.environ[BUCKET])


@cache
def ledger() -> Ledger:
    return Ledger(boto3.resource("dynamodb").Table(os.environ[LEDGER_TABLE]))


@cache
def x_bearer_token() -> str:
    """The operator's secret: the bare token, or JSON with `bearer_token`."""
    secret: str = client("secretsmanager").get_secret_value(SecretId=os.environ[X_SECRET])["SecretString"]
    return str(json.loads(secret)["bearer_token"]) if secret.lstrip().startswith("{") else secret.strip()


def require_x_terms() -> None:
    """Raises TermsError until the deployer has acknowledged X's terms."""
    if os.environ[X_TERMS] != "yes":
        raise TermsError(
            "reading from X is off: deploy with --parameters XTermsAcknowledged=yes once you have read X's developer "
            "agreement (it forbids training foundation models on X's content); an imported archive needs no such word"
        )


def model_group() -> str:
    return os.environ[MODEL_GROUP]


def training_source() -> str:
    return os.environ[SOURCE]


def endpoint() -> str:
    return os.environ[ENDPOINT]


def now() -> datetime:
    return datetime.now(UTC)
