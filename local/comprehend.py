"""Comprehend's BatchDetect calls, which moto lacks: the service's shape and limits over small Spanish analyzers of our own.

They stand in for how the service is called and how it fails, not for how well it understands a text.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from moto.comprehend.responses import ComprehendResponse
from moto.core.exceptions import JsonRESTError

from local.analyzers.entities import entities
from local.analyzers.key_phrases import key_phrases
from local.analyzers.sentiment import sentiment
from politico.annotation.comprehend import MAX_BYTES, MAX_DOCUMENTS

BURST = 20
"""Calls that are answered at once after a rest, however quick they come."""


class Faults:
    """Failures on demand, read by every call, and how much the service was asked."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = 20.0
        """Calls a second above which it throttles; 0: any number."""
        self.throttled = 0.0
        """Share of the calls that are throttled besides."""
        self.failing = 0.0
        """Share of the documents that land in ErrorList."""
        self.fail_texts: Iterable[str] = ()
        """Documents with any of these in their text always land there."""
        self.half = False
        """Every second document of a call lands there, once for each analysis of each text."""
        self.shifted: Iterable[str] = ()
        """In answers about documents with any of these in their text, all offsets are one too high."""
        self.calls = 0
        """All calls so far, throttled ones too."""
        self.throttled_calls = 0
        self.documents = 0
        self._seen: set[tuple[str, str]] = set()
        self._tokens = float(BURST)
        self._filled = clock()
        self._clock = clock
        self._random = random.Random(7)
        self._lock = threading.Lock()

    def describe(self) -> dict[str, Any]:
        """The rate and the counts."""
        names = ("rate", "calls", "throttled_calls", "documents")
        return {name: getattr(self, name) for name in names}

    def admits(self, documents: int) -> bool:
        """Count a call with so many documents; is it answered?"""
        with self._lock:
            self.calls += 1
            now = self._clock()
            self._tokens = min(BURST, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
            answered = not (self.throttled > 0 and self._random.random() < self.throttled)
            if answered and self.rate > 0:
                answered = self._tokens >= 1
                self._tokens -= answered
            if answered:
                self.documents += documents
            else:
                self.throttled_calls += 1
            return answered

    def fails(self, analysis: str, index: int, text: str) -> bool:
        """Does this document of a call land in ErrorList?"""
        with self._lock:
            if self.half and index % 2 and (analysis, text) not in self._seen:
                self._seen.add((analysis, text))
                return True
            by_chance = self.failing > 0 and self._random.random() < self.failing
        return by_chance or any(one in text for one in self.fail_texts)

    def distort(self, text: str, found: dict[str, Any]) -> dict[str, Any]:
        """What was found in a text, as the call tells it."""
        if any(one in text for one in self.shifted):
            for span in found.get("Entities", found.get("KeyPhrases", ())):
                span["BeginOffset"] += 1
                span["EndOffset"] += 1
        return found


def install(faults: Faults) -> None:
    """Teach moto's Comprehend the three calls."""

    def judged(text: str) -> dict[str, Any]:
        label, scores = sentiment(text)
        return {"Sentiment": label, "SentimentScore": scores}

    for name, analyse in (
        ("batch_detect_sentiment", judged),
        ("batch_detect_entities", lambda text: {"Entities": entities(text)}),
        ("batch_detect_key_phrases", lambda text: {"KeyPhrases": key_phrases(text)}),
    ):
        setattr(ComprehendResponse, name, _call(name, analyse, faults))


def _call(name: str, analyse: Callable[[str], dict[str, Any]], faults: Faults) -> Callable[[ComprehendResponse], str]:
    def respond(response: ComprehendResponse) -> str:
        texts = json.loads(response.body).get("TextList", [])
        if not 1 <= len(texts) <= MAX_DOCUMENTS:
            raise JsonRESTError("BatchSizeLimitExceededException", f"TextList has {len(texts)} documents; 1 to {MAX_DOCUMENTS}")
        if not faults.admits(len(texts)):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        return json.dumps(_answer(name, analyse, faults, texts))

    return respond


def _answer(name: str, analyse: Callable[[str], dict[str, Any]], faults: Faults, texts: list[str]) -> dict[str, Any]:
    results, errors = [], []
    for index, text in enumerate(texts):
        if not text or len(text.encode()) > MAX_BYTES:
            errors.append(
                {"Index": index, "ErrorCode": "TEXT_SIZE_LIMIT_EXCEEDED", "ErrorMessage": "Input text size exceeds limit"}
            )
        elif faults.fails(name, index, text):
            errors.append({"Index": index, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "Internal server error"})
        else:
            results.append({"Index": index, **faults.distort(text, analyse(text))})
    return {"ResultList": results, "ErrorList": errors}
