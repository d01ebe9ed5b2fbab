"""What a function is given: the one place where the environment is read and AWS clients are made, kept while it stays warm."""

import json
import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from politico.errors import TermsError
from politico.lake.bucket import Lake
from politico.ledger.shared_pace import SharedPace
from politico.ledger.table import Ledger
from politico.page.orders import OrdersTable

if TYPE_CHECKING:
    from politico.x.connection import Connection

BUCKET = "POLITICO_BUCKET"
LEDGER_TABLE = "POLITICO_LEDGER_TABLE"
X_SECRET = "POLITICO_X_SECRET"
"""The secret's name, never the secret."""
X_TERMS = "POLITICO_X_TERMS_ACKNOWLEDGED"
X_MONTHLY_CAP = "POLITICO_X_MONTHLY_CAP"
X_EXCLUDE_RETWEETS = "POLITICO_X_EXCLUDE_RETWEETS"
"""`yes` or `no`."""
X_LATE_HOURS = "POLITICO_X_LATE_HOURS"
X_LOOKUPS_A_DAY = "POLITICO_X_LOOKUPS_A_DAY"
X_ADDRESS = "X_API_URL"
"""Replaces X's own address, as AWS_ENDPOINT_URL does AWS's; set for a stand-in only."""
X_TIMEOUT = "X_TIMEOUT_SECONDS"
"""How long X may be silent, where that is not to be as usual; set for a stand-in only."""
COMPREHEND_RATE = "POLITICO_COMPREHEND_RATE"
"""Requests a second, over all functions together."""
MODEL_GROUP = "POLITICO_MODEL_GROUP"
ENDPOINT = "POLITICO_ENDPOINT"
SERVING_ROLE = "POLITICO_SERVING_ROLE"
"""The address of the role that served models run under."""
SERVING_INSTANCE = "POLITICO_SERVING_INSTANCE"
SERVICE = "POWERTOOLS_SERVICE_NAME"
"""What metrics, logs and traces go by; Powertools' own variable."""
TRAINING_MACHINES = "POLITICO_TRAINING_MACHINES"
"""How many, and of which type: `1 ml.g5.12xlarge`."""
PROCESSING_INSTANCE = "POLITICO_PROCESSING_INSTANCE"
SERVING_INSTANCES = "POLITICO_SERVING_INSTANCES"
SERVING_WATERMARK = "POLITICO_SERVING_WATERMARK"
DATA_CAPTURE = "POLITICO_DATA_CAPTURE"
"""Share of the requests that are kept, in percent, and the address where."""
KMS_KEY = "POLITICO_KMS_KEY"
"""The address of the deployer's own key; empty: AWS's."""
API_ORIGIN = "POLITICO_API_ORIGIN"
"""The web origin whose pages may read the API's answers; empty: none."""
ORDERS_TABLE = "POLITICO_ORDERS_TABLE"
PAGE_TWEETS_A_DAY = "POLITICO_PAGE_TWEETS_A_DAY"
PAGE_WRITER = "POLITICO_PAGE_WRITER"
"""The name of the function that writes the page's orders."""
AWS = "LAMBDA_TASK_ROOT"
"""Set by Lambda itself, and nowhere else."""

_PATIENT = Config(retries={"mode": "adaptive", "max_attempts": 8})
_ASKED_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
"""For Comprehend: politico/annotation/comprehend.py tries again itself, at the shared pace; botocore would not keep to it."""


@cache
def client(service: str) -> Any:
    """A boto3 client that slows down when the service throttles."""
    return boto3.client(service, config=_ASKED_ONCE if service == "comprehend" else _PATIENT)


@cache
def impatient_client(service: str, seconds: int) -> Any:
    """One that asks once, and waits so long for an answer: somebody else is waiting, and may ask again."""
    return boto3.client(service, config=Config(connect_timeout=3, read_timeout=seconds, retries={"total_max_attempts": 1}))


@cache
def lake() -> Lake:
    return Lake(client("s3"), os.environ[BUCKET])


@cache
def ledger() -> Ledger:
    return Ledger(boto3.resource("dynamodb").Table(os.environ[LEDGER_TABLE]))


@cache
def orders() -> OrdersTable:
    return OrdersTable(boto3.resource("dynamodb").Table(os.environ[ORDERS_TABLE]), int(os.environ[PAGE_TWEETS_A_DAY]))


@cache
def x_connection() -> "Connection":
    """The way to X, its sockets open for as long as the function stays warm."""
    # Only here: tweepy takes a while to import, and most functions never talk to X.
    from politico.x.connection import TIMEOUT_SECONDS, Connection, Patience

    patience = Patience(timeout=float(os.environ.get(X_TIMEOUT, TIMEOUT_SECONDS)))
    return Connection(x_bearer_token(os.environ[X_SECRET]), os.environ.get(X_ADDRESS), patience)


@cache
def x_bearer_token(secret_name: str) -> str:
    """The token in the operator's secret."""
    return token_in(client("secretsmanager").get_secret_value(SecretId=secret_name)["SecretString"])


def token_in(secret: str) -> str:
    """A secret's text is the bare token, or JSON with `bearer_token`."""
    return str(json.loads(secret)["bearer_token"]) if secret.lstrip().startswith("{") else secret.strip()


def comprehend_pace() -> SharedPace:
    """What keeps all functions together under the rate."""
    table = boto3.resource("dynamodb").Table(os.environ[LEDGER_TABLE])
    return SharedPace(table, "pace#comprehend", float(os.environ[COMPREHEND_RATE]))


def require_x_terms() -> None:
    """Raises TermsError until the deployer has acknowledged X's terms."""
    if os.environ[X_TERMS] != "yes":
        raise TermsError(
            "reading from X is off: deploy with --parameters XTermsAcknowledged=yes once you have read X's developer "
            "agreement (it forbids training foundation models on X's content); an imported archive needs no such word"
        )


def x_terms_acknowledged() -> bool:
    return os.environ[X_TERMS] == "yes"


def x_monthly_cap() -> int:
    return int(os.environ[X_MONTHLY_CAP])


def x_exclude_retweets() -> bool:
    return os.environ[X_EXCLUDE_RETWEETS] == "yes"


def x_late_hours() -> float:
    return float(os.environ[X_LATE_HOURS])


def x_lookups_a_day() -> int:
    return int(os.environ[X_LOOKUPS_A_DAY])


def model_group() -> str:
    return os.environ[MODEL_GROUP]


def endpoint() -> str:
    return os.environ[ENDPOINT]


def kms_key() -> str:
    return os.environ.get(KMS_KEY, "")


def api_origin() -> str:
    return os.environ[API_ORIGIN]


def page_writer() -> str:
    return os.environ[PAGE_WRITER]


def service() -> str:
    return os.environ.get(SERVICE, "politico")


def training_machines() -> tuple[str, int]:
    """The type, and how many."""
    count, _, instance = os.environ[TRAINING_MACHINES].partition(" ")
    return instance, int(count)


def processing_instance() -> str:
    return os.environ[PROCESSING_INSTANCE]


def serving_instances() -> int:
    return int(os.environ[SERVING_INSTANCES])


def serving_watermark() -> bool:
    return {"true": True, "false": False}[os.environ[SERVING_WATERMARK]]


def data_capture() -> tuple[int, str]:
    """Percent of the requests, and where they are kept."""
    percent, _, uri = os.environ[DATA_CAPTURE].partition(" ")
    return int(percent), uri


def serving_role() -> str:
    return os.environ[SERVING_ROLE]


def serving_instance() -> str:
    return os.environ[SERVING_INSTANCE]


def is_on_aws() -> bool:
    """Is this Lambda itself? Not so in tests and in the local cloud."""
    return AWS in os.environ


def now() -> datetime:
    return datetime.now(UTC)
