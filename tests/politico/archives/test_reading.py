"""Tweets files of others: every post is read or rejected with its line and reason; what is no tweets file says what it lacks."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from politico.archives.reading import Post, Reject, admit, read_posts, user_ids
from politico.errors import FileFormatError
from politico.tweets.politician import Politician, Registry, read_registry
from politico.tweets.tweet import clean, write_time
from tests.support.paths import SHARED

TWEETS = SHARED / "tweets"
SANTIAGO = ZoneInfo("America/Santiago")
COLUMNS = ("id", "created_at", "text", "user_id", "screen_name")
HEADER = ",".join(COLUMNS) + "\n"
GOOD = "1,2019-07-01 12:00:00-03:00,Hola a todos,7,juana\n"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Post | Reject]]:
    def read_content(content: str | bytes, name: str = "tweets") -> list[Post | Reject]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_posts(path, SANTIAGO))

    return read_content


Read = Callable[..., list[Post | Reject]]


def brief(entries: list[Post | Reject]) -> list[tuple[int, str]]:
    """Line, and the id of a post or the reason of a reject."""
    return [(one.line, one.tweet.id_str if isinstance(one, Post) else one.reason) for one in entries]


# Tables


def test_a_row_becomes_a_post_in_the_shape_of_api_v2(read: Read) -> None:
    (entry,) = read(HEADER + GOOD)
    assert isinstance(entry, Post)
    assert entry.body == {"id": "1", "author_id": "7", "created_at": "2019-07-01T15:00:00.000Z", "text": "Hola a todos"}
    assert (entry.line, entry.screen_name, entry.tweet.text) == (2, "juana", "Hola a todos")


def test_columns_go_by_the_usual_names_in_any_order_and_case(read: Read) -> None:
    (entry,) = read("Username, FULL_TEXT ,extra,author_id,status_id,timestamp\n@juana,Hola,x,7,1,2019-07-01T12:00:00Z\n")
    assert isinstance(entry, Post)
    assert (entry.screen_name, entry.tweet.text, entry.tweet.author_id, entry.tweet.id_str) == ("juana", "Hola", "7", "1")


def test_replies_and_retweets_of_a_table_are_known_as_such(read: Read) -> None:
    header = "id,created_at,text,user_id,screen_name,in_reply_to_status_id\n"
    reply, retweet = read(header + "1,2019-07-01T12:00:00Z,Hola,7,juana,55\n2,2019-07-01T12:00:00Z,RT @ana: Hola,7,juana,\n")
    assert isinstance(reply, Post)
    assert isinstance(retweet, Post)
    assert (reply.tweet.kind, reply.body["referenced_tweets"]) == ("original", [{"type": "replied_to", "id": "55"}])
    assert retweet.tweet.kind == "retweet"


def test_a_broken_row_is_set_aside_with_its_line_and_the_rest_goes_on(read: Read) -> None:
    entries = read(HEADER + GOOD + "2,solo dos\n" + GOOD.replace("1,", "3,", 1) + "\n" + GOOD.replace("1,", "4,", 1))
    assert brief(entries) == [(2, "1"), (3, "broken_row"), (4, "3"), (6, "4")]
    assert isinstance(entries[1], Reject)
    assert entries[1].detail == "2 values for 5 columns"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2019-07-01T12:00:00Z,Hola,7,juana", "no_id"),
        ("1e18,2019-07-01T12:00:00Z,Hola,7,juana", "rounded_id"),
        ("1,,Hola,7,juana", "bad_created_at"),
        ("1,ayer,Hola,7,juana", "bad_created_at"),
        ("1,0001-01-01T00:00:00+03:00,Hola,7,juana", "bad_created_at"),  # a time that UTC can't hold ended the reading
        ("1,2019-07-01T12:00:00Z,,7,juana", "no_text"),
        ("1,2019-07-01T12:00:00Z,Hola,,juana", "no_author_id"),
        ("1,2019-07-01T12:00:00Z,Hola,juana,7", "bad_author_id"),
        ('1,2019-07-01T12:00:00Z,"Hola,7,juana', "broken_row"),
    ],
)
def test_a_row_that_misses_a_value_is_rejected_by_its_reason(read: Read, row: str, reason: str) -> None:
    assert brief(read(HEADER + GOOD + row + "\n")) == [(2, "1"), (3, reason)]


def test_a_value_too_long_for_a_table_costs_its_row_only(read: Read) -> None:
    entries = read(HEADER + GOOD + f"2,2019-07-01T12:00:00Z,{'a' * 200_000},7,juana\n" + GOOD.replace("1,", "3,", 1))
    assert brief(entries) == [(2, "1"), (3, "broken_row"), (4, "3")]


def test_a_byte_order_mark_is_no_part_of_the_first_column(read: Read) -> None:
    assert brief(read("\ufeff" + HEADER + GOOD)) == [(2, "1")]


def test_times_without_a_zone_are_taken_in_the_given_one(read: Read) -> None:
    winter, summer, zoned = read(
        HEADER + "1,2019-07-01 12:00:00,a,7,j\n2,2019-12-01 12:00:00,a,7,j\n3,2019-07-01 12:00:00-03:00,a,7,j\n"
    )
    times = [write_time(one.tweet.created_at) for one in (winter, summer, zoned) if isinstance(one, Post)]
    assert times == ["2019-07-01T16:00:00.000Z", "2019-12-01T15:00:00.000Z", "2019-07-01T15:00:00.000Z"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_row_is_found_on_the_line_it_begins_on_though_texts_have_line_breaks(read: Read, ending: str) -> None:
    rows = [
        HEADER.strip(),
        '1,2019-07-01T12:00:00Z,"uno\n\ndos ""tres""",7,j',
        "2,malo",
        '3,2019-07-01T12:00:00Z,"a\nb",7,j',
        "4,malo",
    ]
    entries = read(ending.join(row.replace("\n", ending) for row in rows) + ending)
    assert brief(entries) == [(2, "1"), (5, "broken_row"), (6, "3"), (8, "broken_row")]
    assert isinstance(entries[0], Post)
    assert entries[0].tweet.text == 'uno\ndos "tres"'


def test_bytes_that_are_no_utf8_cost_their_row_only(read: Read) -> None:
    """Where other letters of the file are UTF-8; where none is, the whole file is in another encoding."""
    latin = "2,2019-07-01T12:00:00Z,Año nuevo,7,juana\n".encode("latin-1")
    entries = read((HEADER + GOOD).encode() + latin + GOOD.replace("1,", "3,", 1).replace("Hola", "Adiós").encode())
    assert brief(entries) == [(2, "1"), (3, "bad_encoding"), (4, "3")]
    spoilt = json.dumps(status("5"), ensure_ascii=False).replace("Hola", "Año").encode("latin-1")
    sound = json.dumps(status("4"), ensure_ascii=False).replace("Hola", "Año").encode()
    assert brief(read(sound + b"\n" + spoilt)) == [(1, "4"), (2, "bad_encoding")]
    assert brief(read((HEADER + GOOD).encode() + latin)) == [(2, "1"), (3, "2")]


def test_a_rejects_detail_can_be_written_as_utf8(read: Read) -> None:
    for row in (
        b"\xff,2019-07-01T12:00:00Z,a,7,j",
        b"1,\xff,a,7,j",
        b"1,2019-07-01T12:00:00Z,a,7\xff,j",
        b"1,2019-07-01T12:00:00Z,\xff,7,j",
    ):
        (reject,) = read(HEADER.encode() + row)
        assert isinstance(reject, Reject)
        assert reject.detail.encode()


# JSON lines


def post(number: str, **changes: Any) -> dict[str, Any]:
    return {"id": number, "author_id": "7", "created_at": "2024-05-03T14:22:10.000Z", "text": "Hola a todos", **changes}


def status(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "id_str": number,
        "created_at": "Wed Oct 10 20:19:24 +0000 2018",
        "full_text": "Hola a todos",
        "user": {"id_str": "7", "screen_name": "juana"},
        **changes,
    }


def lines(*values: Any) -> str:
    return "".join(json.dumps(one) + "\n" for one in values)


def test_pages_of_api_v2_give_their_posts_with_the_screen_names_that_came_along(read: Read) -> None:
    page: dict[str, Any] = {
        "data": [post("1"), post("2", author_id="8"), post("3", text=None)],
        "includes": {"users": [{"id": "7", "username": "juana"}]},
        "meta": {"result_count": 3},
    }
    entries = read(lines(page, {"data": [post("4")]}))
    assert brief(entries) == [(1, "1"), (1, "2"), (1, "no_text"), (2, "4")]
    assert [one.screen_name for one in entries if isinstance(one, Post)] == ["juana", "", ""]
    assert isinstance(entries[0], Post)
    assert entries[0].body == page["data"][0]


def test_a_single_post_stands_in_a_page_by_itself(read: Read) -> None:
    """X answers a question for one post so; it was once refused as no tweets file."""
    assert brief(read(lines({"data": post("1"), "includes": {"users": [{"id": "7", "username": "juana"}]}}))) == [(1, "1")]


def test_the_empty_last_page_of_a_timeline_is_no_reject(read: Read) -> None:
    assert brief(read(lines({"data": [post("1")]}, {"meta": {"result_count": 0}}))) == [(1, "1")]


@pytest.mark.parametrize("includes", [None, [], {"users": None}, {"users": [None, {}]}, {"users": [{"id": ["7"]}]}, "x"])
def test_strange_users_of_a_page_do_not_cost_its_posts(read: Read, includes: Any) -> None:
    assert brief(read(lines({"data": [post("1")], "includes": includes}))) == [(1, "1")]


def test_posts_of_api_v2_stand_one_a_line(read: Read) -> None:
    entries = read(lines(post("1"), post("2", created_at="ayer")) + "\n" + lines(post("3")) + "{torn\n" + lines([], 7))
    assert brief(entries) == [(1, "1"), (2, "bad_created_at"), (4, "3"), (5, "broken_row"), (7, "not_an_object")]


def test_statuses_of_v1_become_posts_of_v2(read: Read) -> None:
    whole = status(
        "1",
        lang="es",
        source='<a href="https://x.com">Twitter Web App</a>',
        entities={"hashtags": [{"text": "Ley"}]},
        in_reply_to_status_id_str="55",
    )
    entries = read(
        lines(
            whole,
            status("2", retweeted_status={"id_str": "44"}),
            status("3", is_quote_status=True),
            {**status("4"), "full_text": None, "text": "Corto", "retweeted_status": None},
            {"id_str": "5", "user": {}},
        )
    )
    assert brief(entries) == [(1, "1"), (2, "2"), (3, "3"), (4, "4"), (5, "no_text")]
    first, second, third, fourth = (one for one in entries if isinstance(one, Post))
    assert first.body == {
        "id": "1",
        "author_id": "7",
        "created_at": "2018-10-10T20:19:24.000Z",
        "text": "Hola a todos",
        "lang": "es",
        "source": "Twitter Web App",
        "entities": {"hashtags": [{"tag": "Ley"}]},
        "referenced_tweets": [{"type": "replied_to", "id": "55"}],
    }
    assert first.screen_name == "juana"
    assert first.tweet.hashtags == ("Ley",)
    assert [one.tweet.kind for one in (first, second, third)] == ["original", "retweet", "quote"]
    assert fourth.tweet.text == "Corto"


# Compressed


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
@pytest.mark.parametrize("content", [HEADER + GOOD, lines(post("1"))], ids=["table", "lines"])
def test_a_packed_file_is_known_by_its_first_bytes_and_reads_as_the_plain_one(
    read: Read, pack: Callable[[bytes], bytes], content: str
) -> None:
    assert read(pack(content.encode()), "named-anyhow.dat") == read(content)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_packed_file_that_was_cut_off_is_a_file_format_error_wherever_it_was_cut(
    read: Read, pack: Callable[[bytes], bytes]
) -> None:
    whole = pack((HEADER + "".join(GOOD.replace("1,", f"{n},", 1) for n in range(300))).encode())
    for end in (8, 12, 40, len(whole) // 2, len(whole) - 1):
        with pytest.raises(FileFormatError, match=r"ends before its time or is damaged: .*; copy it again"):
            read(whole[:end])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_packed_file_with_a_wrong_byte_is_a_file_format_error(read: Read, pack: Callable[[bytes], bytes]) -> None:
    """zlib's own error was in no one's list."""
    whole = bytearray(pack((HEADER + GOOD * 300).encode()))
    for place in (15, 30, len(whole) // 2, len(whole) - 6):
        damaged = bytes(whole[:place]) + bytes([whole[place] ^ 0xFF]) + bytes(whole[place + 1 :])
        with pytest.raises(FileFormatError):
            read(damaged)


# No tweets file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; it takes tweets as CSV or as JSON lines"),
        ("\ufeff", "is empty"),
        ("  \n", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (
            "id,created_at,text,name\n",
            "no column user_id or author_id or author.id or user.id or user_id_str or userid or screen_name",
        ),
        (
            "id,fecha,text,user_id\n",
            "no column created_at or date or datetime or timestamp or tweet_created or time; it has 'id, fecha",
        ),
        ("Hola, esto es una carta.\n", "no column tweet_id or status_id or tweetid or id_str or id"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00", "no column"),
        ("[{}]\n", "none of its lines"),
        ('{"a": 1}\n{"b": 2}\n', "none of its lines is an API v2 page or post, a v1.1 status"),
        ('{"a":' * 50_000, "none of its lines"),
        ('{"meta": {"result_count": 0}}\n', "none of its lines"),
        ("{torn\n", "none of its lines"),
        ("a" * 200_000, "is no tweets file"),
    ],
)
def test_what_is_no_tweets_file_says_what_it_lacks(read: Read, tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(FileFormatError) as raised:
        read(content)
    assert str(raised.value).startswith(f"{tmp_path / 'tweets'} is ")
    assert message in str(raised.value)
    assert str(raised.value).encode()  # bytes that are no UTF-8 are told in a form that can be printed


def test_a_file_that_is_not_there_or_is_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="can't be read: No such file"):
        list(read_posts(tmp_path / "nada.csv", SANTIAGO))
    with pytest.raises(FileFormatError, match=r"is no archive of an X account: there is no data/tweets\.js in it"):
        list(read_posts(tmp_path, SANTIAGO))


def test_a_table_with_nothing_but_its_header_has_no_posts(read: Read) -> None:
    assert read(HEADER) == []


# Whom the registry knows


JUANA = Politician("Juana", "7", "Juana Rojas", "Senadora", "Norte Unido", "PVA")


def test_only_the_registrys_politicians_are_admitted_and_each_id_once(read: Read) -> None:
    rows = [("1", "7", "otra"), ("2", "99", "JUANA"), ("3", "8", "pedro"), ("1", "7", "juana"), ("x", "7", "juana")]
    entries = read(HEADER + "".join(f"{number},2019-07-01T12:00:00Z,Hola,{user},{name}\n" for number, user, name in rows))
    admitted = list(admit(entries, Registry([JUANA])))
    assert brief(admitted) == [(2, "1"), (3, "other_account"), (4, "not_in_registry"), (5, "duplicate_id"), (6, "bad_id")]


def test_an_archive_tells_the_ids_that_a_registry_lacks(read: Read) -> None:
    entries = read(HEADER + GOOD + GOOD.replace("juana", "@Pedro").replace(",7,", ",8,") + "malo\n")
    assert user_ids(entries) == {"juana": "7", "pedro": "8"}


# Every row is accounted for


good_rows = st.fixed_dictionaries(
    {
        "id": st.integers(1, 10).map(str),
        "created_at": st.sampled_from(["2019-07-01T12:00:00Z", "2019-07-01 12:00:00"]),
        "text": st.text(max_size=20).filter(str.strip),
        "user_id": st.just("7"),
        "screen_name": st.sampled_from(["juana", "pedro"]),
    }
)
any_rows = st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.text(max_size=8)))
short_rows = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=4)


def as_csv(rows: list[Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] if isinstance(row, dict) else row for row in rows)
    return out.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(good_rows | any_rows | short_rows, max_size=8))
def test_every_row_is_a_post_or_a_reject(read: Read, rows: list[Any]) -> None:
    entries = read(as_csv(rows))
    assert len(entries) == len(rows)
    assert len({one.line for one in entries}) == len(rows)
    for row, entry in zip(rows, entries, strict=True):
        if isinstance(entry, Post):
            assert entry.tweet.text == clean(row["text"])
    admitted = list(admit(entries, Registry([JUANA])))
    assert len(admitted) == len(rows)
    ids = [one.tweet.id_str for one in admitted if isinstance(one, Post)]
    assert len(ids) == len(set(ids))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    head=st.sampled_from([b"", HEADER.encode(), b"{", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", lines(post("1")).encode()]),
    rest=st.binary(max_size=60),
)
def test_whatever_bytes_a_file_holds_they_are_entries_or_a_file_format_error(read: Read, head: bytes, rest: bytes) -> None:
    with contextlib.suppress(FileFormatError):
        assert all(one.line > 0 for one in read(head + rest))


# Real tweets


@pytest.mark.slow
def test_a_real_archive_is_read_whole() -> None:
    if not TWEETS.is_dir():
        pytest.skip(f"the real archive is not at {TWEETS}")
    entries = list(read_posts(TWEETS / "argentina-2019.csv.gz", ZoneInfo("America/Argentina/Buenos_Aires")))
    assert len(entries) == 47_755
    listed = (TWEETS / "argentina-2019-politicians.csv").read_text(encoding="utf-8")
    registry = read_registry(listed, user_ids(entries))
    assert len(registry) == 21
    admitted = list(admit(entries, registry))
    assert [one for one in admitted if isinstance(one, Reject)] == []
    assert len(admitted) == 47_755
    kinds = Counter(one.tweet.kind for one in admitted if isinstance(one, Post))
    assert 0.005 < kinds["retweet"] / len(admitted) < 0.01
