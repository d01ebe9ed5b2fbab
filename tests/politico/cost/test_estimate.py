"""What ingestion will cost: the estimate by itself, and `politico cost ingest`."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.services import Services
from infra.settings import Settings
from local.account import REGION
from politico.accounts.discovery import Candidate, write_candidates
from politico.cost.estimate import Assumptions, ToRead, estimate
from politico.cost.prices import Prices
from politico.errors import InputError, LimitError, RegistryError
from politico.lake import places
from politico.ledger.cursor import Cursor
from politico.ledger.table import KEY
from politico.x.timelines import WINDOW
from tests.support.edges import stack

HEADER = "screen_name,user_id,name,office,coalition,party\n"
LISTED = HEADER + "juanarojas,11,Juana Rojas,Senadora,Norte,PVA\npedrosoto,13,Pedro Soto,Alcalde,Sur,UDI\n"
PLAIN = Assumptions(posts_a_day=12, retweet_share=0.25, kept_share=0.5, characters=100)


# The estimate


def test_a_short_text_is_charged_three_units_for_each_of_three_analyses() -> None:
    prices = Prices()
    assert prices.annotation(1) == prices.annotation(300) == pytest.approx(0.0009)
    assert prices.annotation(301) == pytest.approx(0.0012)


def test_an_account_is_bought_whole_or_as_far_as_it_goes_or_not_at_all() -> None:
    accounts = [ToRead("1"), ToRead("2", tweets=50), ToRead("3", tweets=1_000_000), ToRead("4", read=True), ToRead("5", tweets=0)]
    result = estimate(accounts, cap=100_000, assumptions=PLAIN)
    assert result.backfill.posts == WINDOW + 50 + WINDOW
    assert result.backfill.x == pytest.approx(6_450 * 0.005)
    assert result.backfill.comprehend == pytest.approx(6_450 * 0.5 * 0.0009)
    assert (result.accounts, result.accounts_to_backfill, result.accounts_of_unknown_size) == (5, 3, 1)


def test_a_month_is_a_twelfth_of_a_year() -> None:
    result = estimate([ToRead("1", read=True), ToRead("2", read=True)], cap=100_000, lookups_a_day=12, assumptions=PLAIN)
    assert result.month.posts == 2 * 12 * 365 / 12
    assert result.lookups.posts == 365
    assert result.month_posts == 730 + 365
    assert result.backfill_months == 0


def test_what_a_backfill_has_bought_already_is_not_bought_again() -> None:
    assert estimate([ToRead("1", bought=1_200)], cap=100_000, assumptions=PLAIN).backfill.posts == 2_000
    assert estimate([ToRead("1", tweets=50, bought=1_200)], cap=100_000, assumptions=PLAIN).backfill.posts == 0
    without = estimate([ToRead("1", bought=1_200)], cap=100_000, assumptions=PLAIN, excludes_retweets=True)
    assert without.backfill.posts == 3_200 * 0.75 - 1_200


def test_a_measured_pace_holds_only_what_is_bought() -> None:
    followed = [ToRead("1", read=True, posts_a_day=12)]
    with_all = estimate(followed, cap=100_000, assumptions=PLAIN)
    without = estimate(followed, cap=100_000, assumptions=PLAIN, excludes_retweets=True)
    assert with_all.month.posts == without.month.posts == 365
    assert without.month_with_retweets.posts == math.ceil(365 / 0.75)
    assert with_all.month_without_retweets.posts == math.ceil(365 * 0.75)


def test_posts_that_may_come_late_are_bought_twice_and_annotated_once() -> None:
    plain, late = (estimate([ToRead("1", read=True)], cap=100_000, assumptions=PLAIN, late_hours=hours) for hours in (0, 6))
    assert late.month.posts == math.ceil(plain.month.posts * 1.25)
    assert late.month.comprehend == plain.month.comprehend
    measured = [ToRead("1", read=True, posts_a_day=12)]  # with what was bought twice in it
    assert estimate(measured, cap=100_000, assumptions=PLAIN, late_hours=6).month.posts == 365


def test_leaving_retweets_out_saves_their_share_at_x_and_nothing_at_comprehend() -> None:
    result = estimate([ToRead("1")], cap=100_000, assumptions=PLAIN)
    assert result.backfill_without_retweets.posts == 2_400
    assert result.backfill_without_retweets.comprehend == result.backfill.comprehend
    already = estimate([ToRead("1")], cap=100_000, assumptions=PLAIN, excludes_retweets=True)
    assert already.backfill == result.backfill_without_retweets


@pytest.mark.parametrize(
    ("cap", "spent", "months"),
    [
        (3_200 + 365, 0, 1),
        (3_200 + 364, 0, 2),
        (3_200 + 365, 1, 2),
        (1_600 + 365, 0, 2),
        (1_600 + 365, 10_000, 3),
        (366, 0, 3_200),
        (365, 0, None),
        (0, 0, None),
    ],
)
def test_the_backfill_takes_the_months_that_the_cap_leaves_room_for(cap: int, spent: int, months: int | None) -> None:
    result = estimate([ToRead("1")], cap=cap, spent=spent, assumptions=PLAIN)
    assert result.backfill_months == months
    assert result.fits == (cap >= 365)


@pytest.mark.parametrize("wrong", [{"posts_a_day": -1}, {"kept_share": 1.5}, {"retweet_share": 0.6, "kept_share": 0.6}])
def test_an_assumption_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(LimitError):
        Assumptions(**wrong)  # type: ignore[arg-type]


# The command


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.chdir(tmp_path)
    with stack() as made:
        yield made


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["cost", "ingest", *words])


def as_json(*words: str) -> dict[str, Any]:
    done = run("--json", *words)
    assert done.exit_code == 0, done.exception
    answer: dict[str, Any] = json.loads(done.output)
    return answer


def test_without_a_stack_a_list_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name, value in (("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_MAX_ATTEMPTS", "1")):
        monkeypatch.setenv(name, value)
    Path("politicians.csv").write_text(LISTED)
    answer = as_json("--registry", "politicians.csv", "--posts-a-day", "12")
    assert answer["backfill"]["posts"] == 2 * WINDOW
    assert answer["month"]["posts"] == math.ceil(730 * 1.125), "the last three hours of each day are bought twice"
    assert answer["cap"] == Settings().x_monthly_cap
    shown = run("--registry", "politicians.csv")
    assert "$32.00" in shown.output
    assert "settings' defaults" in shown.output
    assert isinstance(run().exception, InputError)
    assert "--registry politicians.csv" in str(run().exception)


def test_with_a_stack_its_cap_its_ledger_and_its_candidates_count(services: Services) -> None:
    assert isinstance(run().exception, RegistryError)
    services.lake.write(places.REGISTRY, (LISTED + "anapaz,14,Ana Paz,A,B,C\n").encode())
    services.lake.write(
        places.CANDIDATES, write_candidates([Candidate("Pedro Soto", "", "", "", user_id="13", tweets="87")]).encode()
    )
    services.ledger.note("11", Cursor(since_id="99"))
    services.ledger.note("14", Cursor(newest_id="99", until_id="50"))
    item(services, "14", bought=200)
    services.ledger.reserve(123, 1_000, datetime.now(UTC))
    answer = as_json()
    assert answer["backfill"]["posts"] == 87 + WINDOW - 200
    assert (answer["cap"], answer["spent"], answer["lookups_a_day"]) == (10_000, 123, 100)
    assert as_json("--cap", "500")["fits"] is False


def item(services: Services, user_id: str, **fields: int) -> None:
    """What a run would have noted of an account."""
    names = ", ".join(f"{name} = :{name}" for name in fields)
    services.session.resource("dynamodb").Table(services.outputs["LedgerTable"]).update_item(
        Key={KEY: f"account#{user_id}"},
        UpdateExpression=f"SET {names}",
        ExpressionAttributeValues={f":{name}": value for name, value in fields.items()},
    )


def test_a_pace_that_the_ledger_measured_over_a_week_counts_unless_one_is_given(services: Services) -> None:
    services.lake.write(places.REGISTRY, LISTED.encode())
    week = 7 * 24 * 3600
    item(services, "11", followed_from=1_000, swept_at=1_000 + week, bought=4_000, bought_since=70)
    item(services, "13", followed_from=1_000, swept_at=1_000 + week - 1, bought=4_000, bought_since=70)
    answer = as_json()
    assert answer["accounts_of_measured_pace"] == 1
    assert answer["month"]["posts"] == math.ceil((10 + 3 * 1.125) * 365 / 12)
    assert as_json("--posts-a-day", "12")["month"]["posts"] == math.ceil(730 * 1.125)


def test_the_table_says_what_is_assumed_and_what_to_do_when_the_cap_is_too_small(services: Services) -> None:
    services.lake.write(places.REGISTRY, LISTED.encode())
    shown = run("--cap", "500").output
    assert "Raise x_monthly_cap" in shown
    assert "3 posts a day" in shown
    assert "2026-11-24" in shown
    assert "Leaving retweets out" in shown
    assert "Leaving retweets out" in run("--retweet-share", "0.1").output
