"""Texts to annotations: batches of the service's size, failures tried again one by one, and every text answered."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from politico.annotation import SENTIMENTS, Annotation, Entity, KeyPhrase
from politico.comprehend import ATTEMPTS, MAX_BYTES, MAX_DOCUMENTS, REFUSED, TEXT_TOO_LONG, annotate

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "comprehend"


class FakeComprehend:
    """The service's shape and limits. `stubborn` texts fail always, `moody` ones as often as their number says."""

    def __init__(
        self, stubborn: tuple[str, ...] = (), moody: dict[str, int] | None = None, refused: tuple[str, ...] = ()
    ) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self._left = Counter(dict.fromkeys(stubborn, 10**6)) + Counter(moody or {})
        self._failing = {name: Counter(self._left) for name in ("sentiment", "entities", "key_phrases")}
        self._refused = refused

    def _answer(self, name: str, texts: list[str], language: str, item: Any) -> dict[str, Any]:
        assert language == "es"
        assert 1 <= len(texts) <= 25, "BatchSizeLimitExceededException"
        assert all(0 < len(text.encode()) <= 5000 for text in texts)
        self.calls.append((name, texts))
        if any(text in self._refused for text in texts):
            raise client_error("InvalidRequestException")
        results, errors = [], []
        for index, text in enumerate(texts):
            if self._failing[name][text] > 0:
                self._failing[name][text] -= 1
                errors.append({"Index": index, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "…"})
            else:
                results.append({"Index": index, **item(text)})
        return {"ResultList": results, "ErrorList": errors}

    def batch_detect_sentiment(self, *, TextList: list[str], LanguageCode: str) -> dict[str, Any]:  # noqa: N803 the service's names
        score = {"Positive": 0.7, "Negative": 0.1, "Neutral": 0.1, "Mixed": 0.1}
        return self._answer("sentiment", TextList, LanguageCode, lambda _text: {"Sentiment": "POSITIVE", "SentimentScore": score})

    def batch_detect_entities(self, *, TextList: list[str], LanguageCode: str) -> dict[str, Any]:  # noqa: N803
        item = {"Score": 0.9, "Type": "PERSON", "BeginOffset": 0, "EndOffset": 1}
        return self._answer("entities", TextList, LanguageCode, lambda text: {"Entities": [{**item, "Text": text}]})

    def batch_detect_key_phrases(self, *, TextList: list[str], LanguageCode: str) -> dict[str, Any]:  # noqa: N803
        item = {"Score": 0.8, "BeginOffset": 0, "EndOffset": 1}
        return self._answer("key_phrases", TextList, LanguageCode, lambda text: {"KeyPhrases": [{**item, "Text": text}]})


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "…"}}, "BatchDetectSentiment")


def annotation_of(text: str) -> Annotation:
    return Annotation(
        sentiment="POSITIVE",
        sentiment_score={"positive": 0.7, "negative": 0.1, "neutral": 0.1, "mixed": 0.1},
        entities=(Entity(text, "PERSON", 0.9),),
        key_phrases=(KeyPhrase(text, 0.8),),
    )


def test_every_text_gets_its_own_annotation_in_order() -> None:
    texts = [f"texto {n}" for n in range(60)]
    client = FakeComprehend()
    assert annotate(texts, client) == [annotation_of(text) for text in texts]
    assert [(name, len(batch)) for name, batch in client.calls] == [
        (name, size) for size in (MAX_DOCUMENTS, MAX_DOCUMENTS, 10) for name in ("sentiment", "entities", "key_phrases")
    ]


def test_nothing_to_annotate_asks_for_nothing() -> None:
    client = FakeComprehend()
    assert annotate([], client) == []
    assert client.calls == []


def test_a_document_that_failed_once_is_offered_again_on_its_own() -> None:
    client = FakeComprehend(moody={"b": 1})
    assert annotate(["a", "b", "c"], client) == [annotation_of(text) for text in "abc"]
    assert client.calls[:2] == [("sentiment", ["a", "b", "c"]), ("sentiment", ["b"])]


def test_a_document_that_keeps_failing_is_set_aside_while_its_batch_goes_on() -> None:
    client = FakeComprehend(stubborn=("b",))
    assert annotate(["a", "b", "c"], client) == [annotation_of("a"), REFUSED, annotation_of("c")]
    offered = [batch for name, batch in client.calls if name == "sentiment"]
    assert offered == [["a", "b", "c"], *[["b"]] * (ATTEMPTS - 1)]


def test_a_document_that_spoils_its_whole_batch_costs_nobody_else() -> None:
    client = FakeComprehend(refused=("b",))
    assert annotate(["a", "b", "c"], client) == [annotation_of("a"), REFUSED, annotation_of("c")]


def test_the_last_attempt_still_counts() -> None:
    assert annotate(["a"], FakeComprehend(moody={"a": ATTEMPTS - 1})) == [annotation_of("a")]
    assert annotate(["a"], FakeComprehend(moody={"a": ATTEMPTS})) == [REFUSED]


def test_a_text_over_the_services_bytes_is_never_sent() -> None:
    fits, too_long = "ñ" * (MAX_BYTES // 2), "ñ" * (MAX_BYTES // 2) + "a"
    client = FakeComprehend()
    assert annotate(["a", too_long, fits], client) == [annotation_of("a"), TEXT_TOO_LONG, annotation_of(fits)]
    assert all(batch == ["a", fits] for _name, batch in client.calls)


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException", "AccessDeniedException"])
def test_an_outage_is_not_taken_for_a_bad_document(code: str) -> None:
    class Down(FakeComprehend):
        def batch_detect_entities(self, **_arguments: Any) -> dict[str, Any]:
            raise client_error(code)

    with pytest.raises(ClientError, match=code):
        annotate(["a"], Down())


@given(st.lists(st.sampled_from(["a", "b", "stubborn", "moody", "x" * (MAX_BYTES + 1)]), max_size=60))
def test_every_text_is_answered_in_its_place(texts: list[str]) -> None:
    answers = annotate(texts, FakeComprehend(stubborn=("stubborn",), moody={"moody": 1}))
    for text, answer in zip(texts, answers, strict=True):
        if text == "stubborn":
            assert answer == REFUSED
        elif len(text) > MAX_BYTES:
            assert answer == TEXT_TOO_LONG
        elif text != "moody":
            assert answer == annotation_of(text)


# The service's own answers


@pytest.fixture
def documented() -> dict[str, list[dict[str, Any]]]:
    if not SHARED.is_dir():
        pytest.skip(f"the documented answers are not at {SHARED}")
    names = ("sentiment", "entities", "key-phrases")
    read = {name: json.loads((SHARED / f"batch-detect-{name}.json").read_text(encoding="utf-8")) for name in names}
    return {name: body["ResultList"] for name, body in read.items()}


def test_the_documented_answers_are_understood(documented: dict[str, list[dict[str, Any]]]) -> None:
    found = [
        Annotation.from_comprehend(*items)
        for items in zip(documented["sentiment"], documented["entities"], documented["key-phrases"], strict=False)
    ]
    assert [one.sentiment for one in found] == ["NEGATIVE", "POSITIVE"]
    assert found[0].entities[0] == Entity("Jane", "PERSON", 0.9985517859458923)
    assert found[0].key_phrases[0] == KeyPhrase("Zhang Wei", 0.99700927734375)
    for one in found:
        assert one.sentiment in SENTIMENTS
        assert set(one.sentiment_score) == {name.lower() for name in SENTIMENTS}
        assert Annotation.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_the_fake_answers_in_the_documented_shape(documented: dict[str, list[dict[str, Any]]]) -> None:
    fake = FakeComprehend()
    calls = {
        "sentiment": fake.batch_detect_sentiment,
        "entities": fake.batch_detect_entities,
        "key-phrases": fake.batch_detect_key_phrases,
    }
    for name, call in calls.items():
        item = call(TextList=["a"], LanguageCode="es")["ResultList"][0]
        real = documented[name][0]
        assert item.keys() == real.keys()
        for key, value in item.items():
            if isinstance(value, list):
                assert value[0].keys() == real[key][0].keys()
            elif isinstance(value, dict):
                assert value.keys() == real[key].keys()


def test_an_empty_text_is_set_aside_and_never_sent() -> None:
    class Refusing:
        def _detect(self, **_: object) -> None:
            raise AssertionError("an empty text was sent")

        batch_detect_sentiment = batch_detect_entities = batch_detect_key_phrases = _detect

    assert annotate(["", "  \n"], Refusing()) == ["no_text", "no_text"]
