"""Faults of AWS on demand: which calls they strike, and what the caller and the service then know."""

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import ThreadedMotoServer

from local.account import REGION
from local.faults import AwsFault, AwsFaults
from local.processes.ports import HOST
from politico.errors import UnknownValueError
from tests.support.running import until


class Edge:
    """moto's server in this process with faults before it, and clients that never try again by themselves."""

    def __init__(self) -> None:
        self.killed: list[str] = []
        self.faults = AwsFaults(self.killed.append)
        self.faults.install()
        self._server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
        self._server.start()
        self.s3, self.table = self.client("s3"), self.client("dynamodb")
        self.s3.create_bucket(Bucket="lake")

    def client(self, service: str) -> Any:
        _host, port = self._server.get_host_and_port()
        return boto3.client(
            service,
            endpoint_url=f"http://localhost:{port}",
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )

    def arm(self, **fault: Any) -> None:
        self.faults.set([AwsFault(**{"service": "s3", "operation": "PutObject", **fault})])

    def put(self, key: str, body: bytes = b"new") -> None:
        self.s3.put_object(Bucket="lake", Key=key, Body=body)

    def keys(self) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket="lake").get("Contents", ())]

    def stop(self) -> None:
        self.faults.set([])
        for key in self.keys():
            self.s3.delete_object(Bucket="lake", Key=key)
        self.s3.delete_bucket(Bucket="lake")
        self._server.stop()


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Edge]:
    monkeypatch.setattr(DomainDispatcherApplication, "__call__", DomainDispatcherApplication.__call__)
    edge = Edge()
    yield edge
    edge.stop()


def test_a_call_that_fails_has_no_effect_and_says_what_it_was_told(edge: Edge) -> None:
    edge.arm(status=503, code="SlowDown")
    with pytest.raises(ClientError) as raised:
        edge.put("raw/1")
    assert raised.value.response["Error"]["Code"] == "SlowDown"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert edge.keys() == []


def test_a_call_whose_answer_is_lost_has_its_effect(edge: Edge) -> None:
    edge.arm(do="lose_answer")
    with pytest.raises(ClientError, match="InternalError"):
        edge.put("raw/1")
    assert edge.keys() == ["raw/1"]


@pytest.mark.parametrize(("do", "left"), [("kill_before", []), ("kill_after", ["raw/1"])])
def test_a_kill_names_the_function_before_or_after_the_effect(edge: Edge, do: str, left: list[str]) -> None:
    edge.arm(do=do, function="fetch")
    with pytest.raises(ClientError):
        edge.put("raw/1")
    assert (edge.killed, edge.keys()) == (["fetch"], left)


@pytest.mark.parametrize(("do", "meanwhile"), [("hold_before", []), ("hold_after", ["raw/1"])])
def test_a_call_that_is_held_goes_on_once_the_faults_are_set_anew(edge: Edge, do: str, meanwhile: list[str]) -> None:
    edge.arm(do=do)
    caller = threading.Thread(target=edge.put, args=("raw/1",))
    caller.start()
    until(lambda: edge.faults.describe()[0]["struck"])
    until(lambda: edge.keys() == meanwhile)
    caller.join(0.2)
    assert caller.is_alive()
    edge.faults.set([])
    caller.join(10)
    assert not caller.is_alive()
    assert edge.keys() == ["raw/1"]


def test_a_held_call_goes_on_by_itself_after_its_time(edge: Edge) -> None:
    edge.arm(do="hold_before", seconds=0.1)
    edge.put("raw/1")
    assert edge.keys() == ["raw/1"]


def test_a_fault_strikes_after_so_many_calls_so_many_times(edge: Edge) -> None:
    edge.arm(after=1, times=2)
    done = []
    for number in range(5):
        try:
            edge.put(f"raw/{number}")
            done.append(number)
        except ClientError:
            continue
    assert done == [0, 3, 4]
    assert edge.faults.describe()[0]["struck"] == 2


def test_a_fault_strikes_only_its_operation_and_its_keys(edge: Edge) -> None:
    edge.arm(key="runs/*/report.json")
    edge.put("runs/7/days.json")
    edge.put("raw/7/report.json")
    with pytest.raises(ClientError):
        edge.put("runs/7/report.json")
    edge.arm(operation="GetObject", key="raw/*")
    edge.put("raw/1")
    with pytest.raises(ClientError):
        edge.s3.get_object(Bucket="lake", Key="raw/1")
    edge.arm(operation="ListObjectsV2", key="raw/*")
    with pytest.raises(ClientError):
        edge.s3.list_objects_v2(Bucket="lake", Prefix="raw/7")
    edge.arm(operation="HeadObject")
    with pytest.raises(ClientError):
        edge.s3.head_object(Bucket="lake", Key="raw/1")


def test_services_with_json_fail_in_json(edge: Edge) -> None:
    edge.arm(service="dynamodb", operation="ListTables", status=400, code="ThrottlingException")
    with pytest.raises(ClientError) as raised:
        edge.table.list_tables()
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
    assert edge.table.list_tables()["TableNames"] == []


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(UnknownValueError, match="unknown fault 'explode'; there are fail, lose_answer"):
        AwsFault("s3", "PutObject", do="explode")
