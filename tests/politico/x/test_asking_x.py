"""Asking X: what it is asked, and which of our errors each of its answers becomes."""

import contextlib
import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from politico.errors import (
    AccessError,
    AccountError,
    LimitError,
    PoliticoError,
    RateLimitedError,
    ServiceError,
    SpendingCapError,
)
from politico.x.compliance import Compliance, Job, Posts
from politico.x.connection import PATIENCE_SECONDS, TRIES, Connection, Patience
from politico.x.refusals import RATE_WINDOW_SECONDS
from politico.x.timelines import PAGE_SIZE, Timeline
from politico.x.users import Users

TOKEN = "a-token"
POST = {"id": "20", "author_id": "7", "text": "Hola"}
PAGE = {"data": [POST], "meta": {"result_count": 1}}
PROBLEMS = "https://api.twitter.com/2/problems/"
NOT_ENROLLED = {"title": "Client Forbidden", "reason": "client-not-enrolled", "type": f"{PROBLEMS}client-forbidden"}


@dataclass(frozen=True)
class Answer:
    """What X says once."""

    body: Any = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silence: float = 0.0
    """Seconds until it says it."""
    missing_bytes: int = 0
    """So many of those that it promised do not come."""

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Asked:
    """What X was asked once."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def route(self) -> str:
        return urlsplit(self.path).path


@dataclass
class StandIn:
    """Answers every question with what it was told, and remembers the questions."""

    address: str = ""
    next_answers: list[Answer] = field(default_factory=list)
    """Given first, each once."""
    answer: Answer = field(default_factory=Answer)
    """Given from then on."""
    asked: list[Asked] = field(default_factory=list)

    def say(self, body: Any, status: int = 200, **headers: str) -> None:
        self.answer = Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def tell(self) -> float:
        return self.now


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("NO_PROXY", "*")
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stand_in.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            answer = stand_in.next_answers.pop(0) if stand_in.next_answers else stand_in.answer
            time.sleep(answer.silence)
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # whoever asked gave up before
                self.wfile.write(answer.content[: len(answer.content) - answer.missing_bytes])

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connection(x: StandIn, clock: Clock) -> Connection:
    return Connection(TOKEN, x.address, Patience(sleep=clock.sleep, clock=clock.tell))


@pytest.fixture
def timeline(connection: Connection) -> Timeline:
    return Timeline.over(connection)


def unused_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


# What is asked


def test_a_page_is_asked_with_all_that_the_project_needs_of_a_post(x: StandIn, timeline: Timeline) -> None:
    x.say(PAGE)
    timeline.page("7", "10", "30")
    (asked,) = x.asked
    assert asked.route == "/2/users/7/tweets"
    assert (asked.query["max_results"], asked.query["since_id"], asked.query["until_id"]) == (str(PAGE_SIZE), "10", "30")
    fields = set(asked.query["tweet.fields"].split(","))
    assert {"note_tweet", "referenced_tweets", "edit_controls", "edit_history_tweet_ids", "created_at", "author_id"} <= fields
    assert not {"expansions", "user.fields"} & set(asked.query)  # authors and strangers' posts would be sold besides
    assert "exclude" not in asked.query  # X gives 800 posts instead of 3,200 to whoever leaves replies out
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_first_page_is_asked_without_bounds(x: StandIn, timeline: Timeline) -> None:
    x.say({"meta": {"result_count": 0}})
    timeline.page("7", None, None)
    assert not {"since_id", "until_id"} & set(x.asked[0].query)


def test_retweets_are_left_out_when_asked_for_and_replies_never(x: StandIn, timeline: Timeline) -> None:
    x.say(PAGE)
    timeline.page("7", None, None, exclude_retweets=True)
    assert x.asked[0].query["exclude"] == "retweets"


def test_a_timeline_can_be_made_from_a_token_and_an_address(x: StandIn) -> None:
    x.say(PAGE)
    assert Timeline(TOKEN, x.address).page("7", None, None).posts == [POST]
    assert x.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


# What is answered


def test_a_page_comes_as_it_is_and_more_follow_while_there_is_a_next_token(x: StandIn, timeline: Timeline) -> None:
    body = {"data": [POST], "includes": {"users": []}, "meta": {"result_count": 1, "next_token": "abc"}}
    x.say(body)
    page = timeline.page("7", None, None)
    assert (page.body, page.posts, page.last) == (body, [POST], False)


@pytest.mark.parametrize(
    ("body", "posts"),
    [
        ({"data": [POST], "meta": {"result_count": 1}}, [POST]),
        ({"data": [POST]}, [POST]),
        ({"meta": {"result_count": 0}}, []),
        ({"data": [POST], "meta": {"result_count": 1}, "errors": [{"title": "Not Found Error"}]}, [POST]),
    ],
)
def test_a_page_without_a_next_token_is_the_last(x: StandIn, timeline: Timeline, body: Any, posts: list[Any]) -> None:
    x.say(body)
    page = timeline.page("7", None, None)
    assert (page.posts, page.last) == (posts, True)


def test_half_a_surrogate_pair_in_a_page_comes_through(x: StandIn, timeline: Timeline) -> None:
    x.say(rb'{"data": [{"id": "1", "text": "hola \ud83d"}], "meta": {}}')
    assert timeline.page("7", None, None).posts == [{"id": "1", "text": "hola \ud83d"}]


# What is refused


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (401, {"title": "Unauthorized"}, ServiceError, "X refused the bearer token; renew the secret that holds it"),
        (403, {"title": "Forbidden"}, AccountError, "account 7 can't be read: 403 Forbidden"),
        (404, {"detail": "Gone"}, AccountError, "account 7 can't be read: 404 Not Found Gone"),
        (400, {"detail": "Wrong"}, ServiceError, "X did not answer for account 7: 400 Bad Request Wrong"),
        (403, NOT_ENROLLED, AccessError, "the X plan in use has no access to timelines"),
        (403, {"type": f"{PROBLEMS}client-forbidden"}, AccessError, "the X plan in use has no access to timelines"),
        (403, {"reason": "official-client-forbidden"}, AccessError, "the X plan in use has no access to timelines"),
        (403, {"type": f"{PROBLEMS}unsupported-authentication"}, AccessError, "the X plan in use has no access to timelines"),
        (403, {"errors": [{"code": 453, "message": "a subset"}]}, AccessError, "the X plan in use has no access to timelines"),
        (429, {"title": "UsageCapExceeded"}, SpendingCapError, "X's own cap is reached (UsageCapExceeded)"),
        (429, {"type": f"{PROBLEMS}usage-capped"}, SpendingCapError, "X's own cap is reached"),
        (403, {"type": f"{PROBLEMS}usage-capped"}, SpendingCapError, "X's own cap is reached"),
        (402, {"title": "CreditsDepleted"}, SpendingCapError, "X's own cap is reached (CreditsDepleted)"),
        (402, b"", SpendingCapError, "X's own cap is reached (402 Payment Required)"),
        (500, {"title": "Oh"}, ServiceError, "X did not answer for account 7: 500 Internal Server Error"),
        (503, {"title": "Oh"}, ServiceError, "X did not answer for account 7: 503 Service Unavailable"),
        (502, b"<html>Bad gateway</html>", ServiceError, "X did not answer for account 7: 502 Bad Gateway"),
    ],
)
def test_each_failure_of_x_is_an_error_of_ours(
    x: StandIn, timeline: Timeline, status: int, body: Any, error: type[Exception], message: str
) -> None:
    x.say(body, status)
    with pytest.raises(PoliticoError) as raised:
        timeline.page("7", None, None)
    assert type(raised.value) is error
    assert str(raised.value).startswith(message)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    "body", [b"[7]", b"null", b'"words"', b'{"errors": null}', b'{"errors": [7, null]}', b'{"errors": {"a": 1}}', b"{"]
)
@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_failure_with_a_strange_body_is_still_that_failure(x: StandIn, timeline: Timeline, status: int, body: bytes) -> None:
    """tweepy reads errors out of the body, and trips over some."""
    x.say(body, status)
    expected = {403: AccountError, 429: RateLimitedError, 503: ServiceError}[status]
    with pytest.raises(PoliticoError) as raised:
        timeline.page("7", None, None)
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": [{"title": "Forbidden", "detail": "User has been suspended"}]}, "Forbidden"),
        ({"errors": [{"title": "Authorization Error"}], "meta": {"result_count": 0}}, "Authorization Error"),
        ({}, "no data"),
    ],
)
def test_an_account_that_x_gives_nothing_of_is_an_account_error(x: StandIn, timeline: Timeline, body: Any, said: str) -> None:
    x.say(body)
    with pytest.raises(AccountError, match=f"account 7 can't be read: {said}"):
        timeline.page("7", None, None)


@pytest.mark.parametrize("data", [{"id": "1"}, "posts", [7], [{"text": "no id"}], [{"id": "one"}]])
def test_posts_without_ids_are_no_page(x: StandIn, timeline: Timeline, data: Any) -> None:
    x.say({"data": data, "meta": {}})
    with pytest.raises(ServiceError, match="its posts have no ids") as raised:
        timeline.page("7", None, None)
    assert type(raised.value) is ServiceError


def test_a_rate_limit_says_until_when_and_is_not_waited_for(x: StandIn, timeline: Timeline, clock: Clock) -> None:
    reset = int(time.time()) + 500
    x.say({"title": "Too Many Requests"}, 429, x_rate_limit_reset=str(reset))
    with pytest.raises(RateLimitedError) as raised:
        timeline.page("7", None, None)
    assert raised.value.reset == reset
    assert (len(x.asked), clock.slept) == (1, [])


@pytest.mark.parametrize("limit", ["app", "user"])
def test_a_limit_of_a_day_is_waited_for_and_not_a_quarter_of_an_hour_again_and_again(
    x: StandIn, timeline: Timeline, limit: str
) -> None:
    now = int(time.time())
    day = {f"x-{limit}-limit-24hour-remaining": "0", f"x-{limit}-limit-24hour-reset": str(now + 40_000)}
    x.answer = Answer({"title": "Too Many Requests"}, 429, {"x-rate-limit-reset": str(now + 500), **day})
    with pytest.raises(RateLimitedError) as raised:
        timeline.page("7", None, None)
    assert raised.value.reset == now + 40_000
    x.answer = Answer({"title": "Too Many Requests"}, 429, {**x.answer.headers, f"x-{limit}-limit-24hour-remaining": "12"})
    with pytest.raises(RateLimitedError) as raised:
        timeline.page("7", None, None)
    assert raised.value.reset == now + 500


@pytest.mark.parametrize("told", [None, "", "soon", "1e9", "-5", "0", "1714746130", "99999999999", "9" * 40, "١٢٣"])
def test_a_rate_limit_that_does_not_say_until_when_lasts_a_whole_window(x: StandIn, timeline: Timeline, told: str | None) -> None:
    """It was taken for 1970, and the workflow's wait for that moment ended at once, again and again."""
    headers = {} if told is None else {"x-rate-limit-reset": told.encode().decode("latin-1")}
    x.answer = Answer({"title": "Too Many Requests"}, 429, headers)
    before = int(time.time())
    with pytest.raises(RateLimitedError) as raised:
        timeline.page("7", None, None)
    assert before + RATE_WINDOW_SECONDS <= raised.value.reset <= time.time() + RATE_WINDOW_SECONDS


@pytest.mark.parametrize("body", [b'{"data": [{"id": "1"', b"", b"null", b"[]", b"7", b"<html></html>", b"\xff\xfe{"])
def test_an_answer_that_is_torn_or_no_object_is_a_service_error(x: StandIn, timeline: Timeline, body: bytes) -> None:
    x.say(body)
    with pytest.raises(ServiceError, match="X did not answer for account 7") as raised:
        timeline.page("7", None, None)
    assert type(raised.value) is ServiceError
    assert len(x.asked) == TRIES


def test_an_x_that_nobody_answers_for_is_a_service_error(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    connection = Connection(TOKEN, f"http://127.0.0.1:{unused_port()}", Patience(sleep=clock.sleep))
    with pytest.raises(ServiceError, match="X did not answer for account 7") as raised:
        Timeline.over(connection).page("7", None, None)
    assert type(raised.value) is ServiceError
    assert len(clock.slept) == TRIES - 1


# What is asked again


@pytest.mark.parametrize(
    "failure",
    [
        Answer({"title": "Oh"}, 500),
        Answer(b"<html></html>", 502),
        Answer({"title": "Oh"}, 503),
        Answer(b'{"data": [{"id": "1"'),
        Answer(PAGE, missing_bytes=9),
        Answer(PAGE, silence=2.0),
    ],
    ids=["500", "502", "503", "torn JSON", "torn connection", "silence"],
)
def test_a_page_that_failed_is_asked_again_until_it_comes(x: StandIn, clock: Clock, failure: Answer) -> None:
    x.next_answers = [failure] * (TRIES - 1)
    x.say(PAGE)
    patience = Patience(timeout=0.3, sleep=clock.sleep, clock=clock.tell)
    assert Timeline.over(Connection(TOKEN, x.address, patience)).page("7", None, None).posts == [POST]
    assert len(x.asked) == TRIES
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429])
def test_what_asking_again_would_not_change_is_asked_once(x: StandIn, timeline: Timeline, clock: Clock, status: int) -> None:
    x.say({"title": "No"}, status)
    with pytest.raises(ServiceError):
        timeline.page("7", None, None)
    assert (len(x.asked), clock.slept) == (1, [])


def test_no_attempt_begins_that_could_outlast_the_patience(x: StandIn, clock: Clock) -> None:
    """A function begins a page with a minute to spare: an X that hangs must not have it killed on the way."""
    x.say({"title": "Oh"}, 503)
    patience = Patience(timeout=PATIENCE_SECONDS, sleep=clock.sleep, clock=clock.tell)
    with pytest.raises(ServiceError, match="503"):
        Timeline.over(Connection(TOKEN, x.address, patience)).page("7", None, None)
    assert (len(x.asked), clock.slept) == (1, [])


def test_a_new_job_is_never_asked_for_twice(x: StandIn, connection: Connection) -> None:
    """X takes one at a time: one that was made without our knowing stands in the way of the next."""
    x.say({"title": "Oh"}, 503)
    with pytest.raises(ServiceError, match="X did not answer for a new compliance job for tweets: 503"):
        Compliance(connection).create("tweets", "a-run")
    assert len(x.asked) == 1


def test_neither_token_nor_post_is_logged_at_any_level(
    x: StandIn, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """tweepy logs its headers and every answer at DEBUG."""
    caplog.set_level(logging.DEBUG)
    x.say(PAGE)
    Timeline.over(connection).page("7", None, None)
    assert TOKEN not in caplog.text
    assert POST["text"] not in caplog.text


# Accounts


USER = {
    "id": "7",
    "username": "JuanaRojas",
    "name": "Juana Rojas",
    "description": "Senadora",
    "verified": True,
    "protected": False,
    "public_metrics": {"followers_count": 120, "tweet_count": 3_300},
    "most_recent_tweet_id": "1212092628029698048",
}


def test_accounts_are_found_with_their_numbers_and_last_activity(x: StandIn, connection: Connection) -> None:
    x.say({"data": [USER, {"id": "8", "username": "otra", "name": "Otra", "protected": True}]})
    juana, other = Users(connection).search("juana rojas")
    assert (juana.user_id, juana.screen_name, juana.name, juana.description) == ("7", "JuanaRojas", "Juana Rojas", "Senadora")
    assert (juana.followers, juana.tweets, juana.verified, juana.protected) == (120, 3_300, True, False)
    assert juana.last_active is not None
    assert juana.last_active.isoformat(timespec="seconds") == "2019-12-31T19:26:16+00:00"
    assert (other.followers, other.tweets, other.protected, other.last_active) == (0, 0, True, None)
    asked = x.asked[0]
    assert (asked.route, asked.query["query"]) == ("/2/users/search", "juana rojas")
    assert {"public_metrics", "most_recent_tweet_id", "protected", "verified", "description"} <= set(
        asked.query["user.fields"].split(",")
    )


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("Sebastián Ñuñez", "Sebastian Nunez"),
        ("  María-José   O'Higgins ", "Maria Jose O'Higgins"),
        ("a" * 60, "a" * 50),
        (f"{'a' * 30} {'b' * 30}", "a" * 30),
        (f"{'a' * 30} {'b' * 19}", f"{'a' * 30} {'b' * 19}"),
    ],
)
def test_words_are_searched_as_x_takes_them(x: StandIn, connection: Connection, words: str, query: str) -> None:
    """X refuses anything but unaccented letters, digits, `_`, `'` and blanks, and more than 50 of them."""
    x.say({"meta": {"result_count": 0}})
    assert Users(connection).search(words) == []
    assert x.asked[0].query["query"] == query


def test_words_that_x_could_not_look_for_are_refused_before_it_is_asked(x: StandIn, connection: Connection) -> None:
    with pytest.raises(LimitError, match="takes letters or digits"):
        Users(connection).search("☆ 北京 _")
    assert x.asked == []


@pytest.mark.parametrize("body", [NOT_ENROLLED, {"title": "Forbidden", "status": 403}])
def test_a_plan_without_user_search_is_said_to_be_so(x: StandIn, connection: Connection, body: Any) -> None:
    x.say(body, 403)
    with pytest.raises(AccessError, match="the X plan in use has no access to the search for users"):
        Users(connection).search("juana")


def test_accounts_are_looked_up_a_hundred_at_a_time(x: StandIn, connection: Connection) -> None:
    ids = [str(number) for number in range(1, 251)]
    x.next_answers = [
        Answer({"data": [{"id": one, "username": "u", "name": "n"} for one in ids[start : start + 100]]})
        for start in (0, 100, 200)
    ]
    found, missing = Users(connection).look_up(ids)
    assert ([account.user_id for account in found], missing) == (ids, {})
    assert [len(asked.query["ids"].split(",")) for asked in x.asked] == [100, 100, 50]


def test_accounts_that_x_does_not_give_are_told_with_its_words(x: StandIn, connection: Connection) -> None:
    errors = [{"value": "8", "title": "Forbidden"}, {"resource_id": "9", "title": "Not Found Error"}]
    x.say({"data": [USER], "errors": errors})
    found, missing = Users(connection).look_up(["7", "8", "9", "10"])
    assert [account.user_id for account in found] == ["7"]
    assert missing == {"8": "Forbidden", "9": "Not Found Error", "10": "Not Found Error"}
    x.say({"errors": errors})
    assert Users(connection).look_up(["8"]) == ([], {"8": "Forbidden"})


@pytest.mark.parametrize("body", [{}, {"meta": {}}, {"data": [{"username": "no id"}]}, {"data": "users"}, {"data": [7]}])
def test_an_empty_or_strange_answer_does_not_make_accounts_vanish(x: StandIn, connection: Connection, body: Any) -> None:
    x.say(body)
    with pytest.raises(ServiceError, match="X did not answer for 1 accounts"):
        Users(connection).look_up(["7"])


def test_nobody_is_looked_up_for_nothing(x: StandIn, connection: Connection) -> None:
    assert Users(connection).look_up([]) == ([], {})
    assert x.asked == []


# Posts that were read before


def test_each_post_is_shown_gone_for_its_reason_or_undecided(x: StandIn, connection: Connection) -> None:
    errors = [
        {"value": "2", "title": "Not Found Error", "type": f"{PROBLEMS}resource-not-found"},
        {"value": "3", "title": "Authorization Error", "type": f"{PROBLEMS}not-authorized-for-resource"},
        {"resource_id": "4", "title": "Forbidden", "detail": "User has been suspended: [9]."},
        {"value": "5", "title": "Internal Error", "type": f"{PROBLEMS}internal-error"},
        {"value": "1", "title": "Not Found Error", "parameter": "referenced_tweets.id"},
    ]
    withheld = {"id": "6", "text": "…", "withheld": {"country_codes": ["XY"]}}
    x.say({"data": [{"id": "1", "text": "…"}, withheld], "errors": errors})
    looked = Posts(connection).look_up(["1", "2", "3", "4", "5", "6", "7"])
    assert [post["id"] for post in looked.found] == ["1"]
    assert looked.gone == {"2": "deleted", "3": "protected", "4": "suspended", "6": "withheld", "7": "deleted"}
    assert "withheld" in x.asked[0].query["tweet.fields"].split(",")
    assert x.asked[0].query["ids"] == "1,2,3,4,5,6,7"


@pytest.mark.parametrize(
    "body", [{}, {"data": []}, {"meta": {"result_count": 0}}, {"data": ["1"]}, {"errors": []}, {"errors": "x"}]
)
def test_an_empty_or_strange_answer_deletes_nothing(x: StandIn, connection: Connection, body: Any) -> None:
    """What is looked up and not shown is deleted for good: an answer that says nothing must not bury a hundred posts."""
    x.say(body)
    with pytest.raises(ServiceError, match="X did not answer for 2 posts"):
        Posts(connection).look_up(["1", "2"])


@pytest.mark.parametrize("count", [0, 101])
def test_a_lookup_takes_1_to_100_posts(x: StandIn, connection: Connection, count: int) -> None:
    with pytest.raises(LimitError, match=f"{count} ids to look up; X takes 1 to 100 a call"):
        Posts(connection).look_up(["1"] * count)
    assert x.asked == []


# Compliance jobs


def shown_job(x: StandIn, **changed: Any) -> dict[str, Any]:
    storage = {
        "upload_url": f"{x.address}/storage/up?signature=secret",
        "download_url": f"{x.address}/storage/down?signature=secret",
    }
    return {"data": {"id": "5", "type": "tweets", "status": "created", **storage, **changed}}


def job(x: StandIn) -> Job:
    data = shown_job(x)["data"]
    return Job("5", "tweets", "created", data["upload_url"], data["download_url"])


def test_a_job_is_made_with_its_kind_and_a_name_that_x_takes(x: StandIn, connection: Connection) -> None:
    x.say(shown_job(x))
    made = Compliance(connection).create("tweets", "n" * 70)
    assert made == job(x)
    (asked,) = x.asked
    assert (asked.method, asked.route) == ("POST", "/2/compliance/jobs")
    assert json.loads(asked.body) == {"type": "tweets", "name": "n" * 64}


def test_a_job_is_looked_at_by_its_id(x: StandIn, connection: Connection) -> None:
    x.say(shown_job(x, status="in_progress", type="users"))
    looked = Compliance(connection).look("5")
    assert (looked.kind, looked.status) == ("users", "in_progress")
    assert x.asked[0].route == "/2/compliance/jobs/5"


def test_ids_are_uploaded_one_a_line_and_the_token_stays_at_home(x: StandIn, connection: Connection) -> None:
    x.say(b"")
    assert Compliance(connection).upload(job(x), (str(number) for number in range(3))) == 3
    (asked,) = x.asked
    assert (asked.method, asked.route, asked.body) == ("PUT", "/storage/up", b"0\n1\n2\n")
    assert asked.headers["Content-Type"] == "text/plain"
    assert not [name for name, value in asked.headers.items() if name.lower() == "authorization" or TOKEN in value]


def test_a_failed_upload_is_made_again_from_its_beginning(x: StandIn, connection: Connection) -> None:
    x.next_answers = [Answer(b"", 503)]
    x.say(b"")
    Compliance(connection).upload(job(x), ["1", "2"])
    assert [asked.body for asked in x.asked] == [b"1\n2\n"] * 2


def test_an_upload_of_nothing_is_refused(x: StandIn, connection: Connection) -> None:
    with pytest.raises(LimitError, match="compliance job 5 was given no ids"):
        Compliance(connection).upload(job(x), [])
    assert x.asked == []


def test_results_come_line_by_line_without_the_token(x: StandIn, connection: Connection) -> None:
    lines = [{"id": str(number), "action": "delete", "reason": "deleted"} for number in (1, 2)]
    x.say("\n".join(json.dumps(line) for line in lines).encode() + b"\n\n")
    assert list(Compliance(connection).results(job(x))) == lines
    assert "Authorization" not in x.asked[0].headers


def test_a_job_without_results_has_nothing_to_delete(x: StandIn, connection: Connection) -> None:
    x.say(b"")
    assert list(Compliance(connection).results(job(x))) == []


def test_results_that_were_cut_off_are_fetched_again_and_none_is_given_twice(x: StandIn, connection: Connection) -> None:
    whole = Answer(b'{"id": "1"}\n{"id": "2"}\n')
    x.next_answers, x.answer = [Answer(whole.body, missing_bytes=8)], whole
    assert [line["id"] for line in Compliance(connection).results(job(x))] == ["1", "2"]


@pytest.mark.parametrize(
    "body", [b'{"id": "1"}\n{"id": "2', b"<Error/>", b"[]", b'{"action": "delete"}', b'{"id": "one"}', b"\xff"]
)
def test_results_that_can_t_be_read_are_an_error(x: StandIn, connection: Connection, body: bytes) -> None:
    x.say(body)
    with pytest.raises(ServiceError, match="the results of compliance job 5 can't be read"):
        list(Compliance(connection).results(job(x)))


@pytest.mark.parametrize("answer", [Answer(b"", 403), Answer(b"", 503), Answer(b"12345", missing_bytes=3), None])
def test_an_error_of_the_storage_never_repeats_its_signed_address(
    x: StandIn, connection: Connection, answer: Answer | None
) -> None:
    """Whoever has the address has the file. None: nobody is there, of which requests' own words repeat the address."""
    x.answer = answer or x.answer
    asked = job(x) if answer else replace(job(x), download_url=f"http://127.0.0.1:{unused_port()}/down?signature=secret")
    with pytest.raises(ServiceError, match="the results of compliance job 5") as raised:
        list(Compliance(connection).results(asked))
    assert "signature" not in "".join(traceback.format_exception(raised.value))
    assert "signature" not in repr(asked)


def test_a_plan_without_compliance_jobs_is_said_to_be_so(x: StandIn, connection: Connection) -> None:
    x.say(NOT_ENROLLED, 403)
    with pytest.raises(AccessError, match="the X plan in use has no access to batch compliance jobs; choose one that has"):
        Compliance(connection).create("users", "a-run")


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": {"id": "5", "type": "tweets", "status": "created"}}])
def test_a_job_without_its_addresses_is_a_service_error(x: StandIn, connection: Connection, body: Any) -> None:
    x.say(body)
    with pytest.raises(ServiceError, match="X did not answer for compliance job 5"):
        Compliance(connection).look("5")
