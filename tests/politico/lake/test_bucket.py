"""The lake: writers that meet do not overwrite one another, and the same lines are the same bytes."""

import contextlib
import gzip
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from politico.errors import ConflictError, StorageError
from politico.lake import places
from politico.lake.bucket import WRITE_ATTEMPTS, Lake

BUCKET = "lake-of-tests"
DAY = date(2024, 5, 3)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def lake(s3: Any) -> Iterator[Lake]:
    s3.create_bucket(Bucket=BUCKET)
    lake = Lake(s3, BUCKET)
    yield lake
    found = s3.list_object_versions(Bucket=BUCKET)
    for key in {one["Key"] for one in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]}:
        lake.erase(key)


# Two writers at once


def test_a_replacement_is_written_over_what_was_there_and_where_nothing_was(lake: Lake) -> None:
    lake.replace("a", lambda: b"one")
    lake.replace("a", lambda: b"two")
    assert lake.read("a") == b"two"


@pytest.mark.parametrize("there_before", [True, False])
def test_a_writer_that_was_overtaken_computes_again_on_what_there_is_now(lake: Lake, there_before: bool) -> None:
    if there_before:
        lake.write("a", b"before")
    computed: list[bytes] = []

    def compute() -> bytes:
        found = lake.read_if_any("a")
        body = (found[0] if found else b"") + b"+mine"
        if not computed:
            lake.write("a", b"theirs")  # another writer, after this one looked
        computed.append(body)
        return body

    lake.replace("a", compute)
    assert lake.read("a") == b"theirs+mine"
    assert computed == [b"before+mine" if there_before else b"+mine", b"theirs+mine"]


def test_a_writer_whose_object_was_removed_meanwhile_writes_a_new_one(lake: Lake) -> None:
    lake.write("a", b"before")
    removed: list[str] = []

    def compute() -> bytes:
        if not removed:
            lake.s3.delete_object(Bucket=BUCKET, Key="a")
            removed.append("a")
        return b"mine"

    lake.replace("a", compute)
    assert lake.read("a") == b"mine"


@pytest.mark.slow
def test_who_is_overtaken_every_time_gives_up_with_a_conflict_and_harms_nothing(lake: Lake) -> None:
    attempts: list[int] = []

    def compute() -> bytes:
        attempts.append(len(attempts))
        lake.write("a", b"theirs %d" % len(attempts))
        return b"mine"

    with pytest.raises(ConflictError, match=f"a kept changing under {WRITE_ATTEMPTS} attempts to write it; run the step again"):
        lake.replace("a", compute)
    assert len(attempts) == WRITE_ATTEMPTS
    assert lake.read("a") == b"theirs %d" % WRITE_ATTEMPTS


def test_nothing_computed_removes_the_object_and_leaves_none_where_there_was_none(lake: Lake) -> None:
    lake.write("a", b"before")
    lake.replace("a", lambda: None)
    lake.replace("b", lambda: None)
    assert list(lake.keys("")) == []


def test_what_another_writer_has_just_written_is_not_removed_unseen(lake: Lake) -> None:
    """Conditional removal is S3's own since 2025; where the emulator ignores the condition this would fail."""
    lake.write("a", b"before")
    seen: list[bytes] = []

    def compute() -> bytes | None:
        seen.append(lake.read("a"))
        if len(seen) == 1:
            lake.write("a", b"theirs")
            return None
        return seen[-1] + b"+mine"

    lake.replace("a", compute)
    assert seen == [b"before", b"theirs"]
    assert lake.read("a") == b"theirs+mine"


def test_a_failure_that_is_no_conflict_is_not_tried_again(lake: Lake) -> None:
    attempts: list[int] = []

    def compute() -> bytes:
        attempts.append(1)
        return b"mine"

    with pytest.raises(ClientError):
        Lake(lake.s3, "no-such-bucket").replace("a", compute)
    assert len(attempts) <= 1


# Lines and bytes


json_lines = st.lists(
    st.dictionaries(st.text(max_size=3), st.text(st.characters(codec=None), max_size=8) | st.integers() | st.none(), max_size=3),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(values=json_lines, name=st.sampled_from(["a.jsonl", "a.jsonl.gz"]))
def test_lines_are_read_as_they_were_written_whatever_their_texts_hold(
    lake: Lake, values: list[dict[str, object]], name: str
) -> None:
    """Half a surrogate pair too: X's JSON can carry one, and a page that can't be stored is bought again for ever."""
    lake.write_lines(name, values)
    assert list(lake.read_lines(name)) == values


def test_the_same_lines_are_the_same_bytes(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [{"id": "1", "text": "Año\nnuevo\u2028 😀"}, {"id": "2"}]
    lake.write_lines("a.jsonl.gz", values)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    lake.write_lines("b.jsonl.gz", values)
    lake.write_lines("c.jsonl", values)
    assert lake.read("a.jsonl.gz") == lake.read("b.jsonl.gz")
    assert gzip.decompress(lake.read("a.jsonl.gz")) == lake.read("c.jsonl")


def test_an_object_comes_with_its_tag_and_none_where_there_is_none(lake: Lake) -> None:
    lake.write_json("a", {"año": [1]})
    assert lake.read_json("a") == {"año": [1]}
    found = lake.read_if_any("a")
    assert found is not None
    assert found[0] == lake.read("a")
    assert found[1] == lake.s3.head_object(Bucket=BUCKET, Key="a")["ETag"]
    assert lake.read_if_any("b") is None


def test_all_keys_of_a_prefix_come_in_order_past_what_one_answer_holds(lake: Lake) -> None:
    names = [f"a/{number:02}" for number in range(7)]
    for name in (*reversed(names), "b/1"):
        lake.write(name, b"")
    event = "provide-client-params.s3.ListObjectsV2"
    lake.s3.meta.events.register(event, lambda params, **_: {**params, "MaxKeys": 3}, unique_id="short")
    try:
        assert list(lake.keys("a/")) == names
    finally:
        lake.s3.meta.events.unregister(event, unique_id="short")


# Old versions


@pytest.fixture
def versioned(lake: Lake) -> Lake:
    lake.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return lake


def versions(lake: Lake, prefix: str) -> list[str]:
    found = lake.s3.list_object_versions(Bucket=BUCKET, Prefix=prefix)
    return sorted(one["Key"] for one in [*found.get("Versions", ()), *found.get("DeleteMarkers", ())])


def test_purging_leaves_the_newest_version_alone(versioned: Lake) -> None:
    for body in (b"one", b"two", b"three"):
        versioned.write("old/a", body)
    versioned.write("old/ab", b"beside")
    versioned.purge("old/a")
    assert versions(versioned, "old/") == ["old/a", "old/ab"]
    assert versioned.read("old/a") == b"three"


def test_erasing_leaves_no_version_and_no_mark_that_there_was_one(versioned: Lake) -> None:
    versioned.write("gone/a", b"one")
    versioned.write("gone/a", b"two")
    versioned.s3.delete_object(Bucket=BUCKET, Key="gone/a")
    versioned.erase("gone/a")
    assert versions(versioned, "gone/") == []


def test_old_versions_under_a_prefix_go_for_the_wanted_keys(versioned: Lake) -> None:
    for key in ("many/a", "many/b"):
        versioned.write(key, b"one")
        versioned.write(key, b"two")
    versioned.write("many/c", b"one")
    versioned.s3.delete_object(Bucket=BUCKET, Key="many/c")
    assert versioned.purge_old("many/", lambda key: key != "many/b") == 3
    assert versions(versioned, "many/") == ["many/a", "many/b", "many/b"]


@pytest.mark.parametrize("lived", range(6))
def test_what_was_deleted_does_not_come_back_where_purging_ends_half_way(
    versioned: Lake, monkeypatch: pytest.MonkeyPatch, lived: int
) -> None:
    """A listing's page may hold an object's mark of deletion and the next one its old version: the mark once went first."""
    for number in range(4):
        versioned.write(f"half/{number}", b"one")
        versioned.s3.delete_object(Bucket=BUCKET, Key=f"half/{number}")
    event = "provide-client-params.s3.ListObjectVersions"
    versioned.s3.meta.events.register(event, lambda params, **_: {**params, "MaxKeys": 1}, unique_id="short")
    delete, calls = versioned.s3.delete_objects, []

    def dies(**given: Any) -> Any:
        calls.append(given)
        if len(calls) > lived:
            raise RuntimeError("killed")
        return delete(**given)

    monkeypatch.setattr(versioned.s3, "delete_objects", dies)
    try:
        with contextlib.suppress(RuntimeError):
            versioned.purge_old("half/", lambda _key: True)
        assert list(versioned.keys("half/")) == []
    finally:
        versioned.s3.meta.events.unregister(event, unique_id="short")


def test_a_version_that_s3_keeps_fails_the_purge_and_is_not_named(versioned: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    versioned.write("kept/1446921934455017486", b"one")
    versioned.write("kept/1446921934455017486", b"two")
    refused = {"Errors": [{"Key": "kept/1446921934455017486", "Code": "AccessDenied"}]}
    monkeypatch.setattr(versioned.s3, "delete_objects", lambda **_: refused)
    for purge in (lambda: versioned.purge_old("kept/", lambda _key: True), lambda: versioned.purge("kept/1446921934455017486")):
        with pytest.raises(StorageError, match=r"did not delete 1 old versions \(AccessDenied\)") as raised:
            purge()
        assert "1446921934455017486" not in str(raised.value)


# Where things lie


def test_the_keys_are_those_of_the_design() -> None:
    assert places.raw_page("R", "7", newest="20", oldest="11") == "raw/run=R/user=7/20-11.jsonl.gz"
    assert places.annotated_part(DAY, "R", "0001") == "annotated/dt=2024-05-03/R-0001.jsonl.gz"
    assert places.dataset_day(DAY) == "dataset/dt=2024-05-03/tweets.parquet"
    assert places.parts("R") == "runs/R/manifest.json"
    assert places.checkpoints("R", "base") == "checkpoints/R/base/"


def test_parts_of_a_day_sort_by_run_and_then_by_number() -> None:
    runs = ["20240503-120000-ffffffff", "20240504-120000-00000000"]
    keys = [places.annotated_part(DAY, run, f"{part:04}") for run in runs for part in (0, 2, 10)]
    assert sorted(keys) == keys


def test_keys_are_spelled_in_the_lakes_own_module_only() -> None:
    prefixes = re.compile(r'"f?(raw|annotated|dataset|tombstones|registry|runs)/')
    root = Path(places.__file__).parents[2]
    strays = [
        path.name
        for folder in ("politico", "functions")
        for path in (root / folder).rglob("*.py")
        if path.name != "places.py" and prefixes.search(path.read_text(encoding="utf-8"))
    ]
    assert strays == []
