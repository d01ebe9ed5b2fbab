"""Reading timelines: what X is asked, and which of our errors each of its answers becomes."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from politico.errors import AccountError, RateLimitedError, ServiceError
from politico.x import PAGE_SIZE, RATE_WINDOW_SECONDS, Timeline

POST = {"id": "20", "author_id": "7", "text": "Hola"}


@dataclass
class StandIn:
    """Answers every question with what it was told, and remembers the questions."""

    address: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    def say(self, body: Any, status: int = 200, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("NO_PROXY", "*")
    stand_in = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stand_in.paths.append(self.path)
            stand_in.tokens.append(self.headers["Authorization"])
            self.send_response(stand_in.status)
            for name, value in {"Content-Type": "application/json", **stand_in.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(stand_in.body)))
            self.end_headers()
            self.wfile.write(stand_in.body)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def timeline(x: StandIn) -> Timeline:
    return Timeline("a-token", x.address)


# What is asked


def test_a_page_is_asked_with_all_that_the_project_needs_of_a_post(x: StandIn, timeline: Timeline) -> None:
    x.say({"data": [POST], "meta": {}})
    timeline.page("7", "10", "30")
    (path,) = x.paths
    parts = urlsplit(path)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == "/2/users/7/tweets"
    assert (asked["max_results"], asked["since_id"], asked["until_id"]) == (str(PAGE_SIZE), "10", "30")
    fields = set(asked["tweet.fields"].split(","))
    assert {"note_tweet", "referenced_tweets", "edit_controls", "edit_history_tweet_ids", "created_at", "author_id"} <= fields
    assert "exclude" not in asked  # X gives 800 posts instead of 3,200 to whoever leaves replies out
    assert x.tokens == ["Bearer a-token"]


def test_a_first_page_is_asked_without_bounds(x: StandIn, timeline: Timeline) -> None:
    x.say({"meta": {"result_count": 0}})
    timeline.page("7", None, None)
    assert "since_id" not in x.paths[0]
    assert "until_id" not in x.paths[0]


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
    ("status", "error", "message"),
    [
        (401, ServiceError, "X refused the bearer token; renew the secret that holds it"),
        (403, AccountError, "account 7 can't be read: 403 Forbidden"),
        (404, AccountError, "account 7 can't be read: 404 Not Found"),
        (400, ServiceError, "X did not answer for account 7: 400 Bad Request"),
        (500, ServiceError, "X did not answer for account 7: 500 Internal Server Error"),
        (503, ServiceError, "X did not answer for account 7: 503 Service Unavailable"),
    ],
)
def test_each_failure_of_x_is_an_error_of_ours(
    x: StandIn, timeline: Timeline, status: int, error: type[Exception], message: str
) -> None:
    x.say({"title": "Some title", "detail": "Some detail"}, status)
    with pytest.raises(error) as raised:
        timeline.page("7", None, None)
    assert type(raised.value) is error
    assert str(raised.value).startswith(message)
    assert "a-token" not in str(raised.value)


def test_a_failure_whose_body_is_no_json_is_the_same_error(x: StandIn, timeline: Timeline) -> None:
    x.say(b"<html>Bad gateway</html>", 502)
    with pytest.raises(ServiceError, match="502 Bad Gateway"):
        timeline.page("7", None, None)


def test_a_suspended_account_that_x_answers_with_200_is_an_account_error(x: StandIn, timeline: Timeline) -> None:
    x.say({"errors": [{"title": "Forbidden", "detail": "User has been suspended"}]})
    with pytest.raises(AccountError, match="account 7 can't be read: Forbidden"):
        timeline.page("7", None, None)
    x.say({})
    with pytest.raises(AccountError, match="no data"):
        timeline.page("7", None, None)


def test_a_rate_limit_says_until_when_and_is_not_waited_for(x: StandIn, timeline: Timeline) -> None:
    x.say({"title": "Too Many Requests"}, 429, x_rate_limit_reset="1714746130")
    with pytest.raises(RateLimitedError) as raised:
        timeline.page("7", None, None)
    assert raised.value.reset == 1_714_746_130
    assert len(x.paths) == 1


def test_a_rate_limit_that_does_not_say_until_when_lasts_a_whole_window(x: StandIn, timeline: Timeline) -> None:
    """It was taken for 1970, and the workflow's wait for that moment ended at once, again and again."""
    x.say({"title": "Too Many Requests"}, 429)
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


def test_an_x_that_nobody_answers_for_is_a_service_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServiceError, match="X did not answer for account 7") as raised:
        Timeline("a-token", f"http://127.0.0.1:{port}").page("7", None, None)
    assert type(raised.value) is ServiceError
