"""Redaction: what is buried leaves a page, with all that repeats or names it; everything else stays as it was."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.lake.redaction import names_buried, redact_line, redact_page, scrub
from politico.lake.tombstones import Tombstones, fingerprint


def buried(*, tweets: tuple[str, ...] = (), users: tuple[str, ...] = ()) -> Tombstones:
    return Tombstones(
        frozenset(), frozenset(fingerprint(one) for one in tweets), frozenset(fingerprint(one) for one in users), frozenset()
    )


def post(id_str: str, author_id: str = "700", **more: Any) -> dict[str, Any]:
    return {
        "id": id_str,
        "author_id": author_id,
        "text": f"lo que dice {author_id}",
        "created_at": "2024-01-01T00:00:00Z",
        **more,
    }


def page(*posts: Any, **includes: Any) -> dict[str, Any]:
    ids = sorted((one["id"] for one in posts if isinstance(one, dict)), key=int)
    body = {"data": list(posts), "meta": {"result_count": len(posts), "newest_id": ids[-1], "oldest_id": ids[0]}}
    return {**body, **({"includes": includes} if includes else {})}


def test_a_page_without_anything_buried_comes_back_equal() -> None:
    body = page(post("1003"), post("1001"), users=[{"id": "700", "username": "ana"}], tweets=[post("900", "701")])
    assert redact_page(body, buried(tweets=("5555",))) == body


def test_a_buried_post_goes_and_the_ends_of_the_page_follow() -> None:
    redacted = redact_page(page(post("1003"), post("1002"), post("1001")), buried(tweets=("1003",)))
    assert redacted is not None
    assert [one["id"] for one in redacted["data"]] == ["1002", "1001"]
    assert redacted["meta"] == {"result_count": 2, "newest_id": "1002", "oldest_id": "1001"}


def test_nothing_is_left_of_a_page_whose_every_post_is_buried() -> None:
    assert redact_page(page(post("1002"), post("1001")), buried(users=("700",))) is None


def test_every_version_of_a_post_goes_with_any_of_them() -> None:
    body = page(post("1003", edit_history_tweet_ids=["1002", "1003"]), post("1000"))
    redacted = redact_page(body, buried(tweets=("1002",)))
    assert redacted is not None
    assert [one["id"] for one in redacted["data"]] == ["1000"]


def test_a_retweet_repeats_the_text_and_goes_too() -> None:
    retweet = post("1003", text="RT @eva: palabras", referenced_tweets=[{"type": "retweeted", "id": "900"}])
    body = page(retweet, post("1001"), tweets=[post("900", "800")])
    for gone in (buried(tweets=("900",)), buried(users=("800",))):
        redacted = redact_page(body, gone)
        assert redacted is not None
        assert [one["id"] for one in redacted["data"]] == ["1001"]
        assert redacted["includes"]["tweets"] == []
        assert "900" not in json.dumps(redacted)


def test_a_retweet_of_a_buried_user_is_known_by_the_mention_where_no_post_came_with_it() -> None:
    retweet = post("1003", text="RT @eva: palabras", entities={"mentions": [{"username": "eva", "id": "800"}]})
    redacted = redact_page(page(retweet, post("1001")), buried(users=("800",)))
    assert redacted is not None
    assert [one["id"] for one in redacted["data"]] == ["1001"]


def test_a_quote_stays_a_quote_without_the_id_of_what_it_quoted() -> None:
    quote = post(
        "1003",
        referenced_tweets=[{"type": "quoted", "id": "900"}],
        entities={"urls": [{"expanded_url": "https://x.com/eva/status/900"}]},
    )
    redacted = redact_page(page(quote), buried(tweets=("900",)))
    assert redacted is not None
    assert redacted["data"][0]["referenced_tweets"] == [{"type": "quoted", "id": "0"}]
    assert "900" not in json.dumps(redacted)


def test_a_buried_user_leaves_the_users_that_came_with_the_page() -> None:
    body = page(post("1001"), users=[{"id": "700", "username": "ana"}, {"id": "800", "username": "eva"}])
    redacted = redact_page(body, buried(users=("800",)))
    assert redacted is not None
    assert redacted["includes"]["users"] == [{"id": "700", "username": "ana"}]


def test_what_is_no_object_stays_to_be_counted() -> None:
    redacted = redact_page({"data": ["broken", post("1002"), post("1001")], "meta": {}}, buried(tweets=("1002",)))
    assert redacted is not None
    assert redacted["data"] == ["broken", post("1001")]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ({"id_str": "1001", "author_id": "700", "previous_ids": [], "text": "a"}, True),
        ({"id_str": "1002", "author_id": "700", "previous_ids": [], "text": "a"}, False),
        ({"id_str": "1003", "author_id": "700", "previous_ids": ["1002"], "text": "a"}, False),
        ({"id_str": "1004", "author_id": "800", "previous_ids": [], "text": "a"}, False),
    ],
)
def test_an_annotated_line_goes_by_its_id_its_versions_or_its_author(line: dict[str, Any], left: bool) -> None:
    assert (redact_line(line, buried(tweets=("1002",), users=("800",))) == line) is left


def test_a_marker_of_replaced_versions_keeps_what_is_not_buried() -> None:
    gone = buried(tweets=("1002",))
    assert redact_line({"replaced": ["1001", "1002"]}, gone) == {"replaced": ["1001"]}
    assert redact_line({"replaced": ["1002"]}, gone) is None


def test_a_buried_users_names_go_with_their_id() -> None:
    notes = [{"user_id": "800", "screen_name": "eva", "status": "failed"}, {"user_id": "700", "screen_name": "ana"}]
    assert scrub(notes, buried(users=("800",))) == [
        {"user_id": "0", "screen_name": "", "status": "failed"},
        {"user_id": "700", "screen_name": "ana"},
    ]


@given(
    ids=st.lists(st.integers(1000, 9999).map(str), unique=True, min_size=1, max_size=12),
    picks=st.sets(st.integers(0, 11), max_size=6),
    data=st.data(),
)
def test_no_id_of_what_is_buried_is_left_and_all_else_is(ids: list[str], picks: set[int], data: st.DataObject) -> None:
    gone_ids = {ids[pick] for pick in picks if pick < len(ids)}
    posts = [
        post(
            one,
            referenced_tweets=[
                {"type": data.draw(st.sampled_from(["quoted", "replied_to"])), "id": data.draw(st.sampled_from(ids))}
            ],
        )
        for one in ids
    ]
    gone = buried(tweets=tuple(gone_ids))
    redacted = redact_page(page(*posts), gone)
    kept = [one for one in ids if one not in gone_ids]
    assert [one["id"] for one in (redacted or {"data": []})["data"]] == kept
    assert not names_buried(json.dumps(redacted), gone)
