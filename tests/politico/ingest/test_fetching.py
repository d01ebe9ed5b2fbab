"""Fetching one account: whatever breaks and wherever, nothing is lost, and nothing that was noted is bought again."""

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from functions.ingest.plan import plan
from politico.errors import AccountError, PoliticoError, RateLimitedError, ServiceError, SpendingCapError
from politico.ingest.fetching import TRIES, Fetch
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import bury, read_tombstones
from politico.ledger.cursor import Cursor
from politico.ledger.table import KEY, Ledger
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import last_id_before, write_time
from politico.x.timelines import PAGE_SIZE, Page

BUCKET = "lake-of-tests"
USER = "7"
NOW = datetime(2024, 5, 3, 12, tzinfo=UTC)
CAP = 100_000
Post = dict[str, Any]


class KilledError(BaseException):
    """The process ends here: nothing may catch it."""


@dataclass
class Fuse:
    """Kills the process at its nth step outside: just before a call of S3, DynamoDB or X, or just after. A dead one does nothing
    more until it is started again."""

    left: int | None = None
    dead: bool = False
    lock: Any = field(default_factory=threading.Lock)

    def step(self, **_: Any) -> None:
        with self.lock:
            if self.left is not None:
                self.left -= 1
                self.dead |= self.left < 0
            if self.dead:
                raise KilledError

    def light(self, steps: int | None) -> None:
        """Start the process, to be killed after so many steps."""
        self.left, self.dead = steps, False


@dataclass
class FakeTimeline:
    """One account's posts as X serves them: newest first, a page at a time, after one id and before another."""

    posts: list[Post] = field(default_factory=list)
    page_size: int = 2
    faults: list[BaseException | Callable[[Page], Page] | None] = field(default_factory=list)
    """What the next questions are answered with: an error, a page made of the right one, or None for the right one."""
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    sold: list[str] = field(default_factory=list)
    step: Callable[[], None] = lambda: None
    """Called before X is asked and after it has answered."""

    def page(
        self,
        user_id: str,
        since_id: str | None,
        until_id: str | None,
        exclude_retweets: bool = False,
        token: str | None = None,
    ) -> Page:
        assert user_id == USER
        self.tokens.append(token)
        self.step()
        self.asked.append((since_id, until_id))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, BaseException):
            raise fault
        low, high = int(since_id or 0), int(until_id or 10**30)
        wanted = sorted((post for post in self.posts if low < int(post["id"]) < high), key=lambda post: -int(post["id"]))
        page = page_of(wanted[: self.page_size], last=len(wanted) <= self.page_size)
        if exclude_retweets:  # from the page that was chosen already: the worst that X might do
            page = page_of([post for post in page.posts if not post["text"].startswith("RT @")], page.last)
        if fault:
            page = fault(page)
        self.sold += [post["id"] for post in page.posts if isinstance(post, dict) and "id" in post]
        self.step()
        return page


def page_of(given_posts: list[Any], last: bool) -> Page:
    meta = {"result_count": len(given_posts), **({} if last else {"next_token": "t"})}
    return Page({"meta": meta, **({"data": given_posts} if given_posts else {})}, last)


@dataclass
class World:
    """A lake, a ledger, an account at X and a clock."""

    lake: Lake
    table: Any
    fuse: Fuse
    timeline: FakeTimeline = field(default_factory=FakeTimeline)
    now: datetime = NOW
    cap: int = CAP
    ahead: bool = True
    late: timedelta = timedelta(0)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.table)

    def fetch(self, run: str = "r1", pages: int = 1000) -> bool:
        """One attempt with time for so many pages."""
        return self.worker().account(run, USER, itertools.chain([True] * pages, itertools.repeat(False)).__next__)

    def worker(self) -> Fetch:
        return Fetch(
            lake=self.lake,
            ledger=self.ledger,
            timeline=self.timeline,  # type: ignore[arg-type]
            monthly_cap=self.cap,
            reference=self.now,
            now=lambda: self.now,
            ahead=self.ahead,
            late=self.late,
        )

    def stored(self, run: str = "") -> list[str]:
        """Ids of all stored posts, page by page, repeats and all."""
        prefix = places.raw_pages(run, USER) if run else places.RAW
        return [post["id"] for key in self.lake.keys(prefix) for page in self.lake.read_lines(key) for post in page["data"]]

    def forget_everything(self) -> None:
        self.fuse.light(None)
        for key in list(self.lake.keys("")):
            self.lake.erase(key)
        for item in self.table.scan()["Items"]:
            self.table.delete_item(Key={KEY: item[KEY]})
        self.timeline, self.now, self.cap, self.ahead = FakeTimeline(step=self.fuse.step), NOW, CAP, True


@pytest.fixture(scope="module")
def cloud() -> Iterator[World]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
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
    cloud.late = timedelta(0)
    return cloud


def posts(*ids: int, editable_until: datetime | None = None) -> list[Post]:
    controls = {"edit_controls": {"editable_until": write_time(editable_until)}} if editable_until else {}
    return [
        {"id": str(one), "author_id": USER, "created_at": write_time(NOW), "text": "uno dos tres cuatro cinco", **controls}
        for one in ids
    ]


def ids(*numbers: int) -> set[str]:
    return {str(number) for number in numbers}


def page_key(newest: int, oldest: int, run: str = "r1") -> str:
    return places.raw_page(run, USER, newest=str(newest), oldest=str(oldest))


# The usual way


def test_a_first_run_stores_every_page_as_it_came_and_completes_the_cursor(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    worker = world.worker()
    assert worker.account("r1", USER, lambda: True)
    assert list(world.lake.keys("")) == [page_key(1, 1), page_key(3, 2), page_key(5, 4)]
    (page,) = world.lake.read_lines(page_key(5, 4))
    assert page == {"meta": {"result_count": 2, "next_token": "t"}, "data": posts(5, 4)}
    assert world.ledger.cursor(USER) == Cursor("5")
    assert list(world.ledger.pending(USER)) == ["r1"]
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
    assert list(world.ledger.pending(USER)) == ["r1"]
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
    assert world.ledger.cursor(USER) == Cursor(None, "5", "2", taken=4)
    world.timeline.posts += posts(6)  # written meanwhile: the next pass's
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
        world.fuse.light(steps)
        try:
            world.fetch()
            break
        except KilledError:
            world.fuse.light(None)
            assert not world.stored() or list(world.ledger.pending(USER)) == ["r1"]
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


def test_a_post_that_could_be_edited_is_not_lost_when_another_run_completes_the_pass(world: World) -> None:
    """The completing run looked only at its own pages, and the first run's post was filtered out as editable for good."""
    world.timeline.posts = [*posts(1, 2, 3), *posts(4, editable_until=NOW + timedelta(minutes=30))]
    assert not world.fetch("r1", pages=1)
    world.now += timedelta(days=1)
    assert world.fetch("r2")
    assert world.ledger.cursor(USER) == Cursor("3")
    assert world.fetch("r3")
    assert world.stored("r3") == ["4"]


# Posts that X shows late


def written(hours_ago: float) -> int:
    """The id of a post of then."""
    return last_id_before(NOW - timedelta(hours=hours_ago)) + 1


@pytest.mark.parametrize("newest_ago", [0.5, 30])
def test_a_post_that_x_shows_late_is_read_by_the_next_run(world: World, newest_ago: float) -> None:
    world.late = timedelta(hours=3)
    world.timeline.posts = posts(written(40), written(newest_ago))
    assert world.fetch("r1")
    late, new = written(2.5), written(-20)
    world.timeline.posts += posts(late, new)
    world.now += timedelta(days=1)
    assert world.fetch("r2")
    assert set(world.stored("r2")) >= ids(late, new)
    assert ids(written(40)).isdisjoint(world.stored("r2"))  # settled, and not bought again


@given(
    ages=st.lists(st.tuples(st.integers(0, 6_000), st.integers(0, 400)), max_size=12, unique_by=lambda one: one[0]),
    late=st.integers(1, 480),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_no_post_is_lost_that_x_shows_within_the_hours_that_it_is_given(
    world: World, ages: list[tuple[int, int]], late: int
) -> None:
    """Posts of the last hundred hours, each shown some minutes after it was written; a run a day, and one when all are shown."""
    world.forget_everything()
    world.now, world.late = NOW, timedelta(minutes=late)
    world.timeline.sold.clear()
    shown = [(written(age / 60), NOW - timedelta(minutes=age - min(hidden, late))) for age, hidden in ages]
    runs = [NOW + timedelta(hours=hours) for hours in (-96, -72, -48, -24, 0, 24)]
    for number, world.now in enumerate(runs):
        world.timeline.posts = posts(*(one for one, at in shown if at <= world.now))
        assert world.fetch(f"r{number}")
    assert set(world.stored()) == ids(*(one for one, _ in shown))
    quiet = world.timeline.sold.copy()
    world.now += timedelta(days=30)
    assert world.fetch("later")
    assert world.timeline.sold == quiet, "what is long settled is not bought again"


def test_a_killed_runs_last_page_leaves_room_for_what_came_late_to_it(world: World) -> None:
    """The run that finds its page in the lake is a later one: by its own time all of that would be settled."""
    world.late = timedelta(hours=3)
    newest, late = written(0.5), written(1)
    for steps in itertools.count():
        begin(world, 0)
        world.timeline.posts = posts(written(50), newest)
        if killed_after(world, steps) and world.stored() and world.ledger.cursor(USER) == Cursor():
            break
    world.timeline.posts += posts(late)
    world.now += timedelta(days=1)
    assert world.fetch("r2")
    assert world.fetch("r3")
    assert set(world.stored()) >= ids(newest, late)


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
    assert world.ledger.cursor(USER) == Cursor(None, "3", "2", taken=2)
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
    assert world.ledger.cursor(USER) == Cursor(None, "3", "2", taken=2)
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
    assert (world.ledger.spent(NOW), world.ledger.pending(USER), world.stored()) == (0, {}, [])


def test_what_is_given_back_belongs_to_the_month_it_was_taken_from(world: World) -> None:
    """A page that came after midnight was given back to the new month, whose cap then was too high."""
    ticks = iter([datetime(2024, 5, 31, 23, 59, 59, tzinfo=UTC)])
    world.timeline.posts = posts(1)
    worker = world.worker()
    worker.now = lambda: next(ticks, datetime(2024, 6, 1, tzinfo=UTC))
    worker.account("r1", USER, lambda: True)
    assert world.ledger.spent(datetime(2024, 5, 31, tzinfo=UTC)) == 1
    assert world.ledger.spent(datetime(2024, 6, 1, tzinfo=UTC)) == 0


def test_room_that_comes_back_is_used_when_the_next_page_could_not_be_paid_for_in_advance(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    world.cap = PAGE_SIZE + PAGE_SIZE // 2
    assert world.fetch()
    assert (set(world.stored()), world.ledger.spent(NOW)) == (ids(1, 2, 3, 4, 5), 5)


# Ahead


@contextlib.contextmanager
def edge(client: Any, moment: str, hook: Callable[..., None]) -> Iterator[None]:
    """Run the hook just before or after calls of S3 or DynamoDB."""
    client.meta.events.register(moment, hook, unique_id="edge")
    try:
        yield
    finally:
        client.meta.events.unregister(moment, unique_id="edge")


def soon(condition: Callable[[], bool]) -> bool:
    """Does it come true while others are at work?"""
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_the_next_page_is_paid_for_while_one_is_read_and_read_while_that_one_is_stored(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    reserved: list[bytes] = []
    overlapped: list[bool] = []

    def update(params: dict[str, Any], **_: Any) -> None:
        if b":room" in params["body"]:
            reserved.append(params["body"])

    def answer(page: Page) -> Page:
        number = len(world.timeline.asked)
        overlapped.append(soon(lambda: len(reserved) == number + 1))
        return page

    def put(**_: Any) -> None:
        number = len(world.stored()) // 2 + 1
        overlapped.append(soon(lambda: len(world.timeline.asked) == min(number + 1, 3)))

    world.timeline.faults = [answer] * 3
    dynamodb, s3 = world.table.meta.client, world.lake.s3
    with edge(dynamodb, "before-call.dynamodb.UpdateItem", update), edge(s3, "before-call.s3.PutObject", put):
        assert world.fetch()
    assert overlapped == [True] * 6
    assert world.ledger.spent(NOW) == 5  # the price of a fourth page was given back


def test_a_page_that_was_asked_for_in_advance_waits_until_the_one_before_it_is_noted(world: World) -> None:
    """Two pages at most are sold and not stored."""
    world.timeline.posts = posts(*range(1, 20))
    ahead: list[int] = []

    def answer(page: Page) -> Page:
        ahead.append(len(world.timeline.asked) - len(list(world.lake.keys(places.RAW))))
        return page

    world.timeline.faults = [answer] * 10
    assert world.fetch()
    assert len(ahead) == 10
    assert max(ahead) <= 2


def test_one_after_another_a_page_is_asked_for_when_the_one_before_it_is_noted(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    world.ahead = False
    noted: list[int] = []

    def answer(page: Page) -> Page:
        noted.append(world.ledger.cursor(USER).taken)
        return page

    world.timeline.faults = [answer] * 3
    assert world.fetch()
    assert (noted, world.ledger.spent(NOW)) == ([0, 2, 4], 5)


@pytest.mark.parametrize("fault", [RateLimitedError(int(NOW.timestamp()) + 9), AccountError("gone"), RuntimeError("a bug")])
def test_what_goes_wrong_with_a_page_in_advance_loses_nothing_of_the_page_before(world: World, fault: Exception) -> None:
    world.timeline.posts = posts(1, 2, 3)
    world.timeline.faults = [None, fault]
    with pytest.raises(type(fault)):
        world.fetch()
    assert set(world.stored()) == ids(2, 3)
    assert world.ledger.cursor(USER) == Cursor(None, "3", "2", taken=2)
    assert world.ledger.spent(NOW) == 2


def test_a_page_that_cannot_be_stored_counts_as_bought_and_so_does_the_one_under_way(world: World) -> None:
    def fail(**_: Any) -> None:
        raise OSError("the disk is full")

    world.timeline.posts = posts(1, 2, 3, 4, 5)
    with edge(world.lake.s3, "before-call.s3.PutObject", fail), pytest.raises(OSError, match="full"):
        world.fetch()
    assert (world.stored(), world.ledger.spent(NOW)) == ([], len(world.timeline.sold))
    assert world.fetch()
    assert set(world.stored()) == ids(1, 2, 3, 4, 5)


# The window, and what is not wanted


def test_a_first_pass_ends_with_the_window_and_later_ones_take_all_that_is_new(world: World) -> None:
    world.timeline.posts = posts(*range(1, 10))
    worker = world.worker()
    worker.window = 4
    assert not worker.account("r1", USER, itertools.chain([True], itertools.repeat(False)).__next__)
    assert worker.account("r1", USER, lambda: True)
    assert set(world.stored()) == ids(6, 7, 8, 9)
    assert world.ledger.cursor(USER) == Cursor("9")
    world.timeline.posts += posts(*range(10, 20))
    assert worker.account("r2", USER, lambda: True)
    assert set(world.stored("r2")) == ids(*range(10, 20))


def test_excluded_retweets_are_not_bought_but_where_x_has_nothing_else_to_go_on_from(world: World) -> None:
    """A page of nothing but retweets came empty, and all that is older was taken for read."""
    world.timeline.posts = posts(*range(1, 9))
    for number in (2, 3, 4, 7):  # pages: 8 and 7, 6 and 5, 4 and 3, 2 and 1
        world.timeline.posts[number - 1]["text"] = "RT @alguien: uno dos tres cuatro cinco"
    worker = world.worker()
    worker.exclude_retweets = True
    assert worker.account("r1", USER, lambda: True)
    assert sorted(world.timeline.sold) == ["1", "3", "4", "5", "6", "8"]
    assert sorted(world.stored()) == sorted(world.timeline.sold)
    assert world.ledger.cursor(USER) == Cursor("8")


def test_an_empty_last_page_without_retweets_is_asked_for_once_more_with_them(world: World) -> None:
    """X's end with retweets left out is no end: what was older was never asked for."""
    world.timeline.posts = posts(*range(1, 5))
    worker = world.worker()
    worker.exclude_retweets = True
    world.timeline.faults = [lambda _right: page_of([], last=True)]
    assert worker.account("r1", USER, lambda: True)
    assert set(world.stored()) == ids(*range(1, 5))
    asked = len(world.timeline.asked)
    assert worker.account("r2", USER, lambda: True)
    assert len(world.timeline.asked) == asked + 2, "nothing new is nothing new with retweets, too"


def test_pages_whose_posts_are_all_withheld_are_gone_past_by_their_tokens(world: World) -> None:
    """They ended in an error, night after night."""
    world.timeline.posts = posts(*range(1, 5))
    withheld = [Page({"meta": {"result_count": 0, "next_token": f"t{number}"}}, last=False) for number in range(6)]
    world.timeline.faults = [(lambda page: lambda _right: page)(one) for one in withheld]
    assert world.fetch()
    assert world.timeline.tokens[:7] == [None, *(f"t{number}" for number in range(6))]
    assert set(world.stored()) == ids(*range(1, 5))


# Pages that are not what was asked for


def shuffled(page: Page) -> Page:
    return page_of([*page.posts[1::2], *page.posts[::2]], page.last)


def test_the_order_of_a_pages_posts_does_not_matter(world: World) -> None:
    world.timeline.posts = posts(*range(1, 10))
    world.timeline.page_size = 4
    world.timeline.faults = [shuffled] * 3
    assert world.fetch()
    assert sorted(world.timeline.sold) == sorted(world.stored()) == sorted(ids(*range(1, 10)))


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_page_of_posts_that_were_not_asked_for_is_asked_for_again(world: World, position: int, last: bool) -> None:
    """A repeated page that was an older pass's last one completed the pass, and moved the account back."""
    world.ledger.note(USER, Cursor("2"))
    world.timeline.posts = posts(*range(1, 8))
    older = page_of(posts(2, 1), last)
    world.timeline.faults = [*[None] * position, lambda _right: older]
    assert world.fetch()
    assert set(world.stored()) == ids(*range(1, 8))
    assert world.ledger.cursor(USER) == Cursor("7")


def test_the_page_before_comes_once_more_and_nothing_is_lost(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5)
    world.timeline.faults = [None, lambda _right: page_of(posts(5, 4), last=False)]
    assert world.fetch()
    assert set(world.stored()) == ids(1, 2, 3, 4, 5)
    assert world.timeline.asked == [(None, None), (None, "4"), (None, "4"), (None, "2")]


@pytest.mark.parametrize(
    "answer", [page_of(posts(9, 8), last=False), page_of([], last=False), page_of([{"id": "9e17"}], last=True)]
)
def test_an_x_that_gets_nowhere_is_given_up_and_the_account_stays_where_it_was(world: World, answer: Page) -> None:
    start = Cursor("3", "9", "8", taken=2)
    world.ledger.note(USER, start)
    world.timeline.faults = [lambda _right: answer] * 10
    with pytest.raises(ServiceError, match=f"X answered {TRIES} times in a row for account 7"):
        world.fetch()
    assert len(world.timeline.asked) == TRIES
    assert world.ledger.cursor(USER) == start


def test_a_post_newer_than_the_first_of_its_pass_is_stored_and_the_next_pass_begins_where_it_must(world: World) -> None:
    """A post that can still be edited, far above the pass's newest, would move the account past what lies between."""
    newer = posts(9, editable_until=NOW + timedelta(minutes=5))
    world.timeline.posts = [*posts(1, 2, 3, 4, 5)]
    world.timeline.faults = [None, lambda right: page_of([*right.posts, *newer], right.last)]
    assert world.fetch()
    assert set(world.stored()) == ids(1, 2, 3, 4, 5, 9)
    assert world.ledger.cursor(USER) == Cursor("5")


def test_posts_with_ids_that_cannot_be_read_are_stored_with_their_page(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3)
    world.timeline.faults = [lambda right: page_of([{"id": "934e3"}, "no object", {"text": "none"}, *right.posts], right.last)]
    assert world.fetch()
    (first,) = world.lake.read_lines(page_key(3, 2))
    assert first["data"][:3] == [{"id": "934e3"}, "no object", {"text": "none"}]
    assert world.ledger.cursor(USER) == Cursor("3")


# What is buried


def test_what_is_buried_is_not_stored_and_the_cursor_moves_as_if_it_were(world: World) -> None:
    world.timeline.posts = posts(*range(1, 8))
    bury(world.lake, tweets=dict.fromkeys(("7", "4", "3", "2"), "deleted"), now=NOW)
    assert not world.fetch(pages=2)
    assert set(world.stored()) == ids(5, 6)
    assert list(world.lake.keys(places.RAW)) == [page_key(5, 5), page_key(6, 6)]
    assert world.ledger.cursor(USER) == Cursor(None, "8", "3", taken=4)  # in the ledger no buried id: 7 and 4, one beyond
    assert world.fetch()
    assert set(world.stored()) == ids(1, 5, 6)
    assert world.ledger.cursor(USER) == Cursor("8")


def test_what_is_buried_while_pages_are_stored_goes_again_with_keys_and_versions(world: World) -> None:
    world.timeline.posts = posts(1, 2, 3, 4, 5, 6)

    def burying(page: Page) -> Page:
        bury(world.lake, tweets=dict.fromkeys(("6", "4", "3"), "deleted"), now=NOW)
        return page

    world.timeline.faults = [None, None, burying]
    assert world.fetch()
    assert sorted(world.stored()) == ["1", "2", "5"]
    left = world.lake.s3.list_object_versions(Bucket=BUCKET, Prefix=places.RAW)
    assert [one["Key"] for one in left["Versions"]] == [page_key(2, 1), page_key(5, 5)]
    assert "DeleteMarkers" not in left
    assert world.ledger.spent(NOW) == 6


def test_a_sweep_that_is_quicker_than_the_fetch_does_not_fail_it(world: World) -> None:
    """It once ended the account: the page that was to be redacted had another name already."""
    world.timeline.posts = posts(1, 2, 3, 4, 5, 6)

    def sweeping(page: Page) -> Page:
        bury(world.lake, tweets={"6": "by_hand"}, now=NOW)
        (body,) = world.lake.read_lines(page_key(6, 5))
        world.lake.write_lines(page_key(5, 5), [{**body, "data": body["data"][1:]}])  # as a sweep does
        world.lake.erase(page_key(6, 5))
        return page

    world.timeline.faults = [None, None, sweeping]
    assert world.fetch()
    assert sorted(world.stored()) == ["1", "2", "3", "4", "5"]


def test_nobody_asks_x_for_a_buried_account(world: World) -> None:
    world.timeline.posts = posts(1)
    buried = read_tombstones(world.lake)
    registry = Registry(
        [
            Politician(screen_name, name=screen_name, office="", coalition="", party="P", user_id=user_id)
            for user_id, screen_name in ((USER, "siete"), ("8", "ocho"))
        ]
    )
    assert len(plan("r1", NOW, registry, buried, NOW)) == 2
    bury(world.lake, users={USER: "by_hand"}, now=NOW)
    assert world.fetch()
    assert (world.timeline.asked, world.ledger.spent(NOW)) == ([], 0)
    (left,) = plan("r1", NOW, registry, read_tombstones(world.lake), NOW)
    assert left["account"] == {"user_id": "8", "screen_name": "ocho"}


# Killed on the way


def begin(world: World, count: int) -> None:
    """An account with so many posts, and nothing read of it."""
    world.forget_everything()
    world.timeline.posts = posts(*range(1, count + 1))


def killed_after(world: World, steps: int, run: str = "r1") -> bool:
    """One attempt, killed after so many steps; False when it was through before that."""
    world.fuse.light(steps)
    try:
        world.fetch(run)
    except KilledError:
        return True
    finally:
        world.fuse.light(None)
    return False


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [True, False])
def test_a_kill_at_any_step_loses_nothing_and_buys_nothing_again_that_is_stored(world: World, ahead: bool) -> None:
    for steps in itertools.count():
        begin(world, 3)
        world.ahead = ahead
        if not killed_after(world, steps):
            break
        stored, sold = set(world.stored()), len(world.timeline.sold)
        assert world.fetch("r2")
        assert not stored & set(world.timeline.sold[sold:]), f"killed after {steps} steps"
        assert set(world.stored()) == ids(1, 2, 3)
        assert len(world.timeline.sold) <= 3 + (2 if ahead else 1) * world.timeline.page_size
        assert world.ledger.cursor(USER) == Cursor("3")
        assert {places.run_and_user(key)[0] for key in world.lake.keys(places.RAW)} <= set(world.ledger.pending(USER))
        assert len(world.timeline.sold) <= world.ledger.spent(NOW) <= len(world.timeline.sold) + 2 * PAGE_SIZE
    assert steps > 30


def stray_page(world: World) -> str:
    """Kill a run between storing its second page and noting it; the page's key."""
    for steps in itertools.count():
        begin(world, 5)
        world.ahead = False  # how far a question that was put ahead got is another thing each time
        assert killed_after(world, steps)
        keys = list(world.lake.keys(places.RAW))
        if len(keys) == 2 and world.ledger.cursor(USER).until_id == "4":
            return keys[0]
    raise AssertionError("unreachable")


def test_a_page_that_lost_posts_to_a_burial_before_it_was_noted_still_counts_as_stored(world: World) -> None:
    """Its key is named by what is left of it."""
    key = stray_page(world)
    (body,) = world.lake.read_lines(key)
    world.lake.write_lines(page_key(3, 3), [{**body, "data": posts(3)}])
    world.lake.erase(key)
    bury(world.lake, tweets={"2": "deleted"}, now=NOW)
    world.ledger.forget_buried(read_tombstones(world.lake))
    assert world.ledger.progress(USER)[1].after.until_id == "1"  # type: ignore[union-attr]
    world.timeline.asked.clear()
    world.timeline.posts = [post for post in world.timeline.posts if post["id"] != "2"]
    assert world.fetch("r2")
    assert world.timeline.asked == [(None, "1")]


def test_what_other_runs_have_stored_is_no_part_of_the_pass(world: World) -> None:
    """An import's pages lie beside those of a killed run, with gaps between their posts."""
    stray_page(world)
    world.lake.write_lines(page_key(3, 1, "import"), [{"data": posts(3, 1)}])
    world.ledger.hand_over(USER, "import")
    world.timeline.asked.clear()
    assert world.fetch("r2")
    assert world.timeline.asked == [(None, "2")]
    assert set(world.stored("r1") + world.stored("r2")) == ids(1, 2, 3, 4, 5)


def test_a_killed_run_whose_last_page_is_stored_is_complete_without_another_question(world: World) -> None:
    for steps in itertools.count():
        begin(world, 3)
        assert killed_after(world, steps)
        if set(world.stored()) == ids(1, 2, 3):
            break
    asked = len(world.timeline.asked)
    assert world.ledger.cursor(USER) != Cursor("3")
    assert world.fetch("r2")
    assert (world.ledger.cursor(USER), len(world.timeline.asked)) == (Cursor("3"), asked)


def test_a_post_that_could_be_edited_when_a_killed_run_stored_it_is_read_again(world: World) -> None:
    """The killed run's reference is not known later: what could be edited then is told before the page is stored."""
    for steps in itertools.count():
        begin(world, 2)
        world.timeline.posts += posts(3, editable_until=NOW + timedelta(minutes=5))
        assert killed_after(world, steps)
        if world.stored() and world.ledger.cursor(USER) == Cursor():
            break
    world.now += timedelta(days=1)
    assert world.fetch("r2")
    assert world.ledger.cursor(USER) == Cursor("2")
    assert world.fetch("r3")
    assert world.stored("r3") == ["3"]


mishaps = st.one_of(
    st.tuples(st.just("kill"), st.integers(0, 60)),
    st.tuples(st.just("time"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["fault", "limit", "shuffle"]), st.integers(0, 3)),
    st.tuples(st.just("repeat"), st.integers(1, 3)),  # the first page repeats none: it would be X's word that there is no more
    st.tuples(st.just("cap"), st.integers(0, 300)),
)


def suffer(world: World, run: str, mishap: tuple[str, int]) -> None:
    """One attempt that may end badly."""
    kind, number = mishap
    faults: dict[str, BaseException | Callable[[Page], Page]] = {
        "fault": ServiceError("down"),
        "limit": RateLimitedError(int(world.now.timestamp()) + 5),
        "repeat": lambda right: page_of(world.timeline.posts[-1:], last=True),
        "shuffle": shuffled,
    }
    world.fuse.light(number if kind == "kill" else None)
    world.cap = world.ledger.spent(world.now) + number if kind == "cap" else CAP
    world.timeline.faults = [None] * number + [faults[kind]] if kind in faults else []
    with contextlib.suppress(KilledError, PoliticoError):
        world.fetch(run, pages=number if kind == "time" else 1000)
    world.fuse.light(None)
    world.cap, world.timeline.faults = CAP, []


def newest_settled(listed: Sequence[Post]) -> Cursor:
    return Cursor(max((post["id"] for post in listed), key=int, default=None))


@pytest.mark.slow
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
    begin(world, first)
    world.timeline.page_size = page_size
    for number, (mishap, new, editable) in enumerate(attempts):
        suffer(world, f"r{number}", mishap)
        newest = len(world.timeline.posts)
        until = world.now + timedelta(minutes=50) if editable else None
        world.timeline.posts += posts(*range(newest + 1, newest + 1 + new), editable_until=until)
        world.now += timedelta(minutes=20)
    world.now += timedelta(hours=1)
    settled_at = world.now
    assert world.fetch("last-but-one")  # completes the pass under way, if there is one
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


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=12)
@given(kills=st.lists(st.integers(0, 60), max_size=5), page_size=st.integers(1, 4), count=st.integers(0, 9))
def test_however_often_it_is_killed_each_post_is_bought_once_and_those_of_pages_not_stored_then_again(
    world: World, kills: list[int], page_size: int, count: int
) -> None:
    begin(world, count)
    world.timeline.page_size = page_size
    not_stored = 0
    for number, steps in enumerate(kills):
        sold = len(world.timeline.sold)
        killed_after(world, steps, f"r{number}")
        not_stored += len(set(world.timeline.sold[sold:]) - set(world.stored()))
    assert world.fetch("last")
    assert sorted(set(world.stored())) == sorted(post["id"] for post in world.timeline.posts)
    assert len(world.timeline.sold) == count + not_stored <= count + 2 * page_size * len(kills)
    assert len(world.timeline.sold) <= world.ledger.spent(NOW) <= len(world.timeline.sold) + 2 * PAGE_SIZE * len(kills)
