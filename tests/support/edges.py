"""The edges of the commands that talk to X: a stack in moto, and the stand-in for X on this machine."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import uvicorn
from moto import mock_aws
from starlette.applications import Starlette

from cli.services import Services
from infra.settings import Settings
from local.account import REGION, X_TOKEN
from local.processes.ports import HOST, free_port
from local.x.api import XApi

_TEMPLATE = {
    "Parameters": {"XTermsAcknowledged": {"Type": "String", "Default": "no"}},
    "Resources": {
        "Lake": {"Type": "AWS::S3::Bucket", "Properties": {"VersioningConfiguration": {"Status": "Enabled"}}},
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": [{"AttributeName": "key", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "key", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
    },
    "Outputs": {
        "LakeBucket": {"Value": {"Ref": "Lake"}},
        "LedgerTable": {"Value": {"Ref": "Ledger"}},
        "XSecret": {"Value": "x-secret"},
        "XMonthlyCap": {"Value": "10000"},
        "XLookupsADay": {"Value": "100"},
        "XExcludeRetweets": {"Value": "no"},
        "XLateHours": {"Value": "3.0"},
    },
}


def account(user_id: str, screen_name: str, name: str, **more: Any) -> dict[str, Any]:
    """An account as API v2 gives it: eligible, unless told otherwise. `tweets`, `followers` and `silent_days` say how."""
    metrics = {"tweet_count": more.pop("tweets", 2_000), "followers_count": more.pop("followers", 5_000)}
    newest = datetime.now(UTC) - timedelta(days=more.pop("silent_days", 1))
    return {
        "id": user_id,
        "username": screen_name,
        "name": name,
        "public_metrics": metrics,
        "most_recent_tweet_id": str((int(newest.timestamp() * 1000) - 1_288_834_974_657) << 22),
        **more,
    }


@contextlib.contextmanager
def stack(terms: str = "yes") -> Iterator[Services]:
    """A deployed stack with an empty lake and the token's secret."""
    with mock_aws():
        boto3.client("cloudformation", region_name=REGION).create_stack(
            StackName=Settings().stack_name,
            TemplateBody=json.dumps(_TEMPLATE),
            Parameters=[{"ParameterKey": "XTermsAcknowledged", "ParameterValue": terms}],
        )
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name="x-secret", SecretString=X_TOKEN)
        yield Services.deployed(Settings().stack_name)


@contextlib.contextmanager
def stand_in_for_x() -> Iterator[tuple[XApi, str]]:
    """The stand-in and its address."""
    api, port = XApi(), free_port()
    config = uvicorn.Config(Starlette(routes=api.routes()), host=HOST, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), f"nothing could be served on port {port}"
        time.sleep(0.01)
    yield api, f"http://{HOST}:{port}"
    server.should_exit = True
    thread.join()
