"""Fetching one account: whatever breaks and wherever, nothing is lost, and nothing that was noted is bought again."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from politico import lake as places
from politico.errors import AccountError, PoliticoError, RateLimitedError, ServiceError, SpendingCapError
from politico.fetching import Fetch
from politico.lake import Lake
from politico.ledger import KEY, Cursor, Ledger
from politico.tweet import write_time
from politico.x import PAGE_SIZE, Page

BUCKET = "lake-of-tests"
USER = "7"
NOW = datetime(2024, 5, 3, 12, tzinfo=UTC)
CAP = 100_000
Post = dict[str, Any]


class KilledError(BaseException):
    """The process ends here: nothing may catch it."""


@dataclass
class FakeTimeline:
    """One account's posts as X serves them: newest first, a page at a time, after one id and before another."""

    posts: list[Post] = field(default_factory=list)
    page_size: int = 2
    faults: list[BaseException | None] = field(default_factory=list)
    """What the next questions are answered with; None is an answer."""
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    sold: list[str] = field(default_factory=list)

    def page(self, user_id: str, since_id: str | None, until_id: str | None) -> Page:
        assert user_id == USER
        self.asked.append((since_id, until_id))
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        low, high = int(since_id or 0), int(until_id or 10**30)
        wanted = sorted((post for post in self.posts if low < int(post["id"]) < high), key=lambda post: -int(post["id"]))
        given_posts = wanted[: self.page_size]
        self.sold += [post["id"] for post in given_posts]
        last = len(wanted) <= self.page_size
        meta = {"result_count": len(given_posts), **({} if last else {"next_token": "t"})}
        return Page({"meta": meta, **({"data": given_posts} if given_posts else {})}, last)


@dataclass
class Fuse:
    """Kills the process at its nth step outside: just before a call of S3 or DynamoDB, or just after."""

    left: int | None = None

    def step(self, **_: Any) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise KilledError


@dataclass
class World:
    """A lake, a ledger, an account at X and a clock."""

    lake: Lake
    table: Any
    fuse: Fuse
    timeline: FakeTimeline = field(default_factory=FakeTimeline)
    now: datetime = NOW
    cap: int = CAP

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.table)

    def fetch(self, run: str = "r1", pages: int = 1000) -> bool:
        """One attempt with time for so many pages."""
        return self.worker().account(run, USER, iter([True] * pages + [False]).__next__)

    def worker(self) -> Fetch:
        return Fetch(
            lake=self.lake,
            ledger=self.ledger,
            timeline=self.timeline,  # type: ignore[arg-type]
            monthly_cap=self.cap,
            reference=self.now,
            now=lambda: self.now,
        )

    def stored(self, run: str = "") -> list[str]:
        """Ids of all stored posts, page by page, repeats and all."""
        prefix = places.raw_pages(run, USER) if run else places.RAW
        return [post["id"] for key in self.lake.keys(prefix) for page in self.lake.read_lines(key) for post in page["data"]]

    def forget_everything(self) -> None:
        self.fuse.left = None
        for key in list(self.lake.keys("")):
            self.lake.s3.delete_object(Bucket=BUCKET, Key=key)
        for item in self.table.scan()["Items"]:
            self.table.delete_item(Key={KEY: item[KEY]})
        self.timeline, self.now, self.cap = FakeTimeline(), NOW, CAP


@pytest.fixture(scope="module")
def cloud() -> Iterator[World]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        table = boto3.resource("dynamodb", region_name="us-east-1").create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        fuse = Fuse()
        for client, service in ((s3, "s3"), (table.meta.client, "dynamodb")):
            for moment in ("before-call", "after-call"):
                client.meta.events.register(f"{moment}.{service}", fuse.step)
        yield World(Lake(s3, BUCKET), table, fuse)


@pytest.fixture
def world(cloud: World) -> World:
    cloud.forget_everything()
    return cloud


def posts(*ids: int, editable_until: datetime | None = None) -> list[Post]:
    controls = {"edit_controls": {"editable_until": write_time(editable_until)}} if editable_until else {}
    return [
        {"id": str(one), "author_id": USER, "created_at": write_time(NOW), "text": "uno dos tres cuatro cinco", **controls}
        for one in ids
    ]


def ids(*numbers: int) -> set[str]:
    return {str(number) for number in numbers}


# The usual way


def test_a_first_run_stores_every_page_as_it_came_and_completes_the_cursor(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    worker = world.worker()
    assert worker.account("r1", USER, lambda: True)
    assert list(world.lake.keys("")) == [places.raw_page("r1", USER, newest, oldest) for newest, oldest in ["11", "32", "54"]]
    (page,) = world.lake.read_lines(places.raw_page("r1", USER, "5", "4"))
    assert page == {"meta": {"result_count": 2, "next_token": "t"}, "data": posts(5, 4)}
    assert world.ledger.cursor(USER) == Cursor("5")
    assert world.ledger.pending(USER) == ["r1"]
    assert (worker.pages, worker.posts) == (3, 5)
    assert world.ledger.spent(NOW) == 5


def test_a_second_run_asks_only_for_what_is_new(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3)
    world.fetch("r1")
    world.timeline.posts += posts(4, 5, 6)
    world.timeline.asked.clear()
    assert world.fetch("r2")
    assert world.timeline.asked == [("3", None), ("3", "5")]
    assert set(world.stored("r2")) == ids(4, 5, 6)
    assert world.ledger.cursor(USER) == Cursor("6")
    assert world.ledger.spent(NOW) == 6


def test_a_run_that_finds_nothing_new_stores_and_hands_over_nothing(world: World) -> None:
    world.timeline.posts = posts(1, 2)
    world.fetch("r1")
    assert world.fetch("r2")
    assert world.stored("r2") == []
    assert world.ledger.pending(USER) == ["r1"]
    assert world.ledger.cursor(USER) == Cursor("2")
    assert world.ledger.spent(NOW) == 2


def test_an_account_without_posts_is_read(world: World) -> None:
    assert world.fetch()
    assert (world.ledger.cursor(USER), world.ledger.spent(NOW)) == (Cursor(), 0)


def test_when_time_runs_out_the_next_attempt_goes_on_where_this_one_stopped(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    assert not world.fetch(pages=0)
    assert world.timeline.asked == []
    assert not world.fetch(pages=2)
    assert world.ledger.cursor(USER) == Cursor(None, "5", "2")
    world.timeline.posts += posts(6)  # written meanwhile: the next sweep's
    assert world.fetch()
    assert world.timeline.asked[2:] == [(None, "2")]
    assert world.ledger.cursor(USER) == Cursor("5")
    assert world.fetch("r2")
    assert sorted(world.stored()) == ["1", "2", "3", "4", "5", "6"]
    assert sorted(world.timeline.sold) == sorted(world.stored())


def test_the_run_is_handed_over_before_its_first_page_is_stored(world: World) -> None:
    """A stored page of a run that nobody was told of would never be annotated."""
    world.timeline.posts = posts(1)
    for steps in range(20):
        world.fuse.left = steps
        try:
            world.fetch()
            break
        except KilledError:
            assert not world.stored() or world.ledger.pending(USER) == ["r1"]
    assert steps > 5


# Posts that can still be edited


def test_a_post_that_can_still_be_edited_is_read_again_with_all_that_came_after(world: World) -> None:
    soon = NOW + timedelta(minutes=30)
    world.timeline.posts = [*posts(1, 2, editable_until=NOW), *posts(3, 4, editable_until=soon), *posts(5)]
    assert world.fetch("r1")
    assert world.ledger.cursor(USER) == Cursor("2")
    world.now = soon
    assert world.fetch("r2")
    assert set(world.stored("r2")) == ids(3, 4, 5)
    assert world.ledger.cursor(USER) == Cursor("5")


def test_what_can_be_edited_is_judged_as_of_the_runs_reference_as_its_annotation_judges_it(world: World) -> None:
    """The annotation filters it out as of the reference, however late the page was read."""
    world.timeline.posts = [*posts(1), *posts(2, editable_until=NOW + timedelta(minutes=30))]
    worker = world.worker()
    worker.now = lambda: NOW + timedelta(hours=1)
    assert worker.account("r1", USER, lambda: True)
    assert world.ledger.cursor(USER) == Cursor("1")


def test_posts_that_can_be_edited_are_found_on_every_page(world: World) -> None:
    world.timeline.posts = [*posts(1), *posts(2, 3, 4, 5, 6, editable_until=NOW + timedelta(minutes=1))]
    world.fetch()
    assert world.ledger.cursor(USER) == Cursor("1")


def test_a_post_that_could_be_edited_is_not_lost_when_another_run_completes_the_sweep(world: World) -> None:
    """The completing run looked only at its own pages, and the first run's post was filtered out as editable for good."""
    world.timeline.posts = [*posts(1, 2, 3), *posts(4, editable_until=NOW + timedelta(minutes=30))]
    assert not world.fetch("r1", pages=1)
    world.now += timedelta(days=1)
    assert world.fetch("r2")
    assert world.ledger.cursor(USER) == Cursor("3")
    assert world.fetch("r3")
    assert world.stored("r3") == ["4"]


def test_a_post_that_cannot_be_read_is_stored_all_the_same(world: World) -> None:
    world.timeline.posts = [*posts(1), {"id": "2", "text": "half a pair: \ud83d"}]
    assert world.fetch()
    assert set(world.stored()) == ids(1, 2)


# X says no


def test_a_rate_limit_is_noted_for_all_and_nobody_asks_before_the_reset(world: World) -> None:
    reset = int(NOW.timestamp()) + 60
    world.timeline.posts = posts(1, 2, 3)
    world.timeline.faults = [None, RateLimitedError(reset)]
    with pytest.raises(RateLimitedError):
        world.fetch()
    assert world.ledger.cursor(USER) == Cursor(None, "3", "2")
    assert (world.ledger.reset(), world.ledger.spent(NOW)) == (reset, 2)
    with pytest.raises(RateLimitedError) as raised:
        world.fetch("r2")  # another run, or another account: the limit is the app's
    assert raised.value.reset == reset
    assert len(world.timeline.asked) == 2
    world.now = datetime.fromtimestamp(reset, UTC)
    assert world.fetch()
    assert sorted(world.timeline.sold) == ["1", "2", "3"]


def test_the_cap_refuses_before_x_is_asked(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3)
    world.cap = PAGE_SIZE + 1
    with pytest.raises(SpendingCapError):
        world.fetch()
    assert world.timeline.asked == [(None, None)]
    assert world.ledger.spent(NOW) == 2
    assert world.ledger.cursor(USER) == Cursor(None, "3", "2")
    world.cap = 0
    with pytest.raises(SpendingCapError):
        world.fetch()
    assert len(world.timeline.asked) == 1
    world.now += timedelta(days=31)
    world.cap = CAP
    assert world.fetch()
    assert set(world.stored()) == ids(1, 2, 3)


@pytest.mark.parametrize("fault", [AccountError("gone"), ServiceError("broken"), RuntimeError("a bug")])
def test_a_failed_account_leaves_the_cursor_and_gives_the_reservation_back(world: World, fault: Exception) -> None:
    world.ledger.note(USER, Cursor("5", "9", "7"))
    world.timeline.faults = [fault]
    with pytest.raises(type(fault)):
        world.fetch()
    assert world.ledger.cursor(USER) == Cursor("5", "9", "7")
    assert (world.ledger.spent(NOW), world.ledger.pending(USER), world.stored()) == (0, [], [])


def test_what_is_given_back_belongs_to_the_month_it_was_taken_from(world: World) -> None:
    """A page that came after midnight was given back to the new month, whose cap then was too high."""
    ticks = iter([datetime(2024, 5, 31, 23, 59, 59, tzinfo=UTC)])
    world.timeline.posts = posts(1)
    worker = world.worker()
    worker.now = lambda: next(ticks, datetime(2024, 6, 1, tzinfo=UTC))
    worker.account("r1", USER, lambda: True)
    assert world.ledger.spent(datetime(2024, 5, 31, tzinfo=UTC)) == 1
    assert world.ledger.spent(datetime(2024, 6, 1, tzinfo=UTC)) == 0


# Killed on the way


@pytest.mark.parametrize("steps", range(50))
def test_a_kill_at_any_step_loses_nothing_and_buys_at_most_the_page_under_way_again(world: World, steps: int) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    world.fuse.left = steps
    try:
        world.fetch()
    except KilledError:
        noted = world.ledger.cursor(USER)
        asked = len(world.timeline.asked)
        assert world.fetch()
        assert world.timeline.asked[asked] == (noted.since_id, noted.until_id)
    world.fuse.left = None
    assert set(world.stored()) == ids(1, 2, 3, 4, 5)
    assert len(world.timeline.sold) <= 5 + world.timeline.page_size
    assert world.ledger.cursor(USER) == Cursor("5")
    assert world.ledger.pending(USER) == ["r1"]


def test_what_was_noted_is_never_bought_again(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4)
    noted: set[str] = set()
    for steps in range(3, 40):
        world.fuse.left = steps % 17 + 3
        before = len(world.timeline.sold)
        try:
            done = world.fetch()
        except KilledError:
            done = False
        world.fuse.left = None
        assert not noted & set(world.timeline.sold[before:])
        cursor = world.ledger.cursor(USER)
        lowest = int(cursor.until_id) if cursor.until_id else 1 if cursor.since_id else 10
        noted = {one for one in world.stored() if int(one) >= lowest}
        if done:
            break
    assert done


mishaps = st.one_of(
    st.tuples(st.just("kill"), st.integers(0, 40)),
    st.tuples(st.just("time"), st.integers(0, 3)),
    st.tuples(st.just("fault"), st.integers(0, 3)),
    st.tuples(st.just("limit"), st.integers(0, 3)),
    st.tuples(st.just("cap"), st.integers(0, 300)),
)


def suffer(world: World, run: str, mishap: tuple[str, int]) -> None:
    """One attempt that may end badly."""
    kind, number = mishap
    pages = number if kind == "time" else 1000
    if kind == "kill":
        world.fuse.left = number
    elif kind == "cap":
        world.cap = world.ledger.spent(world.now) + number
    elif kind in ("fault", "limit"):
        error = ServiceError("down") if kind == "fault" else RateLimitedError(int(world.now.timestamp()) + 5)
        world.timeline.faults = [None] * number + [error]
    with contextlib.suppress(KilledError, PoliticoError):
        world.fetch(run, pages)
    world.fuse.left, world.cap, world.timeline.faults = None, CAP, []


def newest_settled(listed: Sequence[Post]) -> Cursor:
    return Cursor(max((post["id"] for post in listed), key=int, default=None))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=12)
@given(
    attempts=st.lists(st.tuples(mishaps, st.integers(0, 3), st.booleans()), max_size=5),
    page_size=st.integers(1, 4),
    first=st.integers(0, 9),
)
def test_whatever_fails_in_whatever_order_every_post_is_stored_in_the_end(
    world: World, attempts: list[tuple[tuple[str, int], int, bool]], page_size: int, first: int
) -> None:
    """Posts are written while runs fail; some can still be edited when they are first read."""
    world.forget_everything()
    world.timeline.page_size = page_size
    world.timeline.posts = posts(*range(1, first + 1))
    for number, (mishap, new, editable) in enumerate(attempts):
        suffer(world, f"r{number}", mishap)
        newest = len(world.timeline.posts)
        until = world.now + timedelta(minutes=50) if editable else None
        world.timeline.posts += posts(*range(newest + 1, newest + 1 + new), editable_until=until)
        world.now += timedelta(minutes=20)
    world.now += timedelta(hours=1)
    settled_at = world.now
    assert world.fetch("last-but-one")  # completes the sweep under way, if there is one
    assert world.fetch("last")
    assert set(world.stored()) == {post["id"] for post in world.timeline.posts}
    assert world.ledger.cursor(USER) == newest_settled(world.timeline.posts)
    # Every post was read at least once when it could no longer be edited.
    settled = set()
    for run, moment in [(f"r{n}", NOW + timedelta(minutes=20 * n)) for n in range(len(attempts))] + [
        ("last-but-one", settled_at),
        ("last", settled_at),
    ]:
        controls = {post["id"]: post.get("edit_controls", {}).get("editable_until", "") for post in world.timeline.posts}
        settled |= {one for one in world.stored(run) if controls[one] <= write_time(moment)}
    assert settled == {post["id"] for post in world.timeline.posts}
    kills = sum(1 for (kind, _number), _new, _editable in attempts if kind == "kill")
    if not any(editable for _mishap, _new, editable in attempts):
        assert len(world.timeline.sold) <= len(world.timeline.posts) + kills * page_size
