"""Forgetting through the deployed template: what X deleted and what is forgotten by hand leaves every corner of the bucket."""

import gzip
import io
import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cli import flows
from cli.executions import Execution
from cli.forget import sweep
from cli.local_cloud import LocalCloud
from cli.services import Services
from politico.errors import JobError
from politico.lake import places
from politico.lake.registry import put_registry
from politico.lake.tombstones import bury
from politico.ledger.table import KEY
from politico.models.seen import FILE, seen_list
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import read_time

SINCE = "2024-05-03T12:00:00.000Z"
PEOPLE = [Politician(f"forgotten_{n}", str(5_550_001 + n), f"Persona {n}", "Diputada", "Sur", "Mar") for n in range(2)]


def post(number: int, author: str) -> dict[str, Any]:
    id_str = str(1786400000000000000 + number)
    text = f"Palabras número {number} que dijo quien escribe aquí"
    return {"id": id_str, "author_id": author, "text": text, "created_at": SINCE, "edit_history_tweet_ids": [id_str]}


POSTS = [post(10 * number + place, one.user_id) for place, one in enumerate(PEOPLE) for number in range(1, 6)]


@pytest.fixture(scope="module")
def services(cloud: LocalCloud) -> Services:
    return cloud.services()


@pytest.fixture
def filled(cloud: LocalCloud, services: Services, tmp_path: Path) -> Iterator[Services]:
    """The lake after one ingest of ten posts; as it was before, when the test is over."""
    before = {key: services.lake.read(key) for key in services.lake.keys(places.REGISTRY_FOLDER)}
    timelines = tmp_path / "posts.jsonl"
    timelines.write_text("".join(json.dumps(one) + "\n" for one in POSTS))
    users = [{"id": one.user_id, "username": one.screen_name, "name": one.name} for one in PEOPLE]
    cloud.ask("timelines", {"path": str(timelines), "users": users})
    put_registry(services.lake, Registry(PEOPLE), "UTC")
    report = flows.ingest(services, f"forgetting-{time.time_ns()}", {"reference": "2024-06-01T00:00:00.000Z"}, lambda *_: None)
    assert report["rows"] == len(POSTS), report
    yield services
    for prefix in (places.RAW, places.ANNOTATED, places.DATASET, places.RUNS, places.TOMBSTONES, places.COMPLIANCE):
        for key in list(services.lake.keys(prefix)):
            services.lake.erase(key)
    for key, body in before.items():
        services.lake.write(key, body)
    table = services.session.resource("dynamodb", endpoint_url=services.endpoint_url).Table(services.outputs["LedgerTable"])
    for one in PEOPLE:
        table.delete_item(Key={KEY: f"account#{one.user_id}"})


def holding(services: Services, *words: str) -> set[str]:
    """Keys whose name or content, in any version, holds one of the words."""
    lake = services.lake
    found = set()
    for page in lake.s3.get_paginator("list_object_versions").paginate(Bucket=lake.bucket):
        for one in page.get("Versions", ()):
            body = lake.s3.get_object(Bucket=lake.bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            if one["Key"].endswith(".parquet"):
                text = json.dumps(pq.read_table(io.BytesIO(body)).to_pylist(), default=str, ensure_ascii=False)
            else:
                text = (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode(errors="replace")
            if any(word in one["Key"] or word in text for word in words):
                found.add(one["Key"])
    return found


def trained_on(services: Services, run: str, ids: list[str], folder: Path) -> None:
    """What a training job leaves that was given these tweets."""
    (folder / FILE).write_bytes(seen_list(ids))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder / FILE, FILE)
    services.lake.write(f"{places.models(run)}{run}-control-0/output/output.tar.gz", packed.getvalue())


def test_what_x_deleted_is_nowhere_afterwards_and_the_model_that_saw_it_is_named(
    cloud: LocalCloud, filled: Services, tmp_path: Path
) -> None:
    gone, kept = POSTS[2], POSTS[3]
    trained_on(filled, "saw-it", [gone["id"], kept["id"]], tmp_path)
    trained_on(filled, "saw-it-not", [kept["id"]], tmp_path)
    assert holding(filled, gone["id"])
    cloud.ask("x", {"delete": [gone["id"]]})
    execution = Execution.start(filled, "ComplianceWorkflow", f"asked-{time.time_ns()}", {})
    output = execution.wait(lambda: None)
    assert execution.run == output["run"]
    report = filled.lake.read_json(places.compliance_report(output["run"]))
    assert report["asked"]["jobs"] == 2
    assert report["heard"]["gone"] == {"deleted": 1}
    assert [one["run"] for one in report["models"]] == ["saw-it"]
    assert output["news"] is True
    assert holding(filled, gone["id"], gone["text"]) == set()
    assert {key.split("/")[0] for key in holding(filled, kept["id"])} >= {"raw", "annotated", "dataset"}
    for key in list(filled.lake.keys(places.models("saw-it"))) + list(filled.lake.keys(places.models("saw-it-not"))):
        filled.lake.erase(key)


@pytest.mark.parametrize("after", [0, 2], ids=["asking", "hearing"])
def test_an_x_that_fails_keeps_nothing_from_being_swept_and_fails_the_run(
    cloud: LocalCloud, filled: Services, after: int
) -> None:
    """It once ended the workflow at once: what was buried stayed for another day."""
    gone = POSTS[2]
    bury(filled.lake, tweets={gone["id"]: "by_hand"}, now=read_time("2024-06-01T00:00:00.000Z"))
    cloud.ask("faults", {"x": [{"route": "compliance", "status": 400, "after": after, "times": 9}]})
    try:
        execution = Execution.start(filled, "ComplianceWorkflow", f"failing-{time.time_ns()}", {})
        with pytest.raises(JobError, match="what is buried was swept, but X could not be asked"):
            execution.wait(lambda: None)
    finally:
        cloud.ask("faults", {"x": []})
    assert holding(filled, gone["id"], gone["text"]) == set()
    assert filled.lake.read_json(places.compliance_report(execution.run))["swept"] is True


def test_lookups_that_fail_are_told_and_the_jobs_are_heard(cloud: LocalCloud, filled: Services) -> None:
    gone = POSTS[4]
    cloud.ask("x", {"delete": [gone["id"]]})
    cloud.ask("faults", {"x": [{"route": "posts", "status": 400, "times": 9}]})
    try:
        execution = Execution.start(filled, "ComplianceWorkflow", f"half-{time.time_ns()}", {})
        with pytest.raises(JobError, match="X could not be asked"):
            execution.wait(lambda: None)
    finally:
        cloud.ask("faults", {"x": []})
    report = filled.lake.read_json(places.compliance_report(execution.run))
    assert (report["asked"]["failure"][:16], report["heard"]["gone"]) == ("X did not answer", {"deleted": 1})
    assert holding(filled, gone["id"], gone["text"]) == set()


def test_a_user_forgotten_by_hand_is_nowhere_afterwards_and_never_comes_back(filled: Services) -> None:
    user = PEOPLE[0]
    theirs = [one for one in POSTS if one["author_id"] == user.user_id]
    bury(filled.lake, users={user.user_id: "by_hand"}, now=read_time("2024-06-01T00:00:00.000Z"))
    report = sweep(filled, f"forgotten-{time.time_ns()}", lambda *_: None)
    assert report["removed"]["posts"] == len(theirs)
    words = [user.user_id, user.screen_name, *(one["text"] for one in theirs), *(one["id"] for one in theirs)]
    assert holding(filled, *words) == set()
    flows.ingest(filled, f"again-{time.time_ns()}", {"reference": "2024-06-01T00:00:00.000Z"}, lambda *_: None)
    assert holding(filled, *words) == set()
