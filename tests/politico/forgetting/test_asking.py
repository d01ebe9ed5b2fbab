"""Compliance: which stored posts X says are gone, asked within the cap and in turn, and what is then buried."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions import environment
from functions.compliance import hear
from functions.compliance.survey import is_pending
from politico.errors import AccessError, JobError, RateLimitedError, ServiceError
from politico.forgetting.asking import gone_by, look_up_some, read_stored, start_jobs, tweets_of
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import bury, read_tombstones
from politico.ledger.table import KEY, Ledger
from politico.tweets.tweet import write_time
from politico.x.compliance import Job, Looked

NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)
CAP = 10_000


@pytest.fixture
def lake() -> Iterator[Lake]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="lake")
        yield Lake(s3, "lake")


@pytest.fixture
def ledger(lake: Lake) -> Ledger:
    table = boto3.resource("dynamodb", region_name="us-east-1").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return Ledger(table)


def store(lake: Lake, user: str, ids: Sequence[str]) -> None:
    posts: list[Any] = [{"id": one, "author_id": user, "text": "a"} for one in ids]
    lake.write_lines(places.raw_page("R", user, ids[-1], ids[0]), [{"data": [*posts, "broken", {"id": "x"}]}])


class X:
    """X, which has lost some posts."""

    def __init__(self, gone: Mapping[str, str], refusal: Exception | None = None) -> None:
        self.gone, self.refusal = gone, refusal
        self.asked: list[str] = []
        self.uploaded: dict[str, list[str]] = {}

    def look_up(self, ids: Sequence[str]) -> Looked:
        if self.refusal and self.asked:
            raise self.refusal
        self.asked += ids
        return Looked(
            [{"id": one} for one in ids if one not in self.gone], {one: self.gone[one] for one in ids if one in self.gone}
        )

    def create(self, kind: str, name: str) -> Job:
        if self.refusal:
            raise self.refusal
        return Job(kind, kind, "created", "", "")

    def upload(self, job: Job, ids: Sequence[str]) -> int:
        self.uploaded[job.kind] = list(ids)
        return len(ids)

    def results(self, job: Job) -> Iterator[Mapping[str, Any]]:
        return iter([{"id": one, "action": action, "reason": f"said_{action}"} for one, action in self.gone.items()])


def test_every_stored_post_and_author_is_asked_about_once(lake: Lake) -> None:
    store(lake, "70", ["1001", "1002"])
    store(lake, "80", ["2001"])
    store(lake, "80", ["1500", "2001"])
    x = X({})
    assert [job.kind for job in start_jobs(read_stored(lake), x, "R")[0]] == ["tweets", "users"]  # type: ignore[arg-type]
    assert x.uploaded == {"tweets": ["1001", "1002", "1500", "2001"], "users": ["70", "80"]}


def test_an_empty_lake_asks_nothing(lake: Lake) -> None:
    x = X({})
    assert start_jobs(read_stored(lake), x, "R") == ([], "")  # type: ignore[arg-type]
    assert x.uploaded == {}


def test_a_plan_without_compliance_jobs_is_no_failure(lake: Lake) -> None:
    store(lake, "70", ["1001"])
    assert start_jobs(read_stored(lake), X({}, AccessError("no")), "R") == ([], "")  # type: ignore[arg-type]


def test_a_job_that_x_refuses_costs_neither_the_other_nor_the_reason(lake: Lake) -> None:
    """A job of yesterday's that was still under way once ended the day: nothing else was asked, and no job was heard."""

    class Busy(X):
        def create(self, kind: str, name: str) -> Job:
            if kind == "tweets":
                raise ServiceError("409 one is under way")
            return super().create(kind, name)

    store(lake, "70", ["1001"])
    jobs, failure = start_jobs(read_stored(lake), Busy({}), "R")  # type: ignore[arg-type]
    assert ([job.kind for job in jobs], failure) == (["users"], "409 one is under way")


def test_only_what_is_to_be_removed_is_taken_from_a_jobs_results() -> None:
    x = X({"1": "delete", "2": "scrub_geo", "3": "protect", "4": "suspend", "5": "undelete"})
    assert gone_by(Job("1", "users", "complete", "", ""), x) == {  # type: ignore[arg-type]
        "1": "said_delete",
        "3": "said_protect",
        "4": "said_suspend",
    }


def test_a_place_to_be_scrubbed_takes_no_post_along() -> None:
    """X's guide shows it as the reason of a `delete`; it was once buried for good."""

    class Scrubbing:
        def results(self, job: Job) -> list[dict[str, str]]:
            return [{"id": "1", "action": "delete", "reason": "scrub_geo"}, {"id": "2", "action": "delete", "reason": "deleted"}]

    assert gone_by(Job("1", "tweets", "complete", "", ""), Scrubbing()) == {"2": "deleted"}  # type: ignore[arg-type]


def test_of_a_user_who_is_gone_every_stored_post_is(lake: Lake) -> None:
    store(lake, "70", ["1001", "1002"])
    store(lake, "80", ["2001"])
    assert tweets_of(["70"], read_stored(lake), {"70": "protected"}) == {"1001": "protected", "1002": "protected"}


def test_lookups_go_in_turn_and_begin_again_behind_the_newest(lake: Lake, ledger: Ledger) -> None:
    ids = [str(1000 + number) for number in range(250)]
    store(lake, "70", ids)
    x = X({"1005": "deleted", "1120": "withheld"})
    answers = [
        look_up_some(read_stored(lake), x, lake, ledger, posts=120, cap=CAP, now=NOW)  # type: ignore[arg-type]
        for _ in range(3)
    ]
    assert x.asked == [*ids, *ids[:110]]
    assert [one.asked for one in answers] == [120, 120, 120]
    assert answers[0].gone == {"1005": "deleted"}
    assert answers[1].reasons() == {"withheld": 1}


def test_only_posts_that_x_gives_are_paid(lake: Lake, ledger: Ledger) -> None:
    store(lake, "70", [str(1000 + number) for number in range(50)])
    x = X({"1005": "deleted", "1020": "withheld"})
    look_up_some(read_stored(lake), x, lake, ledger, posts=50, cap=CAP, now=NOW)  # type: ignore[arg-type]
    assert ledger.spent(NOW) == 49


@pytest.mark.parametrize("cap", [0, 150])
def test_lookups_end_at_the_cap_and_the_turn_stays_there(lake: Lake, ledger: Ledger, cap: int) -> None:
    store(lake, "70", [str(1000 + number) for number in range(250)])
    x = X({})
    answer = look_up_some(read_stored(lake), x, lake, ledger, posts=250, cap=cap, now=NOW)  # type: ignore[arg-type]
    assert answer.asked == len(x.asked) == ledger.spent(NOW) == cap // 100 * 100


def test_lookups_end_when_x_asks_to_wait_and_nothing_stays_reserved(lake: Lake, ledger: Ledger) -> None:
    store(lake, "70", [str(1000 + number) for number in range(250)])
    x = X({}, RateLimitedError(1))
    answer = look_up_some(read_stored(lake), x, lake, ledger, posts=250, cap=CAP, now=NOW)  # type: ignore[arg-type]
    assert answer.asked == ledger.spent(NOW) == 100


def test_what_one_hundred_says_is_gone_is_buried_though_the_next_fails(lake: Lake, ledger: Ledger) -> None:
    """The turn has moved past it: it would not be asked about again for a whole round."""
    store(lake, "70", [str(1000 + number) for number in range(150)])
    x = X({"1005": "deleted"}, ServiceError("down"))
    answer = look_up_some(read_stored(lake), x, lake, ledger, posts=150, cap=CAP, now=NOW)  # type: ignore[arg-type]
    assert (answer.asked, answer.gone, answer.failure) == (100, {"1005": "deleted"}, "down")
    assert read_tombstones(lake).tweet("1005")
    assert ledger.spent(NOW) == 99


@pytest.mark.parametrize(("refused", "asked"), [({1}, 400), ({0, 2}, 300), ({1, 2}, 100), ({0, 1}, 0)])
def test_a_hundred_that_x_fails_to_answer_is_passed_over_and_two_in_a_row_end_the_turn(
    lake: Lake, ledger: Ledger, refused: set[int], asked: int
) -> None:
    """One id that X refuses once kept the turn at its hundred for ever."""

    class Refusing(X):
        calls = 0

        def look_up(self, ids: Sequence[str]) -> Looked:
            self.calls += 1
            if self.calls - 1 in refused:
                raise ServiceError("400")
            return super().look_up(ids)

    store(lake, "70", [str(1000 + number) for number in range(500)])
    answer = look_up_some(read_stored(lake), Refusing({}), lake, ledger, posts=500, cap=CAP, now=NOW)  # type: ignore[arg-type]
    assert (answer.asked, answer.failure) == (asked, "400")
    assert ledger.spent(NOW) == asked


class Jobs:
    """X with these jobs, and what those that are complete say."""

    def __init__(self, **kinds: str) -> None:
        self._jobs = {kind: Job(kind, kind, status, "", "") for kind, status in kinds.items()}

    def look(self, job_id: str) -> Job:
        return self._jobs[job_id]

    def results(self, job: Job) -> Iterator[Mapping[str, Any]]:
        assert job.status == "complete"
        yield {"id": "1001", "action": "delete", "reason": "deleted"}


def heard(monkeypatch: pytest.MonkeyPatch, lake: Lake, tries: int = 0, **kinds: str) -> dict[str, Any]:
    for name, value in {"x_connection": None, "lake": lake, "now": NOW}.items():
        monkeypatch.setattr(environment, name, lambda value=value: value)
    monkeypatch.setattr(hear, "Compliance", lambda _connection: Jobs(**kinds))
    answer: dict[str, Any] = hear.handler({"run": "R", "jobs": [{"id": kind} for kind in kinds], "tries": tries}, None)
    return answer


def test_what_one_job_says_is_buried_though_the_other_is_lost(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost job of users once threw away what the job of tweets had said."""
    store(lake, "70", ["1001", "1002"])
    with pytest.raises(JobError, match="left compliance job users as failed"):
        heard(monkeypatch, lake, tweets="complete", users="failed")
    assert read_tombstones(lake).tweet("1001")


def test_a_job_that_never_ends_is_waited_for_and_not_for_ever(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow once waited until it was timed out, and what was buried was not swept."""
    assert heard(monkeypatch, lake, tweets="complete", users="in_progress")["status"] == "wait"
    assert not read_tombstones(lake)
    with pytest.raises(JobError, match="left compliance job users as in_progress"):
        heard(monkeypatch, lake, tries=hear.TRIES, tweets="complete", users="in_progress")
    assert read_tombstones(lake).tweet("1001")


def test_the_turn_names_no_stored_post(lake: Lake, ledger: Ledger) -> None:
    store(lake, "70", ["1001", "1005"])
    look_up_some(read_stored(lake), X({}), lake, ledger, posts=10, cap=CAP, now=NOW)  # type: ignore[arg-type]
    assert lake.read_json(places.COMPLIANCE_TURN) == {"after": "1006"}


def test_what_is_buried_is_pending_until_a_sweep_has_begun_a_day_later(lake: Lake) -> None:
    assert not is_pending(lake)
    bury(lake, tweets={"1001": "deleted"}, now=NOW)
    assert is_pending(lake)
    for hours, pending in ((1, True), (23, True), (25, False)):
        lake.write_json(places.COMPLIANCE_SWEPT, {"began": write_time(NOW + timedelta(hours=hours))})
        assert is_pending(lake) is pending
    bury(lake, tweets={"1002": "deleted"}, now=NOW + timedelta(hours=30))
    assert is_pending(lake)
