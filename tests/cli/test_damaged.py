"""Files that other people's tools have spoilt: what comes in of them is as it was written, or is set aside with its reason.

Every class of trouble has a generator of its own over the same good rows; whatever it makes, each post that is kept must be the
one of the undamaged file, and every row must be counted.
"""

import csv
import gzip
import html
import io
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ftfy
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from cli.importing.inputs import Inputs, read_files
from cli.importing.letters import ALONE, Letters
from cli.importing.outcome import outcome_of
from cli.importing.people import handle_of
from politico.archives.marks import NO, YES, find_marks, judged
from politico.errors import FileFormatError
from politico.tweets.kinds import ORIGINAL, QUOTE, QUOTED, RETWEET
from politico.tweets.tweet import clean, parse_post, snowflake_time, write_time
from samples.posts import SNOWFLAKE_EPOCH_MS
from samples.write import write_sample

FROM = datetime(2020, 3, 1, 15, 4, 5, tzinfo=UTC)
ROWS = 40
TEXTS = (
    "La educación pública mejora hoy para todos los niños y las niñas",
    "Mañana votamos la ley del agua con los vecinos del norte",
    "¿Qué pasó con el plan de salud? Nadie contesta en la región",
    "Gracias a las vecinas de Ñuñoa por su compañía 🎉 seguimos",
    "El 50 % de las pymes & familias espera todavía una respuesta",
)
PEOPLE = "screen_name,user_id,name,office,coalition,party\njrojas_ejemplo,770001,Juana Rojas,Senadora,Norte,PVA\n"
QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

Row = dict[str, Any]
Found = dict[str, tuple[str, str, str]]
"""Of each kept post the time, the text and the kind."""


def good_rows() -> list[Row]:
    """Posts whose ids tell their times; every fifth is a quote, every seventh a retweet."""
    rows = []
    for number in range(ROWS):
        moment = FROM + timedelta(days=5 * number, minutes=37 * number, seconds=number)
        milliseconds = int(moment.timestamp() * 1000) - SNOWFLAKE_EPOCH_MS + 123
        rows.append(
            {
                "id": str((milliseconds << 22) | 12345),
                "created_at": moment,
                "screen_name": "jrojas_ejemplo",
                "user_id": "770001",
                "text": f"{TEXTS[number % len(TEXTS)]} {number}",
                "kind": QUOTE if number % 5 == 4 else RETWEET if number % 7 == 6 else ORIGINAL,
            }
        )
    return rows


GOOD = good_rows()
RIGHT: Found = {row["id"]: (write_time(row["created_at"]), clean(row["text"]), row["kind"]) for row in GOOD}


def table(rows: Iterable[Mapping[str, Any]], delimiter: str = ",") -> str:
    out = io.StringIO()
    given_rows = list(rows)
    writer = csv.DictWriter(out, list(given_rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(given_rows)
    return out.getvalue()


def plain(row: Row, **changes: Any) -> Row:
    """The row as a sound table has it, with its kind as ids."""
    told = {"quoted_status_id": "1155024491203788801" if row["kind"] == QUOTE else ""}
    told |= {"retweeted_status_id": "1155024491203788802" if row["kind"] == RETWEET else ""}
    moment = row["created_at"].strftime("%Y-%m-%dT%H:%M:%SZ")
    return {name: row[name] for name in ("id", "screen_name", "user_id", "text")} | {"created_at": moment} | told | changes


def read(content: str | bytes, people: str = PEOPLE, **options: Any) -> tuple[Inputs, Found]:
    """The file as `politico import` reads it, and what is kept of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "given").write_bytes(content.encode() if isinstance(content, str) else content)
        (folder / "people.csv").write_text(people, encoding="utf-8")
        paths = (folder / "given", folder / "people.csv", folder / "posts.jsonl", folder / "rejected.jsonl")
        inputs = read_files(*paths, ZoneInfo("UTC"), **options)
        posts = [parse_post(json.loads(line)) for line in inputs.posts.read_text().splitlines()]
        rejects = (folder / "rejected.jsonl").read_text().splitlines()
        counts = outcome_of(inputs).to_json()
    assert inputs.read == inputs.kept + len(rejects) == len(posts) + sum(inputs.rejected.values())
    assert counts["read"] == counts["kept"] + sum(counts["filtered"].values()) + sum(counts["rejected"].values())
    assert sum(counts["kinds"].values()) == inputs.kept
    return inputs, {one.id_str: (write_time(one.created_at), one.text, one.kind) for one in posts}


def nothing_wrong(found: Found, least: int = 0) -> None:
    """What is kept is as it was written; and so many are kept at least."""
    wrong = {id_str: (one, RIGHT[id_str]) for id_str, one in found.items() if one != RIGHT[id_str]}
    assert wrong == {}
    assert len(found) >= least


def test_the_good_rows_come_in_as_they_are() -> None:
    inputs, found = read(table(map(plain, GOOD)))
    assert found == RIGHT
    assert (inputs.mended, inputs.rejected) == ({}, {})
    assert inputs.kinds == {kind: sum(row["kind"] == kind for row in GOOD) for kind in (ORIGINAL, QUOTE, RETWEET)}
    assert set(inputs.kinds_by) == {"quoted_status_id", "retweeted_status_id"}


# Marks

SPELLED = st.sampled_from([str, str.upper, str.capitalize, lambda word: f" {word} ", lambda word: f'"{word}"'])
PREFIXES, MIDDLES = ("is_", "es_", "", "was "), ("quote", "quoted", "quoting", "cita", "citado")
ENDINGS = ("", "_status", "_tweet", "Tweet", "-post")


@QUICK
@given(st.sampled_from(sorted(NO)), st.sampled_from(sorted(YES - {"x", "v", "s"})), SPELLED, SPELLED)
def test_words_for_no_and_yes_mean_that_however_they_are_written(no: str, yes: str, one: Any, other: Any) -> None:
    flags = [
        plain(row, quoted_status_id="", retweeted_status_id="")
        | {
            "is_quote": one(yes) if row["kind"] == QUOTE else other(no),
            "is_retweet": one(yes) if row["kind"] == RETWEET else other(no),
        }
        for row in GOOD
    ]
    _inputs, found = read(table(flags))
    nothing_wrong(found, ROWS)


@QUICK
@given(st.sampled_from(PREFIXES), st.sampled_from(MIDDLES), st.sampled_from(ENDINGS), st.booleans())
def test_a_quotes_column_is_known_by_its_form(prefix: str, middle: str, ending: str, title: bool) -> None:
    name = prefix + middle + ending
    name = name.title().replace("_", " ") if title else name
    (mark,) = find_marks([name], {})
    assert mark.kind == QUOTED
    word = "true"
    flags = [
        {
            **{key: value for key, value in plain(row).items() if key != "quoted_status_id"},
            name: word if row["kind"] == QUOTE else "false",
        }
        for row in GOOD
    ]
    nothing_wrong(read(table(flags))[1], ROWS)


@pytest.mark.parametrize(
    "name", ["quote_count", "quotes", "retweets", "retweet_count", "numRetweets", "quoteTweetCount", "retweeted", "favorited"]
)
def test_columns_that_count_or_tell_of_the_reader_mark_nothing(name: str) -> None:
    assert find_marks([name], {}) == []


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("{'id': 1155024491203788801, 'text': 'x'}", "1155024491203788801"),
        ('{"id_str": "1155024491203788801"}', "1155024491203788801"),
        ("{'id': 1, 'text': \"torn", "0"),
        ("{}", ""),
        ("[]", ""),
        ("https://twitter.com/otra/status/1155024491203788801", "1155024491203788801"),
        ("1.15502449120379E+18", "0"),
        (1.0, "0"),
        (float("nan"), ""),
        (True, "0"),
        ({"id": "1155024491203788801"}, "1155024491203788801"),
        ("quizás", None),
    ],
)
def test_what_stands_in_a_mark_is_judged_by_its_form(value: Any, wanted: str | None) -> None:
    assert judged(value) == wanted


def test_a_word_that_nobody_knows_stands_for_nothing_and_is_told() -> None:
    inputs, found = read(table(plain(row, retweeted_status_id="quizás") for row in GOOD if row["kind"] != RETWEET))
    nothing_wrong(found, 30)
    assert any(f"retweeted_status_id=quizás ({len(found)})" in note for note in inputs.notes)
    inputs, _found = read(table({key: one for key, one in plain(row).items() if "status" not in key} for row in GOOD))
    assert any("no column tells retweets and quotes" in note for note in inputs.notes)


# Times


@QUICK
@given(st.sets(st.integers(0, ROWS - 1), max_size=15), st.integers(-13, 13).filter(bool))
def test_times_that_contradict_their_ids_are_set_aside_or_taken_from_them(which: set[int], hours: int) -> None:
    rows = [
        plain(
            row, created_at=(row["created_at"] + timedelta(hours=hours * (number in which))).strftime("%Y-%m-%d %H:%M:%S+00:00")
        )
        for number, row in enumerate(GOOD)
    ]
    inputs, found = read(table(rows))
    nothing_wrong(found, ROWS - len(which))
    assert inputs.rejected == ({"time_contradicts_id": len(which)} if which else {})
    inputs, found = read(table(rows), from_ids=True)
    nothing_wrong(found, ROWS)
    assert inputs.mended == ({"time": len(which)} if which else {})


@QUICK
@given(
    st.sampled_from(
        [
            "%d/%m/%Y %H:%M:%S",
            "%m/%d/%Y %H:%M:%S",
            "%d-%m-%Y %H:%M",
            "%Y-%d-%m %H:%M:%S",
            "%Y-%m-%d",
            "%d.%m.%Y %H:%M",
            "%G-W%V-%u",
        ]
    )
)
def test_days_in_any_order_and_dates_without_an_hour_never_give_another_time(form: str) -> None:
    rows = [plain(row, created_at=row["created_at"].strftime(form)) for row in GOOD]
    try:
        inputs, found = read(table(rows))
    except FileFormatError:  # nothing of it can be used
        found = {}
    else:
        assert inputs.hours_off == 0
    to_the_minute = {id_str: (one[0][:16], *one[1:]) for id_str, one in found.items()}
    assert to_the_minute == {id_str: (RIGHT[id_str][0][:16], *RIGHT[id_str][1:]) for id_str in found}
    _inputs, found = read(table(rows), from_ids=True)
    assert len(found) == ROWS
    assert {one[0][:16] for one in found.values()} == {one[0][:16] for one in RIGHT.values()}


@QUICK
@given(
    st.sampled_from(
        [
            *((zone, 0) for zone in ("UTC", "GMT", "Z", "0", "00", "+0000", "+00:00")),
            *((zone, -180) for zone in ("-3", "-03", "-0300", "-03:00", "GMT-3")),
            ("+0530", 330),
            *((zone, None) for zone in ("CLST", "EST", "?")),
        ]
    )
)
def test_a_clock_in_columns_of_its_own_is_understood_or_the_row_is_set_aside(told: tuple[str, int | None]) -> None:
    """Each zone with its minutes from UTC, where somebody could say them."""
    zone, minutes = told
    rows = []
    for row in GOOD:
        local = row["created_at"].astimezone(timezone(timedelta(minutes=minutes or 0)))
        changes = {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M:%S}", "timezone": zone}
        rows.append({key: one for key, one in (plain(row) | changes).items() if key != "created_at"})
    if minutes is None:
        with pytest.raises(FileFormatError, match="bad_created_at 40"):
            read(table(rows))
    else:
        nothing_wrong(read(table(rows))[1], ROWS)


def test_few_rows_that_are_all_late_by_the_same_hours_are_told_as_many_are() -> None:
    rows = [plain(row, created_at=(row["created_at"] + timedelta(hours=3)).isoformat()) for row in GOOD[:5]]
    assert read(table(rows))[0].hours_off == 3
    assert read(table(rows), from_ids=True)[0].hours_off == 0


def test_ids_of_another_program_tell_nothing_and_that_is_said() -> None:
    rows = [plain(row, id=str(10**17 + 7_919 * number)) for number, row in enumerate(GOOD)]
    inputs, found = read(table(rows))
    assert (len(found), inputs.hours_off) == (ROWS, 0)
    assert any("the ids do not tell these times" in note for note in inputs.notes)


# Letters


def as_read_by(encoding: str) -> Callable[[str], str]:
    return lambda text: text.encode().decode(encoding, errors="strict")


def in_r(text: str) -> str:
    return "".join(letter if letter < "\x80" else f"<U+{ord(letter):04X}>" for letter in text)


def mojibake(text: str) -> str:
    try:
        return as_read_by("cp1252")(text)
    except UnicodeDecodeError:
        return as_read_by("latin-1")(text)


DAMAGES: Mapping[str, Callable[[str], str]] = {
    "UTF-8 read as another encoding": mojibake,
    "as R shows it": in_r,
    "escaped": lambda text: html.escape(text, quote=False),
    "escaped twice": lambda text: html.escape(html.escape(text, quote=False), quote=False),
    "a NUL": lambda text: text[:5] + "\x00" + text[5:],
    "letters lost": lambda text: text.encode("ascii", errors="replace").decode(),
    "replaced": lambda text: text.encode("latin-1", errors="ignore").decode("utf-8", errors="replace"),
}


@QUICK
@given(st.sampled_from(sorted(DAMAGES)), st.integers(0, 2**32), st.floats(0.2, 1.0))
def test_damaged_letters_are_mended_or_set_aside(damage: str, seed: int, share: float) -> None:
    chosen = random.Random(seed)
    whole = damage in ("letters lost", "as R shows it", "escaped twice", "escaped")  # which happen to files, not to rows
    rows = [plain(row, text=DAMAGES[damage](row["text"]) if whole or chosen.random() < share else row["text"]) for row in GOOD]
    if damage == "letters lost":  # all texts of this file have some
        with pytest.raises(FileFormatError, match="lost_letters 40"):
            read(table(rows))
        return
    inputs, found = read(table(rows))
    if damage == "replaced":
        assert {one[1] for one in found.values() if "\N{REPLACEMENT CHARACTER}" in one[1]} == set()
        assert inputs.rejected.get("lost_letters", 0) > 0
    else:
        nothing_wrong(found, ROWS)


def test_line_breaks_written_out_are_breaks_where_the_file_has_no_others() -> None:
    inputs, found = read(table(plain(row, text="Primero el agua\\nDespués la luz\\nY siempre la escuela") for row in GOOD[:3]))
    assert {one[1] for one in found.values()} == {"Primero el agua\nDespués la luz\nY siempre la escuela"}
    assert inputs.mended == {"letters": 3}


def test_undamaged_texts_stay_byte_for_byte(tmp_path: Path) -> None:
    """All of the sample's, and what people write that looks like damage."""
    sample = write_sample(tmp_path, scale=0.3)
    pages = [json.loads(line) for line in gzip.decompress(sample.tweets.read_bytes()).decode().splitlines()]
    texts = [str(post["text"]) for page in pages for post in page["data"]]
    texts += [
        "¿Sí?No sé",
        "Ãtomo",
        "a <b> c",
        "C:\\nuevo",
        "50 € · «así» – “eso”…",
        "naïve café",
        "👩‍👩‍👧 🇨🇱",
        "ÁÉÍÓÚ ñ",
    ]
    letters = Letters()
    for text in texts:
        letters.see(text)
    assert [one for one in texts if letters.mend(one).text != one] == []


@given(
    st.text(
        st.characters(min_codepoint=1, max_codepoint=0x2FF) | st.sampled_from("aé ñÃ©â€™±Â\xa0ðŸ\x80ï¿½ÐµЖ漢😀-"), max_size=12
    )
)
@example("\x80")
def test_what_is_not_shown_to_ftfy_ftfy_would_leave_as_it_is(text: str) -> None:
    """It would take a fifth of an import's time. (But for a letter before a blank, which ftfy takes for half of another one.)"""
    assume(not re.search(r"[^\x00-\x7f] ", text))
    mended = Letters().mend(text).text
    assert mended == ftfy.fix_encoding(text, ALONE)


@pytest.mark.parametrize(("text", "mended"), [("A e Â e C", "A e Â e C"), ("NÃ£o vou Ã praia", "Não vou à praia")])
def test_a_letter_before_a_blank_is_damage_only_where_there_is_other_damage(text: str, mended: str) -> None:
    """`à` is `Ã` and a no-break space, which many programs make a blank; and `Â` is a letter."""
    assert Letters().mend(text).text == mended


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_a_whole_table_in_another_encoding_is_read_as_such_and_that_is_said(encoding: str) -> None:
    rows = [row for row in GOOD if encoding not in ("cp1252", "latin-1") or "🎉" not in row["text"]]
    inputs, found = read(table(map(plain, rows)).encode(encoding))
    nothing_wrong(found, len(rows))
    told = [note for note in inputs.notes if "read as such" in note or "Windows-1252" in note]
    assert bool(told) == (encoding in ("cp1252", "latin-1", "utf-16-le", "utf-16-be"))


# Addresses


@QUICK
@given(
    st.sampled_from(
        [
            "pic.twitter.com/AbCdEf1",
            "twitter.com/otra/status/1155024491203788801",
            "https:// www.diario.example/nota/123",
            "diario.example/nota/12345…",
            "www.diario.cl",
            "bit.ly/2AbC",
            "https://t.co/AbCdEf",
            "youtu.be/x",
        ]
    ),
    st.booleans(),
)
def test_addresses_of_any_form_are_out_of_the_text(address: str, first: bool) -> None:
    rows = [plain(row, text=f"{address} {row['text']}" if first else f"{row['text']} {address}") for row in GOOD]
    nothing_wrong(read(table(rows))[1], ROWS)


@pytest.mark.parametrize(
    "text",
    ["Sr./Sra. López", "y/o nada", "a.m./p.m.", "EE.UU./México", "km/h", "1/2 taza", "hoy.Estimados/as", "https:// no es enlace"],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert clean(text) == text


# Forms


def records(rows: Iterable[Row], form: str) -> str:
    """The same posts as other tools write them in JSON lines."""
    made = []
    for row in rows:
        seconds, stamp = int(row["created_at"].timestamp()), row["created_at"].isoformat()
        quoted = "https://twitter.com/otra/status/1155024491203788801" if row["kind"] == QUOTE else None
        repeated = {"id": 1155024491203788802} if row["kind"] == RETWEET else None
        user = {"username": row["screen_name"], "id": int(row["user_id"])}
        made.append(
            {
                "twint": {
                    "id": int(row["id"]),
                    "created_at": seconds * 1000,
                    "date": stamp[:10],
                    "time": stamp[11:19],
                    "timezone": 0,
                }
                | {"user_id": 770001, "username": row["screen_name"], "tweet": row["text"], "quote_url": quoted}
                | {"retweet": bool(repeated), "retweet_id": repeated and "1155024491203788802"},
                "snscrape": {
                    "_type": "snscrape.modules.twitter.Tweet",
                    "date": stamp,
                    "rawContent": row["text"],
                    "id": int(row["id"]),
                }
                | {"user": user, "quotedTweet": {"id": 1} if quoted else None, "retweetedTweet": repeated},
                "congress": {
                    "id": row["id"],
                    "screen_name": row["screen_name"],
                    "user_id": row["user_id"],
                    "time": stamp,
                    "text": row["text"],
                }
                | {"is_quote": bool(quoted), "is_retweet": bool(repeated)},
                "legacy": {
                    "created_at": row["created_at"].strftime("%a %b %d %H:%M:%S +0000 %Y"),
                    "id_str": row["id"],
                    "full_text": row["text"],
                }
                | {"user_id_str": row["user_id"], "is_quote_status": bool(quoted)}
                | ({"retweeted_status": {"id_str": "1155024491203788802"}} if repeated else {}),
            }[form]
        )
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made)


@pytest.mark.parametrize("form", ["twint", "snscrape", "congress", "legacy"])
def test_other_tools_json_is_read_as_tables_are(form: str) -> None:
    nothing_wrong(read(records(GOOD, form))[1], ROWS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("before", ["", "\ufeff\ufeff", "Report:,Senadores\nBrand:,Ejemplo\n\n", "sep=DELIMITER\n"])
def test_tables_are_found_behind_marks_and_a_reports_lines(delimiter: str, before: str) -> None:
    content = before.replace("DELIMITER", delimiter) + table(map(plain, GOOD), delimiter)
    nothing_wrong(read(content)[1], ROWS)


def test_two_tables_in_one_file_are_one() -> None:
    inputs, found = read(table(map(plain, GOOD[:20])) + "\ufeff" + table(map(plain, GOOD[20:])))
    nothing_wrong(found, ROWS)
    assert inputs.read == ROWS


def test_posts_that_are_marked_as_deleted_stay_out() -> None:
    inputs, found = read(table(plain(row, isDeleted="t" if number % 4 == 0 else "f") for number, row in enumerate(GOOD)))
    nothing_wrong(found, 30)
    assert inputs.rejected == {"deleted": 10}


def test_a_writer_written_as_a_dictionary_is_who_wrote_it() -> None:
    user = "{'id': 770001, 'id_str': '770001', 'screen_name': 'jrojas_ejemplo'}"
    rows = [
        {key: one for key, one in plain(row).items() if key not in ("screen_name", "user_id")} | {"user": user} for row in GOOD
    ]
    nothing_wrong(read(table(rows))[1], ROWS)


def test_the_files_own_author_goes_before_the_one_that_was_named() -> None:
    content = records(GOOD[:4], "legacy").replace("770001", "999999", 1)
    inputs, found = read(content, author="jrojas_ejemplo")
    nothing_wrong(found, 3)
    assert inputs.rejected == {"not_in_registry": 1}


# Archives of X


def archived(number: int, text: str, urls: list[tuple[str, str]], media: list[str]) -> dict[str, Any]:
    row = GOOD[number]
    return {
        "tweet": {
            "id_str": row["id"],
            "id": row["id"],
            "created_at": row["created_at"].strftime("%a %b %d %H:%M:%S +0000 %Y"),
            "full_text": text,
            "truncated": False,
            "entities": {
                "hashtags": [],
                "urls": [{"url": url, "expanded_url": to} for url, to in urls],
                "media": [{"url": url, "expanded_url": f"https://twitter.com/j/status/{row['id']}/photo/1"} for url in media],
            },
        }
    }


@QUICK
@given(st.permutations(["q", "m", "n"]), st.booleans(), st.integers(0, 3))
def test_an_archives_quote_is_known_wherever_its_pictures_address_stands(order: list[str], quotes: bool, blanks: int) -> None:
    pieces = {"q": "https://t.co/qqqqqqqqqq" if quotes else "", "m": "https://t.co/pppppppppp", "n": "https://t.co/nnnnnnnnnn"}
    urls = [("https://t.co/qqqqqqqqqq", "https://twitter.com/otra/status/1155024491203788801")] if quotes else []
    text = " ".join(["Hoy visitamos la escuela del barrio", *(pieces[one] for one in order if pieces[one])]) + " " * blanks
    one = archived(0, text, urls, [pieces["m"], pieces["n"]])
    _inputs, found = read("window.YTD.tweets.part0 = " + json.dumps([one]), author="jrojas_ejemplo")
    assert [kind for _time, _text, kind in found.values()] == [QUOTE if quotes else ORIGINAL]


@QUICK
@given(st.sets(st.sampled_from(["truncated", "is_quote_status", "source", "lang", "entities"])), st.booleans())
def test_statuses_of_few_fields_lose_no_quote_and_keep_no_cut_text(left_out: set[str], marked: bool) -> None:
    cut = "Vamos a trabajar con los vecinos de la provincia para que el plan del agua llegue a cada casa del norte y del sur y… https://t.co/AbCdEfGh12"
    lines = []
    for number, row in enumerate(GOOD):
        status = {
            "id_str": row["id"],
            "created_at": row["created_at"].strftime("%a %b %d %H:%M:%S +0000 %Y"),
            "text": cut if number % 3 == 0 else row["text"],
            "user": {"id_str": "770001", "screen_name": "jrojas_ejemplo"},
            "truncated": number % 3 == 0,
            "is_quote_status": row["kind"] == QUOTE,
            "source": "x",
            "lang": "es",
            "entities": {},
        }
        if row["kind"] == QUOTE:
            status["quoted_status_id_str" if marked else "quoted_status"] = "1155024491203788801" if marked else {"id_str": "1"}
        if row["kind"] == RETWEET:
            status["retweeted_status"] = {"id_str": "1155024491203788802"}
        lines.append(json.dumps({name: value for name, value in status.items() if name not in left_out}))
    inputs, found = read("\n".join(lines))
    whole = {id_str: one for number, (id_str, one) in enumerate(RIGHT.items()) if number % 3}
    assert {id_str: one for id_str, one in found.items() if one[2] != RETWEET} == {
        id_str: one for id_str, one in whole.items() if one[2] != RETWEET
    }
    assert inputs.rejected["truncated_text"] >= 10


# Lists of politicians


@QUICK
@given(
    st.sampled_from(
        ["{}", "@{}", "https://twitter.com/{}", "x.com/{}", "http://www.twitter.com/{}?lang=es", "https://mobile.twitter.com/{}/"]
    ),
    st.sampled_from(["", "\u00a0", "\u200b", " ", "\ufeff"]),
)
def test_a_handle_is_what_was_meant(form: str, blank: str) -> None:
    given_handle = blank + form.format("jrojas_ejemplo") + blank
    assert handle_of(given_handle) == "jrojas_ejemplo"
    people = PEOPLE.replace("jrojas_ejemplo,770001", f'"{given_handle}",770001.0')
    nothing_wrong(read(table(map(plain, GOOD)), people)[1], ROWS)


@pytest.mark.parametrize("rounded", ["1186521592869736448", "1186521592869730000", "1186521592869740000", "1186521592869736400"])
def test_an_id_that_a_program_rounded_is_the_one_that_the_tweets_name(rounded: str) -> None:
    rows = [plain(row, user_id="1186521592869736449") for row in GOOD]
    inputs, found = read(table(rows), PEOPLE.replace("770001", rounded))
    nothing_wrong(found, ROWS)
    assert any("@jrojas_ejemplo" in note for note in inputs.notes)
    assert next(iter(inputs.registry)).user_id == "1186521592869736449"


@pytest.mark.parametrize("given_handle", ["no es un nombre", "https://example.org/jrojas_ejemplo", ""])
def test_what_is_no_handle_stays_for_the_list_to_be_refused(given_handle: str) -> None:
    assert handle_of(given_handle) == given_handle


def test_the_ids_of_the_good_rows_tell_their_times() -> None:
    assert all(abs(snowflake_time(row["id"]) - row["created_at"]) < timedelta(seconds=1) for row in GOOD)
