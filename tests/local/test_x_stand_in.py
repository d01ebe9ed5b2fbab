"""The stand-in for X, asked by the very code that asks X: what it serves, and each way in which it misbehaves on demand."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import uvicorn
from starlette.applications import Starlette

from local.account import X_TOKEN
from local.processes.ports import HOST, free_port
from local.x.api import XApi
from local.x.faults import Fault
from politico.errors import (
    AccessError,
    AccountError,
    LimitError,
    PoliticoError,
    RateLimitedError,
    ServiceError,
    SpendingCapError,
)
from politico.tweets.tweet import write_time
from politico.x.compliance import Compliance, Job, Posts
from politico.x.connection import TRIES, Connection, Patience
from politico.x.refusals import RATE_WINDOW_SECONDS, Question
from politico.x.timelines import PAGE_SIZE, WINDOW, Timeline
from politico.x.users import Users

USER, OTHER = "77", "88"
TIMEOUT = 0.4
"""Seconds: long enough for a stand-in that is there, on a machine with other things to do."""


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[XApi, str]]:
    """The stand-in and its address."""
    monkeypatch.setenv("NO_PROXY", "*")
    api, port = XApi(), free_port()
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=api.routes()), host=HOST, port=port, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield api, f"http://{HOST}:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def api(x: tuple[XApi, str]) -> XApi:
    return x[0]


@pytest.fixture
def address(x: tuple[XApi, str]) -> str:
    return x[1]


@pytest.fixture
def connection(address: str) -> Connection:
    return Connection(X_TOKEN, address, Patience(sleep=lambda _seconds: None))


@pytest.fixture
def timeline(connection: Connection) -> Timeline:
    return Timeline.over(connection)


def posts(count: int, author: str = USER, first: int = 1_000) -> list[dict[str, Any]]:
    return [{"id": str(first + number), "author_id": author, "text": f"post {number}"} for number in range(count)]


def user(user_id: str = USER, **more: Any) -> dict[str, Any]:
    return {"id": user_id, "username": f"user{user_id}", "name": "A Name", **more}


def two_accounts(api: XApi) -> None:
    api.load([*posts(250), *posts(250, OTHER, 5_000)], [user(), user(OTHER)])


def whole_timeline(timeline: Timeline, user_id: str = USER, since_id: str | None = None) -> list[str]:
    """Ids of every post, page after page, as the ingestion reads them."""
    found: list[str] = []
    until_id = None
    while True:
        page = timeline.page(user_id, since_id, until_id)
        found += [post["id"] for post in page.posts]
        if page.last:
            return found
        until_id = min((post["id"] for post in page.posts), key=int)


def ids(count: int, first: int = 1_000) -> list[str]:
    return [str(first + number) for number in reversed(range(count))]


# Timelines


def test_a_timeline_comes_in_pages_newest_first(api: XApi, timeline: Timeline) -> None:
    assert api.load([*posts(250), *posts(5, OTHER)], [user(), user(OTHER)]) == 255
    first = timeline.page(USER, None, None)
    assert (len(first.posts), first.last) == (PAGE_SIZE, False)
    assert "includes" not in first.body  # X sells what comes along, and nobody asked for it
    assert whole_timeline(timeline) == ids(250)


def test_only_posts_after_since_id_and_before_until_id_come(api: XApi, timeline: Timeline) -> None:
    api.load(posts(10), [user()])
    assert [post["id"] for post in timeline.page(USER, "1005", None).posts] == ["1009", "1008", "1007", "1006"]
    assert [post["id"] for post in timeline.page(USER, "1005", "1008").posts] == ["1007", "1006"]
    nothing = timeline.page(USER, "1009", None)
    assert (nothing.posts, nothing.last) == ([], True)


def test_no_more_than_the_window_is_shown(api: XApi, timeline: Timeline) -> None:
    api.load(posts(WINDOW + 150), [user()])
    found = whole_timeline(timeline)
    assert (WINDOW, len(found), found[-1]) == (3_200, 3_200, "1150")


def test_retweets_are_left_out_on_request_and_quotes_stay(api: XApi, timeline: Timeline) -> None:
    retweet, quote, plain = posts(3)
    retweet["referenced_tweets"] = [{"type": "retweeted", "id": "1"}]
    quote["referenced_tweets"] = [{"type": "quoted", "id": "1"}]
    api.load([retweet, quote, plain], [user()])
    assert len(timeline.page(USER, None, None).posts) == 3
    assert [post["id"] for post in timeline.page(USER, None, None, exclude_retweets=True).posts] == [plain["id"], quote["id"]]


def test_another_token_is_refused(api: XApi, address: str) -> None:
    api.load(posts(1), [user()])
    with pytest.raises(ServiceError, match="renew the secret"):
        Timeline("another", address).page(USER, None, None)


def test_an_unknown_account_is_said_to_be_so(timeline: Timeline) -> None:
    with pytest.raises(AccountError, match=r"account 99 can't be read: Not Found Error"):
        timeline.page("99", None, None)


def test_posts_are_counted_as_they_are_given_each_time(api: XApi, timeline: Timeline, address: str) -> None:
    two_accounts(api)
    whole_timeline(timeline)
    timeline.page(OTHER, None, None)
    timeline.page(OTHER, None, None)
    said = requests.get(f"{address}/local/x", timeout=9).json()
    assert said == {"requests": 5, "served": {USER: 250, OTHER: 200}, "looked_up": 0}


def test_a_slow_answer_does_not_keep_others_waiting(api: XApi, timeline: Timeline) -> None:
    two_accounts(api)
    api.change({"latency_seconds": 2})
    with ThreadPoolExecutor(1) as other:
        slow = other.submit(timeline.page, USER, None, None)
        while api.requests == 0:
            time.sleep(0.01)
        api.change({"latency_seconds": 0})
        assert len(timeline.page(OTHER, None, None).posts) == PAGE_SIZE
        assert not slow.done()
        assert len(slow.result().posts) == PAGE_SIZE


# Accounts


def test_accounts_are_found_by_the_words_of_their_names_most_followed_first(api: XApi, connection: Connection) -> None:
    api.load(
        posts(3),
        [
            user(name="Juana Núñez", public_metrics={"followers_count": 5}),
            user(OTHER, name="Parodia de JUANA NUÑEZ", public_metrics={"followers_count": 900}),
            user("99", name="Juana Rojas"),
        ],
    )
    found = Users(connection).search("Juana Núñez")
    assert [(account.user_id, account.followers) for account in found] == [(OTHER, 900), (USER, 5)]
    assert Users(connection).search("user99")[0].name == "Juana Rojas"
    assert Users(connection).search("nobody") == []


def test_accounts_tell_their_numbers_from_their_posts(api: XApi, connection: Connection) -> None:
    written = datetime(2024, 5, 3, 14, 22, 10, tzinfo=UTC)
    newest = str((int(written.timestamp() * 1000) - 1_288_834_974_657) << 22)
    api.load([*posts(3), {"id": newest, "author_id": USER, "text": "the newest"}], [user(), user(OTHER)])
    (one, other), missing = Users(connection).look_up([USER, OTHER, "99"])
    assert (one.tweets, one.last_active, other.tweets, other.last_active) == (4, written, 0, None)
    assert missing == {"99": "Not Found Error"}


def test_accounts_are_what_has_become_of_them(api: XApi, connection: Connection, timeline: Timeline) -> None:
    api.load([*posts(2), *posts(2, OTHER, 5_000), *posts(2, "99", 7_000)], [user(), user(OTHER), user("99")])
    api.change({"protect": [USER], "suspend": [OTHER], "close": ["99"]})
    (protected,), missing = Users(connection).look_up([USER, OTHER, "99"])
    assert (protected.user_id, protected.protected) == (USER, True)
    assert missing == {OTHER: "Forbidden", "99": "Not Found Error"}
    for user_id, said in ((USER, "Authorization Error"), (OTHER, "Forbidden"), ("99", "Not Found Error")):
        with pytest.raises(AccountError, match=f"account {user_id} can't be read: {said}"):
            timeline.page(user_id, None, None)
    api.change({"restore": [USER, OTHER]})
    assert [len(timeline.page(one, None, None).posts) for one in (USER, OTHER)] == [2, 2]


def test_a_renamed_account_has_its_new_name_everywhere(api: XApi, connection: Connection) -> None:
    two_accounts(api)
    api.change({"rename": {USER: "another_name"}})
    assert Users(connection).look_up([USER])[0][0].screen_name == "another_name"
    question = Question("a page", "timelines")
    body = connection.ask(question, lambda client: client.get_users_tweets(USER, expansions="author_id"))
    assert body["includes"]["users"][0]["username"] == "another_name"


# Posts that are gone


def test_posts_that_are_gone_leave_timelines_and_lookups(api: XApi, connection: Connection, timeline: Timeline) -> None:
    api.load([*posts(4), *posts(1, OTHER, 5_000), *posts(1, "99", 7_000)], [user(), user(OTHER), user("99")])
    api.change({"delete": ["1001"], "withhold": ["1002"], "protect": [OTHER], "suspend": ["99"]})
    assert whole_timeline(timeline) == ["1003", "1002", "1000"]
    looked = Posts(connection).look_up(["1000", "1001", "1002", "1003", "5000", "7000", "12345"])
    assert [post["id"] for post in looked.found] == ["1000", "1003"]
    assert looked.gone == {
        "1001": "deleted",
        "1002": "withheld",
        "5000": "protected",
        "7000": "suspended",
        "12345": "deleted",
    }
    assert api.looked_up == 3  # X sells a withheld post like any other


def test_more_than_a_hundred_at_once_or_no_ids_are_refused(connection: Connection, address: str) -> None:
    for route in ("tweets", "users"):
        for wanted in (",".join(ids(101)), "", "a"):
            answer = requests.get(f"{address}/2/{route}?ids={wanted}", headers={"Authorization": f"Bearer {X_TOKEN}"}, timeout=9)
            assert answer.status_code == 400


# Compliance jobs


def finished(compliance: Compliance, kind: str, wanted: list[str]) -> Job:
    job = compliance.create(kind, "a-run")
    assert job.status == "created"
    assert compliance.upload(job, wanted) == len(wanted)
    return compliance.look(job.id)


def test_a_job_for_posts_tells_which_are_gone_and_why(api: XApi, connection: Connection) -> None:
    api.load([*posts(4), *posts(2, OTHER, 5_000), *posts(1, "99", 7_000)], [user(), user(OTHER), user("99")])
    before = write_time(datetime.now(UTC))
    api.change({"delete": ["1001"], "withhold": ["1002"], "protect": [OTHER], "suspend": ["99"]})
    compliance = Compliance(connection)
    job = finished(compliance, "tweets", ["1000", "1001", "1002", "5000", "5001", "7000", "4321"])
    assert (job.kind, job.status) == ("tweets", "complete")
    results = list(compliance.results(job))
    assert {result["id"]: (result["action"], result["reason"]) for result in results} == {
        "1001": ("delete", "deleted"),
        "5000": ("delete", "protected"),
        "5001": ("delete", "protected"),
        "7000": ("delete", "suspended"),
    }
    assert all(before <= result["redacted_at"] <= write_time(datetime.now(UTC)) for result in results)


def test_a_job_for_accounts_tells_which_are_gone_and_why(api: XApi, connection: Connection) -> None:
    api.load([], [user(str(number)) for number in range(5)])
    api.change({"protect": ["1"], "suspend": ["2"], "close": ["3"]})
    compliance = Compliance(connection)
    results = compliance.results(finished(compliance, "users", ["0", "1", "2", "3", "4"]))
    assert {result["id"]: (result["action"], result["reason"]) for result in results} == {
        "1": ("protect", "protected"),
        "2": ("suspend", "suspended"),
        "3": ("delete", "deleted"),
    }


def test_a_job_takes_its_time_and_has_no_results_before(api: XApi, connection: Connection) -> None:
    api.change({"compliance_seconds": 60})
    compliance = Compliance(connection)
    job = finished(compliance, "tweets", ["1"])
    assert job.status == "in_progress"
    with pytest.raises(ServiceError, match="X's storage refused the results of compliance job"):
        list(compliance.results(job))
    api.change({"compliance_seconds": 0})
    assert compliance.look(job.id).status == "complete"
    api.change({"compliance_outcome": "expired"})
    assert compliance.look(job.id).status == "expired"


def test_the_storage_refuses_the_token_and_any_other_type(connection: Connection) -> None:
    job = Compliance(connection).create("tweets", "a-run")
    token, plain = {"Authorization": f"Bearer {X_TOKEN}"}, {"Content-Type": "text/plain"}
    assert requests.put(job.upload_url, data=b"1", headers={**token, **plain}, timeout=9).status_code == 403
    assert requests.put(job.upload_url, data=b"1", headers={"Content-Type": "text/csv"}, timeout=9).status_code == 403
    assert requests.put(job.upload_url, data=b"1", headers=plain, timeout=9).status_code == 200
    assert requests.get(job.download_url, headers=token, timeout=9).status_code == 403
    assert requests.get(job.download_url, timeout=9).status_code == 200


def test_jobs_are_listed_by_kind_and_status(connection: Connection, address: str) -> None:
    compliance = Compliance(connection)
    first, second = finished(compliance, "tweets", ["1"]), compliance.create("tweets", "another")
    compliance.create("users", "a-run")

    def listed(query: str) -> list[str]:
        token = {"Authorization": f"Bearer {X_TOKEN}"}
        body = requests.get(f"{address}/2/compliance/jobs?{query}", headers=token, timeout=9).json()
        return [job["id"] for job in body.get("data", ())]

    assert listed("type=tweets") == [first.id, second.id]
    assert listed("type=tweets&status=created") == [second.id]
    assert listed("type=users&status=complete") == []


def test_an_unknown_job_or_kind_is_a_service_error(connection: Connection) -> None:
    with pytest.raises(ServiceError, match="X did not answer for compliance job 9: 404"):
        Compliance(connection).look("9")
    with pytest.raises(ServiceError, match="X did not answer for a new compliance job for poems: 400"):
        Compliance(connection).create("poems", "a-run")


# The plan


@pytest.mark.parametrize(
    ("part", "ask"),
    [
        ("timelines", lambda connection: Timeline.over(connection).page(USER, None, None)),
        ("search", lambda connection: Users(connection).search("a name")),
        ("users", lambda connection: Users(connection).look_up([USER])),
        ("posts", lambda connection: Posts(connection).look_up(["1000"])),
        ("compliance", lambda connection: Compliance(connection).create("tweets", "a-run")),
    ],
)
def test_a_plan_may_lack_any_part(api: XApi, connection: Connection, part: str, ask: Callable[[Connection], Any]) -> None:
    api.load(posts(1), [user()])
    ask(connection)
    api.change({"plan": {part: False}})
    with pytest.raises(AccessError, match="the X plan in use has no access to"):
        ask(connection)
    api.change({"plan": {part: True}})
    ask(connection)


def test_what_is_at_x_changes_on_request_over_http(api: XApi, timeline: Timeline, address: str) -> None:
    api.load(posts(2), [user()])
    assert requests.post(f"{address}/local/x", json={"delete": ["1000"]}, timeout=9).json()["served"] == {}
    assert whole_timeline(timeline) == ["1001"]
    refused = requests.post(f"{address}/local/x", json={"colour": "red"}, timeout=9)
    assert (refused.status_code, "colour can't be changed" in refused.json()["error"]) == (400, True)


# Faults


@pytest.mark.parametrize(
    ("fault", "error", "requests_made"),
    [
        (Fault(401), ServiceError, 1),
        (Fault(403), AccountError, 1),
        (Fault(404), AccountError, 1),
        (Fault(429), RateLimitedError, 1),
        (Fault(kind="capped"), SpendingCapError, 1),
        (Fault(500, times=TRIES), ServiceError, TRIES),
        (Fault(503, times=TRIES), ServiceError, TRIES),
        (Fault(kind="torn", times=TRIES), ServiceError, TRIES),
    ],
    ids=lambda value: f"{value.kind} {value.status}" if isinstance(value, Fault) else "",
)
def test_x_misbehaves_on_demand_as_often_as_asked(
    api: XApi, timeline: Timeline, fault: Fault, error: type[Exception], requests_made: int
) -> None:
    api.load(posts(1), [user()])
    api.faults = [fault]
    with pytest.raises(PoliticoError) as raised:
        timeline.page(USER, None, None)
    assert type(raised.value) is error
    assert (api.requests, api.served) == (requests_made, {})
    assert len(timeline.page(USER, None, None).posts) == 1


@pytest.mark.parametrize("fault", [Fault(500), Fault(503), Fault(kind="torn")], ids=lambda fault: f"{fault.kind} {fault.status}")
def test_a_fault_that_passes_is_not_even_noticed(api: XApi, timeline: Timeline, fault: Fault) -> None:
    two_accounts(api)
    api.faults = [fault]
    assert whole_timeline(timeline) == ids(250)
    assert api.served == {USER: 250}


def test_an_x_that_hangs_is_given_up_and_asked_again(api: XApi, address: str) -> None:
    two_accounts(api)
    api.faults = [Fault(kind="hang", seconds=60)]
    timeline = Timeline.over(Connection(X_TOKEN, address, Patience(timeout=TIMEOUT, sleep=lambda _seconds: None)))
    assert whole_timeline(timeline) == ids(250)
    assert (api.requests, api.served) == (4, {USER: 250})


def test_an_x_that_goes_on_hanging_is_a_service_error_and_others_are_answered_meanwhile(api: XApi, address: str) -> None:
    two_accounts(api)
    api.faults = [Fault(kind="hang", seconds=60, times=TRIES, user_id=USER)]
    timeline = Timeline.over(Connection(X_TOKEN, address, Patience(timeout=TIMEOUT, sleep=lambda _seconds: None)))
    with ThreadPoolExecutor(1) as other:
        hanging = other.submit(timeline.page, USER, None, None)
        assert len(timeline.page(OTHER, None, None).posts) == PAGE_SIZE
        assert not hanging.done()
        with pytest.raises(ServiceError, match=f"X did not answer for account {USER}: ReadTimeout"):
            hanging.result()


def test_a_fault_for_one_account_leaves_the_others_alone(api: XApi, timeline: Timeline) -> None:
    two_accounts(api)
    api.faults = [Fault(404, times=100, user_id=OTHER), Fault(kind="repeat", times=100, user_id=OTHER)]
    assert whole_timeline(timeline) == ids(250)
    with pytest.raises(AccountError):
        timeline.page(OTHER, None, None)


def test_a_fault_for_one_part_leaves_the_others_alone(api: XApi, connection: Connection, timeline: Timeline) -> None:
    two_accounts(api)
    api.faults = [Fault(429, times=100, route="posts")]
    assert whole_timeline(timeline) == ids(250)
    with pytest.raises(RateLimitedError):
        Posts(connection).look_up(["1000"])
    api.faults = [Fault(429, route=None)]
    with pytest.raises(RateLimitedError):
        Users(connection).look_up([USER])


def test_a_fault_waits_for_so_many_requests_of_its_account(api: XApi, timeline: Timeline) -> None:
    two_accounts(api)
    api.faults = [Fault(404, after=2, user_id=USER)]
    for user_id in (USER, OTHER, OTHER, USER):
        assert timeline.page(user_id, None, None).posts
    with pytest.raises(AccountError):
        timeline.page(USER, None, None)
    assert timeline.page(USER, None, None).posts


def test_a_rate_limited_reader_is_told_when_x_answers_again(api: XApi, timeline: Timeline) -> None:
    api.load(posts(1), [user()])
    api.faults = [Fault(429, reset_seconds=500)]
    before = int(time.time())
    with pytest.raises(RateLimitedError) as raised:
        timeline.page(USER, None, None)
    assert before + 500 <= raised.value.reset <= int(time.time()) + 500


def test_a_rate_limited_reader_who_is_told_nothing_waits_a_whole_window(api: XApi, timeline: Timeline) -> None:
    api.load(posts(1), [user()])
    api.faults = [Fault(429, reset_seconds=None)]
    before = int(time.time())
    with pytest.raises(RateLimitedError) as raised:
        timeline.page(USER, None, None)
    assert before + RATE_WINDOW_SECONDS <= raised.value.reset <= time.time() + RATE_WINDOW_SECONDS


def test_a_repeated_page_is_the_accounts_own_before_and_counted_again(api: XApi, timeline: Timeline) -> None:
    two_accounts(api)
    api.faults = [Fault(kind="repeat", user_id=USER)]
    first = timeline.page(USER, None, None)
    timeline.page(OTHER, None, None)
    again = timeline.page(USER, None, first.posts[-1]["id"])
    assert again.body == first.body
    assert len(timeline.page(USER, None, first.posts[-1]["id"]).posts) == PAGE_SIZE
    assert api.served == {USER: 300, OTHER: 100}


def test_a_shuffled_page_holds_the_same_posts_in_another_order(api: XApi, timeline: Timeline) -> None:
    two_accounts(api)
    expected = ids(250)[:PAGE_SIZE]
    api.faults = [Fault(kind="shuffle")]
    page = timeline.page(USER, None, None)
    found = [post["id"] for post in page.posts]
    assert (found != expected, sorted(found, reverse=True)) == (True, expected)
    assert (page.body["meta"]["newest_id"], page.body["meta"]["oldest_id"]) == (expected[0], expected[-1])


def test_a_late_post_comes_with_the_next_older_page_and_none_is_lost(api: XApi, timeline: Timeline) -> None:
    two_accounts(api)
    api.faults = [Fault(kind="late")]
    found = whole_timeline(timeline)
    expected = ids(250)
    assert expected[0] not in found[: PAGE_SIZE - 1]
    assert found.index(expected[0]) >= PAGE_SIZE - 1
    assert (sorted(found, reverse=True), api.served) == (expected, {USER: 250})


def test_a_page_after_which_none_follows_is_never_late(api: XApi, timeline: Timeline) -> None:
    """A post that its account's last page lacks would come with no page at all: no reader could keep it."""
    api.load(posts(50), [user()])
    api.faults = [Fault(kind="late")]
    assert whole_timeline(timeline) == ids(50)


def test_an_account_can_be_renamed_midway(api: XApi, connection: Connection, timeline: Timeline) -> None:
    two_accounts(api)
    api.faults = [Fault(kind="rename", after=1, user_id=USER, screen_name="another_name")]
    first = timeline.page(USER, None, None)
    second = timeline.page(USER, None, first.posts[-1]["id"])
    assert not {post["id"] for post in first.posts} & {post["id"] for post in second.posts}
    names = {one.user_id: one.screen_name for one in Users(connection).look_up([USER, OTHER])[0]}
    assert names == {USER: "another_name", OTHER: "user88"}


@pytest.mark.parametrize("wrong", [{"kind": "flood"}, {"kind": "late", "route": "posts"}, {"kind": "rename", "route": None}])
def test_a_fault_that_does_not_exist_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(LimitError, match=r"^(kind|route) is .* takes "):
        Fault(**wrong)
