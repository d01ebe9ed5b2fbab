"""Posts to kept tweets: every post is kept, filtered or rejected, once, and kept tweets lie under their day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.annotating import Outcome, annotate_posts, by_day
from politico.comprehend import MAX_BYTES
from politico.tweet import Rules, write_time
from tests.test_comprehend import FakeComprehend, annotation_of

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
TEXT = "uno dos tres cuatro cinco"


def post(number: Any, text: str = TEXT, **changes: Any) -> dict[str, Any]:
    return {"id": number, "author_id": "7", "created_at": write_time(NOW - timedelta(days=1)), "text": text, **changes}


def outcome(*posts: Any, client: Any = None) -> Outcome:
    return annotate_posts(posts, Rules(), NOW, client or FakeComprehend())


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
    assert done.rejects == [
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
    assert [one["reason"] for one in done.rejects] == ["broken_post", "bad_encoding"]
    assert len(done.kept) == 1


def test_what_comprehend_refuses_is_rejected_and_the_rest_of_its_batch_kept() -> None:
    done = outcome(
        post("1"), post("2", TEXT + " malo"), post("3", "a " * MAX_BYTES), client=FakeComprehend(stubborn=(TEXT + " malo",))
    )
    assert [tweet.id_str for tweet, _annotation in done.kept] == ["1"]
    assert done.rejects == [{"id": "2", "reason": "annotation_failed"}, {"id": "3", "reason": "text_too_long"}]


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
