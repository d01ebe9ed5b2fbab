"""The ledger: how far each account is read, and a spending cap that is never passed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from politico.errors import SpendingCapError
from politico.ledger import KEY, Cursor, Ledger

NOW = datetime(2024, 5, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        yield boto3.resource("dynamodb", region_name="us-east-1")


@pytest.fixture
def table(dynamodb: Any) -> Iterator[Any]:
    table = dynamodb.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield table
    table.delete()


@pytest.fixture
def ledger(table: Any) -> Ledger:
    return Ledger(table)


# The spending cap


def test_the_cap_may_be_reached_and_not_passed_by_one_post(ledger: Ledger) -> None:
    ledger.reserve(100, 250, NOW)
    ledger.reserve(150, 250, NOW)
    assert ledger.spent(NOW) == 250
    with pytest.raises(SpendingCapError, match="this month's cap of 250 posts is reached; raise it in the settings or wait"):
        ledger.reserve(1, 250, NOW)
    assert ledger.spent(NOW) == 250


@pytest.mark.parametrize("cap", [0, 99])
def test_the_first_reservation_of_a_month_respects_the_cap_too(ledger: Ledger, cap: int) -> None:
    """A month without a count yet let the first page through whatever the cap, even a cap of 0."""
    with pytest.raises(SpendingCapError):
        ledger.reserve(100, cap, NOW)
    assert ledger.spent(NOW) == 0


def test_what_is_given_back_can_be_reserved_again(ledger: Ledger) -> None:
    ledger.reserve(100, 100, NOW)
    ledger.give_back(40, NOW)
    ledger.give_back(0, NOW)
    assert ledger.spent(NOW) == 60
    with pytest.raises(SpendingCapError):
        ledger.reserve(41, 100, NOW)
    ledger.reserve(40, 100, NOW)


def test_each_month_in_utc_has_its_own_count(ledger: Ledger) -> None:
    ledger.reserve(100, 100, datetime(2024, 5, 31, 23, 59, 59, tzinfo=UTC))
    june = datetime.fromisoformat("2024-05-31T20:00:00-04:00")
    ledger.reserve(100, 100, june)
    assert (ledger.spent(NOW), ledger.spent(june)) == (100, 100)


def test_a_raised_cap_makes_room(ledger: Ledger) -> None:
    ledger.reserve(100, 100, NOW)
    ledger.reserve(100, 200, NOW)
    assert ledger.spent(NOW) == 200


def test_a_reservation_is_one_conditional_write_so_that_nobody_comes_in_between(ledger: Ledger, table: Any) -> None:
    asked: list[str] = []
    events = table.meta.client.meta.events
    events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="count")
    try:
        ledger.reserve(100, 150, NOW)
        with pytest.raises(SpendingCapError):
            ledger.reserve(100, 150, NOW)
    finally:
        events.unregister("before-call.dynamodb", unique_id="count")
    assert asked == ["UpdateItem", "UpdateItem"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    cap=st.integers(0, 300),
    year=st.integers(2000, 9000),
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=10),
)
def test_whatever_is_reserved_and_given_back_the_count_is_exact_and_within_the_cap(
    ledger: Ledger, cap: int, year: int, steps: list[tuple[bool, int]]
) -> None:
    now, spent = datetime(year, 1, 1, tzinfo=UTC), 0
    ledger.give_back(ledger.spent(now), now)
    for reserve, posts in steps:
        if not reserve:
            returned = min(posts, spent)
            ledger.give_back(returned, now)
            spent -= returned
        elif spent + posts <= cap:
            ledger.reserve(posts, cap, now)
            spent += posts
        else:
            with pytest.raises(SpendingCapError):
                ledger.reserve(posts, cap, now)
        assert ledger.spent(now) == spent <= cap


# The shared rate limit


def test_the_reset_is_shared_and_zero_until_x_names_one(ledger: Ledger, table: Any) -> None:
    assert ledger.reset() == 0
    ledger.note_reset(1_714_746_130)
    assert Ledger(table).reset() == 1_714_746_130


# Accounts


@pytest.mark.parametrize("cursor", [Cursor(), Cursor("5"), Cursor("5", "9", "7"), Cursor(None, "9", "7", "8"), Cursor("9")])
def test_a_cursor_is_read_as_it_was_noted(ledger: Ledger, cursor: Cursor) -> None:
    assert ledger.cursor("7") == Cursor()
    ledger.note("7", Cursor("1", "2", "3", "4"))
    ledger.note("7", cursor)
    assert ledger.cursor("7") == cursor
    assert ledger.cursor("8") == Cursor()


def test_runs_are_pending_from_hand_over_to_settlement_oldest_first_and_the_cursor_stays(ledger: Ledger) -> None:
    ledger.note("7", Cursor("5"))
    for run in ("b", "a", "b"):
        ledger.hand_over("7", run)
    ledger.hand_over("8", "z")
    assert ledger.pending("7") == ["a", "b"]
    ledger.settle("7", "a")
    ledger.settle("7", "a")
    ledger.settle("7", "never")
    assert ledger.pending("7") == ["b"]
    ledger.settle("7", "b")
    assert ledger.pending("7") == []
    assert ledger.pending("9") == []
    assert ledger.cursor("7") == Cursor("5")


# The cursor's steps


sweeps = st.lists(st.integers(1, 10**6), min_size=1, max_size=30, unique=True).map(lambda ids: sorted(ids, reverse=True))


@given(since=st.none() | st.just(0), ids=sweeps, page=st.integers(1, 7), settled_below=st.integers(0, 10**6))
def test_a_completed_sweep_reaches_the_newest_post_or_just_below_the_oldest_that_may_be_edited(
    since: int | None, ids: list[int], page: int, settled_below: int
) -> None:
    start = None if since is None else str(since)
    cursor = Cursor(start)
    for first in range(0, len(ids), page):
        one = ids[first : first + page]
        unsettled = [number for number in one if number > settled_below]
        cursor = cursor.after_page(str(one[0]), str(one[-1]), str(min(unsettled)) if unsettled else None)
        assert cursor.since_id == start
        assert (cursor.newest_id, cursor.until_id) == (str(ids[0]), str(one[-1]))
    unsettled = [number for number in ids if number > settled_below]
    assert cursor.completed() == Cursor(str(min(unsettled) - 1) if unsettled else str(ids[0]))


def test_a_sweep_that_found_nothing_stays_where_it_was() -> None:
    assert Cursor("5").completed() == Cursor("5")
    assert Cursor().completed() == Cursor()
