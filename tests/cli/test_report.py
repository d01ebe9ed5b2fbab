"""`politico report`: its figures are those of the Parquet files, whoever counts them, in both languages."""

import csv
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import local_cloud
from cli.report import words
from cli.report.command import make_report
from cli.report.figures import MOODS, NIGHT
from cli.report.language import Language
from politico.dataset.manifest import update_manifest
from politico.errors import InputError
from politico.lake import places
from politico.lake.registry import put_registry
from politico.tweets.politician import Registry
from tests.cli.test_thesis import Seen
from tests.support.edges import stack

ZONE = "America/Santiago"
PEOPLE = {"ana": ("Norte", "A"), "beto": ("Norte", "B"), "carla": ("Sur", "C"), "dario": ("Sur", "C")}
LAST = datetime(2024, 12, 20, 23, 30, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("id_str", pa.string()),
        ("created_at", pa.timestamp("ms", tz="UTC")),
        *((name, pa.string()) for name in ("screen_name", "name", "office", "coalition", "party", "text")),
        ("hashtags", pa.list_(pa.string())),
        ("entities", pa.list_(pa.struct([("text", pa.string()), ("type", pa.string()), ("score", pa.float64())]))),
        ("sentiment", pa.string()),
    ]
)


def tweets() -> list[dict[str, Any]]:
    drawn = random.Random(3)
    rows = []
    for number in range(900):
        name = drawn.choices(list(PEOPLE), weights=[9, 4, 2, 1])[0]
        coalition, party = PEOPLE[name]
        at = LAST - timedelta(minutes=drawn.randrange(600 * 24 * 60)) if number else LAST
        recent = LAST - at < timedelta(days=60)
        tags = ["nuevo"] if recent and drawn.random() < 0.5 else ["viejo", "viejo"] if drawn.random() < 0.3 else []
        text = " ".join(["@alguien"] * (number % 7 == 0) + ["palabra"] * drawn.randrange(5, 30))
        rows.append(
            {
                "id_str": str(number),
                "created_at": at,
                "screen_name": name,
                "name": name.capitalize(),
                "office": "",
                "coalition": coalition,
                "party": party,
                "text": text,
                "hashtags": tags,
                "entities": [
                    {"text": "Ñuble", "type": "LOCATION", "score": 0.9},
                    {"text": "tres", "type": "OTHER", "score": 0.9},
                ],
                "sentiment": drawn.choice(list(MOODS)),
            }
        )
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report") / "dataset"
    by_day: dict[str, list[dict[str, Any]]] = {}
    for row in tweets():
        by_day.setdefault(str(row["created_at"].astimezone(ZoneInfo(ZONE)).date()), []).append(row)
    for day, rows in by_day.items():
        (root / f"dt={day}").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), root / f"dt={day}" / "tweets.parquet")
    return root


@pytest.fixture(scope="module")
def made(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    make_report(folder, out, language="en", time_zone=ZONE, local=False)
    return out


def table(made: Path, name: str) -> list[dict[str, str]]:
    with (made / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def whole(folder: Path) -> pd.DataFrame:
    """The Parquet files as pandas reads them, in the zone's time."""
    frame = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("dt=*/tweets.parquet"))], ignore_index=True)
    return frame.assign(at=frame["created_at"].dt.tz_convert(ZONE))


def test_its_numbers_are_those_of_the_parquet_files(folder: Path, made: Path) -> None:
    frame = whole(folder)
    hours = frame.groupby(["screen_name", frame["at"].dt.hour]).size()
    for row in table(made, "by-hour"):
        hour = int(row["hour"])
        counts = [int(hours.get((name, hour), 0)) for name in PEOPLE]
        assert float(row["mean"]) == pytest.approx(sum(counts) / len(PEOPLE), abs=0.005)
    by_person = {row["account"]: row for row in table(made, "by-hour-person")}
    assert int(by_person["ana"]["21"]) == int(hours.get(("ana", 21), 0))
    parties = {row["party"]: row for row in table(made, "by-party")}
    assert {party: int(row["tweets"]) for party, row in parties.items()} == frame["party"].value_counts().to_dict()
    assert int(parties["C"]["people"]) == 2
    top = table(made, "top-accounts")
    assert [row["account"] for row in top] == [f"@{name}" for name in frame["screen_name"].value_counts().index]
    assert int(top[0]["most frequent hour"]) in frame[frame["screen_name"] == "ana"]["at"].dt.hour.mode().tolist()
    since = frame["at"].max().normalize() - timedelta(days=364)
    assert sum(int(row["tweets"]) for row in table(made, "by-day-person")) == int((frame["at"] >= since).sum())
    assert sum(int(row["n"]) for row in table(made, "length")) == len(frame)
    mood = {row["party"]: float(row["NEGATIVE"]) for row in table(made, "sentiment-party")}
    for party, own in frame.groupby("party"):
        assert mood[str(party)] == pytest.approx((own["sentiment"] == "NEGATIVE").mean(), abs=1e-4)
    months = table(made, "sentiment-time")
    assert len(months) == frame["at"].dt.strftime("%Y-%m").nunique()
    assert all(sum(float(row[one]) for one in MOODS) == pytest.approx(1, abs=1e-3) for row in months)


def test_what_rises_is_said_more_often_of_late_and_once_a_tweet(folder: Path, made: Path) -> None:
    frame = whole(folder)
    recent = frame["at"].dt.tz_localize(None).dt.normalize() > frame["at"].max().tz_localize(None).normalize() - timedelta(
        days=90
    )
    said = [Counter(tag for tags in frame[which]["hashtags"] for tag in set(tags)) for which in (recent, ~recent)]
    rows = {row["what"]: row for row in table(made, "rising-hashtag")}
    for tag in ("nuevo", "viejo"):
        if said[0][tag] >= 10:
            assert (int(rows[f"#{tag}"]["last 90 days"]), int(rows[f"#{tag}"]["before"])) == (said[0][tag], said[1][tag])
    assert float(rows["#nuevo"]["times"]) > 5
    assert next(iter(rows)) == "#nuevo"
    assert {row["what"] for row in table(made, "rising-entity")} == {"Ñuble"}


def test_coverage_reconciles_for_each_account(folder: Path, made: Path) -> None:
    frame = whole(folder)
    days = frame["at"].dt.date
    for row in table(made, "coverage"):
        own = days[frame["screen_name"] == row["account"].lstrip("@")]
        written = sorted(set(own))
        assert int(row["tweets"]) == len(own)
        assert (row["first"], row["last"]) == (str(written[0]), str(written[-1]))
        assert int(row["days without"]) == (written[-1] - written[0]).days + 1 - len(written)
        gaps = [(later - earlier).days - 1 for earlier, later in pairwise(written)]
        assert int(row["longest gap, days"]) == max(gaps, default=0)


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_page_needs_no_network_and_says_each_picture_in_words(folder: Path, tmp_path: Path, language: str) -> None:
    make_report(folder, tmp_path, language=language, time_zone=ZONE, local=False)
    page = (tmp_path / "report.html").read_text()
    seen = Seen(page)
    assert f'<html lang="{language}">' in page
    assert not seen.fetched
    assert len(seen.pictures) == len(list((tmp_path / "pictures").glob("*.png"))) >= 7
    assert all(any(letter.isdigit() for letter in picture["alt"]) for picture in seen.pictures)
    assert ("Por hora del día" if language == "es" else "By hour of the day") in seen.text
    frame = whole(folder)
    night = frame[frame["at"].dt.hour.isin(NIGHT)]["screen_name"].nunique() / len(PEOPLE)
    assert Language(language).percent(night) in seen.text


def test_names_and_texts_of_others_are_shown_and_not_run(tmp_path: Path) -> None:
    row = {**tweets()[0], "screen_name": "<script>x</script>", "party": "<img src=http://x.org>", "hashtags": ["<b>"] * 2}
    day = str(row["created_at"].astimezone(ZoneInfo(ZONE)).date())
    (tmp_path / "d" / f"dt={day}").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([row], schema=SCHEMA), tmp_path / "d" / f"dt={day}" / "tweets.parquet")
    make_report(tmp_path / "d", tmp_path / "out", language="en", time_zone=ZONE, local=False)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert not Seen(page).fetched


def test_a_day_without_a_midnight_is_a_day(tmp_path: Path) -> None:
    """In Chile clocks went forward at midnight of 8 September 2024."""
    rows = []
    for number in range(12):
        at = datetime(2024, 9, 8, 14, number, tzinfo=UTC) + timedelta(days=number // 6)
        rows.append({**tweets()[0], "id_str": str(number), "created_at": at, "screen_name": "ana"})
    for day in ("2024-09-08", "2024-09-09"):
        (tmp_path / "d" / f"dt={day}").mkdir(parents=True)
        own = [row for row in rows if str(row["created_at"].date()) == day]
        pq.write_table(pa.Table.from_pylist(own, schema=SCHEMA), tmp_path / "d" / f"dt={day}" / "tweets.parquet")
    make_report(tmp_path / "d", tmp_path / "out", language="en", time_zone=ZONE, local=False)
    assert [float(row["tweets a day"]) for row in table(tmp_path / "out", "posts-a-day")] == [6.0]


def test_a_lakes_report_has_what_runs_left_out(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with stack() as services:
        monkeypatch.setattr(local_cloud, "stack", lambda **_: services)
        with pytest.raises(InputError, match="the lake has no dataset yet"):
            make_report(None, tmp_path / "none", language="en", time_zone="UTC", local=True)
        put_registry(services.lake, Registry([]), ZONE)
        for path in folder.glob("dt=*/tweets.parquet"):
            services.lake.write(f"{places.DATASET}{path.parent.name}/tweets.parquet", path.read_bytes())
        days = [date.fromisoformat(path.name[3:]) for path in folder.glob("dt=*")]
        update_manifest(services.lake, days)
        settled = {"read": 1000, "kept": 900, "filtered": {"retweet": 60, "quote": 30}, "rejected": {"broken_post": 10}}
        services.lake.write_json(places.report("20241220-000000-1a2b3c4d"), {"settled_posts": settled})
        make_report(None, tmp_path / "lake", language="en", time_zone="UTC", local=True)
    filtered = {(row["what"], row["reason"]): int(row["n"]) for row in table(tmp_path / "lake", "filtered")}
    assert filtered == {
        ("filtered", "retweet"): 60,
        ("filtered", "quote"): 30,
        ("rejected", "broken_post"): 10,
        ("kept", ""): 900,
    }
    assert sum(filtered.values()) == settled["read"]
    counts = [int(row["n"]) for row in table(tmp_path / "lake", "total-original")]
    assert counts == [990, 900, 900]
    assert table(tmp_path / "lake", "by-hour")[3]["mean"], "in the lake's own zone"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"language": "de"}, "--language is 'de'; it takes es or en"),
        ({"time_zone": "Nowhere/Land"}, "Nowhere/Land"),
        ({"local": True}, "--dataset is a folder on this machine and --local a lake"),
    ],
)
def test_what_can_not_be_reported_is_told(folder: Path, tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_report(folder, tmp_path, **{"language": "es", "time_zone": ZONE, "local": False, **given})


def test_a_folder_that_is_no_dataset_or_torn_is_told(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"language": "es", "time_zone": ZONE, "local": False}
    with pytest.raises(InputError, match="is no dataset"):
        make_report(tmp_path, tmp_path / "out", **asked)
    (tmp_path / "dt=2024-01-01").mkdir()
    (tmp_path / "dt=2024-01-01" / "tweets.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(InputError, match="can't be read as a dataset"):
        make_report(tmp_path, tmp_path / "out", **asked)


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert (Language("es").number(1234567), Language("en").number(1234567)) == ("1.234.567", "1,234,567")
    assert (Language("es").percent(0.1234), Language("en").percent(0.1234)) == ("12,3 %", "12.3 %")


@pytest.mark.slow
def test_who_writes_alike_is_seen_and_how_steady_that_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "SEEDS", 2)
    drawn, rows = random.Random(5), []
    vocabulary = {"Sur": ["río", "mar", "barco", "pez"], "Norte": ["cobre", "mina", "sol", "piedra"]}
    for number in range(1_300):
        party = ("A", "B", "C", "D")[number % 4]
        coalition = "Sur" if party in "AB" else "Norte"
        text = " ".join([*drawn.choices(vocabulary[coalition], k=6), *drawn.choices(["hoy", "aquí", "todos"], k=2)])
        labels = {"screen_name": f"x{party}", "name": party, "coalition": coalition, "party": party, "text": text}
        rows.append({**tweets()[0], **labels, "id_str": str(number)})
    day = str(rows[0]["created_at"].astimezone(ZoneInfo(ZONE)).date())
    (tmp_path / "d" / f"dt={day}").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / "d" / f"dt={day}" / "tweets.parquet")
    make_report(tmp_path / "d", tmp_path / "out", language="en", time_zone=ZONE, local=False, word2vec=True)
    pairs = table(tmp_path / "out", "word2vec-party")
    assert len(pairs) == 6
    near = {frozenset((row["one"], row["other"])) for row in pairs[-2:]}
    assert near == {frozenset("AB"), frozenset("CD")}, "who uses the same words is nearest"
    assert {(row["one"], row["other"]) for row in table(tmp_path / "out", "word2vec-coalition")} == {("Norte", "Sur")}
    assert "Who writes alike: parties" in Seen((tmp_path / "out" / "report.html").read_text()).text
