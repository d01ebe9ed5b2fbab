"""One way to X for all who ask it something: tweepy's client, told to give up, to try again, and to fail in our own words."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
import tweepy
from requests.adapters import HTTPAdapter

from politico.errors import ServiceError
from politico.x.refusals import Question, refusal

TIMEOUT_SECONDS = 15.0
"""How long X may be silent before a request is given up; unless told otherwise."""
TRIES = 3
"""How often a question that changes nothing is asked while X fails."""
PATIENCE_SECONDS = 50.0
"""No attempt begins that could end later than this after the first began: a function has a minute to spare for a page."""
_FIRST_PAUSE_SECONDS = 0.5
"""Before the second attempt; twice as long before each further one."""

T = TypeVar("T")


class TransientError(Exception):
    """A failure that may be over in a moment. Raised by attempts; leaves `Patience.keep_trying` as a ServiceError."""


@dataclass(frozen=True)
class Patience:
    """How often a failing service is asked again, and how long that may take."""

    timeout: float = TIMEOUT_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def keep_trying(self, attempt: Callable[[], T], tries: int = TRIES) -> T:
        """What `attempt` gives, asked again while it raises TransientError and both tries and time are left.

        Raises ServiceError with the last failure's words.
        """
        began, pause = self.clock(), _FIRST_PAUSE_SECONDS
        for left in reversed(range(tries)):
            try:
                return attempt()
            except TransientError as error:
                if not left or self.clock() - began + pause + self.timeout > PATIENCE_SECONDS:
                    raise ServiceError(str(error)) from error.__cause__
            self.sleep(pause)
            pause *= 2
        raise AssertionError("at least one try")


class Connection:
    """An app's way to X, shared by all that is asked. Its sockets stay open between questions; threads may share it."""

    def __init__(self, bearer_token: str, address: str | None = None, patience: Patience | None = None) -> None:
        """`address` replaces X's own, for a stand-in."""
        self.patience = patience or Patience()
        # At DEBUG tweepy writes its headers, the token among them, and every post it gets.
        logging.getLogger("tweepy.client").setLevel(logging.WARNING)
        self._client = tweepy.Client(bearer_token, return_type=requests.Response, wait_on_rate_limit=False)
        self._client.session.mount("https://", _Transport(address, self.patience.timeout))

    def ask(
        self, question: Question, call: Callable[[tweepy.Client], requests.Response], *, repeatable: bool = True
    ) -> Mapping[str, Any]:
        """X's answer, an object. `call` asks tweepy; when it is `repeatable`, it is asked again while X fails.

        Raises RateLimitedError, SpendingCapError (X's own cap), AccessError (the plan), AccountError (only for a question about
        one account) and ServiceError for all else, a torn answer too.
        """
        return self.patience.keep_trying(lambda: self._answer(question, call), tries=TRIES if repeatable else 1)

    def _answer(self, question: Question, call: Callable[[tweepy.Client], requests.Response]) -> Mapping[str, Any]:
        try:
            body = call(self._client).json()
        except _RefusedError as error:
            response = error.response
            if response.status_code >= 500:
                raise TransientError(_silence(question, f"{response.status_code} {response.reason}")) from None
            raise refusal(question, response, time.time()) from None
        except requests.RequestException as error:  # time-outs, broken connections and torn JSON
            raise TransientError(_silence(question, _said(error))) from error
        if not isinstance(body, Mapping):
            raise TransientError(_silence(question, "its answer is no object"))
        return body


class _RefusedError(Exception):
    """X answered with a failure; goes no further than this module."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__()
        self.response = response


class _Transport(HTTPAdapter):
    """What tweepy leaves out: no request waits for ever, and another address can stand in for X's, which tweepy has fixed.

    Failures leave here, because tweepy trips over some bodies and headers that it reads errors from.
    """

    def __init__(self, address: str | None, timeout: float) -> None:
        super().__init__()
        self._address = urlsplit(address) if address else None
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if self._address is not None:
            parts = urlsplit(str(request.url))
            request.url = urlunsplit(parts._replace(scheme=self._address.scheme, netloc=self._address.netloc))
        response = super().send(request, *args, **{**options, "timeout": options.get("timeout") or self._timeout})
        if response.status_code >= 400:
            _ = response.content  # read now: the refusal outlives the connection
            raise _RefusedError(response)
        return response


def _silence(question: Question, said: str) -> str:
    return f"X did not answer for {question.about}: {said}"


def _said(error: Exception) -> str:
    """What went wrong, without X's answer: the message of a torn JSON quotes none, but it may be long."""
    return " ".join(f"{type(error).__name__} {error}".split())[:200]
