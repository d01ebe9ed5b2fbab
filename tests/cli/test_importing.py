"""Importing: every format gives the same posts, damage is set aside with its reason, and nothing is counted twice or lost."""

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from cli.flows import days_of
from cli.importing.command import Archive, require_right_times, store, without_forgotten
from cli.importing.inputs import Inputs, parse_columns, read_files
from cli.importing.posts import PostsWriter
from cli.importing.registry_merge import merge
from cli.importing.unfinished import Standing, Unfinished
from politico.archives.json_values import CHUNK, Broken, read_values
from politico.archives.reading import Author, Post, Reject, read_posts
from politico.errors import FileFormatError, InputError, UnknownFieldError, UnknownValueError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.registry import DEFAULT_TIME_ZONE, put_registry
from politico.lake.tombstones import bury, read_tombstones
from politico.tweets.politician import Politician, Registry, read_registry
from politico.tweets.tweet import snowflake_time, write_time

SANTIAGO = ZoneInfo("America/Santiago")
LIST = (
    "screen_name,user_id,name,office,coalition,party\njuana,7,Juana Rojas,Senadora,Norte,PVA\npedro,8,Pedro Paz,Alcalde,Sur,PRS\n"
)
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
ID = 1_200_000_000_000_000_001
LONG = "Vamos a trabajar con los vecinos de la provincia para que el plan del agua llegue a cada casa del norte y del sur"
CUT = (LONG + "a" * 140)[:139] + "…"


def status(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id_str": str(ID + number),
        "created_at": "Wed Oct 10 20:19:24 +0000 2018",
        "full_text": f"Hola a todos y todas {number}",
        "user": {"id_str": "7", "screen_name": "juana"},
        **changes,
    }


def v2(number: int) -> dict[str, Any]:
    created = "2018-10-10T20:19:24.000Z"
    return {"id": str(ID + number), "author_id": "7", "created_at": created, "text": f"Hola a todos y todas {number}"}


def table(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {**v2(number), "username": "juana", **changes}


def read(path: Path, content: str | bytes, **options: Any) -> list[Post | Reject]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_posts(path, SANTIAGO, **options))


def shape(entries: list[Post | Reject]) -> list[Any]:
    """Id, writer, moment and text of posts, the reason of rejects."""
    return [
        (one.tweet.id_str, one.tweet.author_id, one.screen_name, one.tweet.created_at, one.tweet.text)
        if isinstance(one, Post)
        else one.reason
        for one in entries
    ]


def parquet(columns: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


# Formats

THREE = range(3)
STATUSES = [status(number) for number in THREE]
PAGES = [{"data": [v2(number)], "includes": {"users": [{"id": "7", "username": "juana"}]}} for number in THREE]
ROWS = [row(number) for number in THREE]
ACCOUNT = 'window.YTD.account.part0 = [ {\n "account" : {"username": "juana", "accountId": "7", "email": "x"} } ]'


def script(numbers: Any, part: int = 0) -> str:
    tweets = [{"tweet": {name: value for name, value in status(one).items() if name != "user"}} for one in numbers]
    return f"window.YTD.tweets.part{part} = " + json.dumps(tweets, indent=2)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data/tweets.js", script([0, 1]))
        archive.writestr("data/tweets-part1.js", script([2], 1))
        archive.writestr("data/deleted-tweets.js", script([9]))
        archive.writestr("data/account.js", ACCOUNT)
    return out.getvalue()


TYPED = {
    "id": pa.array([ID + number for number in THREE], pa.int64()),
    "author.id": pa.array([7.0] * 3, pa.float64()),
    "author.username": pa.array(["juana"] * 3).dictionary_encode(),
    "created_at": pa.array([datetime(2018, 10, 10, 17, 19, 24)] * 3, pa.timestamp("ns", "America/Santiago")).cast(
        pa.timestamp("ns", "UTC")
    ),
    "text": pa.array([f"Hola a todos y todas {number}" for number in THREE], pa.large_string()),
}
TYPED["created_at"] = pa.array([datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)] * 3, pa.timestamp("ns", "UTC"))

FORMATS: dict[str, str | bytes] = {
    "v1.1 in lines": "".join(json.dumps(one) + "\n" for one in STATUSES),
    "v1.1 in one array on one line": json.dumps(STATUSES),
    "v1.1 in one array, pretty": json.dumps(STATUSES, indent=4),
    "v1.1 in arrays a line": json.dumps(STATUSES[:2]) + "\n" + json.dumps(STATUSES[2:]) + "\n",
    "v2 in lines": "".join(json.dumps(one) + "\n" for one in PAGES),
    "v2 in an array": json.dumps(PAGES, indent=1),
    "v2 page, pretty": json.dumps({**PAGES[0], "data": [v2(number) for number in THREE]}, indent=2),
    "comma": table(ROWS),
    "semicolon": table(ROWS, ";"),
    "tab": table(ROWS, "\t"),
    "UTF-8 with its mark": "\ufeff" + table(ROWS),
    "UTF-16 little": b"\xff\xfe" + table(ROWS).encode("utf-16-le"),
    "UTF-16 big": b"\xfe\xff" + json.dumps(STATUSES).encode("utf-16-be"),
    "Parquet, typed": parquet(TYPED),
    "X account's archive": zipped(),
}


@pytest.mark.parametrize("content", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_posts(tmp_path: Path, content: str | bytes) -> None:
    moment = datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)
    wanted = [(str(ID + number), "7", "juana", moment, f"Hola a todos y todas {number}") for number in THREE]
    assert sorted(shape(read(tmp_path / "given", content))) == wanted


def test_an_accounts_folder_and_a_bare_script_are_read_too(tmp_path: Path) -> None:
    data = tmp_path / "archive" / "data"
    data.mkdir(parents=True)
    (data / "tweet.js").write_text(script(THREE))
    (data / "account.js").write_text(ACCOUNT)
    wanted = shape(read(tmp_path / "lines", json.dumps(STATUSES)))
    assert shape(list(read_posts(data.parent, SANTIAGO))) == wanted
    assert shape(list(read_posts(data / "tweet.js", SANTIAGO))) == wanted  # account.js lies beside it
    assert shape(read(tmp_path / "tweets.js", script(THREE), author=Author("7", "juana"))) == wanted
    assert shape(read(tmp_path / "tweets.js", script(THREE))) == ["no_author_id"] * 3


def test_an_archives_edited_tweet_names_its_versions(tmp_path: Path) -> None:
    control = {"editTweetIds": ["11", "12"]}
    edited = {**status(1, id_str="12"), "edit_info": {"edit": {"initialTweetId": "11", "editControlInitial": control}}}
    (entry,) = read(tmp_path / "given", json.dumps([edited]))
    assert isinstance(entry, Post)
    assert entry.tweet.previous_ids == ("11",)


TOLD = "Una historia larga, contada desde el principio y con todos sus detalles, " * 6
SECOND = "2018-10-10T20:19:24.000Z"


def long_post(text: str = TOLD, at: str = SECOND) -> dict[str, Any]:
    core = {"text": text, "hashtags": [{"text": "Historia"}], "urls": [], "mentions": []}
    return {"noteTweet": {"noteTweetId": "99", "createdAt": at, "core": core}}


def archive_of(folder: Path, *tweets: dict[str, Any], notes: list[Any] | None = None) -> Path:
    data = folder / "data"
    data.mkdir()
    (data / "account.js").write_text(ACCOUNT)
    (data / "tweets.js").write_text("window.YTD.tweets.part0 = " + json.dumps([{"tweet": one} for one in tweets]))
    if notes is not None:
        (data / "note-tweet.js").write_text("window.YTD.note_tweet.part0 = " + json.dumps(notes))
    return folder


def archived(number: int, text: str, *links: str) -> dict[str, Any]:
    """A tweet of an archive, which says neither whose it is nor whether it quotes."""
    urls = [{"url": f"https://t.co/{index}abcdefgh", "expanded_url": link} for index, link in enumerate(links)]
    body = {**status(number), "full_text": " ".join([text, *(one["url"] for one in urls)]), "entities": {"urls": urls}}
    return {name: value for name, value in body.items() if name != "user"}


def test_an_archives_long_post_is_whole(tmp_path: Path) -> None:
    """It once came in cut at 280 characters, with nothing to show that it was."""
    cut = archived(1, TOLD[:270] + "…", f"https://twitter.com/i/web/status/{ID + 1}")
    brief = archived(2, "Otra cosa del mismo segundo, corta")
    folder = archive_of(tmp_path, cut, brief, notes=[long_post("Otra, también larga. " * 20), long_post(), {"odd": 1}, 7])
    for path in (folder, folder / "data" / "tweets.js"):
        whole, other = read_posts(path, SANTIAGO)
        assert isinstance(whole, Post)
        assert isinstance(other, Post)
        assert whole.tweet.text == TOLD.strip()
        assert whole.tweet.hashtags == ("Historia",)
        assert whole.tweet.kind == "original"
        assert other.tweet.text == "Otra cosa del mismo segundo, corta"


def test_a_short_post_of_a_thread_keeps_its_words(tmp_path: Path) -> None:
    """It once took the text of the long one that began with them in the same second."""
    folder = archive_of(tmp_path, archived(1, "Una historia larga"), notes=[long_post()])
    (entry,) = read_posts(folder, SANTIAGO)
    assert isinstance(entry, Post)
    assert entry.tweet.text == "Una historia larga"


def test_a_long_post_whose_rest_is_nowhere_is_set_aside(tmp_path: Path) -> None:
    cut = archived(1, TOLD[:270] + "…", f"https://twitter.com/i/web/status/{ID + 1}")
    folder = archive_of(tmp_path, cut, archived(2, "Hola a todos y todas"), notes=[long_post(at="2018-10-10T20:19:44.000Z")])
    assert shape(list(read_posts(folder, SANTIAGO)))[0] == "truncated_text"


@pytest.mark.parametrize(
    ("links", "kind"),
    [
        (["https://twitter.com/otra/status/44"], "quote"),
        (["https://x.com/otra/status/44?s=20"], "quote"),
        (["https://prensa.example/nota", "https://mobile.twitter.com/otra/status/44"], "quote"),
        (["https://twitter.com/otra/status/44", "https://prensa.example/nota"], "original"),
        (["https://twitter.com/otra/status/44/photo/1"], "original"),
        (["https://twitter.com/otra"], "original"),
        (["https://example.com/twitter.com/otra/status/44"], "original"),
    ],
)
def test_an_archives_quote_is_known_by_the_address_it_ends_in(tmp_path: Path, links: list[str], kind: str) -> None:
    """Quotes once came in as originals: an archive has no mark for them."""
    (entry,) = read_posts(archive_of(tmp_path, archived(1, "Miren lo que dice esta persona", *links)), SANTIAGO)
    assert isinstance(entry, Post)
    assert entry.tweet.kind == kind


def test_a_status_that_says_it_quotes_nothing_quotes_nothing(tmp_path: Path) -> None:
    linked = {**archived(1, "Miren lo que dice", "https://twitter.com/otra/status/44"), "is_quote_status": False}
    (entry,) = read_posts(archive_of(tmp_path, linked), SANTIAGO)
    assert isinstance(entry, Post)
    assert entry.tweet.kind == "original"


def test_a_zip_without_tweets_or_owner_says_what_it_lacks(tmp_path: Path) -> None:
    for name, lacks in (("data/account.js", "no data/tweets.js"), ("data/tweets.js", "no data/account.js")):
        with zipfile.ZipFile(tmp_path / "given.zip", "w") as archive:
            archive.writestr(name, ACCOUNT if "account" in name else script(THREE))
        with pytest.raises(FileFormatError, match=lacks):
            list(read_posts(tmp_path / "given.zip", SANTIAGO))


# v1.1's long texts


def test_the_whole_text_of_a_status_and_its_hashtags_are_taken_where_they_are(tmp_path: Path) -> None:
    extended = {"full_text": "Toda la frase #Agua", "entities": {"hashtags": [{"text": "Agua"}]}}
    short = {"text": CUT, "full_text": None, "truncated": True}
    entries = read(
        tmp_path / "given",
        json.dumps(
            [
                status(1, **short, extended_tweet=extended, entities={"hashtags": []}),
                status(2, **short),
                status(3, **short, retweeted_status={"id_str": "5"}),
            ]
        ),
    )
    whole, cut, retweet = entries
    assert isinstance(whole, Post)
    assert (whole.tweet.text, whole.tweet.hashtags) == ("Toda la frase #Agua", ("Agua",))
    assert isinstance(cut, Reject)
    assert cut.reason == "truncated_text"
    assert isinstance(retweet, Post)
    assert retweet.tweet.kind == "retweet"


# Tables


def test_columns_are_named_by_the_person(tmp_path: Path) -> None:
    rows = [{"tweet": one["id"], "contenido": one["text"], "fecha": one["created_at"], "autor": "7"} for one in ROWS]
    names = parse_columns(["text=contenido", "id=Tweet", "created_at=fecha", "user_id=autor"])
    assert [one[0] for one in shape(read(tmp_path / "given", table(rows), columns=names))] == [str(ID + n) for n in THREE]
    with pytest.raises(UnknownFieldError, match="no column 'texto'; it has 'tweet, contenido, fecha, autor'"):
        read(tmp_path / "given", table(rows), columns={"text": "texto"})
    with pytest.raises(UnknownFieldError, match="unknown 'party'; it takes one of id, created_at, text"):
        read(tmp_path / "given", table(rows), columns={"party": "autor"})
    with pytest.raises(UnknownValueError, match="WHAT=COLUMN"):
        parse_columns(["text"])


def test_a_table_without_user_ids_gets_them_from_the_list(tmp_path: Path) -> None:
    rows = [{name: value for name, value in row(1, username=name).items() if name != "author_id"} for name in ("@Pedro", "ana")]
    post, reject = read(tmp_path / "given", table(rows), known_ids={"pedro": "8"})
    assert isinstance(post, Post)
    assert post.tweet.author_id == "8"
    assert isinstance(reject, Reject)
    assert reject.reason == "no_author_id"


@pytest.mark.parametrize(
    ("given_id", "found"),
    [
        ("934575503259906e3", "rounded_id"),
        ("9.34575503259906E+17", "rounded_id"),
        ("934575503259906000.0", "rounded_id"),
        ("1e5", "rounded_id"),
        ("12345.0", "12345"),
        ("1.2345E+4", "12345"),
        ("12345.5", "bad_id"),
        ("nan", "no_id"),
        ("12345678901234567890", "bad_id"),
        ("x1256253461234567169", "1256253461234567169"),
        ("'1256253461234567169", "1256253461234567169"),
        ("-5.0", "bad_id"),
    ],
)
def test_an_id_that_was_a_number_is_repaired_only_where_nothing_was_lost(tmp_path: Path, given_id: str, found: str) -> None:
    (entry,) = read(tmp_path / "given", table([row(1, id=given_id)]))
    assert (entry.tweet.id_str if isinstance(entry, Post) else entry.reason) == found


def test_floating_point_ids_of_parquet_and_json_are_known_as_rounded(tmp_path: Path) -> None:
    typed = {**TYPED, "id": pa.array([float(ID), 12345.0, None])}
    entries = read(tmp_path / "given", parquet(typed))
    assert [one.tweet.id_str if isinstance(one, Post) else one.reason for one in entries] == ["rounded_id", "12345", "no_id"]
    assert shape(read(tmp_path / "given", json.dumps([{**v2(1), "id": float(ID)}, v2(2)])))[0] == "rounded_id"


def test_a_parquet_file_of_many_batches_counts_its_rows_and_reads_structs(tmp_path: Path) -> None:
    count = 4_500
    author = pa.array([{"id": "7", "username": "juana"}] * count)
    columns = {"id": [str(ID + n) for n in range(count)], "created_at": [1_539_202_764] * count, "text": ["Hola"] * count}
    entries = read(tmp_path / "given", parquet({**columns, "author": author}))
    assert [one.line for one in entries] == list(range(1, count + 1))
    assert {(one.tweet.author_id, one.screen_name) for one in entries if isinstance(one, Post)} == {("7", "juana")}


def test_a_torn_parquet_file_is_a_file_format_error(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="no whole Parquet file"):
        read(tmp_path / "given", parquet(TYPED)[:-9])


@pytest.mark.parametrize(
    "time",
    [
        *("2018-10-10T20:19:24Z", "2018-10-10 17:19:24-03:00", "2018-10-10 17:19:24 -03", "2018-10-10 20:19:24 UTC"),
        *(
            "Wed Oct 10 20:19:24 -0000 2018",
            "Wed Oct 10 20:19:24 +00:00 2018",
            "Wed Oct 10 20:19:24 +0000 2018",
            "1539202764",
            "1539202764000",
            "1539202764.0",
            "2018-10-10 17:19:24",
        ),
    ],
)
def test_times_of_any_form_and_zone_are_the_same_moment(tmp_path: Path, time: str) -> None:
    (entry,) = read(tmp_path / "given", table([row(1, created_at=time)]))
    assert isinstance(entry, Post)
    assert write_time(entry.tweet.created_at) == "2018-10-10T20:19:24.000Z"


# JSON of any length


class Slow(io.StringIO):
    """Gives a few characters at a time, as if every value were cut by the end of a chunk."""

    def __init__(self, text: str, size: int) -> None:
        super().__init__(text)
        self._size = size

    def read(self, _size: int | None = -1, /) -> str:
        return super().read(self._size)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    values=st.lists(json_values.map(lambda one: {"v": one}), max_size=5),
    size=st.integers(1, 40),
    layout=st.sampled_from(["lines", "array", "pretty"]),
)
def test_values_are_the_same_wherever_a_chunk_ends(values: list[Any], size: int, layout: str) -> None:
    lines = "".join(json.dumps(one) + "\n" for one in values)
    text = lines if layout == "lines" else json.dumps(values, indent=2 if layout == "pretty" else None)
    assert [value for _line, value in read_values(Slow(text, size))] == values


def test_a_torn_value_costs_itself_and_its_line_is_known() -> None:
    pretty = json.dumps([status(1), status(2), status(3)], indent=2).replace(
        '"full_text": "Hola a todos y todas 2"', '"full_text": "Hola'
    )
    found = list(read_values(io.StringIO(pretty)))
    assert [isinstance(value, Broken) for _line, value in found] == [False, True, False]
    assert [line for line, _value in found] == [2, 11, 20]
    lines = '{"a": 1}\n{"a": "torn\n{"b": 2}\nnot json\n{"c": 3}'
    assert [(line, isinstance(value, Broken)) for line, value in read_values(io.StringIO(lines))] == [
        *((1, False), (2, True), (3, False), (4, True), (5, False))
    ]


def test_a_value_longer_than_a_chunk_is_read() -> None:
    values = [{"a": "x" * (3 * CHUNK)}, {"b": 1}]
    assert [value for _line, value in read_values(io.StringIO(json.dumps(values)))] == values


# The whole of a file


@pytest.fixture
def inputs(tmp_path: Path) -> Callable[..., tuple[Inputs, list[dict[str, Any]]]]:
    def read_content(content: str, **options: Any) -> tuple[Inputs, list[dict[str, Any]]]:
        (tmp_path / "tweets").write_text(content, encoding="utf-8", newline="")
        (tmp_path / "list.csv").write_text(LIST)
        rejected = tmp_path / "rejected.jsonl"
        found = read_files(tmp_path / "tweets", tmp_path / "list.csv", tmp_path / "posts", rejected, SANTIAGO, **options)
        return found, [json.loads(line) for line in rejected.read_text().splitlines()]

    return read_content


Reading = Callable[..., tuple[Inputs, list[dict[str, Any]]]]


def test_cut_texts_are_set_aside_where_the_file_was_cut(inputs: Reading) -> None:
    assert len(CUT) == 140
    linked = CUT[:115] + "… https://t.co/AbCdEfGh12"
    rows = [row(1, text=CUT), row(2, text=linked), row(3, text="RT @ana: " + CUT[9:]), row(4, text="Ya veremos…"), row(5)]
    found, rejected = inputs(table(rows))
    assert len(linked) == 140
    assert (found.kept, found.rejected, [one["line"] for one in rejected]) == (3, {"truncated_text": 2}, [2, 3])


def test_a_single_text_of_that_form_among_many_long_ones_is_its_writers(inputs: Reading) -> None:
    found, _rejected = inputs(
        table([row(0, text=CUT), *(row(n, text=LONG + " y a cada barrio de la costa") for n in range(1, 101))])
    )
    assert (found.kept, found.rejected) == (101, {})


def test_a_text_of_that_form_from_before_tweets_were_cut_is_its_writers(inputs: Reading) -> None:
    found, _rejected = inputs(table([row(0, text=CUT, created_at="2014-01-01T00:00:00Z"), row(1)]))
    assert found.kept == 2


def test_ids_that_a_spreadsheet_rounded_are_set_aside_and_a_lucky_one_is_not(inputs: Reading) -> None:
    rounded = [row(n, id=str(934_575_503_259_906_000 + 1000 * n)) for n in range(5)]
    assert inputs(table([*rounded, row(1)]))[0].rejected == {"rounded_id": 5}
    assert inputs(table([rounded[0], row(1), row(2)]))[0].rejected == {}


def test_what_is_buried_is_set_aside_with_its_line(inputs: Reading, tmp_path: Path) -> None:
    with mock_aws():
        lake = a_lake()
        bury(lake, tweets={str(ID + 1): "deleted"}, users={"8": "by_hand"}, now=datetime(2024, 1, 1, tzinfo=UTC))
        buried = read_tombstones(lake)
    found, rejected = inputs(table([row(0), row(1), row(2, author_id="8", username="pedro")]), buried=buried)
    assert (found.read, found.kept, found.rejected) == (3, 1, {"tombstone": 2})
    assert [one["line"] for one in rejected] == [3, 4]


def test_a_tweet_of_another_account_under_a_listed_name_is_set_aside(inputs: Reading) -> None:
    """It was once kept, stored under an id that nobody asks for, and never seen again."""
    found, rejected = inputs(table([row(0), row(1, author_id="99"), row(2, author_id="7", username="renamed")]))
    assert (found.kept, found.rejected) == (2, {"other_account": 1})
    assert rejected[0]["detail"] == "'juana' is the account 7 in the registry; this is by 99"


def test_a_tweet_from_the_future_is_set_aside_and_makes_no_other_too_old(inputs: Reading) -> None:
    """Ages count back from the newest tweet: one wrong year once left nothing of an archive."""
    found, _rejected = inputs(table([row(0), row(1, created_at="2098-10-10T20:19:24Z")]))
    assert (found.kept, found.rejected) == (1, {"in_the_future": 1})
    assert write_time(found.reference) == row(0)["created_at"]
    near = write_time(datetime.now(UTC) + timedelta(hours=20))
    assert inputs(table([row(0), row(1, created_at=near)]))[0].kept == 2


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_lists_user_ids_are_read_whatever_separates_them(tmp_path: Path, separator: str) -> None:
    (tmp_path / "list.csv").write_text("\ufeff" + LIST.replace("juana,", "@juana,").replace(",", separator), encoding="utf-8")
    rows = [{name: value for name, value in row(1).items() if name != "author_id"}]
    (tmp_path / "tweets").write_text(table(rows), encoding="utf-8")
    found = read_files(tmp_path / "tweets", tmp_path / "list.csv", tmp_path / "posts", tmp_path / "rejected", SANTIAGO)
    assert (found.kept, found.rejected) == (1, {})


def test_times_whose_zone_was_lost_are_known_by_the_ids(inputs: Reading) -> None:
    """Many tools write UTC and no zone: every tweet once moved by some hours, and a sixth of them to another day."""
    ids = [1_253_000_000_000_000_003 + number * (10**13 + 7) for number in range(40)]
    naive = [row(0, id=str(one), created_at=f"{snowflake_time(str(one)):%Y-%m-%d %H:%M:%S}") for one in ids]
    found, _rejected = inputs(table(naive))
    assert found.hours_off == 4
    archive = Archive(Path("t.csv"), Path("p.csv"), Path("r"), "America/Santiago")
    with pytest.raises(InputError, match=r"are 4 h ahead of those that the tweets' ids tell.*give --time-zone UTC"):
        require_right_times(found, archive)
    require_right_times(found, replace(archive, keep_times=True))
    zoned = [row(0, id=str(one), created_at=f"{snowflake_time(str(one)):%Y-%m-%dT%H:%M:%SZ}") for one in ids]
    assert inputs(table(zoned))[0].hours_off == 0
    assert inputs(table([row(number) for number in range(40)]))[0].hours_off == 0  # ids that tell of other days altogether


@pytest.mark.parametrize("rounded", [lambda one: int(float(one)), lambda one: one // 100 * 100], ids=["float", "script"])
def test_ids_that_a_program_rounded_are_set_aside(inputs: Reading, rounded: Callable[[int], int]) -> None:
    """They were once kept: another's post would be asked about, and forgotten."""
    ids = [1_253_000_000_000_000_001 + number * 1_234_567_891 for number in range(40)]
    assert inputs(table([row(0, id=str(one)) for one in ids]))[0].rejected == {}
    spoilt = [row(0, id=str(rounded(one))) for one in ids]
    assert inputs(table([*spoilt, row(1, id="12345")]))[0].rejected == {"rounded_id": 40}


def kinds(tmp_path: Path, content: str | bytes) -> list[str]:
    return [one.tweet.kind if isinstance(one, Post) else one.reason for one in read(tmp_path / "given", content)]


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("referenced_tweets", "[{'type': 'quoted', 'id': '44'}]", "quote"),
        ("referenced_tweets", "[<ReferencedTweet id=44 type=retweeted>]", "retweet"),
        ("referenced_tweets", "[{'type': 'replied_to', 'id': '44'}]", "original"),
        ("sourcetweet_type", "quoted", "quote"),
        ("tweet_type", "retweet", "retweet"),
        ("tweet_type", "original", "original"),
        ("quote_id", "44", "quote"),
        ("quotedTweet", "https://twitter.com/otra/status/44", "quote"),
        ("quote_url", "https://twitter.com/otra/status/44", "quote"),
        ("quote_url", "", "original"),
        ("is_quote_status", "True", "quote"),
        ("is_quote_status", "False", "original"),
        ("quoted_tweet_tweetid", "44", "quote"),
        ("is_retweet", "TRUE", "retweet"),
        ("retweet_status_id", "x44", "retweet"),
        ("retweet_status_id", "NA", "original"),
    ],
)
def test_quotes_and_retweets_of_any_tools_table_are_known(tmp_path: Path, column: str, value: str, kind: str) -> None:
    """Most tools' quotes once came in as originals: the column had another name."""
    assert kinds(tmp_path, table([row(1, **{column: value})])) == [kind]


def test_a_parquet_column_of_references_is_read_too(tmp_path: Path) -> None:
    references = pa.array([[{"type": "quoted", "id": "44"}], None, [{"type": "replied_to", "id": "44"}]])
    assert kinds(tmp_path, parquet({**TYPED, "referenced_tweets": references})) == ["quote", "original", "original"]


def test_what_r_writes_for_nothing_stands_in_no_columns_way(tmp_path: Path) -> None:
    """A table from R once lost every text but the long ones."""
    rows = [row(1, lang="NA") | {"note_tweet.text": "NA"}, row(2, text="NA") | {"note_tweet.text": "NA"}]
    whole, called_so = read(tmp_path / "given", table(rows))
    assert isinstance(whole, Post)
    assert isinstance(called_so, Post)
    assert (whole.tweet.text, whole.tweet.lang, called_so.tweet.text) == ("Hola a todos y todas 1", None, "NA")


def test_a_row_number_is_not_the_tweets_id(tmp_path: Path) -> None:
    rows = [{"id": "1", "status_id": str(ID), **{name: value for name, value in row(1).items() if name != "id"}}]
    assert [one[0] for one in shape(read(tmp_path / "given", table(rows)))] == [str(ID)]
    text = table([row(1)]).replace("id,author_id", "id,id", 1)
    with pytest.raises(FileFormatError, match="has 2 columns 'id'; rename all but one"):
        read(tmp_path / "given", text)


def test_a_quotation_mark_out_of_place_swallows_no_row_without_a_word(tmp_path: Path) -> None:
    """Twenty-eight tweets once came in as the text of the one before them."""
    head, *lines = table([row(number, text="Hola, a todos y todas") for number in range(4)]).splitlines()
    torn = "\n".join([head, lines[0], lines[1].removesuffix(",juana").removesuffix('"'), *lines[2:]])
    entries = read(tmp_path / "given", torn)
    assert [one.tweet.id_str if isinstance(one, Post) else one.reason for one in entries] == [
        str(ID),
        "broken_row",
        str(ID + 3),
    ]
    assert isinstance(entries[1], Reject)
    assert "lines 3 to 4, taken together by a quotation mark" in entries[1].detail
    assert shape(read(tmp_path / "given", f"{head}\n{lines[0]}\n{lines[1][:-12]}"))[1] == "broken_row"


@pytest.mark.parametrize("before", ["\n\n", "sep=;\n", '"sep=;"\r\n'])
def test_lines_before_the_header_are_passed_over_and_counted(tmp_path: Path, before: str) -> None:
    content = before + table([row(1), row(2, created_at="ayer")], ";" if "sep" in before else ",")
    entries = read(tmp_path / "given", content)
    assert [one.line for one in entries] == [before.count("\n") + 2, before.count("\n") + 3]


def test_one_damaged_status_of_an_array_on_one_line_costs_itself(tmp_path: Path) -> None:
    whole = json.dumps([status(number) for number in range(10)])
    damaged = whole.replace('"full_text": "Hola a todos y todas 3"', '"full_text" "Hola', 1)
    found = shape(read(tmp_path / "given", damaged))
    assert [one if isinstance(one, str) else one[0] for one in found] == [
        *(str(ID + number) for number in range(3)),
        "broken_row",
        *(str(ID + number) for number in range(4, 10)),
    ]


def test_a_searchs_answer_and_what_tweepy_and_streams_write_are_read(tmp_path: Path) -> None:
    values = [{"statuses": [status(1)]}, {"_json": status(2)}, {"delete": {"status": {"id": 5}}}, {"limit": {"track": 9}}]
    found = shape(read(tmp_path / "given", "".join(json.dumps(one) + "\n" for one in values)))
    assert [one[0] for one in found] == [str(ID + 1), str(ID + 2)]
    inside = {**v2(3), "author": {"id": "7", "username": "juana"}}
    assert shape(read(tmp_path / "given", json.dumps(inside)))[0][2] == "juana"


def test_a_long_post_of_api_v2_without_its_rest_is_set_aside(tmp_path: Path) -> None:
    link = {"url": "https://t.co/0abcdefgh", "expanded_url": f"https://twitter.com/i/web/status/{ID + 1}"}
    cut = {**v2(1), "text": TOLD[:270] + "… https://t.co/0abcdefgh", "entities": {"urls": [link]}}
    whole = {**cut, "id": str(ID + 1), "note_tweet": {"text": TOLD}}
    found = shape(read(tmp_path / "given", json.dumps([cut, whole])))
    assert (found[0], found[1][4]) == ("truncated_text", TOLD.strip())


@pytest.mark.parametrize(
    "time",
    ["Fri May 01 16:00:00 BRT 2020", "Fri May 01 16:00:00 CEST 2020", "201810102019", "001588348800", "2020-05-01 12:00:00 CLT"],
)
def test_a_time_whose_zone_or_number_nobody_can_read_is_set_aside(tmp_path: Path, time: str) -> None:
    """They were once taken to be in the file's zone, or in 1970."""
    assert shape(read(tmp_path / "given", table([row(1, created_at=time)]))) == ["bad_created_at"]


def test_a_dates_hour_in_a_column_of_its_own_counts(tmp_path: Path) -> None:
    """As twint writes it."""
    rows = [{"date": "2020-05-01", "time": "23:30:00", "timezone": "-0400", **row(1)}]
    del rows[0]["created_at"]
    (entry,) = read(tmp_path / "given", table(rows))
    assert isinstance(entry, Post)
    assert write_time(entry.tweet.created_at) == "2020-05-02T03:30:00.000Z"


def test_a_text_written_as_pythons_bytes_is_read_as_what_it_says(tmp_path: Path) -> None:
    rows = [row(1, text=str("Hola a todos mañana".encode())), row(2, text=r"b'Hola \xff'"), row(3, text="b'")]
    first, second, third = shape(read(tmp_path / "given", table(rows)))
    assert (first[4], second, third[4]) == ("Hola a todos mañana", "bad_encoding", "b'")


def test_two_archives_in_one_and_a_packed_table_say_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for owner in ("juana", "pedro"):
            archive.writestr(f"{owner}/data/account.js", ACCOUNT.replace("juana", owner))
            archive.writestr(f"{owner}/data/tweets.js", script([1]))
    with pytest.raises(FileFormatError, match="holds the archives of 2 accounts; unpack it and give them one by one"):
        list(read_posts(tmp_path / "two.zip", SANTIAGO))
    with zipfile.ZipFile(tmp_path / "table.zip", "w") as archive:
        archive.writestr("tweets.csv", table(ROWS))
    with pytest.raises(FileFormatError, match="if it is a packed table, unpack it first"):
        list(read_posts(tmp_path / "table.zip", SANTIAGO))


def test_an_older_archives_bare_account_names_its_owner(tmp_path: Path) -> None:
    folder = archive_of(tmp_path, archived(1, "Hola a todos y todas"))
    (folder / "data" / "account.js").write_text('window.YTD.account.part0 = {"username": "juana", "accountId": "7"}')
    assert shape(list(read_posts(folder, SANTIAGO)))[0][1:3] == ("7", "juana")


@pytest.mark.parametrize("error", [RuntimeError("is encrypted"), NotImplementedError("compression type 9")])
def test_a_zip_that_cannot_be_unpacked_here_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Encrypted, or packed by Windows with Deflate64: both once ended in a traceback."""

    def refuse(*_: Any) -> Any:
        raise error

    (tmp_path / "given.zip").write_bytes(zipped())
    monkeypatch.setattr(zipfile.ZipFile, "open", refuse)
    with pytest.raises(FileFormatError, match=r"can't be unpacked here: .*; unpack it and give the folder"):
        list(read_posts(tmp_path / "given.zip", SANTIAGO))


def test_what_its_writer_deleted_is_not_imported_by_its_own_name_either(tmp_path: Path) -> None:
    deleted = script([1]).replace("YTD.tweets", "YTD.deleted_tweets")
    with pytest.raises(FileFormatError, match="holds tweets that their writer deleted"):
        read(tmp_path / "deleted-tweets.js", deleted, author=Author("7", "juana"))


def test_an_author_that_the_list_does_not_know_is_said(inputs: Reading) -> None:
    assert inputs(script(THREE), author="@Juana")[0].kept == 3
    with pytest.raises(InputError, match="--author nadie: the list of politicians has nobody"):
        inputs(script(THREE), author="nadie")


good = st.integers(1, 6).map(row)
damaged = st.sampled_from(
    [
        row(1, id="9.34575503259906E+17"),
        row(2, created_at="ayer"),
        row(3, text=""),
        row(4, text=CUT),
        row(5, author_id="99", username="ajena"),
        row(6, author_id=""),
        row(0, id="934575503259906000"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=st.lists(good | damaged, max_size=12), as_json=st.booleans())
def test_any_mix_of_good_and_broken_rows_reconciles(inputs: Reading, rows: list[dict[str, Any]], as_json: bool) -> None:
    rows = [row(100), *rows]
    found, rejected = inputs(
        json.dumps(rows, indent=1) if as_json and all(one["author_id"] == "7" for one in rows) else table(rows)
    )
    kept = found.posts.read_text().splitlines()
    assert found.read == len(rows) == len(kept) + len(rejected)
    assert Counter(one["reason"] for one in rejected) == found.rejected
    assert len({one["line"] for one in rejected}) == len(rejected)
    assert not [one for one in rejected if any(text in one["detail"] for text in (CUT, "Hola a todos"))]


# Into the lake


def a_lake() -> Lake:
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    s3.create_bucket(Bucket="lake")
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return Lake(s3, "lake")


@pytest.fixture
def services() -> Iterator[Any]:
    with mock_aws():
        handed: list[str] = []
        ledger = SimpleNamespace(hand_over=lambda user_id, run: handed.append(user_id))
        yield SimpleNamespace(lake=a_lake(), ledger=ledger, handed=handed)


def write_posts(path: Path, posts: list[dict[str, Any]]) -> Path:
    with PostsWriter(path) as writer:
        for one in posts:
            writer.write(one["author_id"], one["id"], json.dumps(one))
    return path


def posts_of_two(count: int) -> list[dict[str, Any]]:
    return [{**v2(n * 37 % count), "author_id": "78"[n % 2]} for n in range(count)]


def put(services: Any, posts: Path, run: str) -> int:
    progress = Standing(run, run, datetime.now(UTC).isoformat())
    return store(services, posts, Unfinished(posts.parent, progress, False), NOW).pages


def stored(lake: Lake, run: str) -> list[dict[str, Any]]:
    return [post for key in lake.keys(f"{places.RAW}run={run}/") for page in lake.read_lines(key) for post in page["data"]]


def test_posts_are_stored_once_account_by_account_and_newest_first(services: Any, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts", posts_of_two(450))
    assert put(services, posts, "one") == 6
    assert services.lake.read_json(places.plan("one")) == {"reference": write_time(NOW)}
    assert services.handed == ["7", "8"]
    for user_id in "78":
        keys = list(services.lake.keys(places.raw_pages("one", user_id)))
        assert sorted(len(next(services.lake.read_lines(key))["data"]) for key in keys) == [25, 100, 100]
    held = stored(services.lake, "one")
    assert sorted(int(post["id"]) for post in held) == [ID + n for n in range(450)]
    for page in (next(services.lake.read_lines(key))["data"] for key in services.lake.keys(places.RAW)):
        ids = [int(post["id"]) for post in page]
        assert ids == sorted(ids, reverse=True)


def test_an_import_again_stores_the_same_and_what_was_buried_between_stays_out(services: Any, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts", posts_of_two(120))
    put(services, posts, "one")
    put(services, posts, "two")
    assert stored(services.lake, "one") == stored(services.lake, "two")
    bury(services.lake, tweets={str(ID + 5): "deleted"}, users={"8": "by_hand"}, now=datetime(2024, 1, 1, tzinfo=UTC))
    put(services, posts, "three")
    kept = stored(services.lake, "three")
    assert {post["author_id"] for post in kept} == {"7"}
    assert str(ID + 5) not in {post["id"] for post in kept}


def test_a_pages_key_names_no_buried_tweet(services: Any, tmp_path: Path) -> None:
    posts = write_posts(tmp_path / "posts", posts_of_two(10))
    ends = [str(ID), str(ID + 8)]
    bury(services.lake, tweets=dict.fromkeys(ends, "deleted"), now=datetime(2024, 1, 1, tzinfo=UTC))
    put(services, posts, "one")
    assert not any(end in key for end in ends for key in services.lake.keys(places.RAW))


def test_what_could_be_edited_long_ago_is_settled(services: Any, tmp_path: Path) -> None:
    """The last hour before an archive's newest tweet was once set aside as still editable, and never annotated."""

    def until(moment: datetime) -> dict[str, Any]:
        return {"edit_controls": {"editable_until": write_time(moment), "edits_remaining": 5}}

    now = datetime.now(UTC)
    given_posts = [v2(1) | until(now - timedelta(hours=2)), v2(2) | until(now + timedelta(hours=1)), v2(3)]
    put(services, write_posts(tmp_path / "posts", given_posts), "one")
    assert ["edit_controls" in post for post in stored(services.lake, "one")] == [False, True, False]


def test_an_archives_list_brings_nobody_back_who_was_forgotten(services: Any) -> None:
    bury(services.lake, users={"8": "by_hand"}, now=NOW)
    left = without_forgotten(read_registry(LIST), read_tombstones(services.lake))
    assert [one.user_id for one in left] == ["7"]


def test_a_lakes_days_stay_those_it_began_with(services: Any) -> None:
    """A second import under another time zone once left a tweet in two days."""
    assert days_of(services, "UTC") == "UTC"
    services.lake.write_lines(places.annotated_part(date(2024, 5, 3), "R", "0000"), [])
    assert days_of(services, "UTC") == DEFAULT_TIME_ZONE  # X's runs have cut days before anybody named a zone
    put_registry(services.lake, read_registry(LIST), "America/Santiago")
    assert days_of(services, "UTC") == "America/Santiago"


def test_nobody_is_dropped_from_the_lakes_list_and_the_given_list_wins() -> None:
    def person(screen_name: str, user_id: str, party: str = "PVA") -> Politician:
        return Politician(screen_name, user_id, screen_name.title(), "Senadora", "Norte", party)

    held = Registry([person("juana", "7"), person("pedro", "8"), person("ana", "9"), person("luz", "5")])
    given_list = Registry([person("juana", "7", "PRS"), person("nueva", "10"), person("ANA", "11"), person("luz", "5")])
    merged, words = merge(given_list, held)
    assert {one.user_id: one.party for one in merged} == {"7": "PRS", "10": "PVA", "11": "PVA", "5": "PVA", "8": "PVA"}
    assert words == "2 added (@nueva, @ANA); 1 changed (@juana); 1 replaced under another id (@ana); 1 others stay"
    assert merge(given_list, None)[1] == "4 added (@juana, @nueva, @ANA, @luz); 0 others stay"
