"""`politico dataset summary`: its numbers are those of the reports and of the manifest, and they add up."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.services import Services
from local.account import REGION
from politico.dataset.manifest import DayEntry, Manifest, update_manifest
from politico.dataset.post_count import PostCount, count_posts
from politico.dataset.summary import read_summary, summarize
from politico.lake import places
from tests.politico.dataset.test_manifest import day_file
from tests.support.edges import stack

RUNS = ("20240503-120000-00000001", "20240504-120000-00000002")


def posts(read: int, kept: int, **filtered: int) -> dict[str, Any]:
    return {"settled_posts": {"read": read, "kept": kept, "filtered": filtered, "rejected": {"no_text": 1}}}


def day(rows: int, **parties: int) -> DayEntry:
    return DayEntry("", rows, {"A": parties}, "2024-05-03T00:00:00.000Z", "2024-05-03T23:00:00.000Z")


def test_originals_are_all_posts_but_retweets_and_quotes_and_nothing_counts_that_a_run_reads_again() -> None:
    reports = [
        posts(21, 8, retweet=6, quote=1, too_old=3, still_editable=2),
        posts(11, 7, repeated=1, replaced_by_edit=1, quote=1),
    ]
    found = summarize(reports, Manifest())
    assert (found.runs, found.read, found.kept) == (2, 32, 15)
    assert found.total == 32 - 2 - 2 - 1 - 1
    assert found.originals == found.total - 6 - 2
    assert (found.oldest, found.newest, found.last_365_days, found.parties) == (None, None, 0, ())


def test_the_last_365_days_end_with_the_newest_day() -> None:
    days = {"2023-05-04": day(2, Uno=2), "2023-05-05": day(4, Uno=4), "2024-05-03": day(3, Uno=1, Dos=2)}
    found = summarize([], Manifest(days))
    assert (date(2024, 5, 3) - date(2023, 5, 5)).days == 364
    assert found.last_365_days == 7
    assert [(one.party, one.tweets, one.last_365_days) for one in found.parties] == [("Uno", 7, 5), ("Dos", 2, 2)]
    assert sum(one.tweets for one in found.parties) == found.dataset["rows"] == 9


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with stack() as made:
        yield made


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["dataset", "summary", *words])
    assert done.exit_code == 0, done.exception
    return done.output


def test_the_command_reads_the_lake_and_says_when_it_is_empty(services: Services) -> None:
    assert "no run has brought a tweet" in run()
    lake = services.lake
    for number, run_id in enumerate(RUNS):
        lake.write_json(places.report(run_id), posts(11 + number, 5, retweet=5 + number))
    lake.write_json(places.accounts(RUNS[0]), [])
    days = [date(2024, 5, 3), date(2024, 5, 4)]
    for one in days:
        lake.write(places.dataset_day(one), day_file(one, "Ab", "Ab", "Bc"))
    update_manifest(lake, days)
    answer = json.loads(run("--json"))
    assert (answer["runs"], answer["read"], answer["total"], answer["originals"]) == (2, 23, 21, 10)
    assert answer["dataset"] == read_summary(lake).dataset
    assert answer["parties"][0] == {"coalition": "A", "party": "Ab", "tweets": 4, "last_365_days": 4}
    shown = run()
    assert "66.7 %" in shown
    assert "21 posts in all, 10 of them originals" in shown
    assert answer["dataset"]["sha256"] in shown


def test_exactly_counted_a_post_counts_once_however_often_it_was_brought(services: Services) -> None:
    """The same file imported twice once doubled the posts in all, with no way to learn their number."""

    def post(number: int, text: str = "uno dos tres", **more: Any) -> dict[str, Any]:
        return {"id": str(number), "author_id": "7", "created_at": "2024-05-03T12:00:00.000Z", "text": text, **more}

    quote = post(3, referenced_tweets=[{"type": "quoted", "id": "9"}])
    edited = post(5, edit_history_tweet_ids=["4", "5"])
    page = [post(1), post(2, "RT @ana: hola"), quote, post(4), edited, {"id": "6"}, "broken"]
    lake = services.lake
    for number, run_id in enumerate(RUNS):
        lake.write_lines(places.raw_page(run_id, "7", "6", "1"), [{"data": page}, {"meta": {"result_count": 0}}])
        lake.write_json(places.report(run_id), posts(11 + number, 5))
    lake.write(places.dataset_day(date(2024, 5, 3)), day_file(date(2024, 5, 3), "Ab"))
    update_manifest(lake, [date(2024, 5, 3)])
    assert count_posts(lake) == PostCount(4, {"original": 2, "retweet": 1, "quote": 1})
    answer = json.loads(run("--exact", "--json"))
    assert (answer["total"], answer["originals"], answer["read"]) == (4, 2, 23)
    assert "4 posts in all, 2 of them originals (neither retweet nor quote), each once" in run("--exact")
    assert "(--exact: once)" in run()
