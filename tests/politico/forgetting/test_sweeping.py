"""A sweep: after it no version of any object of the lake holds what was buried, by id or by word; all else is there."""

import gzip
import io
import json
import lzma
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from politico.annotation.labels import Annotation
from politico.dataset.days import annotated_line, curate
from politico.errors import RegistryError
from politico.forgetting.sweeping import CORPORA, PHASES, POSTS, RECORDS, Sweep
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import bury, fingerprint, read_tombstones
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import parse_post

pytestmark = pytest.mark.slow
NOW = datetime(2024, 5, 6, tzinfo=UTC)
ANA, EVA = (
    Politician("ana", "70070", "Ana", "Diputada", "Sur", "Mar"),
    Politician("eva", "80080", "Eva", "Senadora", "Norte", "Sol"),
)
REGISTRY = Registry([ANA, EVA])
GONE, GONE_TEXT = "1446921934455017486", "Estas son las palabras que deben irse para siempre"
OLDER = "1446921934455017111"
"""A version that an edit of another day replaced."""
KEPT, KEPT_TEXT = "1446921934455017487", "Estas otras palabras se quedan donde siempre estuvieron"
EVAS, EVAS_TEXT = "1446921934455017999", "La senadora dice algo muy suyo sobre el puerto"
DAY = date(2021, 10, 9)
ANNOTATION = Annotation("NEUTRAL", {"positive": 0.0, "negative": 0.0, "neutral": 1.0, "mixed": 0.0}, (), ())


def post(id_str: str, text: str, author: str = ANA.user_id) -> dict[str, Any]:
    return {
        "id": id_str,
        "author_id": author,
        "text": text,
        "created_at": "2021-10-09T18:00:00Z",
        "edit_history_tweet_ids": [id_str],
    }


@pytest.fixture
def lake() -> Iterator[Lake]:
    """A lake whose every corner holds the tweets, each object in two versions."""
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="lake")
        s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        lake = Lake(s3, "lake")
        for _ in range(2):
            fill(lake)
        yield lake


def fill(lake: Lake) -> None:
    gone, kept, evas = post(GONE, GONE_TEXT), post(KEPT, KEPT_TEXT), post(EVAS, EVAS_TEXT, EVA.user_id)
    quote = post("1446921934455018111", "Miren qué dice ella sobre todo esto", EVA.user_id)
    quote |= {"referenced_tweets": [{"type": "quoted", "id": GONE}]}
    repeat = post("1446921934455018222", f"RT @ana: {GONE_TEXT}", EVA.user_id)
    repeat |= {"referenced_tweets": [{"type": "retweeted", "id": GONE}]}
    pages = {
        (ANA.user_id, KEPT, GONE): [kept, gone],
        (EVA.user_id, repeat["id"], EVAS): [repeat, quote, evas],
    }
    for (user, newest, oldest), posts in pages.items():
        body = {"data": posts, "includes": {"tweets": [gone]}, "meta": {"newest_id": newest, "oldest_id": oldest}}
        lake.write_lines(places.raw_page("R1", user, newest, oldest), [body])
    lines = [annotated_line(parse_post(one), ANNOTATION) for one in (gone, kept, quote, evas)]
    lake.write_lines(places.annotated_part(DAY, "R1", "0000"), [*lines, {"replaced": [OLDER]}])
    lake.write(places.REGISTRY, REGISTRY.to_csv().encode())
    lake.write_json(places.REGISTRY_SETTINGS, {"time_zone": "UTC"})
    lake.write_json(places.REGISTRY_CURATED, [asdict(one) for one in REGISTRY])
    curate([DAY], lake, REGISTRY)
    lake.write(places.dataset_day(DAY), lake.read(places.dataset_day(DAY)))
    lake.write_lines(places.rejected("R1", "0000"), [{"id": GONE, "reason": "annotation_failed"}])
    lake.write_json(places.fetched("R1", "00000"), {"user_id": EVA.user_id, "screen_name": "eva", "status": "done", "posts": 2})
    marks = [
        {"context": {"frases": [words[:20]]}, "mark": fingerprint(one)} for one, words in ((GONE, GONE_TEXT), (KEPT, KEPT_TEXT))
    ]
    lake.write_json(places.evaluation_figures("T1"), {"generated": {"tweets": 2, "examples": marks}})
    corpus = f"Un libro viejo.\n\n{GONE_TEXT}\n{KEPT_TEXT}\n\n{EVAS_TEXT[:16]}\n{EVAS_TEXT[16:].strip()}\n"
    lake.write(f"{places.corpus('tweets')}all.txt.gz", gzip.compress(corpus.encode()))
    lake.write(f"{places.corpus('books')}book.txt.xz", lzma.compress(b"Nada de nadie.\n"))


def sweep(lake: Lake, parts: int = 1) -> list[Sweep]:
    done = []
    for phase in PHASES:
        for part in range(parts):
            done.append(Sweep(lake, part, parts, lambda: NOW))
            done[-1].run(phase)
    return done


def everything(lake: Lake) -> Iterator[tuple[str, str]]:
    """Key and text of every version of every object, unpacked, whatever it is packed with."""
    for page in lake.s3.get_paginator("list_object_versions").paginate(Bucket="lake"):
        assert not page.get("DeleteMarkers"), "a delete marker has a version behind it"
        for one in page.get("Versions", ()):
            body = lake.s3.get_object(Bucket="lake", Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            yield one["Key"], unpacked(one["Key"], body)


def unpacked(key: str, body: bytes) -> str:
    if key.endswith(".parquet"):
        return json.dumps(pq.read_table(io.BytesIO(body)).to_pylist(), default=str, ensure_ascii=False)
    if key.endswith(".gz"):
        body = gzip.decompress(body)
    elif key.endswith(".xz"):
        body = lzma.decompress(body)
    return body.decode()


def holding(lake: Lake, *words: str) -> set[str]:
    """The first folder of every object, with its old versions, that holds one of the words, in its key or inside."""
    return {key.split("/")[0] for key, text in everything(lake) if any(word in key or word in text for word in words)}


def test_the_lake_of_these_tests_holds_the_tweet_in_every_corner(lake: Lake) -> None:
    assert holding(lake, GONE) == {"raw", "annotated", "dataset", "runs"}
    assert holding(lake, GONE_TEXT) == {"raw", "annotated", "dataset", "corpora"}
    assert holding(lake, EVA.user_id) == {"raw", "annotated", "registry", "runs"}


@pytest.mark.parametrize("parts", [1, 3])
def test_a_forgotten_tweet_is_nowhere_by_id_or_by_word_in_any_version(lake: Lake, parts: int) -> None:
    bury(lake, tweets={GONE: "deleted"}, now=NOW)
    sweep(lake, parts)
    assert holding(lake, GONE, GONE_TEXT, GONE_TEXT[:20]) == set()
    assert {"raw", "annotated", "dataset", "corpora"} <= holding(lake, KEPT, KEPT_TEXT)
    assert {"raw", "annotated", "dataset"} <= holding(lake, EVAS)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_forgotten_user_is_nowhere_with_all_they_wrote(lake: Lake, parts: int) -> None:
    bury(lake, users={EVA.user_id: "by_hand"}, now=NOW)
    sweep(lake, parts)
    assert holding(lake, EVA.user_id, EVAS, EVAS_TEXT, EVAS_TEXT[16:].strip(), EVA.name) == set()
    assert {"raw", "annotated", "dataset", "corpora"} <= holding(lake, KEPT_TEXT)


def test_the_tweets_of_a_forgotten_user_are_buried_one_by_one_before_they_go(lake: Lake) -> None:
    bury(lake, users={EVA.user_id: "by_hand"}, now=NOW)
    sweep(lake)
    assert read_tombstones(lake).tweet(EVAS)
    assert not read_tombstones(lake).tweet(KEPT)


def test_what_was_removed_is_counted(lake: Lake) -> None:
    bury(lake, tweets={GONE: "deleted"}, now=NOW)
    _posts, records, corpora = sweep(lake)
    assert {name: count for name, count in records.removed.items() if count and name != "versions"} == {
        "posts": 2,  # itself and the retweet of it
        "annotated_tweets": 1,
        "dataset_rows": 1,
        "notes": 1,
        "examples": 1,
    }
    assert corpora.removed["corpus_texts"] == 1
    assert list(lake.keys(places.COMPLIANCE_CHANGED)) == [places.changed_corpus("tweets")]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("user", "theirs"), [(ANA, [GONE, KEPT]), (EVA, [EVAS])])
def test_one_sweep_finds_a_forgotten_users_posts_wherever_others_name_them(
    lake: Lake, parts: int, user: Politician, theirs: list[str]
) -> None:
    """What a sweep saw before it came to the user's own pages once stayed until the next day's."""
    other = EVA if user is ANA else ANA
    reply = post("1446921934455018333", "No estoy de acuerdo con nada de esto", other.user_id)
    reply |= {"referenced_tweets": [{"type": "replied_to", "id": one} for one in theirs]}
    lake.write_lines(places.raw_page("R0", other.user_id, reply["id"], reply["id"]), [{"data": [reply], "meta": {}}])
    lake.write_lines(places.rejected("R0", "0000"), [{"id": one, "reason": "annotation_failed"} for one in theirs])
    bury(lake, users={user.user_id: "by_hand"}, now=NOW)
    sweep(lake, parts)
    assert holding(lake, user.user_id, *theirs) == set()
    assert "raw" in holding(lake, reply["id"])
    marks = [one["mark"] for one in lake.read_json(places.evaluation_figures("T1"))["generated"]["examples"]]
    assert not {fingerprint(one) for one in theirs} & set(marks)


@pytest.mark.parametrize("parts", range(2, 9))
def test_a_day_is_one_parts_to_rebuild_and_its_rows_are_counted_once(lake: Lake, parts: int) -> None:
    """Parts side by side once counted the rows of a day twice: by its annotated tweets, and by its file."""
    bury(lake, tweets={GONE: "deleted"}, now=NOW)
    before = {key: lake.read(key) for key in lake.keys("")}
    counts = []
    for part in range(parts):
        for key, body in before.items():  # as each of them finds the lake when all begin at once
            lake.write(key, body)
        one = Sweep(lake, part, parts, lambda: NOW)
        one.run(RECORDS)
        counts.append(one.removed["dataset_rows"])
    assert sorted(counts) == [*[0] * (parts - 1), 1]


def test_a_second_sweep_finds_nothing_and_changes_nothing(lake: Lake) -> None:
    bury(lake, tweets={GONE: "deleted"}, users={EVA.user_id: "by_hand"}, now=NOW)
    sweep(lake)
    before = sorted(everything(lake))
    again = sweep(lake)
    assert sorted(everything(lake)) == before
    assert not any(count for one in again for count in one.removed.values())


def test_without_a_burial_a_sweep_takes_only_old_versions(lake: Lake) -> None:
    before = {key: lake.read(key) for key in lake.keys("")}
    sweep(lake)
    assert {key: lake.read(key) for key in lake.keys("")} == before


def test_a_page_is_named_by_what_is_left_of_it(lake: Lake) -> None:
    bury(lake, tweets={GONE: "deleted"}, now=NOW)
    sweep(lake)
    assert list(lake.keys(places.raw_pages("R1", ANA.user_id))) == [places.raw_page("R1", ANA.user_id, KEPT, KEPT)]


def test_a_marker_of_a_buried_version_goes_too(lake: Lake) -> None:
    bury(lake, tweets={OLDER: "deleted"}, now=NOW)
    sweep(lake)
    assert holding(lake, OLDER) == set()
    assert "annotated" in holding(lake, GONE)


def test_an_encyclopedia_is_left_alone(lake: Lake) -> None:
    export = f"<mediawiki><page><text>{GONE_TEXT}</text></page></mediawiki>".encode()
    lake.write(f"{places.corpus('wiki')}es.xml", export)
    bury(lake, tweets={GONE: "deleted"}, now=NOW)
    sweep(lake)
    assert lake.read(f"{places.corpus('wiki')}es.xml") == export


def test_a_text_of_few_words_is_not_looked_for_in_books(lake: Lake) -> None:
    lake.write_lines(places.raw_page("R2", ANA.user_id, "5551", "5551"), [{"data": [post("5551", "Nada de nadie.")], "meta": {}}])
    bury(lake, tweets={"5551": "deleted"}, now=NOW)
    sweep(lake)
    assert unpacked("x.xz", lake.read(f"{places.corpus('books')}book.txt.xz")) == "Nada de nadie.\n"


def test_the_phases_come_in_the_order_in_which_one_tells_the_other() -> None:
    assert PHASES == (POSTS, RECORDS, CORPORA)


def spoil_registry(lake: Lake) -> None:
    """One line twice, as a person's hand may leave it."""
    (head, *lines) = lake.read_text(places.REGISTRY).splitlines()
    lake.write(places.REGISTRY, "\n".join([head, *lines, lines[0]]).encode())


def ids_of(lake: Lake) -> list[str]:
    ids: list[str] = pq.read_table(io.BytesIO(lake.read(places.dataset_day(DAY))))["id_str"].to_pylist()
    return ids


def test_a_registry_that_cannot_be_used_keeps_nothing_from_going_and_takes_nothing_else_along(lake: Lake) -> None:
    """One line too many once removed everybody's rows of a day in which one tweet was forgotten."""
    before = ids_of(lake)
    spoil_registry(lake)
    bury(lake, tweets={GONE: "by_hand"}, now=NOW)
    sweep(lake)
    assert ids_of(lake) == [one for one in before if one != GONE]
    assert holding(lake, GONE, GONE_TEXT) == set()


def test_without_a_registry_that_can_be_used_and_none_before_it_no_day_is_emptied(lake: Lake) -> None:
    before = ids_of(lake)
    spoil_registry(lake)
    lake.erase(places.REGISTRY_CURATED)
    bury(lake, tweets={GONE: "by_hand"}, now=NOW)
    with pytest.raises(RegistryError, match="can't be used, and there is none before it"):
        sweep(lake)
    assert ids_of(lake) == before


@pytest.mark.parametrize("parts", [1, 3])
def test_a_versions_other_versions_are_gone_after_one_sweep_too(lake: Lake, parts: int) -> None:
    first, second = "1446921934455018888", "1446921934455019999"
    edited = {**post(second, "Estas palabras fueron otras hace un rato", EVA.user_id), "edit_history_tweet_ids": [first, second]}
    reply = post("1446921934455018333", "No estoy de acuerdo con nada de esto")
    reply |= {"referenced_tweets": [{"type": "replied_to", "id": second}]}
    for one in (reply, edited):
        lake.write_lines(places.raw_page("R0", one["author_id"], one["id"], one["id"]), [{"data": [one], "meta": {}}])
    bury(lake, tweets={first: "by_hand"}, now=NOW)
    sweep(lake, parts)
    assert holding(lake, first, second) == set()
    assert "raw" in holding(lake, reply["id"])


def test_an_object_that_cannot_be_read_keeps_no_old_version_of_another(lake: Lake) -> None:
    lake.write(places.raw_page("R9", EVA.user_id, "9", "9"), b"torn")
    bury(lake, tweets={GONE: "deleted"}, now=NOW)
    one = Sweep(lake, 0, 1, lambda: NOW)
    with pytest.raises(gzip.BadGzipFile):
        one.run(RECORDS)
    lake.erase(places.raw_page("R9", EVA.user_id, "9", "9"))
    assert not [key for key, text in everything(lake) if key.startswith(places.RAW) and GONE in key + text and ANA.user_id in key]


def test_forgetting_the_last_politician_empties_the_dataset(lake: Lake) -> None:
    bury(lake, users={EVA.user_id: "by_hand", ANA.user_id: "by_hand"}, now=NOW)
    sweep(lake)
    assert list(lake.keys(places.RAW)) == []
    assert [key for key in lake.keys(places.DATASET) if key.endswith(".parquet")] == []
