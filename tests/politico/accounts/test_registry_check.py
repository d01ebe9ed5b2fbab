"""Checking the reviewed registry: alone, against X, and the commands `politico registry check` and `put`."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from cli.main import app
from cli.services import Services
from functions.environment import X_ADDRESS
from local.account import REGION
from local.x.api import XApi
from local.x.faults import Fault
from politico.accounts.registry_check import UNUSABLE, WARNING, check_against_x, check_alone
from politico.archives.damage import looks_rounded
from politico.errors import InputError, RegistryError
from politico.lake import places
from politico.lake.tombstones import bury
from politico.tweets.politician import read_entries, read_registry
from politico.x.users import Account
from tests.support.edges import account, stack, stand_in_for_x

NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)
HEADER = "screen_name,user_id,name,office,coalition,party\n"
JUANA = "juanarojas,11,Juana Rojas,Senadora,Norte,PVA\n"
PEDRO = "pedrosoto,13,Pedro Soto,Alcalde,Sur,UDI\n"


def alone(*lines: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.severity, one.kind) for one in check_alone(read_entries(HEADER + "".join(lines)))]


def on_x(user_id: str = "11", screen_name: str = "juanarojas", **more: Any) -> Account:
    given = {"description": "", "followers": 5_000, "tweets": 2_000, "verified": False, "protected": False, "last_active": NOW}
    return Account(**{**given, "user_id": user_id, "screen_name": screen_name, "name": "Juana", **more})


def against(accounts: list[Account], missing: dict[str, str], *lines: str) -> list[tuple[str, str, str]]:
    entries = read_entries(HEADER + "".join(lines or (JUANA,)))
    return [(one.kind, one.said, one.to_do) for one in check_against_x(entries, accounts, missing, NOW)]


# Alone


def test_a_good_list_has_nothing_to_find() -> None:
    assert alone(JUANA, PEDRO) == []


def test_all_that_is_wrong_is_found_at_once() -> None:
    found = alone(JUANA, "pedrosoto,1.2E+17,Pedro Soto,,Sur,UDI\n", "JUANAROJAS,11,Ana Paz,A,B,C,D\n", "x,19,Rojás JUANA,A,B,C\n")
    assert found == [
        (3, UNUSABLE, "no_value"),
        (3, UNUSABLE, "bad_user_id"),
        (4, UNUSABLE, "too_many_values"),
        (4, UNUSABLE, "repeated_user_id"),
        (4, UNUSABLE, "repeated_screen_name"),
        (5, WARNING, "same_name"),
    ]


@given(st.integers(10**17, 2 * 10**18))
def test_what_programs_make_of_a_long_id_is_noticed(number: int) -> None:
    """As a floating-point number has it, and as a spreadsheet keeps it: fifteen digits."""
    for rounded in (int(float(number)), number // 10 ** (len(str(number)) - 15) * 10 ** (len(str(number)) - 15)):
        assert looks_rounded(str(rounded))


def test_few_true_ids_look_rounded_and_short_ones_never() -> None:
    dice = random.Random(7)
    assert sum(looks_rounded(str(dice.randrange(12 * 10**17, 2 * 10**18))) for _ in range(20_000)) < 20_000 / 150
    assert not any(looks_rounded(str(one)) for one in (11, 813_286, 5_000_000_000, 2_200_000_000))


@pytest.mark.parametrize("handle", ["Juana Rojas", "juanarójas", "juana.rojas", "facebook.com/juana"])
def test_a_handle_that_is_none_is_a_warning(handle: str) -> None:
    assert alone(JUANA.replace("juanarojas", handle), PEDRO) == [(2, WARNING, "odd_screen_name")]


@pytest.mark.parametrize("handle", ["https://x.com/juanarojas", "@juanarojas", "\u00a0juanarojas", "twitter.com/juanarojas?s=20"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_check_and_put_read_a_list_as_the_import_does(services: Services, tmp_path: Path, handle: str, encoding: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(HEADER + JUANA.replace("juanarojas", handle).replace(",11,", ",11.0,").replace("Norte", "Ñuble"), encoding)
    checked = check(str(path), "--offline")
    assert (checked.exit_code, "mended" in checked.output) == (0, True), checked.output
    assert CliRunner().invoke(app, ["registry", "put", str(path)]).exit_code == 0
    (listed,) = read_registry(services.lake.read_text(places.REGISTRY))
    assert (listed.screen_name, listed.user_id, listed.coalition) == ("juanarojas", "11", "Ñuble")


# Against X


def test_an_account_that_is_as_listed_is_no_finding_whatever_the_case_of_its_name() -> None:
    assert against([on_x(screen_name="JuanaRojas")], {}) == []


def test_a_renamed_account_says_both_names() -> None:
    ((kind, said, to_do),) = against([on_x(screen_name="juana_senadora")], {})
    assert kind == "renamed"
    assert "@juanarojas" in said
    assert "@juana_senadora" in said
    assert "write juana_senadora if it is still Juana Rojas" in to_do


def test_gone_suspended_and_protected_accounts_are_told_apart() -> None:
    assert [kind for kind, _said, _do in against([], {"11": "Not Found Error"})] == ["unknown"]
    assert [kind for kind, _said, _do in against([], {"11": "Forbidden"})] == ["suspended"]
    assert [kind for kind, _said, _do in against([on_x(protected=True, last_active=None)], {})] == ["protected"]


def test_an_id_that_a_spreadsheet_rounded_is_recognised() -> None:
    rounded = "juanarojas,1234567890123456700,Juana Rojas,Senadora,Norte,PVA\n"
    ((_kind, _said, to_do),) = against([], {"1234567890123456700": "Not Found Error"}, rounded)
    assert "a spreadsheet may have rounded it" in to_do


def test_an_account_that_is_not_worth_following_says_every_number() -> None:
    found = against([on_x(tweets=100, followers=7, last_active=NOW - timedelta(days=400))], {})
    assert [kind for kind, _said, _do in found] == ["ineligible"] * 3
    assert found[0][1] == "100 tweets; more than 100 are needed"


# The commands


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> Iterator[XApi]:
    monkeypatch.setenv("NO_PROXY", "*")
    with stand_in_for_x() as (api, address):
        monkeypatch.setenv(X_ADDRESS, address)
        api.load([], [account("11", "juanarojas", "Juana Rojas"), account("13", "pedrosoto", "Pedro Soto")])
        yield api


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.chdir(tmp_path)
    with stack() as made:
        yield made


def check(*words: str) -> Result:
    return CliRunner().invoke(app, ["registry", "check", *words])


def test_a_clean_list_ends_with_0_whether_in_a_file_or_in_the_lake(x: XApi, services: Services) -> None:
    Path("politicians.csv").write_text("\ufeff" + HEADER + "@" + JUANA + PEDRO, encoding="utf-8")
    done = check("politicians.csv")
    assert (done.exit_code, done.exception) == (0, None)
    assert "2 politicians, nothing to do" in done.output
    put = CliRunner().invoke(app, ["registry", "put", "politicians.csv"])
    assert put.exit_code == 0
    assert [one.screen_name for one in read_registry(services.lake.read_text(places.REGISTRY))] == ["juanarojas", "pedrosoto"]
    assert check().exit_code == 0


def test_a_list_with_accounts_that_need_a_look_ends_with_1(x: XApi, services: Services) -> None:
    Path("politicians.csv").write_text(HEADER + JUANA + PEDRO + "anapaz,99,Ana Paz,A,B,C\n")
    x.change({"rename": {"11": "juana_r"}, "suspend": ["13"]})
    done = check("politicians.csv")
    assert done.exit_code == 1
    assert "found: renamed 1, suspended 1, unknown 1" in done.output


def test_a_list_that_no_run_could_use_ends_with_2_and_is_compared_with_x_all_the_same(x: XApi, services: Services) -> None:
    Path("politicians.csv").write_text(HEADER + JUANA + "pedrosoto,siete,Pedro Soto,,Sur,UDI\nanapaz,99,Ana Paz,A,B,C\n")
    done = check("politicians.csv")
    assert done.exit_code == 2
    assert "found: bad_user_id 1, no_value 1, unknown 1" in done.output


def test_a_file_that_is_no_list_is_an_error_of_the_persons(x: XApi, services: Services) -> None:
    Path("politicians.csv").write_text("nombre\nJuana\n")
    assert isinstance(check("politicians.csv").exception, RegistryError)
    assert "lists nobody" in str(check(_empty()).exception)
    assert "politicians.csv" in str(check().exception)  # nothing is in the lake yet


def _empty() -> str:
    Path("empty.csv").write_text(HEADER)
    return "empty.csv"


def test_a_hundred_ids_are_asked_at_once(x: XApi, services: Services) -> None:
    listed = [f"user{number},{number},Name {number},A,B,C\n" for number in range(1_000, 1_101)]
    x.load([], [account(str(number), f"user{number}", f"Name {number}") for number in range(1_000, 1_101)])
    Path("politicians.csv").write_text(HEADER + "".join(listed))
    done = check("politicians.csv")
    assert (done.exit_code, x.requests) == (0, 2)
    assert "at most $1.01" in done.output


def test_a_rate_limit_is_waited_for(x: XApi, services: Services) -> None:
    Path("politicians.csv").write_text(HEADER + JUANA)
    x.faults = [Fault(status=429, route="users", reset_seconds=1)]
    assert check("politicians.csv").exit_code == 0


def test_where_x_cannot_be_asked_the_rest_is_said_and_the_code_is_1(x: XApi, services: Services) -> None:
    Path("politicians.csv").write_text(HEADER + JUANA + "other,15,Juana Rojas,A,B,C\n")
    x.plan = {"users": False}
    done = check("politicians.csv")
    assert done.exit_code == 1
    assert "same_name" in done.output
    assert "X was not asked, or not for all" in done.output
    assert "no access to the lookup of users" in done.output


def test_offline_nothing_is_asked_and_no_stack_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("politicians.csv").write_text(HEADER + JUANA + PEDRO)
    done = check("politicians.csv", "--offline")
    assert done.exit_code == 0
    assert "X was not asked (--offline)" in done.output


def test_a_list_that_cannot_be_used_is_not_put_into_the_lake(services: Services) -> None:
    Path("politicians.csv").write_text(HEADER + JUANA + JUANA + "x,y,z,A,,C\n")
    refused = CliRunner().invoke(app, ["registry", "put", "politicians.csv"])
    assert isinstance(refused.exception, RegistryError)
    assert len(str(refused.exception).splitlines()) == 4
    assert services.lake.read_if_any(places.REGISTRY) is None


def test_who_was_forgotten_is_not_put_into_the_lake_again(services: Services) -> None:
    bury(services.lake, users={"13": "by_hand"}, now=datetime.now(UTC))
    Path("politicians.csv").write_text(HEADER + JUANA + PEDRO)
    refused = CliRunner().invoke(app, ["registry", "put", "politicians.csv"])
    assert isinstance(refused.exception, InputError)
    assert "@pedrosoto" in str(refused.exception)
    assert services.lake.read_if_any(places.REGISTRY) is None
