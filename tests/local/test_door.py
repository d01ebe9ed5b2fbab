"""The REST API's door: who has no key, who asks too much, and what is not there, as API Gateway would say it."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from cli.local_cloud import LocalCloud
from local.door import Plan, Throttle


def ask(cloud: LocalCloud, body: Any, *, key: str | None = None, path: str = "", method: str = "POST") -> tuple[int, Any]:
    """Status and JSON of an answer."""
    headers = {"Content-Type": "application/json", "x-api-key": cloud.api_key if key is None else key}
    request = urllib.request.Request(cloud.outputs["ApiUrl"] + path, json.dumps(body).encode(), headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("key", ["", "another"])
def test_who_has_no_key_is_forbidden(cloud: LocalCloud, key: str) -> None:
    assert ask(cloud, {"inputs": {}}, key=key) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(("path", "method"), [("/more", "POST"), ("", "GET"), ("", "DELETE")])
def test_what_is_not_there_is_refused_as_api_gateway_does(cloud: LocalCloud, path: str, method: str) -> None:
    assert ask(cloud, {}, path=path, method=method) == (403, {"message": "Missing Authentication Token"})


def test_the_key_is_the_operators_to_look_up(cloud: LocalCloud) -> None:
    found = cloud.services().client("apigateway").get_api_keys(nameQuery=cloud.outputs["ApiKey"], includeValues=True)["items"]
    assert [one["value"] for one in found] == [cloud.api_key]


def test_a_plan_lets_a_burst_pass_then_so_many_a_second_then_so_many_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("local.door.time.time", lambda: now[0])
    plan = Plan(Throttle(rate=2, burst=4), quota=7)
    assert [plan.take() for _ in range(5)] == [None] * 4 + ["Too Many Requests"]
    now[0] += 1
    assert [plan.take() for _ in range(3)] == [None, None, "Too Many Requests"]
    now[0] += 60
    assert [plan.take() for _ in range(2)] == [None, "Limit Exceeded"]
    now[0] += 86_400
    assert plan.take() is None
