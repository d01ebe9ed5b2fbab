"""The manifest: it says what the dataset's files are now, whoever wrote them last, and costs only the days that changed."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from politico.dataset.days import COLUMNS, to_parquet
from politico.dataset.manifest import Manifest, content_hash, read_manifest, update_manifest
from politico.lake import places
from politico.lake.bucket import Lake

DAY = date(2024, 5, 3)
NEXT_DAY, LAST_DAY = DAY + timedelta(days=1), DAY + timedelta(days=2)


@pytest.fixture
def lake() -> Iterator[Lake]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="lake")
        yield Lake(s3, "lake")


def day_file(day: date, *parties: str) -> bytes:
    """A day's file with a tweet an hour, each of one of these parties."""
    rows = [
        {
            "id_str": str(number),
            "created_at": datetime(day.year, day.month, day.day, number, tzinfo=UTC),
            "coalition": party[0],
            "party": party,
        }
        for number, party in enumerate(parties)
    ]
    return to_parquet(pa.Table.from_pylist(rows, schema=COLUMNS))


def write(lake: Lake, day: date, *parties: str) -> None:
    lake.write(places.dataset_day(day), day_file(day, *parties))


def held_days(lake: Lake) -> dict[str, str]:
    return {day: one.sha256 for day, one in read_manifest(lake).days.items()}


def hashes(lake: Lake, *days: date) -> dict[str, str]:
    return {str(day): hashlib.sha256(lake.read(places.dataset_day(day))).hexdigest() for day in days}


class Watched(Lake):
    """A lake that notes what is read, and where something happens once before a key is written."""

    def __init__(self, lake: Lake, happening: Callable[[], None] | None = None) -> None:
        super().__init__(lake.s3, lake.bucket)
        object.__setattr__(self, "happening", happening)
        object.__setattr__(self, "asked", [])

    def read_if_any(self, key: str) -> tuple[bytes, str] | None:
        self.asked.append(key)  # type: ignore[attr-defined]
        return super().read_if_any(key)

    def replace(self, key: str, compute: Any) -> None:
        def computed() -> bytes | None:
            body: bytes | None = compute()
            happening = self.happening  # type: ignore[attr-defined]
            object.__setattr__(self, "happening", None)
            if happening:
                happening()
            return body

        super().replace(key, computed)


def test_a_lake_without_a_dataset_has_an_empty_manifest(lake: Lake) -> None:
    assert read_manifest(lake) == Manifest()
    assert read_manifest(lake).identity() == {"sha256": hashlib.sha256(b"").hexdigest(), "rows": 0, "days": 0}


def test_each_day_is_named_by_its_files_hash_and_the_whole_by_theirs(lake: Lake) -> None:
    write(lake, DAY, "azul", "azul", "ámbar", "blanco")
    write(lake, NEXT_DAY, "blanco")
    update_manifest(lake, [DAY, NEXT_DAY])
    manifest = read_manifest(lake)
    files = hashes(lake, DAY, NEXT_DAY)
    assert held_days(lake) == files
    assert manifest.identity() == {"sha256": content_hash(files), "rows": 5, "days": 2}
    entry = manifest.days[str(DAY)]
    assert entry.parties == {"a": {"azul": 2}, "b": {"blanco": 1}, "á": {"ámbar": 1}}
    assert (entry.oldest, entry.newest) == ("2024-05-03T00:00:00.000Z", "2024-05-03T03:00:00.000Z")
    assert lake.read_json(places.DATASET_MANIFEST)["dataset"] == manifest.identity()


def test_a_changed_day_costs_itself_and_changes_the_whole(lake: Lake) -> None:
    write(lake, DAY, "azul")
    write(lake, NEXT_DAY, "azul")
    update_manifest(lake, [DAY, NEXT_DAY])
    before = read_manifest(lake)
    lake.write(places.dataset_day(NEXT_DAY), b"not looked at")
    write(lake, DAY, "azul", "rojo")
    watched = Watched(lake)
    update_manifest(watched, [DAY])
    after = read_manifest(lake)
    assert places.dataset_day(NEXT_DAY) not in watched.asked  # type: ignore[attr-defined]
    assert after.days[str(NEXT_DAY)] == before.days[str(NEXT_DAY)]
    assert after.days[str(DAY)] != before.days[str(DAY)]
    assert after.sha256 != before.sha256


def test_the_same_files_give_the_same_bytes_whatever_was_there_in_between(lake: Lake) -> None:
    write(lake, DAY, "azul")
    write(lake, NEXT_DAY, "rojo")
    update_manifest(lake, [NEXT_DAY])
    update_manifest(lake, [DAY])
    first = lake.read(places.DATASET_MANIFEST)
    write(lake, DAY, "rojo")
    update_manifest(lake, [DAY])
    assert lake.read(places.DATASET_MANIFEST) != first
    write(lake, DAY, "azul")
    update_manifest(lake, [DAY, NEXT_DAY])
    assert lake.read(places.DATASET_MANIFEST) == first


def test_a_day_whose_file_is_gone_leaves_the_manifest(lake: Lake) -> None:
    write(lake, DAY, "azul")
    write(lake, NEXT_DAY, "azul")
    update_manifest(lake, [DAY, NEXT_DAY])
    lake.erase(places.dataset_day(DAY))
    update_manifest(lake, [DAY])
    assert held_days(lake) == hashes(lake, NEXT_DAY)


def test_a_slower_writer_never_records_an_older_state(lake: Lake) -> None:
    """It has read the day's file when another one rewrites that, and notes it, before it."""
    write(lake, DAY, "azul")

    def other() -> None:
        write(lake, DAY, "azul", "rojo")
        update_manifest(lake, [DAY])

    update_manifest(Watched(lake, other), [DAY])
    assert held_days(lake) == hashes(lake, DAY)
    assert read_manifest(lake).rows == 2


def test_two_writers_of_different_days_both_end_up_in_it(lake: Lake) -> None:
    write(lake, DAY, "azul")
    write(lake, NEXT_DAY, "rojo")
    update_manifest(Watched(lake, lambda: update_manifest(lake, [NEXT_DAY])), [DAY])
    assert held_days(lake) == hashes(lake, DAY, NEXT_DAY)


def test_a_lake_that_is_older_than_its_manifest_gets_all_its_days(lake: Lake) -> None:
    for day in (DAY, NEXT_DAY, LAST_DAY):
        write(lake, day, "azul")
    update_manifest(lake, [LAST_DAY])
    assert held_days(lake) == hashes(lake, DAY, NEXT_DAY, LAST_DAY)


@given(st.dictionaries(st.dates().map(str), st.sampled_from(["a" * 64, "b" * 64]), max_size=4))
def test_the_hash_knows_every_day_and_no_order(days: dict[str, str]) -> None:
    assert content_hash(dict(reversed(days.items()))) == content_hash(days)
    for day in days:
        other = {**days, day: "c" * 64}
        assert len({content_hash(days), content_hash(other), content_hash({**days, "9999-12-32": "a" * 64})}) == 3
