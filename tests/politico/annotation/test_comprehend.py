"""Texts to annotations: batches of the service's size, failures tried again, offsets checked, and every text answered."""

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.local_cloud import LocalCloud
from local.comprehend import BURST, Faults
from politico.annotation.comprehend import (
    ATTEMPTS,
    CALL_ATTEMPTS,
    MAX_BYTES,
    MAX_DOCUMENTS,
    MISFIT,
    REFUSED,
    TEXT_TOO_LONG,
    Backoff,
    annotate,
)
from politico.annotation.labels import SENTIMENTS, Annotation, Entity, KeyPhrase, misfit
from politico.annotation.pace import Pace
from politico.lake import places
from politico.tweets.politician import Politician, Registry
from tests.support.paths import SHARED

ANSWERS = SHARED / "comprehend"
ANALYSES = ("sentiment", "entities", "key_phrases")
SENTIMENT = {"Sentiment": "POSITIVE", "SentimentScore": {"Positive": 0.7, "Negative": 0.1, "Neutral": 0.1, "Mixed": 0.1}}

Answer = dict[str, Any]


class FakeComprehend:
    """The service's shape and limits. `stubborn` texts fail always, `moody` ones as often as their number says.

    `spoil` may change an answer, or raise, given the analysis and the texts.
    """

    def __init__(
        self,
        stubborn: tuple[str, ...] = (),
        moody: dict[str, int] | None = None,
        refused: tuple[str, ...] = (),
        spoil: Callable[[str, list[str], Answer], Answer] | None = None,
    ) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self._left = Counter(dict.fromkeys(stubborn, 10**6)) + Counter(moody or {})
        self._failing = {name: Counter(self._left) for name in ANALYSES}
        self._refused = refused
        self._spoil = spoil

    def _answer(self, name: str, texts: list[str], language: str, item: Any) -> Answer:
        assert language == "es"
        assert 1 <= len(texts) <= 25, "BatchSizeLimitExceededException"
        assert all(0 < len(text.encode()) <= 5000 for text in texts)
        self.calls.append((name, texts))
        if any(text in self._refused for text in texts):
            raise client_error("InvalidRequestException")
        results: list[Answer] = []
        errors: list[Answer] = []
        for index, text in enumerate(texts):
            if self._failing[name][text] > 0:
                self._failing[name][text] -= 1
                errors.append({"Index": index, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "…"})
            else:
                results.append({"Index": index, **item(text)})
        answer = {"ResultList": results, "ErrorList": errors}
        return self._spoil(name, texts, answer) if self._spoil else answer

    def batch_detect_sentiment(self, *, TextList: list[str], LanguageCode: str) -> Answer:  # noqa: N803 the service's names
        return self._answer("sentiment", TextList, LanguageCode, lambda _text: SENTIMENT)

    def batch_detect_entities(self, *, TextList: list[str], LanguageCode: str) -> Answer:  # noqa: N803
        item = {"Score": 0.9, "Type": "PERSON", "BeginOffset": 0}
        return self._answer(
            "entities", TextList, LanguageCode, lambda text: {"Entities": [{**item, "Text": text, "EndOffset": len(text)}]}
        )

    def batch_detect_key_phrases(self, *, TextList: list[str], LanguageCode: str) -> Answer:  # noqa: N803
        item = {"Score": 0.8, "BeginOffset": 0}
        return self._answer(
            "key_phrases", TextList, LanguageCode, lambda text: {"KeyPhrases": [{**item, "Text": text, "EndOffset": len(text)}]}
        )

    def offered(self, name: str = "sentiment") -> list[list[str]]:
        return [texts for called, texts in self.calls if called == name]


class Rests:
    """Backoff whose rests are noted and not taken."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def backoff(self, chance: float = 1.0) -> Backoff:
        return Backoff(sleep=self.taken.append, chance=lambda: chance)


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "BatchDetect…")


def free() -> Pace:
    """As fast as it goes."""
    return Pace(1000, sleep=lambda _seconds: None)


def answers_to(texts: Sequence[str], client: Any) -> list[Annotation | str]:
    return annotate(texts, client, free(), Rests().backoff())


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
    assert answers_to(texts, client) == [annotation_of(text) for text in texts]
    assert [(name, len(batch)) for name, batch in client.calls] == [
        (name, size) for size in (MAX_DOCUMENTS, MAX_DOCUMENTS, 10) for name in ANALYSES
    ]


def test_nothing_to_annotate_asks_for_nothing() -> None:
    client = FakeComprehend()
    assert answers_to([], client) == []
    assert client.calls == []


# A document that fails


def test_documents_that_failed_are_offered_together_again_then_one_by_one() -> None:
    client = FakeComprehend(moody={"b": 1, "c": 2, "d": 3})
    assert answers_to(["a", "b", "c", "d"], client) == [annotation_of(text) for text in "abcd"]
    assert client.offered() == [["a", "b", "c", "d"], ["b", "c", "d"], ["c"], ["d"], ["d"]]


def test_a_document_that_keeps_failing_is_set_aside_while_its_batch_goes_on() -> None:
    client = FakeComprehend(stubborn=("b",))
    assert answers_to(["a", "b", "c"], client) == [annotation_of("a"), REFUSED, annotation_of("c")]
    assert client.offered() == [["a", "b", "c"], *[["b"]] * (ATTEMPTS - 1)]


def test_what_one_analysis_could_not_do_the_others_are_not_paid_for() -> None:
    client = FakeComprehend(stubborn=("b",))
    answers_to(["a", "b"], client)
    assert client.offered("entities") == client.offered("key_phrases") == [["a"]]


def test_rests_grow_and_differ_by_chance_and_a_good_call_needs_none() -> None:
    rests = Rests()
    annotate(["a", "b"], FakeComprehend(), free(), rests.backoff())
    assert rests.taken == []
    annotate(["a", "b"], FakeComprehend(stubborn=("b",)), free(), rests.backoff())
    assert rests.taken == [0.25, 0.5, 1.0, 2.0]
    less = Rests()
    annotate(["b"], FakeComprehend(stubborn=("b",)), free(), less.backoff(chance=0.0))
    assert less.taken == [one / 2 for one in rests.taken]


@pytest.mark.parametrize("number", [1, 2, 3, 24])
def test_a_call_refused_for_one_document_is_made_again_in_halves(number: int) -> None:
    texts = [f"texto {n}" for n in range(25)]
    client = FakeComprehend(refused=(texts[number],))
    answers = answers_to(texts, client)
    assert answers == [REFUSED if text == texts[number] else annotation_of(text) for text in texts]
    assert len(client.offered("entities")) == 1  # the one at fault was already known


def test_the_last_attempt_still_counts() -> None:
    assert answers_to(["a"], FakeComprehend(moody={"a": ATTEMPTS - 1})) == [annotation_of("a")]
    assert answers_to(["a"], FakeComprehend(moody={"a": ATTEMPTS})) == [REFUSED]


def test_a_text_over_the_services_bytes_is_never_sent() -> None:
    fits, too_long = "ñ" * (MAX_BYTES // 2), "ñ" * (MAX_BYTES // 2) + "a"
    client = FakeComprehend()
    assert answers_to(["a", too_long, fits], client) == [annotation_of("a"), TEXT_TOO_LONG, annotation_of(fits)]
    assert all(batch == ["a", fits] for _name, batch in client.calls)


def test_an_empty_text_is_set_aside_and_never_sent() -> None:
    client = FakeComprehend()
    assert answers_to(["", "  \n"], client) == ["no_text", "no_text"]
    assert client.calls == []


# A call that fails


class Failing(FakeComprehend):
    """Raises what it is given, in turn, before it answers."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self._errors = list(errors)
        self.asked = 0

    def batch_detect_entities(self, **arguments: Any) -> Answer:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        return super().batch_detect_entities(**arguments)


PASSING = [
    client_error("ThrottlingException"),
    client_error("TooManyRequestsException", 429),
    client_error("LimitExceededException"),
    client_error("InternalServerException", 500),
    client_error("Whatever", 503),
    EndpointConnectionError(endpoint_url="https://comprehend"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__ + str(error)[:60])
def test_a_call_that_is_throttled_or_dropped_is_made_again_at_the_pace_until_it_is_time_to_give_up(error: Exception) -> None:
    waited = Counter[str]()

    class Counted:
        def wait(self) -> None:
            waited["times"] += 1

    client = Failing(*[error] * (CALL_ATTEMPTS - 1))
    rests = Rests()
    assert annotate(["a"], client, Counted(), rests.backoff()) == [annotation_of("a")]
    assert client.asked == CALL_ATTEMPTS
    assert waited["times"] == CALL_ATTEMPTS + 2  # the other two analyses once each
    assert len(rests.taken) == CALL_ATTEMPTS - 1
    with pytest.raises(type(error)):
        answers_to(["a"], Failing(*[error] * CALL_ATTEMPTS))


def test_a_call_that_is_not_allowed_is_not_made_again() -> None:
    client = Failing(client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        answers_to(["a"], client)
    assert client.asked == 1


# An answer that does not fit


def shift(name: str, _texts: list[str], answer: Answer) -> Answer:
    for item in answer["ResultList"]:
        for span in item.get("Entities", item.get("KeyPhrases", ())):
            span["BeginOffset"] += 1
            span["EndOffset"] += 1
    return answer


def swap(name: str, _texts: list[str], answer: Answer) -> Answer:
    """The first two documents' answers mixed up."""
    for item in answer["ResultList"]:
        if len(answer["ResultList"]) > 1 and item["Index"] < 2:
            item["Index"] = 1 - item["Index"]
    return answer


def twice(name: str, _texts: list[str], answer: Answer) -> Answer:
    if len(answer["ResultList"]) > 1:
        answer["ResultList"][1]["Index"] = 0
        if name == "sentiment":  # no offsets tell that this is not about the first text
            answer["ResultList"][1]["Sentiment"] = "NEGATIVE"
    return answer


def outside(name: str, texts: list[str], answer: Answer) -> Answer:
    answer["ResultList"].append({**answer["ResultList"][0], "Index": len(texts)})
    answer["ResultList"].append({**answer["ResultList"][0], "Index": -1})
    return answer


def missing(name: str, texts: list[str], answer: Answer) -> Answer:
    return {"ResultList": answer["ResultList"][:1]}


def contradictory(name: str, texts: list[str], answer: Answer) -> Answer:
    if len(texts) > 1:
        answer["ErrorList"].append({"Index": 1, "ErrorCode": "INTERNAL_SERVER_ERROR", "ErrorMessage": "…"})
    return answer


@pytest.mark.parametrize("spoil", [swap, twice, outside, missing, contradictory], ids=lambda spoil: spoil.__name__)
def test_a_batch_whose_answer_is_mixed_up_is_asked_again_until_every_text_has_its_own(spoil: Any) -> None:
    texts = ["uno", "dos", "tres"]
    assert answers_to(texts, FakeComprehend(spoil=spoil)) == [annotation_of(text) for text in texts]


def test_offsets_that_never_fit_set_the_document_aside_with_that_reason() -> None:
    def only_two(name: str, texts: list[str], answer: Answer) -> Answer:
        return shift(name, texts, answer) if "dos" in texts else answer

    assert answers_to(["uno"], FakeComprehend(spoil=only_two)) == [annotation_of("uno")]
    client = FakeComprehend(spoil=only_two)
    assert answers_to(["uno", "dos"], client) == [annotation_of("uno"), MISFIT]
    assert client.offered("entities")[-1] == ["dos"]


def test_offsets_count_characters_and_not_bytes() -> None:
    text = "🙂 ñandú en Ñuñoa"
    assert not misfit("entities", {"Entities": [entity("Ñuñoa", 11, 16)]}, text)
    assert misfit("entities", {"Entities": [entity("Ñuñoa", 16, 23)]}, text)  # bytes
    assert misfit("entities", {"Entities": [entity("Ñuñoa", 12, 17)]}, text)  # UTF-16


def entity(text: str, begin: int, end: int) -> Answer:
    return {"Score": 0.9, "Type": "LOCATION", "Text": text, "BeginOffset": begin, "EndOffset": end}


@pytest.mark.parametrize(
    ("analysis", "item"),
    [
        ("entities", {}),
        ("entities", {"Entities": None}),
        ("entities", {"Entities": [{"Text": "uno"}]}),
        ("entities", {"Entities": [entity("o", -1, 3)]}),
        ("entities", {"Entities": [entity("uno", 0, 30)]}),
        ("entities", {"Entities": [entity("", 0, 0)]}),
        ("key_phrases", {"KeyPhrases": [{"Text": "uno", "BeginOffset": 0, "EndOffset": 3, "Score": None}]}),
        ("sentiment", {"Sentiment": "GOOD", "SentimentScore": SENTIMENT["SentimentScore"]}),
        ("sentiment", {"Sentiment": "POSITIVE", "SentimentScore": {"Positive": 1}}),
        ("sentiment", {"Sentiment": "POSITIVE"}),
    ],
)
def test_an_item_without_what_an_annotation_takes_does_not_fit(analysis: str, item: Answer) -> None:
    assert misfit(analysis, item, "uno")


# All of it together


@settings(deadline=None)
@given(
    texts=st.lists(
        st.sampled_from(["a", "b", "ñandú 🙂", "stubborn", "refused", "shifted", "x" * (MAX_BYTES + 1), " "]), max_size=70
    ),
    seed=st.integers(0, 10**6),
    failing=st.sampled_from([0.0, 0.1, 0.5]),
    throttled=st.sampled_from([0.0, 0.3]),
)
def test_every_text_is_answered_in_its_place_and_what_can_be_annotated_is(
    texts: list[str], seed: int, failing: float, throttled: float
) -> None:
    """Whatever a document fails on by chance ends before its attempts do."""
    chance = random.Random(seed)
    lapses: Counter[tuple[str, str]] = Counter()
    in_a_row = Counter[str]()

    def spoil(name: str, batch: list[str], answer: Answer) -> Answer:
        if chance.random() < throttled and in_a_row[name] < CALL_ATTEMPTS - 1:
            in_a_row[name] += 1
            raise client_error("ThrottlingException")
        in_a_row[name] = 0
        for item in list(answer["ResultList"]):
            text = batch[item["Index"]]
            if text == "shifted":
                shift(name, batch, {"ResultList": [item]})
            elif chance.random() < failing and lapses[name, text] < ATTEMPTS - 1:
                lapses[name, text] += 1
                answer["ResultList"].remove(item)
                if chance.random() < 0.5:
                    answer["ErrorList"].append({"Index": item["Index"], "ErrorCode": "INTERNAL_SERVER_ERROR"})
                elif name != "sentiment":  # or it comes with another's place, or not at all
                    answer["ResultList"].append(shift(name, batch, {"ResultList": [item]})["ResultList"][0])
        chance.shuffle(answer["ResultList"])
        return answer

    answers = answers_to(texts, FakeComprehend(stubborn=("stubborn",), refused=("refused",), spoil=spoil))
    expected = {"stubborn": REFUSED, "refused": REFUSED, "shifted": MISFIT, " ": "no_text", "x" * (MAX_BYTES + 1): TEXT_TOO_LONG}
    assert answers == [expected.get(text) or annotation_of(text) for text in texts]


# The service's own answers


@pytest.fixture
def documented() -> dict[str, list[dict[str, Any]]]:
    if not ANSWERS.is_dir():
        pytest.skip(f"the documented answers are not at {ANSWERS}")
    names = ("sentiment", "entities", "key-phrases")
    read = {name: json.loads((ANSWERS / f"batch-detect-{name}.json").read_text(encoding="utf-8")) for name in names}
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


@pytest.mark.parametrize(("name", "listed"), [("entities", "Entities"), ("key-phrases", "KeyPhrases")])
def test_the_documented_offsets_fit_a_text_that_has_what_they_name_and_no_other(
    documented: dict[str, list[dict[str, Any]]], name: str, listed: str
) -> None:
    """One span of the examples, an e-mail address, is longer than its own offsets, in both analyses: no text fits it."""
    analysis, impossible = name.replace("-", "_"), []
    for item in documented[name]:
        text = [" "] * (max(one["EndOffset"] for one in item[listed]) + 1)
        fitting = []
        for one in item[listed]:
            if len(one["Text"]) == one["EndOffset"] - one["BeginOffset"]:
                fitting.append(one)
                text[one["BeginOffset"] : one["EndOffset"]] = one["Text"]
            else:
                impossible.append((one["BeginOffset"], one["EndOffset"]))
        assert not misfit(analysis, {listed: fitting}, "".join(text))
        assert misfit(analysis, {listed: fitting}, " " + "".join(text))
        assert misfit(analysis, item, "".join(text)) == (len(fitting) < len(item[listed]))
    assert impossible == [(84, 99)]
    for item in documented["sentiment"]:
        assert not misfit("sentiment", item, "")


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


# The stand-in


class Standing(FakeComprehend):
    """The stand-in's faults before the fake's answers, in time that passes only while somebody waits."""

    def __init__(self, faults: Faults, now: list[float]) -> None:
        super().__init__(spoil=self._strike)
        self.faults, self.now = faults, now

    def _strike(self, name: str, texts: list[str], answer: Answer) -> Answer:
        if not self.faults.admits(len(texts)):
            raise client_error("ThrottlingException")
        kept = [item for item in answer["ResultList"] if not self.faults.fails(name, item["Index"], texts[item["Index"]])]
        return {"ResultList": [self.faults.distort(texts[item["Index"]], item) for item in kept], "ErrorList": []}


def stand_in() -> tuple[Standing, Callable[[float], None]]:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Standing(Faults(lambda: now[0]), now), sleep


def test_the_stand_in_throttles_whoever_is_faster_than_its_rate() -> None:
    client, _sleep = stand_in()
    admitted = [client.faults.admits(1) for _ in range(BURST + 5)]
    assert admitted == [True] * BURST + [False] * 5
    client.now[0] += 1
    assert [client.faults.admits(1) for _ in range(25)].count(True) == 20
    assert client.faults.describe() == {"rate": 20.0, "calls": BURST + 30, "throttled_calls": 10, "documents": BURST + 20}
    client.faults.rate = 0
    assert all(client.faults.admits(1) for _ in range(100))


def test_at_its_pace_nothing_is_throttled_and_nothing_waits_longer_than_the_rate_demands() -> None:
    client, sleep = stand_in()
    texts = [f"texto {n}" for n in range(1000)]
    pace = Pace(20, clock=lambda: client.now[0], sleep=sleep)
    assert annotate(texts, client, pace, Backoff(sleep=sleep)) == [annotation_of(text) for text in texts]
    assert (client.faults.calls, client.faults.throttled_calls) == (120, 0)
    assert client.now[0] == pytest.approx(119 / 20)


def test_faster_than_the_service_everything_is_annotated_all_the_same() -> None:
    client, sleep = stand_in()
    texts = [f"texto {n}" for n in range(1000)]
    pace = Pace(1000, clock=lambda: client.now[0], sleep=sleep)
    assert annotate(texts, client, pace, Backoff(sleep=sleep)) == [annotation_of(text) for text in texts]
    assert client.faults.throttled_calls > 0


def test_half_of_each_batch_failing_the_first_time_costs_one_more_call_an_analysis() -> None:
    client, sleep = stand_in()
    client.faults.half = True
    texts = [f"texto {n}" for n in range(25)]
    assert annotate(texts, client, free(), Backoff(sleep=sleep)) == [annotation_of(text) for text in texts]
    assert [(name, len(batch)) for name, batch in client.calls] == [(name, size) for name in ANALYSES for size in (25, 12)]


def test_documents_can_be_made_to_fail_or_to_come_with_shifted_offsets_by_their_words() -> None:
    client, sleep = stand_in()
    client.faults.fail_texts, client.faults.shifted = ["malo"], ["corrido"]
    texts = ["bueno", "muy malo", "corrido"]
    assert annotate(texts, client, free(), Backoff(sleep=sleep)) == [annotation_of("bueno"), REFUSED, MISFIT]


# The local cloud


def test_the_local_clouds_comprehend_fails_on_demand_and_says_how_much_it_was_asked(cloud: LocalCloud) -> None:
    client = cloud.services().client("comprehend")
    texts = [f"La senadora visitó Puerto Grande {n} veces 🙂" for n in range(50)]
    pace, before = Pace(20), cloud.ask("comprehend")
    plain = annotate(texts, client, pace)
    cloud.ask("faults", {"comprehend": {"half": True, "fail_texts": [" 7 "], "shifted": [" 9 "]}})
    try:
        struck = annotate(texts, client, pace)
    finally:
        cloud.ask("faults", {"comprehend": {"half": False, "fail_texts": [], "shifted": []}})
    after = cloud.ask("comprehend")
    assert all(isinstance(one, Annotation) for one in plain)
    assert struck == [{7: REFUSED, 9: MISFIT}.get(n, one) for n, one in enumerate(plain)]
    assert after["calls"] - before["calls"] > 12
    assert after["throttled_calls"] == before["throttled_calls"]


def test_deployed_functions_that_annotate_at_once_are_never_throttled(cloud: LocalCloud) -> None:
    services = cloud.services()
    lake, run = services.lake, "20240601-120000-aaaaaaaa"
    functions = services.client("lambda", read_timeout=120)
    (name,) = (one["FunctionName"] for one in functions.list_functions()["Functions"] if ".annotate." in one["Handler"])
    registry = [
        Politician("ana", "7", "Ana", "Senadora", "Norte", "PVA"),
        Politician("luz", "8", "Luz", "Alcaldesa", "Sur", "UDI"),
    ]
    lake.write(places.REGISTRY, Registry(registry).to_csv().encode())
    for user in ("7", "8"):
        posts = [
            {
                "id": f"{user}{n:05}",
                "author_id": user,
                "created_at": "2024-05-31T12:00:00.000Z",
                "text": f"Hoy es un gran día {n}",
            }
            for n in range(600)
        ]
        lake.write_lines(places.raw_page(run, user, "2", "1"), [{"data": posts}])

    def invoke(user: str) -> Any:
        account = {"pages_run": run, "user_id": user, "reference": "2024-06-01T12:00:00.000Z", "mark": "a"}
        event = {"run": run, "part": user, "accounts": [account]}
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    before = cloud.ask("comprehend")
    try:
        with ThreadPoolExecutor(2) as both:
            assert list(both.map(invoke, ["7", "8"])) == [{"part": "7"}, {"part": "8"}]
    finally:
        lake.erase(places.REGISTRY)
    after = cloud.ask("comprehend")
    assert after["calls"] - before["calls"] == 2 * 600 // MAX_DOCUMENTS * 3
    assert after["throttled_calls"] == before["throttled_calls"]
    assert [lake.read_json(places.part_counts(run, user))["accounts"][0]["kept"] for user in ("7", "8")] == [600, 600]
