"""The page's parts: what a visitor may ask, how an order is kept and written, and a document that lets nothing else in."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, EventStreamError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

from politico.control.request import Parameters
from politico.errors import InputError, SpendingCapError
from politico.page import desk
from politico.page.document import document
from politico.page.order import LONGEST_TOKENS, MOST_BYTES, MOST_CANDIDATES, SETTINGS, read_order
from politico.page.orders import EXPIRES, KEPT, KEY, Orders, OrdersHere, OrdersTable
from politico.page.writing import State, write

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ASKED: dict[str, Any] = {"inputs": {"partido": "UDI", "hashtags": ["#Salud"]}, "parameters": {"seed": 7, "temperature": 0.5}}
TWEET = {
    "generated_text": "Hoy 🎉 la #Salud es de todos",
    "finish_reason": "stop",
    "tokens": 9,
    "model": "micro",
    "honoured": {"hashtags": {"#Salud": True}, "frases": {"más justo": False}},
}


def order(**parameters: Any) -> bytes:
    return json.dumps({**ASKED, "parameters": {**ASKED["parameters"], **parameters}}).encode()


# What may be asked


def test_an_order_becomes_the_endpoints_request_within_the_pages_means() -> None:
    request = json.loads(read_order(order()))
    assert request["inputs"] == ASKED["inputs"]
    assert request["parameters"] == {
        "seed": 7,
        "temperature": 0.5,
        "insistence": 1.0,
        "candidates": 4,
        "max_new_tokens": LONGEST_TOKENS,
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "bytes"),
        (b"[" * 5_000, "no JSON"),
        (b"7", "takes an object"),
        (b'{"inputs": {}}', "takes an object"),
        (b'{"inputs": "Hoy", "parameters": {}}', "takes an object"),
        (b'{"inputs": {}, "parameters": 7}', "parameters is 7"),
        (order(seed=None), "seed is missing"),
        (order(seed=-1), "seed is -1"),
        (order(temperature=99), "temperature is 99"),
        (order(temperature=float("nan")), "temperature is nan"),
        (order(candidates=MOST_CANDIDATES + 1), "at most 8"),
        (order(max_new_tokens=256), "does not take 'max_new_tokens'"),
        (order(num_beams=10), "does not take 'num_beams'"),
        (order(num_return_sequences=20), "does not take 'num_return_sequences'"),
        (json.dumps({**ASKED, "x": "a" * MOST_BYTES}).encode(), "bytes"),
    ],
)
def test_what_a_public_page_can_not_afford_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_order(body)


WITHIN = {
    "temperature": st.floats(0.05, 5.0),
    "insistence": st.floats(0.0, 1.0),
    "candidates": st.integers(1, MOST_CANDIDATES),
}
JUNK = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.fixed_dictionaries({"seed": st.integers(0, 2**32 - 1)}, optional=WITHIN))
def test_all_that_the_page_offers_is_taken_and_within_its_means(parameters: dict[str, Any]) -> None:
    assert {"seed", *WITHIN} == set(SETTINGS)
    request = json.loads(read_order(json.dumps({"inputs": {}, "parameters": parameters}).encode()))
    assert {name: request["parameters"][name] for name in parameters} == parameters
    checked = Parameters(**request["parameters"])
    assert (checked.num_return_sequences, checked.num_beams, checked.max_new_tokens) == (1, 1, LONGEST_TOKENS)


@given(
    st.fixed_dictionaries(
        {"seed": st.integers(0, 2**32 - 1)},
        optional={**{name: one | JUNK for name, one in WITHIN.items()}, "num_beams": JUNK, "num_return_sequences": JUNK},
    )
)
def test_whatever_is_sent_ends_in_a_request_that_an_endpoint_can_afford_or_in_a_refusal(parameters: dict[str, Any]) -> None:
    try:
        request = json.loads(read_order(json.dumps({"inputs": {}, "parameters": parameters}).encode()))
    except InputError:
        return
    checked = Parameters(**request["parameters"])
    assert (checked.num_return_sequences, checked.num_beams, checked.max_new_tokens) == (1, 1, LONGEST_TOKENS)
    assert 1 <= checked.candidates <= MOST_CANDIDATES


# Where orders lie


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        dynamodb = boto3.resource("dynamodb", region_name="us-east-1")
        yield dynamodb.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


@pytest.fixture(params=["table", "here"])
def orders(request: pytest.FixtureRequest) -> Orders:
    return OrdersTable(request.getfixturevalue("table"), cap=3) if request.param == "table" else OrdersHere()


def test_an_order_is_found_under_its_name_alone(orders: Orders) -> None:
    first, second = orders.open(NOON), orders.open(NOON)
    assert first != second
    assert orders.get(first, NOON) == {"state": "queued"}
    orders.put(first, {"state": "done", "tweet": {"text": "ñandú"}}, NOON)
    assert orders.get(first, NOON) == {"state": "done", "tweet": {"text": "ñandú"}}
    assert orders.get(second, NOON) == {"state": "queued"}
    assert orders.get("another", NOON) is None


def test_a_day_has_so_many_orders_and_the_next_day_as_many_again(table: Any) -> None:
    orders = OrdersTable(table, cap=3)
    for _ in range(3):
        orders.open(NOON)
    for moment in (NOON, NOON + timedelta(hours=11, minutes=59)):
        with pytest.raises(SpendingCapError, match="today's 3 tweets"):
            orders.open(moment)
    assert orders.open(NOON + timedelta(hours=12))


def test_an_order_is_gone_after_an_hour_whether_or_not_dynamodb_has_thrown_it_away(table: Any) -> None:
    orders = OrdersTable(table, cap=3)
    name = orders.open(NOON)
    assert orders.get(name, NOON + KEPT - timedelta(seconds=1)) is not None
    assert orders.get(name, NOON + KEPT) is None
    assert all(EXPIRES in item for item in table.scan()["Items"])


# How an order is written


class Runtime:
    """SageMaker's runtime: an answer's bytes, cut into parts of so many, or a failure at once or at the end."""

    def __init__(
        self,
        lines: list[dict[str, Any]],
        size: int = 7,
        first: Exception | None = None,
        last: Exception | None = None,
        torn: bytes = b"",
    ):
        self._body = b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in lines) + torn
        self._size, self._first, self._last = size, first, last
        self.asked: dict[str, Any] = {}

    def invoke_endpoint_with_response_stream(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        if self._first:
            raise self._first
        return {"Body": self._parts()}

    def _parts(self) -> Iterator[dict[str, Any]]:
        for first in range(0, len(self._body), self._size):
            yield {"PayloadPart": {"Bytes": self._body[first : first + self._size]}}
        if self._last:
            raise self._last


LANGUAGES = ("es", "en")
PROGRESS = {"event": "progress", "tokens": 3, "longest": 100, "text": "Hoy ñ"}
REQUEST = read_order(order())


def states(runtime: Runtime) -> list[State]:
    return list(write(runtime, "politico", REQUEST))


@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_a_stream_is_read_wherever_it_is_cut(size: int) -> None:
    runtime = Runtime([PROGRESS, {"event": "tweet", "tweet": TWEET}], size)
    first, last = states(runtime)
    assert first == {"state": "writing", "tokens": 3, "longest": 100, "text": "Hoy ñ"}
    assert last["state"] == "done"
    assert runtime.asked["Accept"] == "application/jsonlines"
    assert json.loads(runtime.asked["Body"]) == json.loads(REQUEST)


def test_what_was_asked_is_marked_in_letters_and_what_is_missing_is_said() -> None:
    (done,) = states(Runtime([{"event": "tweet", "tweet": TWEET}]))
    shown = done["tweet"]
    ((first, last, field),) = shown["marks"]
    assert ("".join(list(shown["text"])[first:last]), field) == ("#Salud", "hashtags")
    assert shown["said"] == [{"field": "hashtags", "item": "#Salud"}]
    assert shown["unsaid"] == [{"field": "frases", "item": "más justo"}]
    assert (shown["ended"], shown["model"]) == (True, "micro")


def model_error(status: int, message: str) -> ClientError:
    error = {"Error": {"Code": "ModelError", "Message": ""}, "OriginalStatusCode": status, "OriginalMessage": message}
    return ClientError(error, "InvokeEndpointWithResponseStream")


@pytest.mark.parametrize(
    ("runtime", "status", "error"),
    [
        (
            Runtime([], first=model_error(400, '{"error": "UnknownValueError", "message": "no such party"}')),
            400,
            "UnknownValueError",
        ),
        (Runtime([], first=model_error(400, "not JSON")), 400, "EndpointRefused"),
        (Runtime([], first=ClientError({"Error": {"Code": "ValidationError"}}, "Invoke")), 503, "EndpointUnavailable"),
        (Runtime([], first=EndpointConnectionError(endpoint_url="x")), 503, "EndpointUnavailable"),
        (Runtime([], first=ReadTimeoutError(endpoint_url="x")), 504, "EndpointTimeout"),
        (Runtime([PROGRESS], last=StreamTimeoutError(None, "/", "silent")), 504, "EndpointTimeout"),  # type: ignore[arg-type]
        (Runtime([PROGRESS], last=ProtocolError("cut")), 502, "ModelFailed"),
        (Runtime([PROGRESS], torn=b'{"event": "twe'), 502, "ModelFailed"),
        (
            Runtime([PROGRESS, {"event": "failed", "status": 504, "error": "DeadlineError", "message": "slow"}]),
            504,
            "EndpointTimeout",
        ),
        (Runtime([PROGRESS], last=EventStreamError({"Error": {"Code": "ModelStreamError"}}, "Invoke")), 502, "ModelFailed"),
        (Runtime([PROGRESS, {"event": "failed", "error": "ServiceError", "message": "bad words"}]), 502, "ServiceError"),
        (Runtime([PROGRESS]), 502, "ModelFailed"),
        (Runtime([]), 502, "ModelFailed"),
    ],
)
def test_every_order_ends_whatever_happens_to_its_stream(runtime: Runtime, status: int, error: str) -> None:
    last = states(runtime)[-1]
    assert (last["state"], last["status"], last["error"]) == ("failed", status, error)
    assert last["message"]


# The requests


def test_an_order_that_is_refused_is_never_begun_nor_counted(table: Any) -> None:
    orders, begun = OrdersTable(table, cap=1), []

    def begin(name: str, request: str) -> None:
        begun.append((name, request))

    assert desk.take(b"{}", orders, NOON, begin).status == 400
    taken = desk.take(order(), orders, NOON, begin)
    assert taken.status == 202
    assert [name for name, _request in begun] == [json.loads(taken.body)["order"]]
    over = desk.take(order(), orders, NOON, begin)
    assert (over.status, json.loads(over.body)["error"], len(begun)) == (429, "DailyCapError", 1)
    assert json.loads(desk.look(begun[0][0], orders, NOON).body) == {"state": "queued"}
    assert desk.look("another", orders, NOON).status == 404


# The document


def test_the_pages_policy_lets_in_its_own_style_and_script_and_nothing_else() -> None:
    page = desk.page()
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    for word in ("unsafe", "http", "*", "data:"):
        assert word not in policy
    for kind, directive in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert not re.search(r"(src|href)=|style=|\son\w+=|@import|url\(", page.body)


def test_every_word_of_the_page_is_there_in_every_language() -> None:
    html = document().html
    words = json.loads(re.findall(r'type="application/json">(.*?)</script>', html, re.DOTALL)[0])
    assert tuple(words) == LANGUAGES

    def keys(level: dict[str, Any], before: str = "") -> set[str]:
        nested = (
            keys(value, f"{before}{name}.") if isinstance(value, dict) else {before + name} for name, value in level.items()
        )
        return {key for found in nested for key in found}

    first, second = (keys(words[language]) for language in LANGUAGES)
    assert first == second
    used = set(re.findall(r'data-(?:word|label)="(\w+)"', html)) | set(re.findall(r'\b(?:word|say)\("([\w.]+)"', html))
    assert used <= first
    unused = {key for key in first - used if not key.startswith(("errors.", "fields.", "values."))}
    assert unused == set()
    places = {
        language: {key: sorted(re.findall(r"\{\w+\}", words[language][key])) for key in first if "." not in key}
        for language in LANGUAGES
    }
    assert places["es"] == places["en"]


def test_a_word_can_not_end_the_element_that_it_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from politico.page import document as module

    read = module._read
    monkeypatch.setattr(
        module, "_read", lambda name: '{"es": "</script><script>alert(1)</script>"}' if name == module.WORDS else read(name)
    )
    module.document.cache_clear()
    try:
        assert "alert(1)</script>" not in module.document().html
    finally:
        module.document.cache_clear()
