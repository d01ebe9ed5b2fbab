"""The public page in the stack: made only where it is asked for; without a key, throttled, with a day's cap."""

import io
import json
import struct
import tarfile
import time
import urllib.error
import urllib.request
from binascii import crc32
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st
from moto.cloudformation.parsing import get_model_map

from cli.local_cloud import LocalCloud, started
from infra.api.page import LOOKS_A_TWEET
from infra.settings import Settings
from local.sagemaker.response_stream import message
from local.stack import SKIPPED, Assembly
from tests.local.test_release_faults import release
from tests.support.models import micro_model
from tests.support.paths import ROOT
from tests.support.running import until
from tests.support.template import Template, synthesis

pytestmark = pytest.mark.slow

A_DAY, A_SECOND = 4, 5
ENDPOINT = Settings().endpoint_name
ORDER: dict[str, Any] = {"inputs": {"partido": "UDI", "hashtags": ["#Salud"]}, "parameters": {"seed": 7, "candidates": 2}}


@pytest.fixture(scope="module")
def paged(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template with the page in it."""
    out = tmp_path_factory.mktemp("page") / "cdk.out"
    settings = {"page_tweets_a_day": A_DAY, "page_tweets_a_second": A_SECOND}
    done = synthesis(out, CDK_CONTEXT_JSON=json.dumps({"settings": settings}))
    assert done.returncode == 0, done.stderr
    return Template(Assembly.read(out))


@pytest.fixture(scope="module")
def here(paged: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with started(paged.assembly.folder, log=tmp_path_factory.mktemp("cloud") / "log.txt") as running:
        yield running


@pytest.fixture(scope="module")
def served(here: LocalCloud, paged: Template, tmp_path_factory: pytest.TempPathFactory) -> LocalCloud:
    """With an endpoint that a release has made."""
    services, folder = here.services(), micro_model(tmp_path_factory.mktemp("served") / "model")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    services.lake.write("models/by-hand/model.tar.gz", packed.getvalue())
    (container,) = paged.machine("TrainWorkflow")["States"]["Register"]["Parameters"]["InferenceSpecification"]["Containers"]
    assert release(services, str(container["Image"]))["status"] == "SUCCEEDED"
    return here


def ask(cloud: LocalCloud, path: str = "", body: Any = None) -> tuple[int, Message, bytes]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(cloud.outputs["PageUrl"] + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_without_the_setting_nothing_of_the_page_is_made(template: Template) -> None:
    assert "PageUrl" not in template.assembly.template["Outputs"]
    assert not {"page", "write"} & set(template.functions)
    assert not template.one("AWS::ApiGateway::Stage").get("MethodSettings")


def test_what_the_emulator_skips_of_it_is_listed_exactly(paged: Template) -> None:
    kinds = {resource["Type"] for resource in paged.assembly.template["Resources"].values()}
    assert kinds - set(get_model_map()) == set(SKIPPED)


def test_with_it_every_module_of_functions_is_deployed_once(paged: Template) -> None:
    modules = {path.stem for path in (ROOT / "functions").glob("*/*.py")} - {"__init__"}
    assert sorted(paged.functions) == sorted(modules)


def test_the_pages_methods_take_no_key_and_each_has_its_throttle(paged: Template) -> None:
    keyless = [
        one
        for one in paged.all("AWS::ApiGateway::Method")
        if one["Integration"]["Type"] != "MOCK" and not one.get("ApiKeyRequired")
    ]
    throttled = {
        (one["HttpMethod"], one["ResourcePath"]): one["ThrottlingRateLimit"]
        for one in paged.one("AWS::ApiGateway::Stage")["MethodSettings"]
        if "ThrottlingRateLimit" in one
    }
    assert len(keyless) == len(throttled) == 4
    assert throttled["POST", "/~1page~1tweets"] == A_SECOND
    assert {rate for (verb, _path), rate in throttled.items() if verb == "GET"} == {LOOKS_A_TWEET * A_SECOND}


def test_an_order_that_failed_is_not_written_again(paged: Template) -> None:
    (config,) = paged.all("AWS::Lambda::EventInvokeConfig")
    assert config["MaximumRetryAttempts"] == 0
    assert config["MaximumEventAgeInSeconds"] == 60


def test_what_visitors_asked_for_is_thrown_away_and_not_backed_up(paged: Template) -> None:
    (orders,) = [one for one in paged.all("AWS::DynamoDB::Table") if "TimeToLiveSpecification" in one]
    assert orders["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert "PointInTimeRecoverySpecification" not in orders


def test_the_page_says_so_while_no_model_is_served(here: LocalCloud) -> None:
    status, headers, body = ask(here)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"<!doctype html>" in body
    assert here.services().client("sagemaker").list_endpoints()["Endpoints"] == [], "before a test that has one"
    status, _headers, body = ask(here, "/model")
    assert (status, json.loads(body)["error"]) == (503, "EndpointUnavailable")


def test_a_visitor_orders_a_tweet_looks_for_it_and_gets_it_until_the_days_are_used_up(served: LocalCloud) -> None:
    status, _headers, body = ask(served, "/model")
    assert (status, json.loads(body)["model"]) == (200, "micro")

    def ordered(**inputs: Any) -> str:
        status, _headers, body = ask(served, "/tweets", {**ORDER, "inputs": {**ORDER["inputs"], **inputs}})
        assert status == 202, body
        return str(json.loads(body)["order"])

    def over(order: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            state: dict[str, Any] = json.loads(ask(served, f"/tweets/{order}")[2])
            return state if state["state"] in ("done", "failed") else None

        found: dict[str, Any] = until(look, every=0.2)
        return found

    first = over(ordered())
    assert first["state"] == "done"
    assert {"text", "marks", "said", "unsaid", "model", "ended"} == set(first["tweet"])
    answer = (
        served.services()
        .client("sagemaker-runtime")
        .invoke_endpoint(
            EndpointName=ENDPOINT,
            ContentType="application/json",
            Body=json.dumps({**ORDER, "parameters": {**ORDER["parameters"], "temperature": 0.7, "max_new_tokens": 100}}),
        )
    )
    assert json.loads(answer["Body"].read())[0]["generated_text"] == first["tweet"]["text"]
    assert over(ordered()) == first, "the same seed"
    # One that the endpoint refuses is told in the endpoint's words.
    refused = over(ordered(partido="XYZ"))
    assert (refused["state"], refused["status"], refused["error"]) == ("failed", 400, "UnknownValueError")
    # One that the page refuses costs nothing of the day.
    assert ask(served, "/tweets", {**ORDER, "parameters": {}})[0] == 400
    ordered()
    status, _headers, body = ask(served, "/tweets", ORDER)
    assert (status, json.loads(body)["error"]) == (429, "DailyCapError")
    assert ask(served, "/tweets/nobody-knows")[0] == 404


def test_who_orders_too_much_at_a_time_is_told_to_wait(here: LocalCloud) -> None:
    answers = [ask(here, "/tweets", {}) for _ in range(60)]
    statuses = [status for status, _headers, _body in answers]
    assert set(statuses) == {400, 429}
    assert json.loads(answers[statuses.index(429)][2]) == {"message": "Too Many Requests"}


def test_the_local_endpoint_streams_as_it_writes(served: LocalCloud) -> None:
    """The first part comes before the rest is written: nothing in the way collects them."""
    body = {"inputs": "", "parameters": {"max_new_tokens": 100, "min_new_tokens": 100, "seed": 1}}
    began = time.monotonic()
    answer = (
        served.services()
        .client("sagemaker-runtime")
        .invoke_endpoint_with_response_stream(
            EndpointName=ENDPOINT, ContentType="application/json", Accept="application/jsonlines", Body=json.dumps(body)
        )
    )
    assert answer["ContentType"] == "application/jsonlines"
    parts = [(time.monotonic(), part["PayloadPart"]["Bytes"]) for part in answer["Body"]]
    events = [json.loads(line) for line in b"".join(part for _at, part in parts).splitlines()]
    assert [one["event"] for one in events if one["event"] != "progress"] == ["tweet"]
    first, last = parts[0][0], parts[-1][0]
    assert last - first > 0.1 * (last - began), "collected, all would come at the end"


@given(
    st.dictionaries(st.from_regex(r":[a-z-]{1,30}", fullmatch=True), st.text(max_size=50), max_size=4), st.binary(max_size=200)
)
def test_a_message_of_a_stream_is_one_that_the_aws_sdk_reads(headers: dict[str, str], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    whole = message(headers, payload)
    buffer.add_data(whole[:5])
    buffer.add_data(whole[5:])
    (event,) = list(buffer)
    assert (event.headers, event.payload) == (headers, payload)
    assert struct.unpack("!I", whole[-4:])[0] == crc32(whole[:-4])


def test_an_event_that_a_function_fails_on_is_run_again_as_often_as_lambda_would(tmp_path: Path) -> None:
    from local.lambdas.functions import EVENT_RETRIES, Functions

    functions, runs = Functions(tmp_path, 0, None, {}), []  # type: ignore[arg-type]

    class Function:
        function_name = "f"

    functions._invoke = lambda function, body: runs.append(body) or {"error": "{}"}  # type: ignore[method-assign,func-returns-value]
    functions._run_event(Function(), "1")
    assert len(runs) == 1 + EVENT_RETRIES
    functions.set_retries("f", 0)
    functions._run_event(Function(), "2")
    assert runs[1 + EVENT_RETRIES :] == ["2"]
