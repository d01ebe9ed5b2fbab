"""The dataset: one row a tweet, the same file from the same tweets, and what is buried stays buried."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from politico.annotation.labels import Annotation, Entity, KeyPhrase
from politico.control.political import SCHEMA
from politico.control.rows import context_of_row
from politico.dataset.days import COLUMNS, Day, annotated_line, assemble_day, curate, to_parquet
from politico.dataset.manifest import read_manifest
from politico.errors import RegistryError
from politico.lake import places, tombstones
from politico.lake.bucket import Lake
from politico.lake.registry import open_registry
from politico.lake.tombstones import Tombstones, fingerprint
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import parse_post, read_time, write_time

BUCKET = "lake-of-tests"
DAY = date(2024, 5, 3)
NEXT_DAY = DAY + timedelta(days=1)
NOON = datetime(2024, 5, 3, 12, tzinfo=UTC)
JUANA = Politician("JuanaRojas", "7", "Juana Rojas", "Senadora", "Norte Unido", "PVA")
PEDRO = Politician("pedro_s", "8", "Pedro Soto", "Alcalde", "Sur Libre", "UDI")
REGISTRY = Registry([JUANA, PEDRO])
NONE = Tombstones()

ANNOTATION = Annotation(
    sentiment="POSITIVE",
    sentiment_score={"positive": 0.7, "negative": 0.1, "neutral": 0.1, "mixed": 0.1},
    entities=(Entity("Chile", "LOCATION", 0.9),),
    key_phrases=(KeyPhrase("la ley", 0.8),),
)


def line(number: int, text: str = "Hola a todos", author: str = "7", previous: tuple[int, ...] = ()) -> dict[str, Any]:
    """A line of an annotated file, as the lake gives it back."""
    history = [str(one) for one in (*previous, number)]
    post = {
        "id": str(number),
        "author_id": author,
        "created_at": write_time(NOON),
        "text": text,
        "lang": "es",
        "edit_history_tweet_ids": history,
    }
    return json.loads(json.dumps(annotated_line(parse_post(post), ANNOTATION)))  # type: ignore[no-any-return]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id_str"] for row in rows]


def marker(*numbers: int) -> dict[str, Any]:
    """A line that says which versions an edit of another day replaced."""
    return {"replaced": [str(one) for one in numbers]}


def assembled(*parts: Sequence[Mapping[str, Any]], buried: Tombstones = NONE, registry: Registry = REGISTRY) -> Day:
    bodies = ["".join(json.dumps(one) + "\n" for one in part).encode() for part in parts]
    return assemble_day(bodies, registry, buried)


def rows(day: Day) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = day.table.to_pylist()
    return found


# One day's rows


def test_a_tweet_becomes_a_row_joined_with_its_politician() -> None:
    (row,) = rows(assembled([line(1, "Hola #Ley", previous=(0,))]))
    assert row == {
        "id_str": "1",
        "created_at": NOON,
        "screen_name": "JuanaRojas",
        "name": "Juana Rojas",
        "office": "Senadora",
        "coalition": "Norte Unido",
        "party": "PVA",
        "text": "Hola #Ley",
        "hashtags": ["Ley"],
        "entities": [{"text": "Chile", "type": "LOCATION", "score": 0.9}],
        "key_phrases": [{"text": "la ley", "score": 0.8}],
        "sentiment": "POSITIVE",
        "sentiment_score": {"positive": 0.7, "negative": 0.1, "neutral": 0.1, "mixed": 0.1},
        "lang": "es",
        "source": None,
        "edited": True,
    }


def test_of_several_copies_the_last_parts_wins() -> None:
    day = assembled([line(1, "primera"), line(2)], [line(1, "segunda")])
    assert [(row["id_str"], row["text"]) for row in rows(day)] == [("1", "segunda"), ("2", "Hola a todos")]
    assert (day.read, day.dropped) == (3, {"duplicate": 1})


def test_an_edit_replaces_every_version_before_it_whatever_part_they_came_in() -> None:
    day = assembled([line(3, previous=(1, 2))], [line(1), line(2, previous=(1,)), line(4)])
    assert ids(rows(day)) == ["3", "4"]
    assert [row["edited"] for row in rows(day)] == [True, False]
    assert day.dropped == {"replaced_by_edit": 2}


def test_a_buried_tweet_is_left_out_and_so_is_what_its_burial_would_bring_back() -> None:
    day = assembled([line(1), line(2, previous=(1,)), line(3)], buried=buried_are("2"))
    assert ids(rows(day)) == ["3"]
    assert day.dropped == {"tombstone": 1, "replaced_by_edit": 1}


def test_who_left_the_registry_is_left_out() -> None:
    day = assembled([line(1), line(2, author="8"), line(3, author="9")])
    assert [(row["id_str"], row["party"]) for row in rows(day)] == [("1", "PVA"), ("2", "UDI")]
    assert day.dropped == {"not_in_registry": 1}


def test_rows_come_in_the_order_of_their_numbers_not_of_their_letters() -> None:
    assert ids(rows(assembled([line(10), line(9), line(100)]))) == ["9", "10", "100"]
    long = 10**19 - 2  # the longest that an id may be, and more than a machine's signed number holds
    assert ids(rows(assembled([line(long + 1), line(long), line(9)]))) == ["9", str(long), str(long + 1)]


def test_a_day_of_nobody_the_registry_knows_has_no_row() -> None:
    day = assembled([line(1)], [], registry=Registry([]))
    assert (day.rows, day.read, day.dropped) == (0, 1, {"not_in_registry": 1})
    assert (assembled().rows, assembled([], []).read) == (0, 0)


def test_who_is_buried_goes_with_all_they_wrote_and_a_tweet_goes_with_any_of_its_versions() -> None:
    day = assembled([line(1), line(2, author="8"), line(4, previous=(3,))], buried=buried_are("3", user="8"))
    assert ids(rows(day)) == ["1"]
    assert day.dropped == {"tombstone": 2}


def buried_are(*numbers: str, user: str = "") -> Tombstones:
    return Tombstones(tweets=frozenset(map(fingerprint, numbers)), users=frozenset(map(fingerprint, [user] if user else [])))


def plain_day(
    parts: Iterable[Iterable[Mapping[str, Any]]], registry: Registry, buried: Tombstones
) -> tuple[list[dict[str, Any]], int, dict[str, int]]:
    """What a day is, one line after the other: rows, how many tweets were read, and what was dropped."""
    latest: dict[str, Mapping[str, Any]] = {}
    replaced: set[str] = set()
    read = 0
    for one in (one for part in parts for one in part):
        if "replaced" in one:
            replaced.update(one["replaced"])
        else:
            latest[one["id_str"]] = one
            read += 1
    dropped = Counter(duplicate=read - len(latest))
    replaced.update(previous for one in latest.values() for previous in one["previous_ids"])
    kept = []
    for id_str in sorted(latest, key=int):
        one = latest[id_str]
        politician = registry.by_id(one["author_id"])
        if buried.covers(id_str, one["author_id"], one["previous_ids"]):
            dropped["tombstone"] += 1
        elif id_str in replaced:
            dropped["replaced_by_edit"] += 1
        elif politician is None:
            dropped["not_in_registry"] += 1
        else:
            who = {name: getattr(politician, name) for name in ("screen_name", "name", "office", "coalition", "party")}
            own = {name: one[name] for name in ("id_str", "text", "hashtags", "lang", "source")}
            made = {"created_at": read_time(one["created_at"]), "edited": bool(one["previous_ids"])}
            kept.append({**own, **made, **who, **one["annotation"]})
    return kept, read, {reason: count for reason, count in dropped.items() if count}


lines = st.one_of(
    st.builds(
        line,
        st.integers(1, 12),
        st.sampled_from(["uno dos", "tres #cuatro", '"cinco"\n😀 seis']),
        st.sampled_from(["7", "8", "9"]),
        st.lists(st.integers(1, 12), max_size=2).map(tuple),
    ),
    st.lists(st.integers(1, 12), max_size=2).map(lambda numbers: marker(*numbers)),
)


@given(
    st.lists(st.lists(lines, max_size=6), max_size=4),
    st.sets(st.integers(1, 12).map(str), max_size=3),
    st.sampled_from(["", "8"]),
)
def test_a_day_in_columns_is_the_day_line_by_line_to_the_byte(
    parts: list[list[dict[str, Any]]], tweets: set[str], user: str
) -> None:
    buried = buried_are(*tweets, user=user)
    day = assembled(*parts, buried=buried)
    kept, read, dropped = plain_day(parts, REGISTRY, buried)
    assert (day.read, day.dropped) == (read, dropped)
    assert read == day.rows + sum(dropped.values())
    assert to_parquet(day.table) == to_parquet(pa.Table.from_pylist(kept, schema=COLUMNS))


@given(st.lists(st.lists(lines, max_size=5), max_size=4))
def test_a_part_given_twice_changes_no_row(parts: list[list[dict[str, Any]]]) -> None:
    assert rows(assembled(*parts, *parts[-1:])) == rows(assembled(*parts))


# The file


def test_the_columns_are_those_of_the_design() -> None:
    table = pq.read_table(io.BytesIO(to_parquet(assembled([line(1, "Hola #Ley")]).table)))
    assert {one.name: str(one.type) for one in table.schema} == {
        "id_str": "string",
        "created_at": "timestamp[ms, tz=UTC]",
        "screen_name": "string",
        "name": "string",
        "office": "string",
        "coalition": "string",
        "party": "string",
        "text": "string",
        "hashtags": "list<element: string>",
        "entities": "list<element: struct<text: string, type: string, score: double>>",
        "key_phrases": "list<element: struct<text: string, score: double>>",
        "sentiment": "string",
        "sentiment_score": "struct<positive: double, negative: double, neutral: double, mixed: double>",
        "lang": "string",
        "source": "string",
        "edited": "bool",
    }


def test_a_row_comes_out_of_the_file_as_it_went_in_and_fills_a_context() -> None:
    day = assembled([line(1, "Hola #Ley"), line(2, "Adiós 😀\ndos")])
    read = pq.read_table(io.BytesIO(to_parquet(day.table))).to_pylist()
    assert read == rows(day)
    assert context_of_row(read[0], SCHEMA) == {
        "coalicion": ("Norte Unido",),
        "partido": ("PVA",),
        "sentimiento": ("POSITIVE",),
        "entidades": ("Chile",),
        "hashtags": ("#Ley",),
        "frases": ("la ley",),
    }


def test_the_same_rows_are_the_same_bytes() -> None:
    part = [line(number) for number in range(50)]
    first, second = (to_parquet(assembled(part).table) for _ in range(2))
    assert first == second
    assert first != to_parquet(assembled(part, buried=buried_are("3")).table)


def test_the_file_needs_no_codec_that_awss_layer_lacks() -> None:
    """Its pyarrow is built with snappy and zlib, without zstd: a dataset in zstd could be made everywhere but on AWS."""
    group = pq.ParquetFile(io.BytesIO(to_parquet(assembled([line(1)]).table))).metadata.row_group(0)
    assert {group.column(number).compression for number in range(group.num_columns)} == {"SNAPPY"}


# Days in the lake


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        yield s3


@pytest.fixture
def lake(s3: Any) -> Iterator[Lake]:
    lake = Lake(s3, BUCKET)
    yield lake
    for key in list(lake.keys("")):
        s3.delete_object(Bucket=BUCKET, Key=key)


class Interrupted(Lake):
    """A lake whose writers meet others: something happens before, or after, the first write of a day's file."""

    before: Any = None
    after: Any = None

    def replace(self, key: str, compute: Any) -> None:
        def computed() -> bytes | None:
            body: bytes | None = compute()
            self._once("before")
            return body

        super().replace(key, computed)
        self._once("after")

    def _once(self, moment: str) -> None:
        happening = getattr(self, moment)
        object.__setattr__(self, moment, None)
        if happening:
            happening()


def interrupted(lake: Lake, **happenings: Any) -> Lake:
    meeting = Interrupted(lake.s3, lake.bucket)
    for moment, happening in happenings.items():
        object.__setattr__(meeting, moment, happening)
    return meeting


def add(lake: Lake, run: str, *annotated: Mapping[str, Any], day: date = DAY) -> None:
    lake.write_lines(places.annotated_part(day, run, "0000"), annotated)


def bury(lake: Lake, *numbers: int) -> None:
    tombstones.bury(lake, tweets={str(one): "by_hand" for one in numbers}, now=NOON)


def rows_of(lake: Lake, day: date = DAY) -> list[str]:
    found = lake.read_if_any(places.dataset_day(day))
    return ids(pq.read_table(io.BytesIO(found[0])).to_pylist()) if found else []


def test_a_day_is_rebuilt_from_all_its_parts_oldest_run_first(lake: Lake) -> None:
    add(lake, "20240504", line(1, "segunda"), line(3))
    add(lake, "20240503", line(1, "primera"), line(2))
    add(lake, "20240503", line(9), day=NEXT_DAY)
    built = curate([DAY, NEXT_DAY], lake, REGISTRY)
    table = pq.read_table(io.BytesIO(lake.read(places.dataset_day(DAY)))).to_pylist()
    assert [(row["id_str"], row["text"]) for row in table] == [("1", "segunda"), ("2", "Hola a todos"), ("3", "Hola a todos")]
    assert rows_of(lake, NEXT_DAY) == ["9"]
    assert {day: (one.read, one.rows) for day, one in built.items()} == {DAY: (4, 3), NEXT_DAY: (1, 1)}


def test_curating_twice_changes_no_byte(lake: Lake) -> None:
    add(lake, "r1", line(1), line(2))
    curate([DAY], lake, REGISTRY)
    first = lake.read(places.dataset_day(DAY))
    curate([DAY], lake, REGISTRY)
    assert lake.read(places.dataset_day(DAY)) == first


def test_a_day_whose_every_tweet_is_buried_has_no_file(lake: Lake) -> None:
    add(lake, "r1", line(1), line(2))
    curate([DAY], lake, REGISTRY)
    assert rows_of(lake) == ["1", "2"]
    bury(lake, 1, 2)
    built = curate([DAY], lake, REGISTRY)
    assert list(lake.keys(places.DATASET)) == [places.DATASET_MANIFEST]
    assert read_manifest(lake).days == {}
    assert built[DAY].dropped == {"tombstone": 2}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_tombstone_that_is_written_while_a_day_is_curated_wins(lake: Lake, moment: str) -> None:
    add(lake, "r1", line(1), line(2))
    add(lake, "r1", line(1), day=NEXT_DAY)
    built = curate([DAY, NEXT_DAY], interrupted(lake, **{moment: lambda: bury(lake, 2)}), REGISTRY)
    assert rows_of(lake) == ["1"]
    assert built[DAY].dropped == {"tombstone": 1}
    assert rows_of(lake, NEXT_DAY) == ["1"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_two_curations_at_once_end_in_the_same_file_as_one(lake: Lake, moment: str) -> None:
    """The other one has seen a part more."""
    add(lake, "r1", line(1), line(2))

    def other() -> None:
        add(lake, "r2", line(3))
        curate([DAY], lake, REGISTRY)

    curate([DAY], interrupted(lake, **{moment: other}), REGISTRY)
    together = lake.read(places.dataset_day(DAY))
    assert rows_of(lake) == ["1", "2", "3"]
    curate([DAY], lake, REGISTRY)
    assert lake.read(places.dataset_day(DAY)) == together


def test_a_forgetting_that_is_curated_meanwhile_is_not_undone(lake: Lake) -> None:
    add(lake, "r1", line(1), line(2))

    def forget() -> None:
        bury(lake, 2)
        curate([DAY], lake, REGISTRY)

    curate([DAY], interrupted(lake, before=forget), REGISTRY)
    assert rows_of(lake) == ["1"]


@pytest.fixture
def versioned() -> Iterator[Lake]:
    """A lake that keeps old versions, as the deployed one does."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="versioned")
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
        yield Lake(s3, "versioned")


@pytest.mark.parametrize("gone", [(2,), (1, 2)])
def test_what_is_buried_while_a_day_is_curated_is_in_no_old_version_either(versioned: Lake, gone: tuple[int, ...]) -> None:
    add(versioned, "r1", line(1), line(2))
    curate([DAY], interrupted(versioned, after=lambda: bury(versioned, *gone)), REGISTRY)
    found = versioned.s3.list_object_versions(Bucket="versioned", Prefix=places.dataset_day(DAY))
    bodies = [
        versioned.s3.get_object(Bucket="versioned", Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        for one in found.get("Versions", ())
    ]
    assert [ids(pq.read_table(io.BytesIO(body)).to_pylist()) for body in bodies] == ([["1"]] if gone == (2,) else [])


def test_a_version_that_an_edit_of_another_day_replaced_is_dropped_and_its_marker_is_no_tweet(lake: Lake) -> None:
    add(lake, "r1", line(1), line(2))
    add(lake, "r2", marker(2))
    built = curate([DAY], lake, REGISTRY)
    assert rows_of(lake) == ["1"]
    assert (built[DAY].read, built[DAY].dropped) == (2, {"replaced_by_edit": 1})


# The registry in the lake


def test_the_registry_comes_with_its_time_zone_or_the_usual_one(lake: Lake) -> None:
    lake.write(places.REGISTRY, ("\ufeff" + REGISTRY.to_csv()).encode())
    registry, zone = open_registry(lake)
    assert (list(registry), zone) == ([JUANA, PEDRO], ZoneInfo("America/Santiago"))
    lake.write_json(places.REGISTRY_SETTINGS, {"time_zone": "America/Argentina/Buenos_Aires"})
    assert open_registry(lake)[1] == ZoneInfo("America/Argentina/Buenos_Aires")
    lake.write(places.REGISTRY, b"nombre\n")
    with pytest.raises(RegistryError):
        open_registry(lake)
