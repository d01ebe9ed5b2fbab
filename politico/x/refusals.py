"""What X's refusals mean: to wait, to stop paying, to change the plan, to renew the token, or to leave one account alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from politico.errors import AccessError, AccountError, PoliticoError, RateLimitedError, ServiceError, SpendingCapError

RATE_WINDOW_SECONDS = 15 * 60
"""How long X's rate limits last; waited out where it does not say until when."""

_RESET_HEADER = "x-rate-limit-reset"
_DAYS_LIMITS = ("x-app-limit-24hour", "x-user-limit-24hour")
"""Limits of a day, each with `-remaining` and `-reset` behind it."""
_BELIEVED_SECONDS = 2 * 24 * 60 * 60
"""A reset further away than this is no reset: X's longest windows last a day."""
_LATE_SECONDS = 60
"""A reset may lie so far back: the answer took its time, or the clocks differ. Earlier ones would have us ask without pause."""
_CAPPED = {"usagecapexceeded", "usage-capped", "creditsdepleted"}
_NO_ACCESS = {
    "client-not-enrolled",
    "client-forbidden",
    "official-client-forbidden",
    "client forbidden",
    "unsupported-authentication",
    "453",
}
_SHOWN = 200
"""Characters of X's own words that an error repeats."""


@dataclass(frozen=True)
class Question:
    """What is asked of X, in words for errors."""

    about: str
    """Such as `account 7`."""
    feature: str
    """What a plan has or has not, such as `timelines`."""
    one_account: bool = False
    """Is a refusal this account's own matter?"""


def refusal(question: Question, response: requests.Response, now: float) -> PoliticoError:
    """The error that an answer of 400 to 499 stands for. `now` is in epoch seconds."""
    status, body = response.status_code, _body(response)
    marks, said = set(_marks(body)), f"{status} {response.reason}{_detail(body)}"
    if status == 402 or marks & _CAPPED:
        return SpendingCapError(
            f"X's own cap is reached ({_words(body.get('title')) or said}): X sells no more reads until its billing period ends, "
            "or until its cap is raised or credits are bought in X's developer console"
        )
    if status == 429:
        return RateLimitedError(_reset(response, now))
    if status in (401, 403) and marks & _NO_ACCESS:
        return no_access(question, said)
    if status == 401:
        return ServiceError("X refused the bearer token; renew the secret that holds it")
    if status in (403, 404) and question.one_account:
        return AccountError(f"{question.about} can't be read: {said}")
    if status == 403:
        return no_access(question, said)
    return ServiceError(f"X did not answer for {question.about}: {said}")


def no_access(question: Question, said: str) -> AccessError:
    return AccessError(
        f"the X plan in use has no access to {question.feature}; choose one that has in X's developer console ({said})"
    )


def titles(body: Mapping[str, Any]) -> str:
    """What the errors in an answer are called."""
    return "; ".join(_words(one.get("title")) for one in errors(body)) or "no data"


def errors(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The errors inside an answer, those that are objects."""
    found = body.get("errors")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _reset(response: requests.Response, now: float) -> int:
    """When all limits that are used up begin anew: the latest of those that X tells."""
    used_up = [f"{one}-reset" for one in _DAYS_LIMITS if response.headers.get(f"{one}-remaining", "").strip() == "0"]
    resets = [_number(response.headers.get(header, "")) for header in (_RESET_HEADER, *used_up)]
    believed = [one for one in resets if now - _LATE_SECONDS <= one <= now + _BELIEVED_SECONDS]
    return max(believed, default=int(now) + RATE_WINDOW_SECONDS)


def _number(told: str) -> int:
    plain = told.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 15 else 0


def _body(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except requests.RequestException:
        return {}
    return body if isinstance(body, Mapping) else {}


def _marks(body: Mapping[str, Any]) -> Iterator[str]:
    """What X calls a problem, wherever it says so: titles, reasons, codes, and the last part of types."""
    for one in (body, *errors(body)):
        for name in ("title", "reason", "code"):
            yield str(one.get(name)).lower()
        yield str(one.get("type")).rpartition("/")[2].lower()


def _detail(body: Mapping[str, Any]) -> str:
    said = body.get("detail") or body.get("title") or next((one.get("message") or one.get("detail") for one in errors(body)), "")
    return f" {_words(said)}" if said else ""


def _words(said: Any) -> str:
    return " ".join(str(said).split())[:_SHOWN] if said else ""
