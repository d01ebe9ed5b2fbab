"""What all ways to ask the endpoint share: reading a request, and having its tweets written, counted and logged."""

import contextlib
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from inference.callers import HungUpError
from inference.engine import Engine, GeneratedTweet, Tell
from politico.control.request import Request
from politico.errors import InputError, LimitError, ServiceError

Said = Callable[[Sequence[GeneratedTweet], float], None]
"""Is told what was written, and in how many seconds."""

log = logging.getLogger("inference")


@contextlib.contextmanager
def shallow() -> Iterator[None]:
    """Raises LimitError for what is nested too deep, as it is read or as it is shown in a refusal."""
    try:
        yield
    except RecursionError as error:
        raise LimitError("the body is nested too deep; it takes an object of texts, numbers and lists") from error


def read_json(body: bytes) -> Any:
    """Raises LimitError."""
    try:
        return json.loads(body)
    except ValueError as error:  # broken JSON, broken UTF-8, or a number of thousands of digits
        raise LimitError(f"the body is no JSON: {error}") from error


def written(engine: Engine, asked: Request, tell: Tell, said: Said, *, later: bool = False) -> list[GeneratedTweet]:
    """The tweets. Raises HungUpError, InputError, and ServiceError for whatever fails inside."""
    began = time.monotonic()
    try:
        tweets = engine.generate(asked, tell, later=later)
    except HungUpError:
        log.info("the caller hung up after %.2f s", time.monotonic() - began)
        raise
    except InputError:
        raise
    except ServiceError as error:
        log.error("%s", type(error).__name__)
        raise
    except Exception as error:  # whatever it is, its text may hold the request's
        raise broken(error) from error
    said(tweets, time.monotonic() - began)
    return tweets


def broken(error: Exception) -> ServiceError:
    """Log where an error came from, and what a caller may know of it: neither holds a word of the request."""
    log.error("%s while generating\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return ServiceError("the model failed on this request; the endpoint's log says where")
