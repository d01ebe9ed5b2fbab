"""A small invented world for the fault matrix, and a bench that runs the deployed ingest workflow over it again and again."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cli.local_cloud import LocalCloud
from cli.services import Services
from functions.environment import X_MONTHLY_CAP
from politico.lake import places
from politico.lake.registry import put_registry
from politico.ledger.table import KEY
from politico.runs import digest
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import write_time
from tests.support.running import ended, until

ZONE = "America/Santiago"
REFERENCE = datetime(2024, 6, 1, 12, tzinfo=UTC)
FIRST_DAY = datetime(2024, 5, 12, tzinfo=ZoneInfo(ZONE))
POSTS = 230
"""An account's: two whole pages and a part of one."""
A_DAY = 26
"""An account's posts a day; the fifth midnight lies between the two newest pages."""
OLD = 6
"""An account's oldest posts, too old to keep."""
EDITABLE = 2
"""The last account's newest posts, which can still be edited: every run reads them again."""
PEOPLE = Registry(
    [
        Politician("ana_inventada", "7001", "Ana Inventada", "Diputada", "Norte", "PN"),
        Politician("blas_inventado", "7002", "Blas Inventado", "Senador", "Sur", "PS"),
        Politician("cruz_inventada", "7003", "Cruz Inventada", "Alcaldesa", "Norte", "PE"),
    ]
)
ACCOUNTS = tuple(one.user_id for one in PEOPLE)
LAST = ACCOUNTS[-1]

COMPREHEND_WELL = {"rate": 0.0, "throttled": 0.0, "failing": 0.0, "half": False}

_PLACES = ("la comuna de Arica", "el barrio sur", "la plaza mayor", "el puerto viejo", "la escuela rural", "el hospital nuevo")
_VERDICTS = ("Muy feliz por el trabajo en", "Qué triste lo que pasa en", "Hoy hablamos de", "Gracias a quienes cuidan")


def written(number: int) -> datetime:
    """When an account's post was written, oldest first."""
    moment = FIRST_DAY + timedelta(days=number // A_DAY, minutes=3 + 55 * (number % A_DAY))
    return moment - timedelta(days=700) if number < OLD else moment


def post_id(account: int, number: int) -> str:
    """As X makes ids: they tell the time."""
    milliseconds = int(written(number).timestamp() * 1000) - 1_288_834_974_657
    return str((milliseconds << 22) + account)


def timeline(account: int) -> list[dict[str, Any]]:
    """One account's posts, oldest first: kept ones, and some of everything that is not."""
    posts: list[dict[str, Any]] = [_post(account, number) for number in range(POSTS)]
    for first in (60, A_DAY * 5 - 1):  # an edit on one day, and one across midnight and two pages
        versions = [post_id(account, first), post_id(account, first + 1)]
        for post in posts[first : first + 2]:
            words = f"Versión {versions.index(post['id']) + 1} de un texto que se corrigió en {ACCOUNTS[account]}"
            post |= {"text": words, "edit_history_tweet_ids": versions, "referenced_tweets": []}
    del posts[50]["text"]
    posts[118]["created_at"] = "ayer"
    if ACCOUNTS[account] == LAST:
        for post in posts[-EDITABLE:]:
            post["edit_controls"] = {"editable_until": write_time(REFERENCE + timedelta(minutes=20))}
    return posts


def _post(account: int, number: int) -> dict[str, Any]:
    words = f"{_VERDICTS[number % 4]} {_PLACES[(number + account) % 6]} junto a Rosa Inventada, número {number} #Comuna{account}"
    post: dict[str, Any] = {
        "id": post_id(account, number),
        "author_id": ACCOUNTS[account],
        "created_at": write_time(written(number)),
        "text": words,
        "lang": "es",
        "edit_history_tweet_ids": [post_id(account, number)],
    }
    if number % 3:  # most of what politicians post; and what is not annotated costs the tests no time
        post |= {"text": f"RT @{words}", "referenced_tweets": [{"type": "retweeted", "id": "1"}]}
    elif number % 15 == 6:
        post["referenced_tweets"] = [{"type": "quoted", "id": "1"}]
    elif number % 15 == 9:
        post["text"] = "Muy bien"
    return post


def everything() -> list[dict[str, Any]]:
    return [post for account in range(len(ACCOUNTS)) for post in timeline(account)]


def users(**renamed: str) -> list[dict[str, Any]]:
    """The accounts as X describes them."""
    return [{"id": one.user_id, "name": one.name, "username": renamed.get(one.screen_name, one.screen_name)} for one in PEOPLE]


@dataclass
class Bench:
    """The deployed stack on a local cloud, emptied before every scenario."""

    cloud: LocalCloud
    folder: Path
    reports: list[dict[str, Any]] = field(default_factory=list)
    """Of the scenario under way, oldest first."""
    begun: int = 0
    """Runs of the scenario under way."""

    @cached_property
    def services(self) -> Services:
        return self.cloud.services()

    def empty(self, posts: Iterable[Mapping[str, Any]] | None = None) -> None:
        """Disarm everything, forget everything, and serve the world, or these posts in its place."""
        self.clear()
        self.serve(everything() if posts is None else posts)
        put_registry(self.services.lake, PEOPLE, ZONE)

    def clear(self) -> None:
        """Disarm everything, and leave an empty lake, an empty ledger and an X without accounts."""
        self.arm()
        self.reports, self.begun = [], 0
        lake = self.services.lake
        for page in lake.s3.get_paginator("list_object_versions").paginate(Bucket=lake.bucket):
            versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            named = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
            if named:
                lake.s3.delete_objects(Bucket=lake.bucket, Delete={"Objects": named})
        for key in self.ledger_keys():
            self._table.delete_item(Key={KEY: key})

    def serve(self, posts: Iterable[Mapping[str, Any]], **renamed: str) -> None:
        """Let the stand-in for X serve these posts, with some accounts under other names."""
        path = self.folder / f"{uuid.uuid4().hex}.jsonl"
        path.write_text("".join(json.dumps(post) + "\n" for post in posts), encoding="utf-8")
        self.cloud.ask("timelines", {"path": str(path), "users": users(**renamed)})

    def arm(self, **faults: Any) -> None:
        """Arm these faults, and no others; calls that were held go on."""
        self.cloud.ask("faults", {"comprehend": COMPREHEND_WELL, **faults})

    def armed(self) -> dict[str, Any]:
        """The armed faults of X and of AWS."""
        found: dict[str, Any] = self.cloud.ask("faults")
        return found

    def struck(self) -> int:
        """How often the armed faults of AWS struck."""
        return sum(one["struck"] for one in self.armed()["aws"])

    def served(self) -> dict[str, int]:
        """Posts that X gave since the world was served, by account: all of them are paid for."""
        return dict(self.cloud.ask("x")["served"])

    def until_struck(self, times: int = 1) -> None:
        until(lambda: self.struck() >= times)

    def start(self, name: str = "", **given: Any) -> "Run":
        """Begin the ingest workflow."""
        name = name or f"run-{uuid.uuid4().hex[:12]}"
        steps = self.services.client("stepfunctions")
        told = {"reference": write_time(REFERENCE), **given}
        self.begun += 1
        answer = steps.start_execution(stateMachineArn=self.services.outputs["IngestWorkflow"], name=name, input=json.dumps(told))
        return Run(self, name, answer["executionArn"])

    def ingest(self) -> str:
        """Run the ingest workflow to its end; its status."""
        return self.start().wait()

    def sweep(self) -> str:
        """Run the compliance workflow to its end, without asking X; its status."""
        steps, machine = self.services.client("stepfunctions"), self.services.outputs["ComplianceWorkflow"]
        arn = steps.start_execution(stateMachineArn=machine, input=json.dumps({"ask": False}))["executionArn"]
        return str(ended(self.services, arn)["status"])

    def cap(self) -> int:
        """Posts a month."""
        name = self._functions["fetch"]
        told = self.services.client("lambda").get_function(FunctionName=name)["Configuration"]["Environment"]["Variables"]
        return int(told[X_MONTHLY_CAP])

    def call(self, module: str, event: Any) -> Any:
        """Invoke a function by hand, as an event that is delivered once more does."""
        name = self._functions[module]
        answer = self.services.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def dataset(self) -> dict[str, bytes]:
        """Every object of the dataset, by key: its days, and the manifest."""
        lake = self.services.lake
        return {key: lake.read(key) for key in lake.keys(places.DATASET)}

    def ledger_keys(self) -> list[str]:
        return [str(item[KEY]) for item in self._table.scan(ConsistentRead=True)["Items"]]

    @cached_property
    def _table(self) -> Any:
        resource = self.services.session.resource("dynamodb", endpoint_url=self.services.endpoint_url)
        return resource.Table(self.services.outputs["LedgerTable"])

    @cached_property
    def _functions(self) -> dict[str, str]:
        """Names of the deployed functions, by module."""
        found = self.services.client("lambda").list_functions(MaxItems=100)["Functions"]
        return {one["Handler"].split(".")[-2]: one["FunctionName"] for one in found}


@dataclass(frozen=True)
class Run:
    """One execution of the ingest workflow."""

    bench: Bench
    name: str
    arn: str

    def status(self) -> str:
        found: str = self.bench.services.client("stepfunctions").describe_execution(executionArn=self.arn)["status"]
        return found

    def is_running(self) -> bool:
        return self.status() == "RUNNING"

    def wait(self) -> str:
        """Its status, once it has ended; its report, when it made one, is kept."""
        status: str = until(lambda: None if (found := self.status()) == "RUNNING" else found, every=0.15)
        if status == "SUCCEEDED":
            self.bench.reports.append(self.report())
        return status

    def stop(self) -> None:
        self.bench.services.client("stepfunctions").stop_execution(executionArn=self.arn)

    @property
    def id(self) -> str:
        """The run's name in the lake."""
        ending = f"-{digest(self.name)}"
        lake = self.bench.services.lake
        found = {key.split("/")[1].removeprefix("run=") for prefix in (places.RAW, places.RUNS) for key in lake.keys(prefix)}
        (run,) = {one for one in found if one.endswith(ending)}
        return run

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = self.bench.services.lake.read_json(places.report(self.id))
        return found
