"""Finding accounts: likeness, lookalikes, eligibility, the file, and the command with a stand-in for X."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.accounts.likeness import likeness
from cli.accounts.x_access import patiently
from cli.main import app
from cli.services import Services
from functions.environment import X_ADDRESS
from local.account import REGION
from local.x.api import XApi
from local.x.faults import Fault
from politico.accounts.discovery import (
    COLUMNS,
    Candidate,
    Choice,
    Wanted,
    candidates,
    nobody,
    read_candidates,
    read_names,
    write_candidates,
)
from politico.accounts.eligibility import Eligibility
from politico.accounts.lookalikes import flags_of
from politico.errors import AccessError, FileFormatError, InputError, RateLimitedError, ServiceError, TermsError
from politico.lake import places
from politico.lake.tombstones import bury
from politico.x.users import Account
from tests.support.edges import account, stack, stand_in_for_x

NOW = datetime(2026, 5, 3, 12, tzinfo=UTC)


def found(name: str = "Juana Rojas", screen_name: str = "jr", **more: Any) -> Account:
    given = {"user_id": "7", "description": "", "followers": 5_000, "tweets": 2_000, "verified": False, "protected": False}
    return Account(**{**given, "last_active": NOW, "name": name, "screen_name": screen_name, **more})


# Likeness


@pytest.mark.parametrize(
    "name",
    ["JUANA ROJAS", "Rojas, Juana", "Juana  Rojás 🌻🇨🇱", "Dip. Juana Rojas", "Senadora Juana Rojas", "𝐉𝐮𝐚𝐧𝐚 𝐑𝐨𝐣𝐚𝐬"],
)
def test_accents_case_order_titles_and_emoji_do_not_count(name: str) -> None:
    assert likeness("Juana Rojas", found(name)) == 100


@pytest.mark.parametrize("name", ["Juana María Rojas", "Juana Rojas Mérida", "Dip. Juana María Rojas Soto"])
def test_a_middle_name_or_a_second_surname_costs_little_either_way(name: str) -> None:
    assert 85 <= likeness("Juana Rojas", found(name)) < 100
    assert 85 <= likeness(name, found("Juana Rojas")) < 100


@pytest.mark.parametrize("screen_name", ["juanarojas", "Juana_Rojas_", "JuanaRojas2026", "DipJuanaRojas", "rojasjuana"])
def test_a_handle_tells_where_the_name_does_not(screen_name: str) -> None:
    assert likeness("Juana Rojas", found("La Negra 🌻", screen_name)) >= 85


def test_a_handle_of_initial_and_surname_says_less_than_one_of_both_names() -> None:
    short = likeness("Juana Rojas", found("La Negra", "jrojas"))
    assert 60 < short < likeness("Juana Rojas", found("La Negra", "juanarojas"))


@pytest.mark.parametrize("name", ["Juana", "Pedro Soto", "Juana Pérez", "José Rojas", "Rosana Rojas", "🌻", ""])
def test_somebody_else_is_not_alike(name: str) -> None:
    assert likeness("Juana Rojas", found(name)) < 75


def test_particles_alone_make_nobody_alike() -> None:
    assert likeness("María de la Cruz", found("Pedro de la Fuente")) < 60 < likeness("María de la Cruz", found("María Cruz"))


# Lookalikes


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"description": "Cuenta PARODIA, no se enoje"}, "parody: parodia (description)"),
        ({"description": "Humor y sátira"}, "parody: satira (description)"),
        ({"name": "Fake Juana Rojas"}, "parody: fake (name)"),
        ({"screen_name": "JuanaRojasFans"}, "fan: fans (screen_name)"),
        ({"screen_name": "juanarojasfan"}, "fan: fan (screen_name)"),
        ({"screen_name": "parodiajuana"}, "parody: parodia (screen_name)"),
        ({"name": "Club de Juana"}, "fan: club de (name)"),
        ({"description": "En apoyo a nuestra senadora"}, "fan: apoyo a (description)"),
        ({"description": "Cuenta no oficial"}, "unofficial: no oficial (description)"),
        ({"description": "Unofficial account"}, "unofficial: unofficial (description)"),
        ({"name": "Juana Rojas Noticias"}, "news: noticias (name)"),
    ],
)
def test_a_lookalike_is_flagged_with_the_word_that_told_it(given: dict[str, str], flag: str) -> None:
    assert flag in flags_of(found(**given), "Juana Rojas")


@pytest.mark.parametrize(
    "given",
    [
        {"description": "Senadora. Contacto: prensa y noticias en mi web"},
        {"name": "Stefan Fanning", "screen_name": "stefanfanning"},
        {"description": "Cuenta oficial. Humorista en otra vida"},
        {"description": "Oficial de reserva, club deportivo"},
    ],
)
def test_a_politicians_own_account_is_not_flagged(given: dict[str, str]) -> None:
    assert flags_of(found(**given), "Juana Rojas") == []


def test_a_word_of_the_name_itself_says_nothing() -> None:
    assert flags_of(found("Ana Diario", "anadiario"), "Ana Diario") == []
    assert flags_of(found("Ana Diario", "anadiario"), "Ana Paz") != []


# Eligibility


def test_exactly_a_hundred_is_not_more_than_a_hundred() -> None:
    assert Eligibility().refusals(found(tweets=101, followers=101), NOW) == []
    assert Eligibility().reason(found(tweets=100), NOW) == (False, "100 tweets; more than 100 are needed")
    assert Eligibility().reason(found(followers=100), NOW) == (False, "100 followers; more than 100 are needed")


def test_twelve_months_are_365_days_to_the_second() -> None:
    last = NOW - timedelta(days=365)
    assert Eligibility().refusals(found(last_active=last), NOW) == []
    assert Eligibility().refusals(found(last_active=last - timedelta(seconds=1)), NOW) == [
        "silent since 2025-05-03; a post in the last 365 days is needed"
    ]


def test_a_protected_account_and_one_that_never_wrote_are_not_eligible_and_every_reason_is_named() -> None:
    eligible, reason = Eligibility().reason(found(protected=True, tweets=87, last_active=None), NOW)
    assert not eligible
    assert [one.split(";")[0].strip() for one in reason.split("needed")][:1] == ["protected"]
    assert "87 tweets; more than 100 are needed" in reason
    assert "X tells of no post" in reason


def test_an_eligible_account_says_its_numbers() -> None:
    assert Eligibility().reason(found(), NOW) == (True, "2,000 tweets, 5,000 followers, newest post 2026-05-03")


# Names and the file


@pytest.mark.parametrize(
    "text",
    [
        "name,office,coalition,party\nJuana Rojas,Senadora,Norte Unido,PVA\n",
        "\ufeffname;office;coalition;party\r\nJuana Rojas;Senadora;Norte Unido;PVA\r\n\r\n",
        'Party\tNAME\tCoalition\tOffice\nPVA\t Juana Rojas \t"Norte Unido"\tSenadora\n',
    ],
)
def test_a_list_of_names_may_come_from_any_spreadsheet(text: str) -> None:
    assert read_names(text) == [Wanted("Juana Rojas", "Senadora", "Norte Unido", "PVA")]


def test_only_the_name_is_needed() -> None:
    assert read_names("name\nJuana Rojas\nPedro Soto\n") == [Wanted("Juana Rojas"), Wanted("Pedro Soto")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lacks the column name; its first line has nothing"),
        ("nombre,party\nJuana,PVA\n", "lacks the column name; its first line has nombre, party"),
        ("name\n", "write one name a line"),
        ("name,party\n,PVA\nAna,PVA,x\n", "line 2 has no name\nline 3 has 1 value(s) too many"),
        ("name\nJuana Rojás\nPedro\nJUANA ROJAS\n", "line 4 repeats 'JUANA ROJAS' of line 2"),
        ("name\n" + "x" * 200_000 + "\n", "no line of a CSV"),
    ],
)
def test_a_list_of_names_that_cannot_be_used_says_all_that_is_wrong(text: str, message: str) -> None:
    with pytest.raises(FileFormatError) as raised:
        read_names(text)
    assert message in str(raised.value)


def test_shorter_forms_of_a_long_name_are_searched_too() -> None:
    assert Wanted("Juana Rojas").searches() == ["Juana Rojas"]
    assert Wanted("Juana Rojas Soto").searches() == ["Juana Rojas Soto", "Juana Rojas", "Juana Soto"]
    assert Wanted("Juana María Rojas Soto").searches() == ["Juana María Rojas Soto", "Juana Rojas", "Juana Soto"]


def test_of_equally_alike_accounts_the_flagged_come_last_and_the_verified_and_followed_first() -> None:
    accounts = [
        found(user_id="1", followers=9_000_000, description="parodia"),
        found(user_id="2", followers=10),
        found(user_id="3", followers=20),
        found(user_id="4", followers=5, verified=True),
        found(user_id="5", name="Pedro Soto"),
    ]
    rows = candidates(Wanted("Juana Rojas", party="PVA"), accounts, likeness, NOW)
    assert [row.user_id for row in rows] == ["4", "3", "2", "1"]
    assert [row.rank for row in rows] == ["1", "2", "3", "4"]
    assert {row.party for row in rows} == {"PVA"}
    assert [row.user_id for row in candidates(Wanted("Juana Rojas"), accounts, likeness, NOW, Choice(at_most=1))] == ["4"]


def test_a_name_without_an_account_has_a_line_with_the_reason() -> None:
    (row,) = candidates(Wanted("Juana Rojas"), [], likeness, NOW)
    assert (row.name, row.user_id, row.eligible, row.reason) == ("Juana Rojas", "", "no", "X found no account")
    (row,) = candidates(Wanted("Juana Rojas"), [found("Pedro Soto")], likeness, NOW)
    assert row.reason.startswith("none of the 1 accounts that X found is alike")


def test_the_file_survives_being_read_and_no_name_in_it_is_a_formula() -> None:
    rows = candidates(Wanted("Juana Rojas"), [found("=HYPERLINK(1) Juana Rojas\nhola")], likeness, NOW)
    text = write_candidates(rows)
    assert "'=HYPERLINK(1) Juana Rojas hola" in text
    assert write_candidates(read_candidates(text)) == text
    assert text.splitlines()[0] == ",".join(COLUMNS)
    with pytest.raises(FileFormatError, match="lacks the column rank"):
        read_candidates(text.replace("rank", "rang"))


def test_a_reviewers_own_columns_stay_where_they_are_written() -> None:
    """They were once gone after the next search."""
    wanted = Wanted("Juana Rojas")
    text = write_candidates([replace(nobody(wanted, "X found no account"), notes={"ok": "sí", "who": "mp"}), nobody(wanted, "")])
    assert text.splitlines()[0] == ",".join((*COLUMNS, "ok", "who"))
    first, second = read_candidates(text)
    assert (first.notes, second.notes) == ({"ok": "sí", "who": "mp"}, {"ok": "", "who": ""})
    assert write_candidates(read_candidates(text)) == text


# The command


@pytest.fixture
def x(monkeypatch: pytest.MonkeyPatch) -> Iterator[XApi]:
    monkeypatch.setenv("NO_PROXY", "*")
    with stand_in_for_x() as (api, address):
        monkeypatch.setenv(X_ADDRESS, address)
        api.load(
            [],
            [
                account("11", "juanarojas", "Juana Rojas 🌻"),
                account("12", "JuanaRojasFans", "Juana Rojas", followers=90_000),
                account("13", "pedrosoto", "Pedro Soto", tweets=87),
                account("14", "anapaz", "Ana Paz"),
            ],
        )
        yield api


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.chdir(tmp_path)
    Path("names.csv").write_text("name,party\nJuana Rojas,PVA\nPedro Soto,UDI\nNadie Nunca,PVA\n")
    with stack() as made:
        yield made


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["discover", "names.csv", *words])


def rows_of(path: str = places.CANDIDATES) -> list[Candidate]:
    return read_candidates(Path(path).read_text(encoding="utf-8"))


def names_of(path: str = places.CANDIDATES) -> list[str]:
    return list(dict.fromkeys(row.name for row in rows_of(path)))


def test_every_name_has_its_candidates_in_the_file_and_in_the_lake(x: XApi, services: Services) -> None:
    done = run()
    assert done.exit_code == 0, done.exception
    assert [(row.name, row.screen_name, row.eligible) for row in rows_of()] == [
        ("Juana Rojas", "juanarojas", "yes"),
        ("Juana Rojas", "JuanaRojasFans", "yes"),
        ("Pedro Soto", "pedrosoto", "no"),
        ("Nadie Nunca", "", "no"),
    ]
    fans, soto, nobody = rows_of()[1:]
    assert fans.flags == "fan: fans (screen_name)"
    assert (soto.party, soto.reason) == ("UDI", "87 tweets; more than 100 are needed")
    assert nobody.reason == "X found no account"
    assert services.lake.read_text(places.CANDIDATES) == Path(places.CANDIDATES).read_text(encoding="utf-8")
    assert "at most $0.60" in done.output


def test_a_name_in_the_file_is_not_asked_again_and_says_what_the_list_says_now(x: XApi, services: Services) -> None:
    run()
    before = x.requests
    Path("names.csv").write_text("name,party\nJUANA ROJAS,Espiga\nAna Paz,UDI\n")
    done = run()
    assert done.exit_code == 0, done.exception
    assert x.requests == before + 1
    assert names_of() == ["Juana Rojas", "Pedro Soto", "Nadie Nunca", "Ana Paz"]
    assert rows_of()[0].party == "Espiga"
    assert run().output.startswith("2 of 2 names are in")
    assert x.requests == before + 1
    assert run("--again").exit_code == 0
    assert x.requests == before + 3


def test_what_a_reviewer_noted_of_an_account_outlives_another_search(x: XApi, services: Services) -> None:
    run()
    path = Path(places.CANDIDATES)
    head, first, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([f"{head},checked by", f"{first},mp", *(f"{line}," for line in rest)]) + "\n", encoding="utf-8")
    assert run("--again").exit_code == 0
    assert [row.notes.get("checked by") for row in rows_of()] == ["mp", "", "", ""]


def test_what_the_lake_holds_is_not_asked_again_from_another_machine(x: XApi, services: Services) -> None:
    run()
    before = x.requests
    Path(places.CANDIDATES).unlink()
    assert run().exit_code == 0
    assert x.requests == before
    assert names_of() == ["Juana Rojas", "Pedro Soto", "Nadie Nunca"]


def test_a_rate_limited_search_waits_for_the_reset_and_goes_on(x: XApi, services: Services) -> None:
    x.faults = [Fault(status=429, route="search", after=1, reset_seconds=1)]
    done = run()
    assert done.exit_code == 0, done.exception
    assert names_of() == ["Juana Rojas", "Pedro Soto", "Nadie Nunca"]


def test_who_does_not_want_to_wait_is_told_when_to_go_on_and_loses_nothing(x: XApi, services: Services) -> None:
    x.faults = [Fault(status=429, route="search", after=1, reset_seconds=600)]
    stopped = run("--no-wait")
    assert isinstance(stopped.exception, ServiceError)
    assert "rate limit is used up until" in str(stopped.exception)
    assert "run the same command then" in str(stopped.exception)
    assert names_of() == ["Juana Rojas"]
    assert services.lake.read_text(places.CANDIDATES) == Path(places.CANDIDATES).read_text(encoding="utf-8")
    before = x.requests
    assert run().exit_code == 0
    assert x.requests == before + 2
    assert names_of() == ["Juana Rojas", "Pedro Soto", "Nadie Nunca"]


def test_a_reset_that_is_over_already_is_not_asked_again_without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait ended before it began, and X was asked as fast as it could answer."""
    slept: list[float] = []
    real = time.sleep

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        real(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    answers = [RateLimitedError(int(time.time()) - 30)]

    def ask() -> str:
        if answers:
            raise answers.pop()
        return "found"

    assert patiently(ask, lambda _note: None, "go on later", wait=True) == "found"
    assert sum(slept) > 0.5


def test_a_reset_that_is_hours_away_is_not_waited_for(x: XApi, services: Services) -> None:
    x.faults = [Fault(status=429, route="search", reset_seconds=7_200)]
    assert isinstance(run().exception, ServiceError)


def test_a_failure_of_x_in_the_middle_loses_nothing(x: XApi, services: Services) -> None:
    x.faults = [Fault(status=400, route="search", after=2)]
    assert isinstance(run().exception, ServiceError)
    assert names_of() == ["Juana Rojas", "Pedro Soto"]
    assert "Pedro Soto" in services.lake.read_text(places.CANDIDATES)


def test_a_plan_without_user_search_says_what_to_do_instead(x: XApi, services: Services) -> None:
    x.plan = {"search": False}
    refused = run()
    assert isinstance(refused.exception, AccessError)
    assert "no access to the search for users" in str(refused.exception)
    assert "fill a politicians.csv by hand" in str(refused.exception)


def test_nothing_is_searched_until_the_terms_are_acknowledged(x: XApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.chdir(tmp_path)
    Path("names.csv").write_text("name\nJuana Rojas\n")
    with stack(terms="no"):
        refused = run()
    assert isinstance(refused.exception, TermsError)
    assert "XTermsAcknowledged=yes" in str(refused.exception)
    assert x.requests == 0


def test_a_long_name_is_found_by_its_short_form(x: XApi, services: Services) -> None:
    Path("names.csv").write_text("name\nJuana María Rojas Soto\n")
    assert run().exit_code == 0
    assert [row.screen_name for row in rows_of()] == ["juanarojas", "JuanaRojasFans"]


def test_a_name_that_x_cannot_search_for_is_its_own_matter(x: XApi, services: Services) -> None:
    Path("names.csv").write_text("name\n김\nAna Paz\n", encoding="utf-8")
    assert run().exit_code == 0
    assert [(row.name, row.screen_name) for row in rows_of()] == [("김", ""), ("Ana Paz", "anapaz")]


def test_who_is_forgotten_is_not_found_again(x: XApi, services: Services) -> None:
    bury(services.lake, users={"11": "by_hand"}, now=datetime.now(UTC))
    assert run().exit_code == 0
    assert [row.user_id for row in rows_of()] == ["12", "13", ""]


def test_who_is_forgotten_later_goes_from_the_lakes_file(x: XApi, services: Services) -> None:
    run()
    bury(services.lake, users={"13": "by_hand"}, now=datetime.now(UTC))
    run()
    assert "pedrosoto" not in services.lake.read_text(places.CANDIDATES)
    assert "Pedro Soto" in services.lake.read_text(places.CANDIDATES)


def test_a_secret_that_is_not_there_is_named(x: XApi, services: Services) -> None:
    services.client("secretsmanager").delete_secret(SecretId="x-secret", ForceDeleteWithoutRecovery=True)
    refused = run()
    assert isinstance(refused.exception, InputError)
    assert "'x-secret' can't be read" in str(refused.exception)


def test_a_file_of_names_that_is_no_text_is_refused(x: XApi, services: Services) -> None:
    Path("names.csv").write_bytes("name\nJuan Núñez\n".encode("latin-1"))
    assert "save it as CSV UTF-8" in str(run().exception)
    Path("names.csv").unlink()
    assert "names.csv can't be read" in str(run().exception)
