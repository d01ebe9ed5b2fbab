"""Posts to kept tweets: every post is kept, filtered or rejected, once; kept tweets lie under their day; burials win."""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pyarrow as pa
import pyarrow.json
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from functions import environment
from functions.ingest import annotate as function
from politico.annotation.comprehend import MAX_BYTES
from politico.ingest.annotating import Outcome, RejectedPost, annotate_posts, by_day, replaced_elsewhere
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import Tombstones, bury, fingerprint
from politico.ledger.table import KEY
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import Rules, snowflake_time, write_time
from tests.politico.annotation.test_comprehend import FakeComprehend, annotation_of, answers_to

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
TEXT = "uno dos tres cuatro cinco"


def post(number: Any, text: str = TEXT, **changes: Any) -> dict[str, Any]:
    return {"id": number, "author_id": "7", "created_at": write_time(NOW - timedelta(days=1)), "text": text, **changes}


def outcome(*posts: Any, client: Any = None, buried: Tombstones | None = None) -> Outcome:
    (one,) = annotate_posts([(posts, NOW)], Rules(), lambda texts: answers_to(texts, client or FakeComprehend()), buried)
    return one


def tombstones(*tweets: str, users: tuple[str, ...] = ()) -> Tombstones:
    return Tombstones(frozenset(["key"]), frozenset(map(fingerprint, tweets)), frozenset(map(fingerprint, users)))


def test_originals_are_kept_with_their_annotation() -> None:
    done = outcome(post("1"), post("2", TEXT + " seis"))
    assert [(tweet.id_str, annotation) for tweet, annotation in done.kept] == [
        ("1", annotation_of(TEXT)),
        ("2", annotation_of(TEXT + " seis")),
    ]
    assert done.counts() == {"read": 2, "kept": 2, "filtered": {}, "rejected": {}}


def test_what_is_filtered_is_counted_by_rule_and_never_annotated() -> None:
    client = FakeComprehend()
    done = outcome(
        post("1"),
        post("2", "RT @ana: " + TEXT),
        post("3", referenced_tweets=[{"type": "quoted", "id": "1"}]),
        post("4", "corto"),
        post("5", "corto"),
        post("6", created_at="2020-01-01T00:00:00Z"),
        post("7", edit_controls={"editable_until": write_time(NOW + timedelta(minutes=1))}),
        client=client,
    )
    assert done.filtered == {"retweet": 1, "quote": 1, "too_short": 2, "too_old": 1, "still_editable": 1}
    assert [len(texts) for _name, texts in client.calls] == [1, 1, 1]


def test_what_cannot_be_read_is_rejected_by_reason_and_without_its_text() -> None:
    done = outcome(post("1"), post("x", "un secreto de cinco palabras"), post("3", created_at="ayer"), "hola", {}, None)
    assert [one.to_json() for one in done.rejects] == [
        {"id": "x", "reason": "bad_id"},
        {"id": "3", "reason": "bad_created_at"},
        {"id": "", "reason": "not_an_object"},
        {"id": "None", "reason": "no_text"},
        {"id": "", "reason": "not_an_object"},
    ]
    assert done.counts()["rejected"] == {"bad_id": 1, "bad_created_at": 1, "not_an_object": 2, "no_text": 1}


def test_one_broken_post_does_not_stop_its_part() -> None:
    """Entities of an unforeseen shape ended the whole part, and every later run's with it."""
    done = outcome(post("1", entities={"hashtags": None}), post("2", "medio par \ud83d uno dos"), post("3"))
    assert [one.reason for one in done.rejects] == ["broken_post", "bad_encoding"]
    assert len(done.kept) == 1


def test_what_comprehend_refuses_is_rejected_and_the_rest_of_its_batch_kept() -> None:
    done = outcome(
        post("1"), post("2", TEXT + " malo"), post("3", "a " * MAX_BYTES), client=FakeComprehend(stubborn=(TEXT + " malo",))
    )
    assert [tweet.id_str for tweet, _annotation in done.kept] == ["1"]
    assert [one.to_json() for one in done.rejects] == [
        {"id": "2", "reason": "annotation_failed"},
        {"id": "3", "reason": "text_too_long"},
    ]


def test_of_a_post_read_twice_the_later_reading_is_kept() -> None:
    done = outcome(post("1"), post("1", TEXT + " seis"), post("1", TEXT + " siete"))
    assert [tweet.text for tweet, _annotation in done.kept] == [TEXT + " siete"]
    assert done.filtered == {"repeated": 2}


def test_a_version_that_was_edited_gives_way_to_its_successor() -> None:
    done = outcome(post("2", TEXT + " seis", edit_history_tweet_ids=["1", "2"]), post("1", edit_history_tweet_ids=["1", "2"]))
    assert [tweet.id_str for tweet, _annotation in done.kept] == ["2"]
    assert done.filtered == {"replaced_by_edit": 1}


some_posts = st.one_of(
    st.builds(
        post,
        st.integers(1, 6).map(str) | st.sampled_from(["x", None, 1.5]),
        st.sampled_from([TEXT, "corto", "RT @ana: " + TEXT, "", TEXT + " malo", "a " * MAX_BYTES]),
        created_at=st.sampled_from([write_time(NOW), "2020-01-01T00:00:00Z", "ayer"]),
        edit_history_tweet_ids=st.lists(st.integers(1, 6).map(str), max_size=3),
        referenced_tweets=st.sampled_from([None, [], [{"type": "quoted"}], ["1"]]),
        edit_controls=st.sampled_from([None, {"editable_until": write_time(NOW + timedelta(minutes=1))}]),
    ),
    st.sampled_from([None, 7, "hola", [], {}]),
)


@given(st.lists(some_posts, max_size=30))
def test_read_is_kept_plus_filtered_plus_rejected(posts: list[Any]) -> None:
    done = outcome(*posts, client=FakeComprehend(stubborn=(TEXT + " malo",)))
    counts = done.counts()
    assert counts["read"] == len(posts)
    assert counts["read"] == counts["kept"] + sum(counts["filtered"].values()) + sum(counts["rejected"].values())
    kept = [tweet.id_str for tweet, _annotation in done.kept]
    assert len(kept) == len(set(kept))
    for tweet, annotation in done.kept:
        assert annotation == annotation_of(tweet.text)
        assert Rules().refusal(tweet, NOW) is None


def test_counts_that_do_not_reconcile_are_our_own_bug() -> None:
    with pytest.raises(AssertionError, match="counts do not reconcile"):
        Outcome(read=2, kept=[], filtered={"retweet": 1}, rejects=[]).counts()


def test_kept_tweets_lie_under_the_day_they_were_written_in_the_registrys_zone() -> None:
    done = outcome(
        post("10", created_at="2024-05-04T03:59:59Z"),
        post("9", created_at="2024-05-03T12:00:00Z"),
        post("11", created_at="2024-05-04T04:00:00Z"),
    )
    days = by_day(done.kept, ZoneInfo("America/Santiago"))
    assert [(day, [tweet.id_str for tweet, _ in kept]) for day, kept in days.items()] == [
        (date(2024, 5, 3), ["9", "10"]),
        (date(2024, 5, 4), ["11"]),
    ]
    assert list(by_day(done.kept, ZoneInfo("UTC"))) == [date(2024, 5, 3), date(2024, 5, 4)]


def test_accounts_share_the_services_batches_and_each_has_its_own_outcome() -> None:
    client = FakeComprehend(stubborn=(TEXT + " malo",))
    lists = [[post("1"), post("2", TEXT + " malo")], [], [post("1", TEXT + " seis"), post("4", "corto")]]
    first, none, last = annotate_posts([(one, NOW) for one in lists], Rules(), lambda texts: answers_to(texts, client))
    assert client.offered()[0] == [TEXT, TEXT + " malo", TEXT + " seis"]
    assert first.counts() == {"read": 2, "kept": 1, "filtered": {}, "rejected": {"annotation_failed": 1}}
    assert none.counts() == {"read": 0, "kept": 0, "filtered": {}, "rejected": {}}
    assert last.counts() == {"read": 2, "kept": 1, "filtered": {"too_short": 1}, "rejected": {}}
    assert [tweet.text for tweet, _ in last.kept] == [TEXT + " seis"]


def test_every_list_is_judged_by_its_own_date() -> None:
    """A run once judged what another had stored by its own date: an archive's posts were too old, others still editable."""
    old = post("1", created_at=write_time(NOW - timedelta(days=600)))
    lists = [([old], NOW - timedelta(days=590)), ([old], NOW)]
    archive, nightly = annotate_posts(lists, Rules(), lambda texts: answers_to(texts, FakeComprehend()))
    assert (archive.counts()["kept"], nightly.counts()["filtered"]) == (1, {"too_old": 1})


# What is buried


def test_what_is_buried_is_filtered_whatever_else_it_is_and_never_sent() -> None:
    client = FakeComprehend()
    done = outcome(
        post("1"),
        post("2"),
        post("3", "corto"),
        post("5", edit_history_tweet_ids=["4", "5"]),
        post("6", created_at="ayer"),
        post("7", author_id="66"),
        post("8", "", author_id="66"),
        client=client,
        buried=tombstones("2", "3", "4", "6", users=("66",)),
    )
    assert [tweet.id_str for tweet, _ in done.kept] == ["1"]
    assert done.counts() == {"read": 7, "kept": 1, "filtered": {"tombstone": 6}, "rejected": {}}
    assert client.offered() == [[TEXT]]


@given(
    st.lists(some_posts, max_size=30),
    st.sets(st.integers(1, 6).map(str) | st.sampled_from(["x", "None"]), max_size=4),
    st.booleans(),
)
def test_a_burial_before_or_after_annotation_leaves_the_same_tweets(posts: list[Any], ids: set[str], whole_user: bool) -> None:
    buried = tombstones(*ids, users=("7",) if whole_user else ())
    before, after = outcome(*posts, buried=buried), outcome(*posts).without(buried)
    assert before.kept == after.kept
    assert before.rejects == after.rejects
    assert before.counts()["read"] == after.counts()["read"] == len(posts)  # which also checks that both reconcile
    for tweet, _ in after.kept:
        assert not buried.covers(tweet.id_str, tweet.author_id, tweet.previous_ids)


def test_an_outcome_without_anything_buried_stays_as_it_is() -> None:
    done = outcome(post("1"))
    assert done.without(Tombstones()) is done
    assert done.without(tombstones("9")) is done
    assert Outcome(1, [], {"tombstone": 1}, [RejectedPost("2", "no_text")]).without(tombstones("2")).filtered == {"tombstone": 2}


# Edits at midnight


def snowflake(moment: datetime, number: int = 0) -> str:
    """An id written at this moment."""
    milliseconds = round(moment.timestamp() * 1000) - round(snowflake_time("0").timestamp() * 1000)
    return str(milliseconds << 22 | number)


SANTIAGO = ZoneInfo("America/Santiago")
MIDNIGHT = datetime(2024, 5, 4, tzinfo=SANTIAGO)
EVE = snowflake(MIDNIGHT - timedelta(minutes=10))
EARLIER = snowflake(MIDNIGHT - timedelta(minutes=20), 3)
AFTER = snowflake(MIDNIGHT + timedelta(minutes=10))


def edited(*versions: str, written: datetime = MIDNIGHT + timedelta(minutes=10), **changes: Any) -> dict[str, Any]:
    return post(versions[-1], created_at=write_time(written), edit_history_tweet_ids=list(versions), **changes)


def test_versions_replaced_across_midnight_are_listed_under_their_own_day() -> None:
    kept = outcome(edited(EARLIER, EVE, AFTER)).kept
    assert replaced_elsewhere(kept, SANTIAGO) == {date(2024, 5, 3): [EARLIER, EVE]}
    assert replaced_elsewhere(kept, ZoneInfo("UTC")) == {}


def test_versions_of_the_same_day_and_ids_that_tell_no_time_are_not_listed() -> None:
    same_day = edited(snowflake(MIDNIGHT + timedelta(minutes=1)), AFTER)
    assert replaced_elsewhere(outcome(same_day).kept, SANTIAGO) == {}
    assert replaced_elsewhere(outcome(edited("1", "x", "9" * 30, AFTER)).kept, SANTIAGO) == {}


# The function


RUN, PART = "20240601-120000-1a2b3c4d", "0000"
PLACE = {"pages_run": RUN, "user_id": "7", "reference": write_time(NOW), "mark": "a"}
EVENT = {"run": RUN, "part": PART, "accounts": [PLACE]}


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(environment.BUCKET, "lake-of-tests")
    monkeypatch.setenv(environment.LEDGER_TABLE, "ledger")
    monkeypatch.setenv(environment.COMPREHEND_RATE, "1000")
    with mock_aws():
        environment.client.cache_clear()
        environment.lake.cache_clear()
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="lake-of-tests")
        s3.put_bucket_versioning(Bucket="lake-of-tests", VersioningConfiguration={"Status": "Enabled"})
        boto3.resource("dynamodb").create_table(
            TableName="ledger",
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        lake = environment.lake()
        lake.write(places.REGISTRY, Registry([Politician("ana", "7", "Ana", "Senadora", "Norte", "PVA")]).to_csv().encode())
        yield lake
    environment.client.cache_clear()
    environment.lake.cache_clear()


def stored(lake: Lake, *posts: Any) -> None:
    lake.write_lines(places.raw_page(RUN, "7", "9", "1"), [{"data": list(posts)}, {"meta": {"result_count": 0}}])


def run_part(monkeypatch: pytest.MonkeyPatch, comprehend: Any) -> None:
    make = environment.client
    monkeypatch.setattr(environment, "client", lambda service: comprehend if service == "comprehend" else make(service))
    try:
        assert function.handler(EVENT, None) == {"part": PART}
    finally:
        monkeypatch.setattr(environment, "client", make)


def contents(lake: Lake) -> Mapping[str, bytes]:
    """Everything but the raw pages and the tombstones, by key."""
    return {key: lake.read(key) for key in lake.keys("") if not key.startswith((places.RAW, places.TOMBSTONES))}


def every_version(lake: Lake) -> str:
    """All that any version of any object says, raw pages excepted."""
    said = []
    for one in lake.s3.list_object_versions(Bucket=lake.bucket)["Versions"]:
        body = lake.s3.get_object(Bucket=lake.bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        if not one["Key"].startswith(places.RAW):
            said.append(one["Key"] + (gzip.decompress(body) if one["Key"].endswith(".gz") else body).decode())
    return "\n".join(said)


def test_a_part_is_written_with_its_rejects_its_counts_and_the_days_it_touched(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(lake, edited(EVE, AFTER), post("x"), post("5", "corto"))
    run_part(monkeypatch, FakeComprehend())
    (line,) = lake.read_lines(places.annotated_part(date(2024, 5, 4), RUN, PART))
    assert (line["id_str"], line["previous_ids"]) == (AFTER, [EVE])
    assert list(lake.read_lines(places.annotated_part(date(2024, 5, 3), RUN, PART))) == [{"replaced": [EVE]}]
    assert list(lake.read_lines(places.rejected(RUN, PART))) == [{"id": "x", "reason": "bad_id"}]
    assert lake.read_json(places.part_counts(RUN, PART)) == {
        "part": PART,
        "accounts": [{**PLACE, "read": 3, "kept": 1, "filtered": {"too_short": 1}, "rejected": {"bad_id": 1}}],
        "days": ["2024-05-03", "2024-05-04"],
    }


def test_a_part_annotated_twice_is_the_same_objects(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(lake, edited(EVE, AFTER), post("x"), post("5"))
    run_part(monkeypatch, FakeComprehend())
    before = contents(lake)
    run_part(monkeypatch, FakeComprehend(moody={TEXT: 2}))
    assert contents(lake) == before


@pytest.mark.parametrize("buried", [{"tweets": {EVE: "deleted"}}, {"users": {"7": "by_hand"}}], ids=["tweet", "user"])
def test_a_burial_while_comprehend_is_asked_wins_and_nothing_is_paid_for_twice(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, buried: dict[str, dict[str, str]]
) -> None:
    def burying(name: str, _texts: list[str], answer: dict[str, Any]) -> dict[str, Any]:
        if name == "key_phrases":
            bury(lake, **buried, now=NOW)
        return answer

    client = FakeComprehend(spoil=burying)
    stored(lake, edited(EVE, AFTER, text="lo que nunca debe volver aquí"), post("3", created_at="ayer"))
    run_part(monkeypatch, client)
    assert len(client.calls) == 3
    said = every_version(lake)
    assert not any(word in said for word in ("nunca", AFTER, EVE))
    rejected = {} if "users" in buried else {"bad_created_at": 1}
    counts = lake.read_json(places.part_counts(RUN, PART))
    assert counts["accounts"] == [
        {**PLACE, "read": 2, "kept": 0, "filtered": {"tombstone": 2 - len(rejected)}, "rejected": rejected}
    ]
    assert counts["days"] == []


def test_a_burial_between_two_writes_leaves_no_version_of_what_was_written(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Lake.write_json
    buried: list[str] = []

    def write_and_bury(self: Lake, key: str, value: Any) -> None:
        write(self, key, value)
        if not buried:
            buried.append(bury(self, tweets={AFTER: "by_hand"}, now=NOW))

    stored(lake, edited(EVE, AFTER, text="lo que nunca debe volver aquí"), post("3"))
    monkeypatch.setattr(Lake, "write_json", write_and_bury)
    run_part(monkeypatch, FakeComprehend())
    said = every_version(lake)
    assert not any(word in said for word in ("nunca", AFTER, EVE))
    assert TEXT in said
    assert lake.read_json(places.part_counts(RUN, PART))["days"] == ["2024-05-31"]


def test_an_annotated_part_reads_as_columns_with_a_fixed_schema(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(lake, post("5", TEXT + " 🙂 “ñandú”\nseis", lang="es"), edited(EVE, AFTER), post("6"))
    run_part(monkeypatch, FakeComprehend())
    scored = [("text", pa.string()), ("score", pa.float64())]
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("id_str", "author_id", "created_at", "text", "lang", "source")),
            *((name, pa.list_(pa.string())) for name in ("hashtags", "previous_ids", "replaced")),
            (
                "annotation",
                pa.struct(
                    [
                        ("sentiment", pa.string()),
                        ("sentiment_score", pa.struct([(n, pa.float64()) for n in ("positive", "negative", "neutral", "mixed")])),
                        ("entities", pa.list_(pa.struct([*scored, ("type", pa.string())]))),
                        ("key_phrases", pa.list_(pa.struct(scored))),
                    ]
                ),
            ),
        ]
    )
    options = pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    for day in lake.read_json(places.part_counts(RUN, PART))["days"]:
        body = gzip.decompress(lake.read(places.annotated_part(date.fromisoformat(day), RUN, PART)))
        table = pyarrow.json.read_json(BytesIO(body), parse_options=options)
        lines = [json.loads(line) for line in body.splitlines()]
        assert [{name: row[name] for name in line} for row, line in zip(table.to_pylist(), lines, strict=True)] == lines
