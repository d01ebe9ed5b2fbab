"""The ledger: how far each account is read, and a spending cap that is never passed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from politico.errors import SpendingCapError
from politico.lake.tombstones import Tombstones, fingerprint
from politico.ledger.cursor import Announced, Cursor
from politico.ledger.table import KEY, Ledger

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


@pytest.mark.parametrize("cursor", [Cursor(), Cursor("5"), Cursor("5", "9", "7"), Cursor(None, "9", "7", "8", 300), Cursor("9")])
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
    marks = ledger.pending("7")
    assert list(marks) == ["a", "b"]
    assert ledger.settle("7", "a", marks["a"])
    assert ledger.settle("7", "a", marks["a"])  # a step may run twice
    assert list(ledger.pending("7")) == ["b"]
    assert ledger.settle("7", "b", marks["b"])
    assert ledger.pending("7") == ledger.pending("9") == {}
    assert ledger.cursor("7") == Cursor("5")


def test_what_a_run_stored_after_it_was_counted_is_not_settled_with_the_rest(ledger: Ledger) -> None:
    """An import's workflow once settled a backfill that was still storing pages: they were never annotated."""
    page = Announced("r", "9", Cursor("1", "9", "5"), last=False)
    ledger.announce("7", page, bought=1)
    announced = ledger.pending("7")["r"]
    assert not ledger.settle("7", "r", announced)
    ledger.note("7", page.after, "r")  # the page lies in the lake only now
    assert not ledger.settle("7", "r", announced)
    noted = ledger.pending("7")["r"]
    ledger.hand_over("7", "r")
    assert not ledger.settle("7", "r", noted)
    assert ledger.settle("7", "r", ledger.pending("7")["r"])
    ledger.hand_over("7", "r")
    assert not ledger.settle("7", "r", noted)
    assert list(ledger.pending("7")) == ["r"]


def test_a_run_is_not_settled_while_it_stores_a_page(ledger: Ledger) -> None:
    """Killed before it notes the page, it would be pending again, and its posts counted twice."""
    page = Announced("r", "9", Cursor("1", "9", "5"), last=True)
    ledger.hand_over("7", "earlier")
    ledger.announce("7", page, bought=1)
    assert not ledger.settle("7", "r", ledger.pending("7")["r"])
    assert ledger.settle("7", "earlier", ledger.pending("7")["earlier"])
    ledger.complete("7", Cursor("9"), NOW, "r")
    assert ledger.settle("7", "r", ledger.pending("7")["r"])
    assert ledger.pending("7") == {}


def test_a_settlement_brings_no_forgotten_account_back(ledger: Ledger, table: Any) -> None:
    assert ledger.settle("7", "r", "mark")
    assert table.scan()["Items"] == []


def test_a_page_is_announced_until_the_cursor_is_noted(ledger: Ledger) -> None:
    assert ledger.progress("7") == (Cursor(), None)
    page = Announced("r1", "9", Cursor("1", "9", "5", "6", 3), last=True)
    ledger.announce("7", page, bought=3)
    assert ledger.progress("7") == (Cursor(), page)
    assert list(ledger.pending("7")) == ["r1"]
    ledger.note("7", page.after)
    assert ledger.progress("7") == (page.after, None)
    ledger.announce("7", page, bought=3)
    ledger.complete("7", Cursor("9"), NOW)
    assert ledger.progress("7") == (Cursor("9"), None)


def test_what_an_account_costs_a_day_is_known_from_its_second_complete_pass_on(ledger: Ledger) -> None:
    assert ledger.purchases("7").posts_a_day is None
    ledger.announce("7", Announced("r1", "9", Cursor(None, "9", "5", None, 3_000), last=True), bought=3_000)
    ledger.complete("7", Cursor("9"), NOW)
    assert (ledger.purchases("7").bought, ledger.purchases("7").posts_a_day) == (3_000, None)
    for day, bought in enumerate((8, 0, 1), start=1):
        if bought:
            ledger.announce("7", Announced("r2", "10", Cursor("9", "10", "10", None, bought), last=True), bought=bought)
        ledger.complete("7", Cursor("10"), NOW + timedelta(days=day))
    pace = ledger.purchases("7")
    assert (pace.bought, pace.bought_since, pace.followed, pace.posts_a_day) == (3_009, 9, timedelta(days=3), 3.0)


def buried(*tweets: int, users: tuple[int, ...] = ()) -> Tombstones:
    marks = (frozenset(fingerprint(str(one)) for one in ids) for ids in (tweets, users))
    return Tombstones(frozenset({"one"}), *marks)


def test_the_ledger_forgets_what_is_buried_and_stays_where_it_was(ledger: Ledger, table: Any) -> None:
    """Each id moves one beyond in the direction that is read already: nothing is lost, and nothing bought again."""
    cursor = Cursor("1000", "4000", "2000", "3000", 9)
    ledger.note("7", cursor)
    ledger.announce("7", Announced("r", "1900", Cursor("1000", "4000", "1500", "3000", 20), last=False), bought=11)
    ledger.note("8", cursor)
    ledger.note("9", cursor)
    ledger.reserve(1, 10, NOW)
    assert ledger.forget_buried(buried(1000, 1500, 1900, 2000, 3000, 4000, users=(9,))) == 3
    assert ledger.cursor("8") == Cursor("1001", "4001", "1999", "2999", 9)
    assert ledger.progress("7") == (
        Cursor("1001", "4001", "1999", "2999", 9),
        Announced("r", "1901", Cursor("1001", "4001", "1499", "2999", 20), last=False),
    )
    assert (ledger.progress("9"), ledger.spent(NOW)) == ((Cursor(), None), 1)
    assert not any(one in str(table.scan()["Items"]) for one in ("1000", "1500", "1900", "2000", "3000", "4000", "#9"))
    assert ledger.forget_buried(buried(1000, 1500)) == 0


# The cursor's steps


passes = st.lists(st.integers(1, 10**6), min_size=1, max_size=30, unique=True).map(lambda ids: sorted(ids, reverse=True))


@given(since=st.none() | st.just(0), ids=passes, page=st.integers(1, 7), settled_below=st.integers(0, 10**6))
def test_a_completed_pass_reaches_the_newest_post_or_just_below_the_oldest_that_may_be_edited(
    since: int | None, ids: list[int], page: int, settled_below: int
) -> None:
    start = None if since is None else str(since)
    cursor = Cursor(start)
    for first in range(0, len(ids), page):
        one = ids[first : first + page]
        unsettled = [number for number in one if number > settled_below]
        cursor = cursor.after_page(str(one[0]), str(one[-1]), str(min(unsettled)) if unsettled else None, len(one))
        assert (cursor.since_id, cursor.taken) == (start, min(first + page, len(ids)))
        assert (cursor.newest_id, cursor.until_id) == (str(ids[0]), str(one[-1]))
    unsettled = [number for number in ids if number > settled_below]
    assert cursor.completed() == Cursor(str(min(unsettled) - 1) if unsettled else str(ids[0]))


def test_a_pass_that_found_nothing_stays_where_it_was() -> None:
    assert Cursor("5").completed() == Cursor("5")
    assert Cursor().completed() == Cursor()


def test_what_may_come_late_is_read_again_and_nothing_below_what_was_settled_before() -> None:
    assert Cursor("2", "9", "3").completed(certain_to=6) == Cursor("6")
    assert Cursor("2", "9", "3", unsettled_id="5").completed(certain_to=6) == Cursor("4")
    assert Cursor("2", "9", "3").completed(certain_to=20) == Cursor("9")
    assert Cursor("5").completed(certain_to=1) == Cursor("5")
    assert Cursor().completed(certain_to=1) == Cursor()


def test_a_pass_never_completes_past_its_newest_post() -> None:
    """A page brought a later post that could still be edited, and what lay between was never read."""
    assert Cursor("1", "5", "2", unsettled_id="9").completed() == Cursor("5")
    assert Cursor("1", "5", "4").after_page("3", "2", "9", 2) == Cursor("1", "5", "2", "9", 2)
    assert Cursor("1", "5", "4", "4").after_page("3", "2", "9", 2).unsettled_id == "4"


@pytest.mark.parametrize(("id_str", "awaited"), [("2", False), ("3", True), ("6", True), ("7", False)])
def test_only_posts_between_the_bounds_are_awaited(id_str: str, awaited: bool) -> None:
    assert Cursor("2", "9", "7").awaits(id_str) is awaited
    assert Cursor().awaits(id_str)
