"""Asking X from the command line: only once its terms are acknowledged, with the operator's token, and waiting as it says."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from botocore.exceptions import ClientError

from cli import local_cloud
from cli.services import Services
from functions.environment import X_ADDRESS, token_in
from politico.errors import InputError, RateLimitedError, ServiceError, TermsError
from politico.x.connection import Connection
from politico.x.refusals import RATE_WINDOW_SECONDS
from politico.x.users import Users

T = TypeVar("T")
Show = Callable[[str], None]

TERMS_PARAMETER = "XTermsAcknowledged"
LONGEST_WAIT_SECONDS = RATE_WINDOW_SECONDS + 60
"""A reset further away is worth another day's run."""


def open_users(services: Services, *, local: bool) -> Users:
    """X's accounts, read with the stack's own token.

    Raises TermsError until the deployer has acknowledged X's terms, InputError when the token's secret is not there.
    """
    require_terms(services)
    name = services.output("XSecret")
    try:
        secret = services.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise InputError(f"the secret {name!r} can't be read ({code}); make it, with X's bearer token as its text") from error
    return Users(Connection(token_in(secret), _address(local=local)))


def require_terms(services: Services) -> None:
    """Raises TermsError unless the stack's parameter says yes."""
    stack = services.client("cloudformation").describe_stacks(StackName=services.stack)["Stacks"][0]
    given = {one["ParameterKey"]: one.get("ParameterValue") for one in stack.get("Parameters", ())}
    if given.get(TERMS_PARAMETER) != "yes":
        raise TermsError(
            f"reading from X is off, its user search too: deploy with --parameters {TERMS_PARAMETER}=yes once you have read "
            "X's developer agreement (it forbids training foundation models on X's content)"
        )


def patiently(ask: Callable[[], T], show: Show, go_on: str, *, wait: bool) -> T:
    """The answer of `ask`, after X's reset when its rate limit is used up and `wait` says so.

    `go_on` says how to take up the work later. Raises ServiceError with it when the wait is too long or not wanted.
    """
    while True:
        try:
            return ask()
        except RateLimitedError as error:
            seconds = error.reset - time.time()
            if not wait or seconds > LONGEST_WAIT_SECONDS:
                moment = datetime.fromtimestamp(error.reset, UTC).astimezone()
                raise ServiceError(f"X's rate limit is used up until {moment:%Y-%m-%d %H:%M:%S}; {go_on}") from error
            # A second more, for X's clock may be behind; and never at once, where the reset it told is over already.
            _count_down(max(error.reset, time.time()) + 1, show)


def _count_down(until: float, show: Show) -> None:
    while (left := until - time.time()) > 0:
        show(f"X asks to wait: {int(left) // 60}:{int(left) % 60:02} left")
        time.sleep(min(1.0, left))


def _address(*, local: bool) -> str | None:
    """X's own, or that of the stand-in: of the local cloud, or named in the environment as for the functions."""
    cloud = local_cloud.running() if local else None
    return cloud.side if cloud else os.environ.get(X_ADDRESS)
