"""The dataset: one row a tweet, the same file from the same tweets, and what is buried stays buried."""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from politico import lake as places
from politico.annotation import Annotation, Entity, KeyPhrase
from politico.dataset import annotated_line, assemble_day, curate, open_registry, to_parquet
from politico.errors import RegistryError
from politico.lake import Lake
from politico.political import context_of_row
from politico.politician import Politician, Registry
from politico.tweet import parse_post, write_time

BUCKET = "lake-of-tests"
DAY = date(2024, 5, 3)
NEXT_DAY = DAY + timedelta(days=1)
NOON = datetime(2024, 5, 3, 12, tzinfo=UTC)
JUANA = Politician("JuanaRojas", "7", "Juana Rojas", "Senadora", "Norte Unido", "PVA")
PEDRO = Politician("pedro_s", "8", "Pedro Soto", "Alcalde", "Sur Libre", "UDI")
REGISTRY = Registry([JUANA, PEDRO])
NONE: frozenset[str] = frozenset()

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


# One day's rows


def test_a_tweet_becomes_a_row_joined_with_its_politician() -> None:
    (row,) = assemble_day([[line(1, "Hola #Ley", previous=(0,))]], REGISTRY, NONE).rows
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
    day = assemble_day([[line(1, "primera"), line(2)], [line(1, "segunda")]], REGISTRY, NONE)
    assert [(row["id_str"], row["text"]) for row in day.rows] == [("1", "segunda"), ("2", "Hola a todos")]
    assert (day.read, day.dropped) == (3, {"duplicate": 1})


def test_an_edit_replaces_every_version_before_it_whatever_part_they_came_in() -> None:
    day = assemble_day([[line(3, previous=(1, 2))], [line(1), line(2, previous=(1,)), line(4)]], REGISTRY, NONE)
    assert ids(day.rows) == ["3", "4"]
    assert [row["edited"] for row in day.rows] == [True, False]
    assert day.dropped == {"replaced_by_edit": 2}


def test_a_buried_tweet_is_left_out_and_so_is_what_its_burial_would_bring_back() -> None:
    day = assemble_day([[line(1), line(2, previous=(1,)), line(3)]], REGISTRY, frozenset({"2"}))
    assert ids(day.rows) == ["3"]
    assert day.dropped == {"tombstone": 1, "replaced_by_edit": 1}


def test_who_left_the_registry_is_left_out() -> None:
    day = assemble_day([[line(1), line(2, author="8"), line(3, author="9")]], REGISTRY, NONE)
    assert [(row["id_str"], row["party"]) for row in day.rows] == [("1", "PVA"), ("2", "UDI")]
    assert day.dropped == {"not_in_registry": 1}


def test_rows_come_in_the_order_of_their_numbers_not_of_their_letters() -> None:
    assert ids(assemble_day([[line(10), line(9), line(100)]], REGISTRY, NONE).rows) == ["9", "10", "100"]


lines = st.builds(
    line,
    st.integers(1, 8),
    st.sampled_from(["uno", "dos"]),
    st.sampled_from(["7", "8", "9"]),
    st.lists(st.integers(1, 8), max_size=2).map(tuple),
)


@given(st.lists(st.lists(lines, max_size=5), max_size=4), st.sets(st.integers(1, 8).map(str)))
def test_read_is_rows_plus_dropped_and_a_part_given_twice_changes_no_row(
    parts: list[list[dict[str, Any]]], buried: set[str]
) -> None:
    tombstones = frozenset(buried)
    day = assemble_day(parts, REGISTRY, tombstones)
    assert day.read == sum(map(len, parts)) == len(day.rows) + sum(day.dropped.values())
    assert not buried & set(ids(day.rows))
    assert ids(day.rows) == sorted(set(ids(day.rows)), key=int)
    again = assemble_day([*parts, *parts[-1:]], REGISTRY, tombstones)
    assert again.rows == day.rows


# The file


def test_the_columns_are_those_of_the_design() -> None:
    rows = assemble_day([[line(1, "Hola #Ley")]], REGISTRY, NONE).rows
    table = pq.read_table(io.BytesIO(to_parquet(rows)))
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
    rows = assemble_day([[line(1, "Hola #Ley"), line(2, "Adiós 😀\ndos")]], REGISTRY, NONE).rows
    read = pq.read_table(io.BytesIO(to_parquet(rows))).to_pylist()
    assert read == rows
    assert context_of_row(read[0]) == {
        "coalicion": ("Norte Unido",),
        "partido": ("PVA",),
        "sentimiento": ("POSITIVE",),
        "entidades": ("Chile",),
        "hashtags": ("Ley",),
        "frases": ("la ley",),
    }


def test_the_same_rows_are_the_same_bytes() -> None:
    parts = [[line(number) for number in range(50)]]
    first, second = (to_parquet(assemble_day(parts, REGISTRY, NONE).rows) for _ in range(2))
    assert first == second
    assert first != to_parquet(assemble_day(parts, REGISTRY, frozenset({"3"})).rows)


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
    lake.write(f"{places.TOMBSTONES}{'-'.join(map(str, numbers))}.txt", "".join(f"{one}\n" for one in numbers).encode())


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
    assert {day: (one.read, len(one.rows)) for day, one in built.items()} == {DAY: (4, 3), NEXT_DAY: (1, 1)}


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
    assert list(lake.keys(places.DATASET)) == []
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
