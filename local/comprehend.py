"""Comprehend's BatchDetect calls, which moto lacks: the service's shape and limits over small Spanish analyzers of our own.

They stand in for how the service is called and how it fails, not for how well it understands a text.
"""

import json
import random
import threading
from collections.abc import Callable
from typing import Any

from moto.comprehend.responses import ComprehendResponse
from moto.core.exceptions import JsonRESTError

from local import analyzers
from politico.comprehend import MAX_BYTES, MAX_DOCUMENTS


class Faults:
    """Failures on demand, as shares of what is asked; read by every call."""

    def __init__(self) -> None:
        self.throttled = 0.0
        """Share of the calls that are throttled."""
        self.failing = 0.0
        """Share of the documents that land in ErrorList."""
        self._random = random.Random(7)
        self._lock = threading.Lock()

    def strike(self, share: float) -> bool:
        with self._lock:
            return share > 0 and self._random.random() < share


def install(faults: Faults) -> None:
    """Teach moto's Comprehend the three calls."""

    def sentiment(text: str) -> dict[str, Any]:
        label, scores = analyzers.sentiment(text)
        return {"Sentiment": label, "SentimentScore": scores}

    for name, analyse in (
        ("batch_detect_sentiment", sentiment),
        ("batch_detect_entities", lambda text: {"Entities": analyzers.entities(text)}),
        ("batch_detect_key_phrases", lambda text: {"KeyPhrases": analyzers.key_phrases(text)}),
    ):
        setattr(ComprehendResponse, name, _call(analyse, faults))


def _call(analyse: Callable[[str], dict[str, Any]], faults: Faults) -> Callable[[ComprehendResponse], str]:
    def respond(response: ComprehendResponse) -> str:
        texts = json.loads(response.body).get("TextList", [])
        if not 1 <= len(texts) <= MAX_DOCUMENTS:
            raise JsonRESTError("BatchSizeLimitExceededException", f"TextList has {len(texts)} documents; 1 to {MAX_DOCUMENTS}")
        if faults.strike(faults.throttled):
            raise JsonRESTError("ThrottlingException", "Rate exceeded")
        results, errors = [], []
        for index, text in enumerate(texts):
            if not text or len(text.encode()) > MAX_BYTES:
                errors.append(
                    {"Index": index, "ErrorCode": "TEXT_SIZE_LIMIT_EXCEEDED", "ErrorMessage": "Input text size exceeds limit"}
                )
            elif faults.strike(faults.failing):
                errors.append({"Index": index, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "Internal server error"})
            else:
                results.append({"Index": index, **analyse(text)})
        return json.dumps({"ResultList": results, "ErrorList": errors})

    return respond
