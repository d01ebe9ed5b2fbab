"""Texts to annotations through Comprehend's BatchDetect calls: at a pace, with every text answered whatever fails around it."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as UnreachableError

from politico.annotation.labels import Annotation, misfit
from politico.annotation.pace import Paced

MAX_DOCUMENTS = 25
"""Documents a call takes."""
MAX_BYTES = 5_000
"""UTF-8 bytes a document may have."""
ATTEMPTS = 5
"""How often a document is offered before it is set aside: with its batch, with all that failed there, then on its own."""
CALL_ATTEMPTS = 10
"""How often a call is made that the service throttles or drops: a minute or so, longer than its hiccups."""
TEXT_TOO_LONG = "text_too_long"
NO_TEXT = "no_text"
REFUSED = "annotation_failed"
MISFIT = "offsets_do_not_fit"

_BLAMED_ON_THE_TEXTS = ("InvalidRequestException", "TextSizeLimitExceededException")
_ASKED_TOO_MUCH = (
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
)

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Backoff:
    """How long to wait before something that failed is tried again: twice as long each time, and never two programs alike."""

    first: float = 0.25
    """Seconds before the second attempt, at most."""
    longest: float = 15.0
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random
    """Between 0 and 1."""

    def wait(self, failures: int) -> None:
        """Wait after so many failures in a row, 1 or more."""
        limit = min(self.longest, self.first * 2 ** (failures - 1))
        self.sleep(limit * (0.5 + self.chance() / 2))


def annotate(
    texts: Sequence[str], client: Any, pace: Paced, backoff: Backoff | None = None, language: str = "es"
) -> list[Annotation | str]:
    """One answer a text, in order: its annotation, or the short reason why there is none.

    `client` is boto3's for Comprehend, best without retries of its own: those would not keep to the pace. Throttling and outages
    raise botocore's errors after CALL_ATTEMPTS: the whole call may be made again.
    """
    service = _Service(client, pace, backoff or Backoff(), language)
    answers: list[Annotation | str] = [TEXT_TOO_LONG if text.strip() else NO_TEXT for text in texts]
    fitting = [index for index, text in enumerate(texts) if text.strip() and len(text.encode()) <= MAX_BYTES]
    for start in range(0, len(fitting), MAX_DOCUMENTS):
        batch = fitting[start : start + MAX_DOCUMENTS]
        for index, answer in zip(batch, service.annotate([texts[index] for index in batch]), strict=True):
            answers[index] = answer
    return answers


@dataclass(frozen=True)
class _Service:
    client: Any
    pace: Paced
    backoff: Backoff
    language: str

    def annotate(self, documents: Sequence[str]) -> Iterator[Annotation | str]:
        """The answers to one batch. What one analysis could not do the next ones are not asked, and paid, for."""
        failed: dict[int, str] = {}
        found: list[dict[int, Item]] = []
        for name in ("sentiment", "entities", "key_phrases"):
            left = [index for index in range(len(documents)) if index not in failed]
            items = self._detect(name, [documents[index] for index in left])
            found.append({index: item for index, item in zip(left, items, strict=True) if not isinstance(item, str)})
            failed.update((index, item) for index, item in zip(left, items, strict=True) if isinstance(item, str))
        for index in range(len(documents)):
            yield failed[index] if index in failed else Annotation.from_comprehend(*(one[index] for one in found))

    def _detect(self, name: str, documents: Sequence[str]) -> list[Item | str]:
        """One analysis of a batch: an item a document, or why there is none after ATTEMPTS."""
        answers: list[Item | str] = [REFUSED] * len(documents)
        waiting = list(range(len(documents)))
        for attempt in range(ATTEMPTS):
            if not waiting:
                break
            if attempt:
                self.backoff.wait(attempt)
            for batch in [waiting] if attempt < 2 else [[index] for index in waiting]:
                for index, answer in zip(batch, self._offer(name, [documents[index] for index in batch]), strict=True):
                    answers[index] = answer
            waiting = [index for index in waiting if isinstance(answers[index], str)]
        return answers

    def _offer(self, name: str, documents: Sequence[str]) -> list[Item | str]:
        """Offer documents once; a call that is refused for what one of them says is made again in halves."""
        try:
            body = self._ask(name, documents)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _BLAMED_ON_THE_TEXTS:
                raise
            half = len(documents) // 2
            return [*self._offer(name, documents[:half]), *self._offer(name, documents[half:])] if half else [REFUSED]
        return _sorted_out(name, documents, body)

    def _ask(self, name: str, documents: Sequence[str]) -> Mapping[str, Any]:
        """One answer of the service, however often it must be asked for it."""
        call = getattr(self.client, f"batch_detect_{name}")
        failures = 0
        while True:
            self.pace.wait()
            try:
                body: Mapping[str, Any] = call(TextList=list(documents), LanguageCode=self.language)
                return body
            except (ClientError, UnreachableError, HTTPClientError) as error:
                failures += 1
                if failures == CALL_ATTEMPTS or not _passes(error):
                    raise
                self.backoff.wait(failures)


def _passes(error: Exception) -> bool:
    """May the very same call succeed in a while?"""
    if not isinstance(error, ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"]["Code"] in (*_ASKED_TOO_MUCH, "InternalServerException") or status >= 500


def _sorted_out(name: str, documents: Sequence[str], body: Mapping[str, Any]) -> list[Item | str]:
    """What an answer says of each document. An index that comes twice or points nowhere, or none at all, says nothing."""
    results, errors = body.get("ResultList") or (), body.get("ErrorList") or ()
    named = Counter(item.get("Index") for item in (*results, *errors))
    items = {item["Index"]: item for item in results if named[item.get("Index")] == 1}
    answers: list[Item | str] = []
    for index, text in enumerate(documents):
        item = items.get(index)
        if item is None or not misfit(name, item, text):
            answers.append(item or REFUSED)
        else:
            answers.append(REFUSED if name == "sentiment" else MISFIT)
    return answers
