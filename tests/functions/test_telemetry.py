"""What functions say of themselves: enough to see what happened, and never a text, an event or a token."""

import copy
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from functions import environment, telemetry
from functions.ingest import fetch, report
from functions.telemetry import measure, measure_spending, observed, warn
from local.lambdas import worker
from local.lambdas.functions import PUBLIC_LAYERS, RUNTIME
from politico.errors import AccountError
from politico.lake import places
from politico.ledger.table import KEY
from tests.support.paths import ROOT

TEXT = "Inauguramos el muelle nuevo de la caleta"
RUN = "20240503-120000-1a2b3c4d"
POWERTOOLS = next(names for layer, names in PUBLIC_LAYERS.items() if "Powertools" in layer)
HANDLERS = sorted(f"{path.parent.name}.{path.stem}" for path in (ROOT / "functions").glob("*/*.py") if path.stem != "__init__")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has not run yet."""
    monkeypatch.setattr(telemetry._telemetry(), "_cold", True)


class Said:
    """The lines of a function's log, metrics apart."""

    def __init__(self, output: str) -> None:
        self.whole = output
        lines = [json.loads(line) for line in output.splitlines()]
        self.lines = [one for one in lines if "_aws" not in one]
        self.metrics = [one for one in lines if "_aws" in one]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return lambda: Said(capsys.readouterr().out)


@observed
def echo(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return {"answer": event}


CONTEXT = SimpleNamespace(aws_request_id="a-request")


def test_a_run_is_one_line_of_json_under_the_keys_of_its_work(said: Any) -> None:
    event = {"run": RUN, "part": "0003", "account": {"user_id": "7"}, "days": ["2024-05-01", "2024-05-02"]}
    assert echo(event, CONTEXT) == {"answer": event}
    (line,) = said().lines
    told: dict[str, Any] = {
        "service": "politico",
        "function": "test_telemetry",
        "request": "a-request",
        "level": "INFO",
        "message": "done",
    }
    told |= {"run": RUN, "part": "0003", "user_id": "7", "first_day": "2024-05-01", "cold_start": True}
    assert line.items() >= told.items()
    assert isinstance(line["duration_ms"], int)


def test_the_keys_of_one_run_are_not_those_of_the_next_and_only_the_first_is_cold(said: Any) -> None:
    echo({"run": RUN, "part": "0001"}, CONTEXT)
    echo({"name": "an-execution"}, None)
    first, second = said().lines
    assert (first["cold_start"], second["cold_start"]) == (True, False)
    assert second["execution"] == "an-execution"
    assert not {"run", "part", "request"} & set(second)


def test_a_log_holds_nothing_of_an_event_but_its_keys_nor_of_an_answer(said: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")  # which Powertools obeys, and we do not
    page = {"data": [{"id": "1", "text": TEXT}]}
    echo({"run": {"text": TEXT}, "text": TEXT, "page": page, "accounts": [{"name": TEXT}], "fetched": {"reason": TEXT}}, CONTEXT)
    found = said()
    assert len(found.lines) == 1
    assert TEXT not in found.whole


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AccountError("account 7 is gone"), {"error": "AccountError", "reason": "account 7 is gone"}),
        (ValueError(f"could not convert {TEXT!r}"), {"error": "ValueError"}),
        (
            ClientError({"Error": {"Code": "ValidationException", "Message": f"Value '{TEXT}' at 'textList'"}}, "DetectIt"),
            {"error": "ValidationException", "reason": "DetectIt"},
        ),
    ],
    ids=["ours", "foreign", "a service's"],
)
def test_a_failure_is_logged_once_and_goes_on_as_it_was(said: Any, error: Exception, told: dict[str, str]) -> None:
    @observed
    def failing(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        raise error

    with pytest.raises(type(error)) as raised:
        failing({"run": RUN}, CONTEXT)
    assert raised.value is error
    found = said()
    (line,) = found.lines
    assert line.items() >= {**told, "level": "ERROR", "message": "failed", "run": RUN}.items()
    assert ("reason" in line) == ("reason" in told)
    assert line["where"][-1].startswith("test_telemetry.py:")
    assert TEXT not in found.whole  # what a library says may quote what it was given


def test_what_is_measured_is_sent_in_the_embedded_metric_format(said: Any) -> None:
    @observed
    def measuring(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        measure(posts_read=5, posts_kept=0)
        measure_spending(25_000, 100_000)
        return {}

    measuring({}, CONTEXT)
    (sent,) = said().metrics
    (directive,) = sent["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"], sent["service"]) == ("politico", [["service"]], "politico")
    units = {one["Name"]: one["Unit"] for one in directive["Metrics"]}
    assert units == {"PostsRead": "Count", "PostsKept": "Count", "CapSpent": "Percent"}
    assert (sent["PostsRead"], sent["PostsKept"], sent["CapSpent"]) == ([5.0], [0.0], [25.0])


def test_nothing_measured_is_nothing_sent_and_nothing_is_sent_twice(said: Any) -> None:
    echo({}, CONTEXT)
    assert said().metrics == []

    @observed
    def measuring(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        measure(rows_written=1)
        return {}

    measuring({}, CONTEXT)
    echo({}, CONTEXT)
    assert [one["RowsWritten"] for one in said().metrics] == [[1.0]]


def test_what_was_measured_before_a_failure_is_sent(said: Any) -> None:
    @observed
    def failing(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        measure(posts_fetched=200)
        raise AccountError("gone")

    with pytest.raises(AccountError):
        failing({}, CONTEXT)
    assert [one["PostsFetched"] for one in said().metrics] == [[200.0]]


def test_a_cap_of_nothing_is_spent_whole(said: Any) -> None:
    @observed
    def measuring(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        measure_spending(0, 0)
        return {}

    measuring({}, CONTEXT)
    assert said().metrics[0]["CapSpent"] == [100.0]


def test_a_metric_that_nobody_knows_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="no metric PostsLost"):
        measure(posts_lost=1)


@pytest.mark.parametrize("module", HANDLERS)
def test_every_handler_is_observed(module: str) -> None:
    handler = importlib.import_module(f"functions.{module}").handler
    assert handler.__wrapped__.__module__ == f"functions.{module}"


# What the workflow's own functions measure


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(environment.BUCKET, "lake-of-telemetry")
    monkeypatch.setenv(environment.LEDGER_TABLE, "ledger")
    monkeypatch.setenv(environment.X_TERMS, "yes")
    monkeypatch.setenv(environment.X_SECRET, "x-secret")
    monkeypatch.setenv(environment.X_MONTHLY_CAP, "1000")
    monkeypatch.setenv(environment.X_EXCLUDE_RETWEETS, "no")
    monkeypatch.setenv(environment.X_LATE_HOURS, "0")
    kept = (environment.client, environment.lake, environment.ledger, environment.x_connection, environment.x_bearer_token)
    with mock_aws():
        for one in kept:
            one.cache_clear()
        boto3.client("s3").create_bucket(Bucket="lake-of-telemetry")
        boto3.client("secretsmanager").create_secret(Name="x-secret", SecretString="the-token-of-x")
        boto3.resource("dynamodb").create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield
    for one in kept:
        one.cache_clear()


def test_a_report_measures_the_run_and_names_every_failed_account(cloud: None, said: Any) -> None:
    lake = environment.lake()
    failed: dict[str, Any] = {"user_id": "8", "screen_name": "pedro_s", "status": "failed", "reason": "AccountError"}
    done: dict[str, Any] = {"user_id": "7", "screen_name": "JuanaRojas", "status": "done", "posts": 5}
    accounts = [{"number": str(number), "account": {"user_id": one["user_id"]}} for number, one in enumerate((done, failed))]
    lake.write_json(places.accounts(RUN), accounts)
    for number, one in enumerate((done, failed)):
        lake.write_json(places.fetched(RUN, str(number)), one)
    lake.write_json(places.parts(RUN), [{"part": "0000"}, {"part": "0001"}])
    account = {"pages_run": RUN, "user_id": "7", "read": 9, "kept": 4, "filtered": {"retweet": 3}}
    account |= {"rejected": {"bad_id": 2}, "mark": "m"}
    days = ["2024-05-01", "2024-05-02"]
    lake.write_json(places.part_counts(RUN, "0000"), {"part": "0000", "accounts": [account], "days": days})
    lake.write_json(places.touched_days(RUN), [{"run": RUN, "days": days}])
    lake.write_json(places.day_counts(RUN, days[0]), [{"day": days[0], "read": 4, "rows": 3, "dropped": {"tombstone": 1}}])
    report.handler({"run": RUN}, CONTEXT)
    found = said()
    (sent,) = found.metrics
    names = ("PostsRead", "PostsKept", "PostsFiltered", "PostsRejected", "RowsWritten")
    assert [sent[name] for name in names] == [[9.0], [4.0], [3.0], [2.0], [3.0]]
    assert [sent[name] for name in ("AccountsFailed", "PartsFailed", "DaysFailed")] == [[1.0], [1.0], [1.0]]
    (warning,) = [line for line in found.lines if line["level"] == "WARNING"]
    assert warning.items() >= {**failed, "message": "account failed", "run": RUN}.items()


def test_a_fetch_measures_what_of_the_cap_is_spent_and_never_says_the_token(cloud: None, said: Any) -> None:
    environment.ledger().reserve(250, 1000, environment.now())
    event: dict[str, Any] = {"run": RUN, "reference": "2024-05-03T12:00:00.000Z", "latest": "2101-01-01T00:00:00.000Z"}
    event |= {"number": "00000", "account": {"user_id": "7", "screen_name": "JuanaRojas"}}
    fetch.handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 0, aws_request_id="a-request"))
    found = said()
    (sent,) = found.metrics
    assert (sent["PostsFetched"], sent["CapSpent"]) == ([0.0], [25.0])
    assert "the-token-of-x" not in found.whole


def test_a_warning_stands_under_the_keys_of_its_run(said: Any) -> None:
    @observed
    def warning(_event: dict[str, Any], _context: object) -> dict[str, Any]:
        warn("account failed", user_id="8")
        return {}

    warning({"run": RUN}, CONTEXT)
    line = said().lines[0]
    assert (line["level"], line["message"], line["run"], line["user_id"]) == ("WARNING", "account failed", RUN, "8")


def test_a_trace_holds_no_objects_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK once recorded the key of every S3 call: those of raw pages hold an account's and two tweets' ids."""
    from aws_xray_sdk.ext import boto_utils

    recorded: tuple[Any, ...] = (
        "s3",
        "GetObject",
        ("GetObject", {"Bucket": "lake", "Key": "raw/run=R/user=7/9-1.jsonl.gz"}),
        {},
        {},
    )

    def traced() -> dict[str, Any]:
        facts: dict[str, Any] = {}
        service, operation, args, kwargs, response = recorded
        boto_utils._extract_whitelisted_params(service, operation, facts, args, kwargs, response)
        return facts

    monkeypatch.setattr(boto_utils, "whitelist", copy.deepcopy(boto_utils.whitelist))
    monkeypatch.setattr(telemetry, "Tracer", lambda **_: None)
    assert traced()["key"]
    telemetry._tracer()
    assert traced() == {}


# In a sandbox, where only the zip, the runtime and the public layers are


HANDLER = f"""
    import sys

    import botocore.client

    from functions.telemetry import observed

    @observed
    def handler(event, context):
        if event.get("fail"):
            raise ValueError("failed")
        files = {{name: getattr(one, "__file__", None) or "" for name, one in sys.modules.items()}}
        return {{
            "brought": sorted({{name.partition(".")[0] for name, file in files.items() if file.startswith(event["site"])}}),
            "boto3_is_traced": type(vars(botocore.client.BaseClient)["_make_api_call"]).__name__ == "FunctionWrapper",
            "text": {TEXT!r},
        }}
"""


def sandbox(folder: Path, events: list[dict[str, Any]], provided: tuple[str, ...], **extra: str) -> tuple[list[Any], str]:
    """What a function of ours answers in a worker of its own, and its log."""
    task = folder / "task"
    if not task.exists():
        for package in ("functions", "politico"):
            shutil.copytree(ROOT / package, task / package, ignore=shutil.ignore_patterns("__pycache__"))
        (task / "functions" / "told.py").write_text(textwrap.dedent(HANDLER))
    setup = {
        "task": str(task),
        "layers": [],
        "handler": "functions.told.handler",
        "provided_in": sysconfig.get_paths()["purelib"],
        "provided": [*RUNTIME, *provided],
    }
    read, write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", worker.__file__, json.dumps(setup), str(write)],
        env={
            "AWS_LAMBDA_FUNCTION_NAME": "told",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_DEFAULT_REGION": "us-east-1",
            **extra,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[write],
        text=True,
    )
    os.close(write)
    invocations = [{"event": event, "request_id": "r", "arn": "a", "deadline": time.time() + 60} for event in events]
    log, _none = process.communicate("".join(json.dumps(one) + "\n" for one in invocations), timeout=60)
    with os.fdopen(read) as answers:
        return [json.loads(line) for line in answers], log


def site() -> str:
    return sysconfig.get_paths()["purelib"] + os.sep


def test_powertools_comes_from_its_public_layer_and_nothing_else_does(tmp_path: Path) -> None:
    (without,), _log = sandbox(tmp_path, [{"site": site()}], ())
    assert "Runtime.ImportModuleError" in without["error"]
    assert "aws_lambda_powertools" in without["error"]
    (answer,), log = sandbox(tmp_path, [{"site": site()}], POWERTOOLS)
    told = json.loads(answer["result"])
    brought = set(told["brought"]) - set(RUNTIME)
    assert "aws_lambda_powertools" in brought
    assert brought <= set(POWERTOOLS)
    # Outside AWS nobody listens to traces, and the X-Ray SDK takes long to import.
    assert ("aws_xray_sdk" in brought, told["boto3_is_traced"]) == (False, False)
    assert json.loads(log)["message"] == "done"
    assert TEXT not in log


def test_on_aws_every_run_is_traced_and_boto3_too_but_neither_event_nor_answer(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(5)
        aws = {
            environment.AWS: str(tmp_path),
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }
        answers, _log = sandbox(tmp_path, [{"site": site(), "run": TEXT}, {"fail": True}], POWERTOOLS, **aws)
        traces = [json.loads(daemon.recv(65_536).decode().split("\n", 1)[1]) for _ in answers]
    told = json.loads(answers[0]["result"])
    brought = set(told["brought"]) - set(RUNTIME)
    assert {"aws_xray_sdk", "wrapt"} <= brought <= set(POWERTOOLS)
    assert told["boto3_is_traced"]
    assert told["text"] == TEXT
    assert [(one["name"], one.get("fault", False)) for one in traces] == [("## handler", False), ("## handler", True)]
    assert TEXT not in json.dumps(traces[0], ensure_ascii=False)
