"""Tombstones: what is buried is known by a fingerprint alone, and a burial during a write wins."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import Tombstones, bury, fingerprint_of_text, merge_tombstones, read_tombstones, write_clean

NOW = datetime(2024, 5, 3, 12, 30, 15, tzinfo=UTC)
ID = "1446921934455017486"


@pytest.fixture
def lake() -> Iterator[Lake]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="lake")
        s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        yield Lake(s3, "lake")


def versions(lake: Lake) -> list[tuple[str, bytes]]:
    """Every version of every object."""
    found = lake.s3.list_object_versions(Bucket="lake")
    assert not found.get("DeleteMarkers")
    return [
        (one["Key"], lake.s3.get_object(Bucket="lake", Key=one["Key"], VersionId=one["VersionId"])["Body"].read())
        for one in found.get("Versions", ())
    ]


def test_what_is_buried_is_known_again_and_nothing_else(lake: Lake) -> None:
    assert not read_tombstones(lake)
    bury(lake, tweets={ID: "deleted"}, users={"77": "by_hand"}, now=NOW)
    found = read_tombstones(lake)
    assert found.covers(ID, "1")
    assert found.covers("5", "77")
    assert found.covers("5", "1", ["4", ID])
    assert not found.covers("5", "1", ["4"])
    assert not found.user(ID)
    assert not found.tweet("77")


def test_neither_keys_nor_contents_hold_the_id_or_the_text(lake: Lake) -> None:
    bury(lake, tweets={ID: "deleted"}, users={"998877": "by_hand"}, texts={"lo que dijo": "said"}, now=NOW)
    for key, body in versions(lake):
        assert not any(word in f"{key}{body.decode()}" for word in (ID, "998877", "dijo"))


def test_the_words_of_a_text_are_its_mark_however_they_are_broken() -> None:
    assert fingerprint_of_text("Lo que\ndijo") == fingerprint_of_text("  lo que dijo\n")
    assert fingerprint_of_text("Lo que dijo.") != fingerprint_of_text("lo que dijo")


def test_reading_again_reads_only_what_is_new(lake: Lake) -> None:
    bury(lake, tweets={"1001": "deleted"}, now=NOW)
    first = read_tombstones(lake)
    assert read_tombstones(lake, first) is first
    bury(lake, tweets={"1002": "deleted"}, now=NOW)
    again = read_tombstones(lake, first)
    assert again.tweet("1001")
    assert again.tweet("1002")


def test_the_key_tells_when_it_was_buried(lake: Lake) -> None:
    assert places.buried_at(bury(lake, tweets={"1001": "deleted"}, now=NOW)) == NOW


def test_a_burial_during_a_write_wins_and_leaves_no_version_behind(lake: Lake) -> None:
    def write(buried: Tombstones) -> list[str]:
        if not buried:  # the first round: somebody is quicker
            bury(lake, tweets={ID: "by_hand"}, now=NOW)
        lake.write("annotated/a", b"left" if buried else ID.encode())
        if not buried:
            lake.write("annotated/b", ID.encode())
            return ["annotated/a", "annotated/b"]
        return ["annotated/a"]

    assert write_clean(lake, write).tweet(ID)
    assert [(key, body) for key, body in versions(lake) if key.startswith("annotated/")] == [("annotated/a", b"left")]


def test_a_write_that_nobody_disturbs_runs_once(lake: Lake) -> None:
    bury(lake, tweets={ID: "by_hand"}, now=NOW)
    rounds: list[Tombstones] = []

    def write(buried: Tombstones) -> list[str]:
        rounds.append(buried)
        return []

    write_clean(lake, write)
    assert len(rounds) == 1
    assert rounds[0].tweet(ID)


def test_many_burials_become_one_object_that_says_the_same(lake: Lake) -> None:
    """Every function reads all of them: a year of daily burials would cost each run a minute."""
    for number in range(12):
        bury(
            lake, tweets={str(1000 + number % 7): "deleted"}, texts={f"texto {number}": "said"}, now=NOW + timedelta(hours=number)
        )
    bury(lake, users={"77": "by_hand"}, now=NOW)
    before, newest = read_tombstones(lake), max(lake.keys(places.TOMBSTONES))
    assert merge_tombstones(lake, at_least=14) == 0
    assert merge_tombstones(lake, at_least=13) == 13
    (key,) = lake.keys(places.TOMBSTONES)
    assert places.buried_at(key) == places.buried_at(newest)
    after = read_tombstones(lake)
    assert (after.tweets, after.users, after.texts) == (before.tweets, before.users, before.texts)
    assert len(versions(lake)) == 1
    assert merge_tombstones(lake, at_least=1) == 1
    assert list(lake.keys(places.TOMBSTONES)) == [key]


class Outrun(Lake):
    """What it lists is merged before it is read."""

    def keys(self, prefix: str) -> Iterator[str]:
        yield from list(super().keys(prefix))
        merge_tombstones(Lake(self.s3, self.bucket), at_least=2)


def test_of_two_merges_at_once_one_leaves_it_to_the_other(lake: Lake) -> None:
    for number in range(3):
        bury(lake, tweets={str(1000 + number): "deleted"}, now=NOW + timedelta(hours=number))

    assert merge_tombstones(Outrun(lake.s3, lake.bucket), at_least=2) == 0
    assert len(read_tombstones(lake).tweets) == 3


def test_a_reader_in_the_middle_of_a_merge_misses_nothing(lake: Lake) -> None:
    for number in range(3):
        bury(lake, tweets={str(1000 + number): "deleted"}, now=NOW + timedelta(hours=number))

    assert len(read_tombstones(Outrun(lake.s3, lake.bucket)).tweets) == 3
    assert len(list(lake.keys(places.TOMBSTONES))) == 1
