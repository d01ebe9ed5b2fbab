"""The functions' own decisions: how a run is cut into parts, what its report says, who passes the gate, a release's names."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from functions import environment
from functions.deploy import release
from functions.deploy.probe import probe
from functions.ingest import fetch, gather, plan, report, touched
from functions.ingest.gather import PAGES_A_PART, in_parts
from functions.train.gate import decide
from infra.settings import Settings
from local.limits import violations
from politico.dataset.manifest import read_manifest
from politico.errors import ServiceError, TermsError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.ledger.table import KEY
from politico.models.packages import VARIANT
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import read_time

RUN = "20240503-120000-1a2b3c4d"
REFERENCE = "2024-05-03T12:00:00.000Z"
LATEST = "2101-01-01T00:00:00.000Z"
JUANA = Politician("JuanaRojas", "7", "Juana Rojas", "Senadora", "Norte Unido", "PVA")
PEDRO = Politician("pedro_s", "8", "Pedro Soto", "Alcalde", "Sur Libre", "UDI")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    """A lake with a registry and a ledger, as the functions' environment names them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(environment.BUCKET, "lake-of-tests")
    monkeypatch.setenv(environment.LEDGER_TABLE, "ledger")
    monkeypatch.setenv(environment.ENDPOINT, Settings().endpoint_name)
    monkeypatch.setenv(environment.X_TERMS, "yes")
    kept = (environment.client, environment.lake, environment.ledger, environment.x_connection, environment.x_bearer_token)
    with mock_aws():
        for one in kept:
            one.cache_clear()
        boto3.client("s3").create_bucket(Bucket="lake-of-tests")
        boto3.resource("dynamodb").create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        lake = environment.lake()
        lake.write(places.REGISTRY, Registry([JUANA, PEDRO]).to_csv().encode())
        yield lake
    for one in kept:
        one.cache_clear()


# Gather: parts of even size


def waiting(user: int, pages: int) -> dict[str, Any]:
    return {"pages_run": RUN, "user_id": str(user), "reference": REFERENCE, "mark": f"mark-{user}", "keys": keys_of(user, pages)}


def keys_of(user: int, pages: int) -> list[str]:
    return [places.raw_page(RUN, str(user), str(10_000 + number), str(10_000 + number)) for number in range(pages)]


@given(st.lists(st.integers(0, 350), max_size=30))
def test_parts_hold_every_page_once_in_order_and_none_is_overfull(sizes: list[int]) -> None:
    """An account of 37,000 fresh posts outlasted a function: it was never split."""
    pending = [waiting(user, pages) for user, pages in enumerate(sizes)]
    parts = list(in_parts(pending))
    taken: dict[str, list[str]] = {str(user): [] for user in range(len(sizes))}
    filled = []
    for part in parts:
        pages = 0
        for account in part:
            keys = keys_of(int(account["user_id"]), sizes[int(account["user_id"])])
            own = [
                key for key in keys if key > account.get("after", "") and (not account.get("until") or key <= account["until"])
            ]
            taken[account["user_id"]] += own
            pages += len(own)
        assert part
        assert pages <= PAGES_A_PART
        filled.append((pages, len(keys_of(int(part[0]["user_id"]), sizes[int(part[0]["user_id"])]))))
    assert taken == {str(user): keys_of(user, pages) for user, pages in enumerate(sizes)}
    in_order = [user for user, _ in groupby(account["user_id"] for part in parts for account in part)]
    assert in_order == [str(user) for user in range(len(sizes))], "those without pages, too"
    for (pages, _own), (_next, following) in pairwise(filled):
        assert pages + following > PAGES_A_PART  # no part ends before it must


def test_a_part_names_accounts_and_runs_and_not_their_pages() -> None:
    assert list(in_parts([waiting(7, 2), waiting(8, 99)])) == [
        [{"pages_run": RUN, "user_id": "7", "reference": REFERENCE, "mark": "mark-7"}],
        [{"pages_run": RUN, "user_id": "8", "reference": REFERENCE, "mark": "mark-8"}],
    ]


def test_an_account_that_is_split_is_settled_once_all_of_its_parts_are_done(cloud: Lake) -> None:
    cloud.write_json(places.plan(RUN), {"reference": REFERENCE})
    cloud.write_json(places.accounts(RUN), [])
    parts = list(in_parts([waiting(7, 2 * PAGES_A_PART + 1)]))
    assert len(parts) == 3
    listed: list[dict[str, Any]] = [
        {"run": RUN, "part": f"{number:04}", "accounts": accounts} for number, accounts in enumerate(parts)
    ]
    cloud.write_json(places.parts(RUN), listed)
    cloud.write_json(places.touched_days(RUN), [])
    counts: dict[str, Any] = {"read": 1, "kept": 1, "filtered": {}, "rejected": {}}
    told: list[tuple[str, str, str]] = []

    def settle(*by: str) -> bool:
        told.append(by)  # type: ignore[arg-type]
        return True

    for number, item in enumerate(listed):
        found = report.report(RUN, cloud, settle) if number else {"settled_posts": {"read": 0}}
        assert (told, found["settled_posts"]["read"]) == ([], 0), "not before the last"
        body = {"part": item["part"], "accounts": [{**account, **counts} for account in item["accounts"]], "days": []}
        cloud.write_json(places.part_counts(RUN, str(item["part"])), body)
    found = report.report(RUN, cloud, settle)
    assert (told, found["settled_posts"]["read"]) == ([("7", RUN, "mark-7")], 3)


def test_a_part_is_filled_to_its_last_page() -> None:
    assert [len(part) for part in in_parts([waiting(7, 1), waiting(8, PAGES_A_PART - 1), waiting(9, 1)])] == [2, 1]


def test_the_parts_of_a_run_hold_all_that_is_pending_of_this_run_and_of_earlier_ones(cloud: Lake) -> None:
    """Each with its own run's date: what a nightly run had stored was once judged by an archive's."""
    ledger, earlier = environment.ledger(), "20240502-120000-ffffffff"
    cloud.write_json(places.plan(RUN), {"reference": REFERENCE})
    cloud.write_json(places.plan(earlier), {"reference": "2021-01-02T03:04:05.000Z"})
    for user, run in (("7", earlier), ("7", RUN), ("9", RUN)):
        ledger.hand_over(user, run)
        cloud.write_lines(places.raw_page(run, user, "2", "1"), [{}])
    assert gather.handler({"run": RUN}, None) == {"parts": 1}
    marks = ledger.pending("7")
    (item,) = cloud.read_json(places.parts(RUN))
    assert item == {
        "run": RUN,
        "part": "0000",
        "accounts": [
            {"pages_run": earlier, "user_id": "7", "reference": "2021-01-02T03:04:05.000Z", "mark": marks[earlier]},
            {"pages_run": RUN, "user_id": "7", "reference": REFERENCE, "mark": marks[RUN]},
        ],
    }


# Report: nothing fails unseen


def account(user: str, read: int = 2) -> dict[str, Any]:
    return {
        "pages_run": RUN,
        "user_id": user,
        "mark": f"mark-{user}",
        "read": read,
        "kept": read - 2,
        "filtered": {"retweet": 1},
        "rejected": {"bad_id": 1},
    }


def part_done(lake: Lake, part: str, user: str, days: list[str], read: int = 2) -> None:
    lake.write_json(places.part_counts(RUN, part), {"part": part, "accounts": [account(user, read)], "days": days})


def day_done(lake: Lake, *days: str) -> None:
    counts = [{"day": day, "read": 3, "rows": 2, "dropped": {"duplicate": 1}} for day in days]
    lake.write_json(places.day_counts(RUN, days[0]), counts)


def planned(lake: Lake, *parts: str) -> list[dict[str, Any]]:
    items = [{"run": RUN, "part": part, "accounts": []} for part in parts]
    lake.write_json(places.parts(RUN), items)
    lake.write_json(places.accounts(RUN), [{"number": user, "account": {"user_id": user}} for user in ("7", "8", "9", "10")])
    lake.write_json(places.fetched(RUN, "7"), {"user_id": "7", "status": "done", "posts": 5})
    lake.write_json(places.fetched(RUN, "8"), {"user_id": "8", "status": "capped", "posts": 1})
    lake.write_json(places.fetched(RUN, "10"), {"user_id": "10", "status": "wait", "posts": 2})
    return items


SILENT = "its function ended without an answer; the function's log says why"


def test_a_report_adds_up_what_was_done_and_shows_what_failed(cloud: Lake) -> None:
    items = planned(cloud, "0000", "0001", "0002")
    part_done(cloud, "0000", "7", ["2024-05-01", "2024-05-02"], read=5)
    part_done(cloud, "0002", "8", ["2024-05-03"], read=4)
    day_done(cloud, "2024-05-01", "2024-05-02")
    touched.handler({"run": RUN}, None)
    told: list[tuple[str, ...]] = []

    def settle(*one: str) -> bool:
        told.append(one)
        return True

    found = report.report(RUN, cloud, settle)
    assert told == [("7", RUN, "mark-7")]
    assert found == {
        "run": RUN,
        "accounts": 4,
        "posts_fetched": 8,
        "read": 9,
        "kept": 5,
        "filtered": {"retweet": 2},
        "rejected": {"bad_id": 2},
        "settled_posts": {"read": 5, "kept": 3, "filtered": {"retweet": 1}, "rejected": {"bad_id": 1}},
        "days": 2,
        "annotated_read": 6,
        "dropped": {"duplicate": 2},
        "rows": 4,
        "dataset": read_manifest(cloud).identity(),
        "failed_accounts": [
            {"user_id": "8", "status": "capped", "posts": 1},
            {"user_id": "9", "status": "failed", "reason": SILENT},
            {"user_id": "10", "status": "failed", "posts": 2, "reason": SILENT},
        ],
        "failed_parts": [items[1]],
        "failed_days": ["2024-05-03"],
    }


def test_only_what_is_whole_in_the_dataset_is_settled(cloud: Lake) -> None:
    ledger = environment.ledger()
    for user in ("7", "8", "9", "10"):
        ledger.hand_over(user, RUN)
        ledger.hand_over(user, "another")
    planned(cloud, "0000", "0001", "0002", "0003")
    part_done(cloud, "0000", "7", ["2024-05-01"])
    part_done(cloud, "0001", "8", ["2024-05-01", "2024-05-02"])  # its second day was never curated
    part_done(cloud, "0003", "10", [])  # nothing of it was worth keeping
    day_done(cloud, "2024-05-01")
    touched.handler({"run": RUN}, None)
    for part, user in (("0000", "7"), ("0001", "8"), ("0003", "10")):
        counts = cloud.read_json(places.part_counts(RUN, part))
        counts["accounts"][0]["mark"] = ledger.pending(user)[RUN]
        cloud.write_json(places.part_counts(RUN, part), counts)
    answer = report.handler({"run": RUN}, None)
    assert [list(ledger.pending(user)) for user in ("7", "8", "9", "10")] == [
        ["another"],
        [RUN, "another"],
        [RUN, "another"],
        ["another"],
    ]
    stored = cloud.read_json(places.report(RUN))
    assert (answer["failures"], answer["rows"]) == (3 + 1 + 1, 2)
    assert cloud.read_json_if_any(places.REGISTRY_CURATED) is None  # a day failed: all are tried again
    assert stored["failed_days"] == ["2024-05-02"]
    assert not [name for name in answer if name.startswith("failed")]


def test_a_run_with_nothing_to_do_has_a_report_of_zeros(cloud: Lake) -> None:
    cloud.write_json(places.parts(RUN), [])
    cloud.write_json(places.accounts(RUN), [])
    touched.handler({"run": RUN}, None)
    answer = report.handler({"run": RUN}, None)
    assert (answer["read"], answer["rows"], answer["failures"], answer["filtered"]) == (0, 0, 0, {})


def test_touched_days_are_listed_once_in_order_and_in_batches(cloud: Lake) -> None:
    days = [f"2024-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 21)]
    part_done(cloud, "0000", "7", days[:25])
    part_done(cloud, "0001", "8", days[20:][::-1])
    assert touched.handler({"run": RUN}, None) == {"days": 40}
    items = cloud.read_json(places.touched_days(RUN))
    assert [(item["run"], len(item["days"])) for item in items] == [(RUN, 30), (RUN, 10)]
    assert [day for item in items for day in item["days"]] == days


@pytest.mark.parametrize(
    "people",
    [[replace(JUANA, party="PCC"), PEDRO], [PEDRO], [replace(JUANA, screen_name="juana_r"), PEDRO]],
    ids=["corrected", "taken out", "renamed"],
)
def test_a_changed_entry_touches_every_day_that_was_ever_written_once(cloud: Lake, people: list[Politician]) -> None:
    """A politician's corrected party once reached only the days to come."""
    cloud.write_lines(places.raw_page("earlier", "7", "2", "1"), [{}])
    for day in ("2023-01-01", "2024-05-01"):
        cloud.write_lines(places.annotated_part(date.fromisoformat(day), "earlier", "0000"), [])
    part_done(cloud, "0000", "7", ["2024-05-02"])
    cloud.write_json(places.parts(RUN), [])
    cloud.write_json(places.accounts(RUN), [])

    def days() -> list[str]:
        touched.handler({"run": RUN}, None)
        found = [day for item in cloud.read_json(places.touched_days(RUN)) for day in item["days"]]
        day_done(cloud, *found)
        report.handler({"run": RUN}, None)
        return found

    every = ["2023-01-01", "2024-05-01", "2024-05-02"]
    assert [days(), days()] == [every, ["2024-05-02"]]
    cloud.write(places.REGISTRY, Registry(people).to_csv().encode())
    assert [days(), days()] == [every, ["2024-05-02"]]


def test_somebody_new_touches_the_days_of_their_own_posts_only(cloud: Lake) -> None:
    """An import of one more politician costs their days, not the lake."""
    cloud.write_lines(places.raw_page("earlier", "7", "2", "1"), [{}])
    cloud.write_lines(places.raw_page("import", "9", "4", "3"), [{}])
    cloud.write_lines(places.annotated_part(date(2023, 1, 1), "earlier", "0000"), [])
    cloud.write_json(places.REGISTRY_CURATED, [asdict(JUANA), asdict(PEDRO)])
    new = Politician("nueva", "9", "Nueva Persona", "Diputada", "Norte", "PN")
    cloud.write(places.REGISTRY, Registry([JUANA, PEDRO, new]).to_csv().encode())
    accounts = [{"pages_run": "import", "user_id": "9"}]
    cloud.write_json(places.parts(RUN), [{"part": "0000", "accounts": accounts}])
    part_done(cloud, "0000", "9", ["2024-05-02"])
    assert touched.handler({"run": RUN}, None) == {"days": 1}
    cloud.write_json(places.parts(RUN), [])  # their posts came with an earlier run: they were left out then
    assert touched.handler({"run": RUN}, None) == {"days": 2}


# Plan and fetch: what the workflow is told


def test_a_run_reads_the_registrys_accounts_as_of_its_start(cloud: Lake) -> None:
    event = {"name": "x", "started": "2024-05-03T12:00:00.123Z", "input": {}}
    planned_run = plan.handler(event, None)
    assert planned_run == plan.handler(event, None)
    run = planned_run["run"]
    assert run.startswith("20240503-120000-")
    assert planned_run == {"run": run, "accounts": 2}
    assert cloud.read_json(places.plan(run)) == {"reference": REFERENCE}
    accounts = [{"user_id": "7", "screen_name": "JuanaRojas"}, {"user_id": "8", "screen_name": "pedro_s"}]
    assert cloud.read_json(places.accounts(run)) == [
        {
            "run": run,
            "reference": REFERENCE,
            "number": f"0000{number}",
            "account": one,
            "latest": "2024-05-04T00:00:00.000Z",
        }
        for number, one in enumerate(accounts)
    ]


def test_a_run_over_an_import_reads_no_account_as_of_the_archives_date(cloud: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.X_TERMS, "no")
    event = {"name": "x", "started": REFERENCE, "input": {"fetch": False, "reference": "2021-01-02T03:04:05.000Z"}}
    planned_run = plan.handler(event, None)
    assert planned_run["accounts"] == 0
    assert cloud.read_json(places.plan(planned_run["run"])) == {"reference": "2021-01-02T03:04:05.000Z"}
    with pytest.raises(TermsError, match="reading from X is off"):
        plan.handler(event | {"input": {}}, None)
    with pytest.raises(TermsError):
        fetch.handler({}, None)


class Clock:
    """Lambda's context: how much time is left at each look."""

    def __init__(self, *milliseconds: int) -> None:
        self._left = iter(milliseconds)

    def get_remaining_time_in_millis(self) -> int:
        return next(self._left)


@pytest.mark.parametrize(
    ("clock", "setting", "expected"),
    [
        (Clock(50_000), {}, {"status": "more"}),
        (Clock(90_000), {environment.X_MONTHLY_CAP: "0"}, {"status": "capped"}),
        (Clock(90_000), {"reset": "4102444800"}, {"status": "wait", "until": "2100-01-01T00:00:00.000Z"}),
    ],
    ids=["time", "cap", "limit"],
)
def test_a_fetch_that_could_not_begin_says_what_the_workflow_is_to_do(
    cloud: Lake, monkeypatch: pytest.MonkeyPatch, clock: Clock, setting: dict[str, str], expected: dict[str, str]
) -> None:
    monkeypatch.setenv(environment.X_SECRET, "x-secret")
    monkeypatch.setenv(environment.X_MONTHLY_CAP, setting.get(environment.X_MONTHLY_CAP, "1000"))
    monkeypatch.setenv(environment.X_EXCLUDE_RETWEETS, "no")
    monkeypatch.setenv(environment.X_LATE_HOURS, "0")
    environment.client("secretsmanager").create_secret(Name="x-secret", SecretString='{"bearer_token": "a-token"}')
    if "reset" in setting:
        environment.ledger().note_reset(int(setting["reset"]))
    event = {
        "run": RUN,
        "reference": REFERENCE,
        "latest": LATEST,
        "number": "00000",
        "account": {"user_id": "7", "screen_name": "JuanaRojas"},
    }
    answer = fetch.handler(event, clock)
    assert answer.items() >= {**expected, "user_id": "7", "screen_name": "JuanaRojas", "pages": 0, "posts": 0}.items()
    assert cloud.read_json(places.fetched(RUN, "00000")) == answer
    assert environment.x_bearer_token("x-secret") == "a-token"
    assert list(cloud.keys(places.RAW)) == []


@pytest.mark.parametrize("clock", [50_000, 90_000], ids=["more", "wait"])
def test_a_fetch_that_would_go_on_after_its_time_leaves_the_rest_to_the_next_run(
    cloud: Lake, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    """A run that X kept waiting was once timed out with all its pages, and the dataset got no row of them."""
    monkeypatch.setenv(environment.X_SECRET, "x-secret")
    monkeypatch.setenv(environment.X_MONTHLY_CAP, "1000")
    monkeypatch.setenv(environment.X_EXCLUDE_RETWEETS, "no")
    monkeypatch.setenv(environment.X_LATE_HOURS, "0")
    environment.client("secretsmanager").create_secret(Name="x-secret", SecretString="a-token")
    environment.ledger().note_reset(4102444800)
    event = {"run": RUN, "reference": REFERENCE, "latest": REFERENCE, "number": "00000", "account": {"user_id": "7"}}
    answer = fetch.handler({**event, "account": {"user_id": "7", "screen_name": "JuanaRojas"}}, Clock(clock))
    assert (answer["status"], answer["reason"][:19]) == ("late", "X keeps the run wai")
    cloud.write_json(places.accounts(RUN), [event])
    (failed,) = report._fetched(RUN, cloud)
    assert failed["status"] == "late"


# The gate


@pytest.mark.parametrize(
    ("candidate", "champion", "passed"),
    [(1.02, 1.0, True), (1.03, 1.0, False), (0.9, 1.0, True), (9.0, None, True), (float("nan"), 1.0, False)],
)
def test_a_model_passes_when_it_is_at_most_the_tolerance_worse(candidate: float, champion: float | None, passed: bool) -> None:
    evaluation = {
        "candidate": {"bits_per_byte": candidate},
        "champion": None if champion is None else {"bits_per_byte": champion},
    }
    assert decide(evaluation, 0.02)["passed"] is passed


def test_a_model_without_a_figure_does_not_pass_for_want_of_a_champion() -> None:
    """A training that diverged has nan for bits per byte."""
    for figure in (float("nan"), float("inf")):
        decision = decide({"candidate": {"bits_per_byte": figure}}, 0.02)
        assert (decision["passed"], decision["reason"]) == (False, f"the candidate's bits per byte are {figure}")


def test_the_gate_says_what_decided() -> None:
    decision = decide({"candidate": {"bits_per_byte": 1.25}, "champion": {"bits_per_byte": 1.5}}, 0.02)
    assert decision == {
        "passed": True,
        "reason": "candidate 1.2500 bits per byte, champion 1.5000, tolerance 2%",
        "bits_per_byte": "1.2500",
    }
    assert decide({"candidate": {"bits_per_byte": 1.25}}, 0.02)["reason"] == "no champion to compare with"


# The probe


class FakeRuntime:
    """An endpoint that answers each request with the next text of a list."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[Any] = []

    def invoke_endpoint(self, *, EndpointName: str, ContentType: str, Body: str) -> dict[str, Any]:  # noqa: N803 the service's names
        assert (EndpointName, ContentType) == ("candidate", "application/json")
        self.asked.append(json.loads(Body)["inputs"])
        return {"Body": io.BytesIO(json.dumps(self._answers.pop(0)).encode())}


def tweet(text: str) -> list[dict[str, str]]:
    return [{"generated_text": text}]


def test_a_candidate_is_asked_for_a_casual_tweet_and_for_one_of_each_sentiment() -> None:
    runtime = FakeRuntime(*[tweet("Hola")] * 4)
    assert probe(runtime, "candidate") == {"asked": 4}
    assert runtime.asked == ["", {"sentimiento": "POSITIVE"}, {"sentimiento": "NEGATIVE"}, {"sentimiento": "NEUTRAL"}]


@pytest.mark.parametrize("silence", [[], tweet(""), tweet(" \n")])
def test_a_candidate_that_writes_nothing_is_refused_by_the_prompt_it_failed(silence: Any) -> None:
    with pytest.raises(ServiceError, match=r"candidate wrote nothing for \{'sentimiento': 'NEGATIVE'\}"):
        probe(FakeRuntime(tweet("Hola"), tweet("Hola"), silence), "candidate")


# A release: its names, and whose it is

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/politico/{}"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:DeployWorkflow:{}"


class FakeSageMaker:
    """Models and configurations with SageMaker's own refusals; moto replaces what is there already."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}

    def _make(self, kind: str, known: dict[str, dict[str, Any]], name: str, request: dict[str, Any]) -> None:
        if name in known:
            error = {"Code": "ValidationException", "Message": f"Cannot create already existing {kind} {name!r}."}
            raise ClientError({"Error": error}, "Create")
        known[name] = request

    def create_model(self, **request: Any) -> None:
        self._make("model", self.models, request["ModelName"], request)

    def create_endpoint_config(self, **request: Any) -> None:
        self._make("endpoint configuration", self.configs, request["EndpointConfigName"], request)

    def describe_model(self, ModelName: str) -> dict[str, str]:  # noqa: N803 - boto3's names
        if ModelName not in self.models:
            error = {"Code": "ValidationException", "Message": f'Could not find model "{ModelName}".'}
            raise ClientError({"Error": error}, "DescribeModel")
        return {"ModelArn": ModelName}

    def list_tags(self, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self.models[ResourceArn]["Tags"]}

    def add_tags(self, ResourceArn: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        self.models[ResourceArn]["Tags"] = Tags


class FakeExecutions:
    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}

    def describe_execution(self, executionArn: str) -> dict[str, str]:  # noqa: N803
        if executionArn not in self.statuses:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": executionArn}}, "DescribeExecution")
        return {"status": self.statuses[executionArn]}


@pytest.fixture
def releases(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeSageMaker, FakeExecutions]:
    made = {"sagemaker": FakeSageMaker(), "stepfunctions": FakeExecutions()}
    monkeypatch.setenv(environment.ENDPOINT, Settings().endpoint_name)
    monkeypatch.setenv(environment.SERVING_ROLE, "arn:aws:iam::123456789012:role/serving")
    monkeypatch.setenv(environment.SERVING_INSTANCE, Settings().serving_instance)
    monkeypatch.setenv(environment.SERVING_INSTANCES, "1")
    monkeypatch.setenv(environment.SERVING_WATERMARK, "true")
    monkeypatch.setenv(environment.DATA_CAPTURE, "0 s3://lake/captured/")
    monkeypatch.setattr(environment, "client", made.__getitem__)
    return made["sagemaker"], made["stepfunctions"]  # type: ignore[return-value]


def announced(version: int, execution: str, **more: Any) -> dict[str, Any]:
    approval = {"source": "aws.sagemaker", "detail": {"ModelPackageArn": PACKAGE.format(version)}, **more}
    return dict(release.handler({"approval": approval, "execution": EXECUTION.format(execution)}, None))


def model_of(answer: dict[str, Any]) -> str:
    """The model's name in a release's: what follows it is of how it is served."""
    return str(answer["release"]).rpartition("-")[0]


def test_a_releases_names_follow_from_its_package_and_fit_sagemaker(releases: tuple[FakeSageMaker, FakeExecutions]) -> None:
    first, again, other = announced(1, "a"), announced(1, "a"), announced(2, "b")
    assert first == {**again, "deadline": first["deadline"]}
    for name in ("release", "candidate"):
        assert first[name] != other[name]
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", first[name])
        assert first[name].startswith(first["endpoint"] + "-")  # the functions' rights are by this prefix
    assert first["candidate"].startswith(f"{first['endpoint']}-candidate-")
    assert first["held"] is again["held"] is other["held"] is True  # the same step tried again goes on
    assert set(releases[0].configs) == {first["release"], other["release"]}
    assert set(releases[0].models) == {model_of(first), model_of(other)}


def test_what_a_release_makes_serves_its_package(releases: tuple[FakeSageMaker, FakeExecutions]) -> None:
    made = announced(1, "a")
    name = model_of(made)
    model, config = releases[0].models[name], releases[0].configs[made["release"]]
    assert model["PrimaryContainer"] == {"ModelPackageName": PACKAGE.format(1)}
    assert model["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/serving"
    (variant,) = config["ProductionVariants"]
    assert (variant["VariantName"], variant["ModelName"]) == (VARIANT, name)
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == (Settings().serving_instance, 1)
    for operation, request in (("CreateModel", model), ("CreateEndpointConfig", config)):
        assert violations("sagemaker", operation, request) == []


def test_a_version_that_is_to_be_served_in_another_way_gets_another_configuration(
    releases: tuple[FakeSageMaker, FakeExecutions], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = announced(1, "a")
    assert "DataCaptureConfig" not in releases[0].configs[before["release"]]
    monkeypatch.setenv(environment.DATA_CAPTURE, "25 s3://lake/captured/")
    monkeypatch.setenv(environment.SERVING_INSTANCES, "3")
    made = announced(1, "a")  # the very version of before, served in another way
    config = releases[0].configs[made["release"]]
    assert violations("sagemaker", "CreateEndpointConfig", config) == []
    capture = config["DataCaptureConfig"]
    assert "KmsKeyId" not in capture
    assert (capture["InitialSamplingPercentage"], capture["DestinationS3Uri"]) == (25, f"s3://lake/captured/{model_of(made)}")
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 3
    assert (model_of(made), len(releases[0].configs)) == (model_of(before), 2)
    key = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c"
    monkeypatch.setenv(environment.KMS_KEY, key)
    closed = releases[0].configs[announced(1, "a")["release"]]
    assert violations("sagemaker", "CreateEndpointConfig", closed) == []
    assert closed["DataCaptureConfig"]["KmsKeyId"] == key


def test_a_model_that_is_told_something_else_is_another_model(
    releases: tuple[FakeSageMaker, FakeExecutions], monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = model_of(announced(1, "a"))
    monkeypatch.setenv(environment.SERVING_WATERMARK, "false")
    plain = model_of(announced(1, "a"))
    assert plain != marked
    model = releases[0].models[plain]
    assert model["PrimaryContainer"] == {"ModelPackageName": PACKAGE.format(1), "Environment": {"WATERMARK": "false"}}
    assert violations("sagemaker", "CreateModel", model) == []


def test_a_release_gives_itself_up_before_its_machine_is_ended(releases: tuple[FakeSageMaker, FakeExecutions]) -> None:
    left = read_time(announced(1, "a")["deadline"]) - environment.now()
    assert timedelta(hours=1) < left < timedelta(hours=3)


@pytest.mark.parametrize(
    ("first", "again", "held"),
    [
        ("RUNNING", False, False),
        ("RUNNING", True, False),  # it would lose its candidate in the middle
        ("SUCCEEDED", False, False),
        ("SUCCEEDED", True, True),
        *((status, False, True) for status in ("FAILED", "TIMED_OUT", "ABORTED", None)),
    ],
)
def test_an_approval_that_comes_again_is_released_only_where_the_first_was_let_go_or_a_person_asks(
    releases: tuple[FakeSageMaker, FakeExecutions], first: str | None, again: bool, held: bool
) -> None:
    sagemaker, executions = releases
    earlier = announced(1, "first")
    if first:
        executions.statuses[EXECUTION.format("first")] = first
    second = announced(1, "second", again=again)
    assert second["held"] is held
    assert second["release"] == earlier["release"]
    assert second["candidate"] != earlier["candidate"]  # what the first left can't be in its way
    (tag,) = sagemaker.models[model_of(second)]["Tags"]
    assert tag["Value"] == EXECUTION.format("second" if held else "first")


@pytest.mark.parametrize(("status", "held"), [("SUCCEEDED", False), ("RUNNING", False), ("FAILED", True)])
def test_a_version_that_was_released_is_released_whatever_it_is_told_now(
    releases: tuple[FakeSageMaker, FakeExecutions], monkeypatch: pytest.MonkeyPatch, status: str, held: bool
) -> None:
    """Editing an approved package is announced as its approval is: an old version would take the endpoint."""
    announced(1, "first")
    releases[1].statuses[EXECUTION.format("first")] = status
    monkeypatch.setenv(environment.SERVING_WATERMARK, "false")
    assert announced(1, "second")["held"] is held
    assert announced(1, "third", again=True)["held"] is (status != "RUNNING")


def test_a_model_that_names_no_execution_is_taken(releases: tuple[FakeSageMaker, FakeExecutions]) -> None:
    name = model_of(announced(1, "a"))
    releases[0].models[name]["Tags"] = []
    assert announced(1, "b")["held"] is True


def test_what_sagemaker_refuses_for_another_reason_is_not_taken_for_being_there(
    releases: tuple[FakeSageMaker, FakeExecutions], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_request: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not access model data"}}, "CreateModel")

    monkeypatch.setattr(releases[0], "create_model", refuse)
    with pytest.raises(ClientError, match="Could not access model data"):
        announced(1, "a")
