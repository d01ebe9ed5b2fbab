"""The pace of requests: even, under its rate, and one for all programs that share it."""

import random
import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from infra.settings import Settings
from politico.annotation.pace import Pace
from politico.errors import LimitError
from politico.ledger.shared_pace import AHEAD, STALE_MILLISECONDS, SharedPace
from politico.ledger.table import KEY


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield boto3.resource("dynamodb", region_name="us-east-1").create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )


def shared(table: Any, clock: Clock, rate: float = 20, ahead: int = AHEAD) -> SharedPace:
    return SharedPace(table, "pace#test", rate, ahead=ahead, clock=clock, sleep=clock.sleep)


def busiest_second(moments: list[float]) -> int:
    """The most requests in any second that begins with one; moments to the millisecond."""
    times = sorted(round(moment * 1000) for moment in moments)
    return max(sum(1 for other in times if start <= other < start + 1000) for start in times)


@pytest.mark.parametrize("rate", [20, 3, 0.5, 1000])
def test_one_process_asks_at_its_rate_and_the_first_time_at_once(rate: float) -> None:
    clock = Clock(0.0)
    pace = Pace(rate, clock=clock, sleep=clock.sleep)
    moments = []
    for _ in range(10):
        pace.wait()
        moments.append(clock.now)
    assert moments[0] == 0
    assert moments[-1] == pytest.approx(9 / rate, rel=0.01)
    assert all(later - earlier >= 1 / rate - 1e-9 for earlier, later in pairwise(moments))


def test_a_rest_is_not_made_up_for() -> None:
    clock = Clock(0.0)
    pace = Pace(10, clock=clock, sleep=clock.sleep)
    pace.wait()
    clock.now += 60
    started = clock.now
    for _ in range(3):
        pace.wait()
    assert clock.now - started == pytest.approx(0.2)


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan")])
def test_a_rate_without_sense_is_refused(rate: float) -> None:
    with pytest.raises(LimitError, match="the rate is"):
        Pace(rate)
    with pytest.raises(LimitError, match="the rate is"):
        SharedPace(None, "x", rate)


def test_programs_together_keep_to_one_rate(table: Any) -> None:
    """Four programs on one timeline, whoever is first asks next: the requests of all are a gap apart."""
    clocks = [Clock() for _ in range(4)]
    paces = [shared(table, clock) for clock in clocks]
    moments = []
    for _ in range(120):
        one = min(range(4), key=lambda number: clocks[number].now)
        paces[one].wait()
        moments.append(clocks[one].now)
    assert busiest_second(moments) <= 20
    assert max(moments) - min(moments) == pytest.approx(119 / 20, abs=AHEAD * 3 / 20)
    assert len({round(moment * 1000) for moment in moments}) == len(moments)  # nobody shares a slot


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), programs=st.integers(1, 5), ahead=st.integers(1, 8))
def test_however_long_requests_take_no_window_holds_more_than_the_rate_and_what_was_late(
    table: Any, seed: int, programs: int, ahead: int
) -> None:
    chance, rate, window = random.Random(seed), 20, 5.0
    table.delete_item(Key={KEY: "pace#test"})
    clocks = [Clock() for _ in range(programs)]
    paces = [shared(table, clock, rate, ahead) for clock in clocks]
    moments = []
    for _ in range(40):
        one = min(range(programs), key=lambda number: clocks[number].now)
        paces[one].wait()
        moments.append(clocks[one].now)
        clocks[one].now += chance.choice([0.001, 0.05, 0.2, 2.0])  # the request itself
    for start in moments:
        within = sum(1 for moment in moments if start <= moment < start + window)
        assert within <= rate * (window + STALE_MILLISECONDS / 1000) + 1


def test_slots_of_a_program_that_died_are_lost_and_nothing_else(table: Any) -> None:
    clock = Clock()
    shared(table, clock, rate=1, ahead=5).wait()  # four of its five slots are never used
    started = clock.now
    shared(table, clock, rate=1, ahead=1).wait()
    assert clock.now - started == pytest.approx(5, abs=0.01)
    clock.now += 3600
    started = clock.now
    shared(table, clock, rate=1, ahead=1).wait()
    assert clock.now - started < 0.01


def test_slots_kept_over_a_rest_lapse_instead_of_coming_as_a_burst(table: Any) -> None:
    clock = Clock()
    pace = shared(table, clock, rate=10, ahead=8)
    pace.wait()
    clock.now += 30
    started = clock.now
    for _ in range(8):
        pace.wait()
    assert clock.now - started == pytest.approx(0.7, abs=0.01)


def test_the_table_is_written_once_for_several_requests(table: Any) -> None:
    clock, writes = Clock(), []

    class Counting:
        def update_item(self, **given: Any) -> Any:
            writes.append(given)
            return table.update_item(**given)

    pace = shared(Counting(), clock, ahead=4)
    for _ in range(40):
        pace.wait()
    assert len(writes) == 11  # nine that queue up, and the first, which finds no item to queue behind


def test_threads_that_take_slots_at_once_never_get_the_same(table: Any) -> None:
    """The item is moved on by conditional updates: whoever loses a race looks again."""
    taken: list[int] = []
    frozen = Clock()
    at_once = threading.Lock()

    class Atomic:
        """DynamoDB's updates are atomic; moto's, among threads, are not."""

        def update_item(self, **given: Any) -> Any:
            with at_once:
                return table.update_item(**given)

    def take() -> None:
        pace = SharedPace(Atomic(), "pace#test", 20, ahead=1, clock=frozen, sleep=lambda _seconds: None)
        for _ in range(10):
            taken.append(pace._slot())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(taken) == [int(frozen.now * 1000) + 50 * number for number in range(40)]


@pytest.mark.parametrize(
    "given", [{"comprehend_rate": 0.0}, {"comprehend_rate": 2000.0}, {"comprehend_rate": 5.0}, {"annotation_concurrency": 11}]
)
def test_a_rate_that_no_part_could_be_done_at_is_refused_before_anything_is_deployed(given: dict[str, Any]) -> None:
    with pytest.raises(LimitError, match="comprehend_rate is"):
        Settings(**given)
    assert Settings(comprehend_rate=5.0, annotation_concurrency=2).comprehend_rate == 5.0
