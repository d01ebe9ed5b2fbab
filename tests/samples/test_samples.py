"""The invented sample holds what it promises: the sorts of posts, the offsets, the late values, the same bytes."""

import bz2
import csv
import gzip
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from samples.country import SEED, all_values, late_values, load_country
from samples.posts import SNOWFLAKE_EPOCH_MS, weighted_length
from samples.schedule import SORTS
from samples.write import SampleFiles, write_sample

Json = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return write_sample(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    return write_sample(tmp_path_factory.mktemp("small"), scale=0.1)


def pages_of(files: SampleFiles) -> list[Json]:
    return [json.loads(line) for line in gzip.decompress(files.tweets.read_bytes()).decode().splitlines()]


def posts_of(files: SampleFiles) -> list[Json]:
    """Every post once, oldest first."""
    posts = {post["id"]: post for page in pages_of(files) for post in page["data"]}
    return sorted(posts.values(), key=lambda post: int(post["id"]))


def full_text(post: Json) -> str:
    return str(post.get("note_tweet", post)["text"])


def written(post: Json) -> datetime:
    return datetime.fromisoformat(post["created_at"])


def is_passed_on(post: Json) -> bool:
    return any(link["type"] in ("retweeted", "quoted") for link in post.get("referenced_tweets", []))


def words(post: Json) -> list[str]:
    return [word for word in full_text(post).split() if not word.startswith("https://")]


def originals_of(files: SampleFiles) -> list[Json]:
    """What an ingestion by the rules keeps at the reference date."""
    return [
        post
        for post in posts_of(files)
        if not is_passed_on(post)
        and len(words(post)) >= 5
        and written(post) >= files.reference - timedelta(days=500)
        and datetime.fromisoformat(post["edit_controls"]["editable_until"]) <= files.reference
    ]


def test_same_seed_gives_same_bytes_and_another_seed_does_not(small: SampleFiles, tmp_path: Path) -> None:
    again = write_sample(tmp_path / "again", scale=0.1)
    other = write_sample(tmp_path / "other", seed=8, scale=0.1)
    for name in ("politicians", "tweets", "corpus"):
        assert getattr(again, name).read_bytes() == getattr(small, name).read_bytes(), name
    assert other.tweets.read_bytes() != small.tweets.read_bytes()
    assert other.corpus.read_bytes() != small.corpus.read_bytes()


def test_registry_lists_every_author(whole: SampleFiles) -> None:
    with whole.politicians.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["screen_name", "user_id", "name", "office", "coalition", "party"]
    assert {row["user_id"] for row in rows} == {post["author_id"] for post in posts_of(whole)}
    assert len({row["party"] for row in rows}) == 6
    assert len({row["coalition"] for row in rows}) == 3


def test_counts_are_those_of_the_plan(whole: SampleFiles) -> None:
    assert {sort: whole.counts[sort] for sort in SORTS} == {sort: number for sort, (number, _) in SORTS.items()}
    relations = Counter(link["type"] for post in posts_of(whole) for link in post.get("referenced_tweets", []))
    assert relations == {"retweeted": 520, "quoted": 260, "replied_to": 650}


def test_the_rules_keep_five_thousand_different_originals(whole: SampleFiles) -> None:
    originals = originals_of(whole)
    assert len(originals) == 5400
    assert len({full_text(post) for post in originals}) == 5400


def test_every_account_is_worth_following(whole: SampleFiles) -> None:
    assert min(Counter(post["author_id"] for post in posts_of(whole)).values()) > 100
    users = [user["public_metrics"] for page in pages_of(whole) for user in page["includes"]["users"]]
    assert min(user["followers_count"] for user in users) > 100
    assert min(user["tweet_count"] for user in users) > 100


def test_every_rule_has_something_to_catch_in_a_small_sample(small: SampleFiles) -> None:
    posts = posts_of(small)
    repeated = Counter(post["id"] for page in pages_of(small) for post in page["data"])
    caught = {
        "retweet": sum(full_text(post).startswith("RT @") for post in posts),
        "quote": sum(is_passed_on(post) and not full_text(post).startswith("RT @") for post in posts),
        "reply": sum("in_reply_to_user_id" in post for post in posts),
        "short": sum(len(words(post)) < 5 for post in posts),
        "old": sum(written(post) < small.reference - timedelta(days=500) for post in posts),
        "long": sum("note_tweet" in post for post in posts),
        "edited": sum(len(post["edit_history_tweet_ids"]) == 2 for post in posts),
        "editable": sum(post["edit_controls"]["editable_until"] > f"{small.reference:%Y-%m-%dT%H:%M:%S}" for post in posts),
        "repeated": sum(number == 2 for number in repeated.values()),
    }
    assert min(caught.values()) > 0, caught
    assert caught["repeated"] == small.counts["repeated"]


def test_offsets_point_at_what_they_name(small: SampleFiles) -> None:
    seen = Counter[str]()
    for post in posts_of(small):
        for holder in (post, post.get("note_tweet", {})):
            for kind, signs in (("hashtags", "#"), ("mentions", "@"), ("urls", "")):
                for found in holder.get("entities", {}).get(kind, []):
                    name = found.get("tag") or found.get("username") or found["url"]
                    assert holder["text"][found["start"] : found["end"]] == signs + name
                    seen[kind] += 1
    assert all(seen[kind] > 20 for kind in ("hashtags", "mentions", "urls")), seen


def test_ids_are_snowflakes_of_their_time_and_no_page_is_out_of_order(whole: SampleFiles) -> None:
    last_author, last_id = "", 0
    for page in pages_of(whole):
        ids = [int(post["id"]) for post in page["data"]]
        assert page["meta"] == {"result_count": len(ids), "newest_id": str(ids[0]), "oldest_id": str(ids[-1])}
        assert len(ids) <= 100
        author = page["data"][0]["author_id"]
        assert page["includes"]["users"][0]["id"] == author
        assert ids == sorted(ids, reverse=True)
        # A page may begin with the post that ended the one before it.
        assert author != last_author or ids[0] <= last_id
        last_author, last_id = author, ids[-1]
    for post in posts_of(whole):
        assert ((int(post["id"]) >> 22) + SNOWFLAKE_EPOCH_MS) // 1000 == int(written(post).timestamp())


def test_references_lie_in_the_page_and_are_older(whole: SampleFiles) -> None:
    for page in pages_of(whole):
        included = {post["id"] for post in page["includes"]["tweets"]}
        for post in page["data"]:
            for link in post.get("referenced_tweets", []):
                assert link["id"] in included
                assert int(link["id"]) < int(post["id"])


def test_only_notes_are_longer_than_a_post(whole: SampleFiles) -> None:
    for post in posts_of(whole):
        assert weighted_length(post["text"]) <= 280
        if "note_tweet" in post:
            assert weighted_length(full_text(post)) > 280
            beginning, _, _ = post["text"].rpartition("… https://t.co/")
            assert full_text(post).startswith(beginning)


def test_late_values_never_occur_before_the_newest_tenth(whole: SampleFiles) -> None:
    originals = originals_of(whole)
    first_late = originals[-len(originals) // 10]["id"]
    for post in posts_of(whole):
        if int(post["id"]) < int(first_late):
            assert not [value for value in late_values() if value in full_text(post)]
    newest = originals[-int(len(originals) * 0.08) :]
    share = sum(any(value in full_text(post) for value in late_values()) for post in newest) / len(newest)
    assert 0.4 < share < 0.7


def test_a_fifth_of_the_values_that_occur_are_late(whole: SampleFiles) -> None:
    text = "\n".join(full_text(post) for post in originals_of(whole))
    tags = set(re.findall(r"#(\w+)", text))
    assert tags <= all_values()
    assert len(tags & late_values()) >= len(tags) / 5
    names = {value for value in all_values() if " " in value and value in text}
    assert len(names & late_values()) >= len(names) / 5
    assert late_values() <= all_values()


def test_the_encyclopedia_is_a_mediawiki_export_without_late_values(whole: SampleFiles) -> None:
    export = bz2.decompress(whole.corpus.read_bytes()).decode()
    assert not [value for value in late_values() if value in export]
    space = {"wiki": "http://www.mediawiki.org/xml/export-0.10/"}
    pages = ElementTree.fromstring(export).findall("wiki:page", space)
    titles = [page.findtext("wiki:title", "", space) for page in pages]
    assert len(titles) == len(set(titles))
    assert {page.findtext("wiki:ns", "", space) for page in pages} == {"0", "1"}
    assert any(page.find("wiki:redirect", space) is not None for page in pages)
    for markup in ("{{Ficha", "&lt;ref", "{|", "[[Categoría:", "'''", "&lt;!--"):
        assert markup in export, markup


def test_no_slot_is_left_unfilled(whole: SampleFiles) -> None:
    for post in posts_of(whole):
        assert not re.search(r"[{}<>|]|\bde el\b|\ba el\b|  ", full_text(post)), full_text(post)


def test_the_sample_says_that_it_is_invented(small: SampleFiles) -> None:
    country = load_country()
    assert "inventad" in country.about
    assert "inventad" in country.wiki
    assert "invented" in (SEED.parent / "README.md").read_text(encoding="utf-8")
    for page in pages_of(small):
        assert all("inventada" in user["description"] for user in page["includes"]["users"])


def test_a_scale_of_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        write_sample(tmp_path, scale=0)


def test_even_a_tiny_sample_has_every_sort(tmp_path: Path) -> None:
    # Once, an account shorter than a page was asked to repeat a post on its second page.
    tiny = write_sample(tmp_path, seed=5, scale=0.01)
    assert min(tiny.counts.values()) > 0
