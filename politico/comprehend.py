"""Texts to annotations through Comprehend's BatchDetect calls; what fails in a batch is tried again on its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from politico.annotation import Annotation

MAX_DOCUMENTS = 25
"""Documents a call takes."""
MAX_BYTES = 5_000
"""UTF-8 bytes a document may have."""
ATTEMPTS = 3
"""How often a document is offered before it is set aside."""
TEXT_TOO_LONG = "text_too_long"
NO_TEXT = "no_text"
REFUSED = "annotation_failed"

Item = Mapping[str, Any]


def annotate(texts: Sequence[str], client: Any, language: str = "es") -> list[Annotation | str]:
    """One answer a text, in order: its annotation, or the short reason why there is none.

    `client` is boto3's for Comprehend. Throttling and outages raise botocore's ClientError once the client's own retries
    are used up: the whole call may be tried again.
    """
    analyses = (client.batch_detect_sentiment, client.batch_detect_entities, client.batch_detect_key_phrases)
    answers: list[Annotation | str] = [TEXT_TOO_LONG if text.strip() else NO_TEXT for text in texts]
    fitting = [index for index, text in enumerate(texts) if text.strip() and len(text.encode()) <= MAX_BYTES]
    for start in range(0, len(fitting), MAX_DOCUMENTS):
        batch = fitting[start : start + MAX_DOCUMENTS]
        documents = [texts[index] for index in batch]
        results = [_detect(call, documents, language) for call in analyses]
        for index, items in zip(batch, zip(*results, strict=True), strict=True):
            answers[index] = REFUSED if None in items else Annotation.from_comprehend(*items)
    return answers


def _detect(call: Callable[..., Any], documents: Sequence[str], language: str) -> list[Item | None]:
    """One item a document, None where the service failed on it every time."""
    found: dict[int, Item] = {}
    waiting = list(range(len(documents)))
    for attempt in range(ATTEMPTS):
        batches = [waiting] if attempt == 0 else [[index] for index in waiting]
        for batch in batches:
            try:
                answer = call(TextList=[documents[index] for index in batch], LanguageCode=language)
            except ClientError as error:
                if error.response["Error"]["Code"] in ("InvalidRequestException", "TextSizeLimitExceededException"):
                    continue
                raise
            found.update((batch[item["Index"]], item) for item in answer["ResultList"])
        waiting = [index for index in waiting if index not in found]
        if not waiting:
            break
    return [found.get(index) for index in range(len(documents))]
