"""`politico discover`: for each name, the accounts that may be its owner's, for a person to review."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli import local_cloud
from cli.accounts import x_access
from cli.accounts.likeness import likeness
from cli.screen import Screen, Stage
from cli.services import Services
from cli.text_files import read_text_file
from politico.accounts.discovery import (
    YES,
    Candidate,
    Choice,
    Wanted,
    candidates,
    nobody,
    read_candidates,
    read_names,
    write_candidates,
)
from politico.cost.prices import PRICES
from politico.errors import AccessError, LimitError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import Tombstones, read_tombstones, write_clean
from politico.x.users import FOUND_AT_MOST, Account, Users

SHOWN_NAMES = 40
"""More than so many names, and the table on the screen stops helping."""


@dataclass
class Findings:
    """What is found so far, by name, in the order of the list; on disk after every name."""

    out: Path
    rows: dict[str, list[Candidate]] = field(default_factory=dict)

    @classmethod
    def open(cls, out: Path, lake: Lake) -> "Findings":
        """What an earlier run left: the local file, or else the lake's. Raises FileFormatError."""
        held = None if out.exists() else lake.read_if_any(places.CANDIDATES)
        text = read_text_file(out) if out.exists() else held[0].decode("utf-8-sig") if held else None
        findings = cls(out)
        for row in read_candidates(text) if text else ():
            findings.rows.setdefault(_wanted(row).key, []).append(row)
        return findings

    def keep(self, wanted: Wanted) -> None:
        """A name that was searched before, with what the list says of it now."""
        said = {"office": wanted.office, "coalition": wanted.coalition, "party": wanted.party}
        new: dict[str, Any] = {name: value for name, value in said.items() if value}
        self.rows[wanted.key] = [replace(row, **new) for row in self.rows[wanted.key]]

    def add(self, wanted: Wanted, rows: list[Candidate]) -> None:
        noted = {row.user_id: row.notes for row in self.rows.get(wanted.key, ())}
        self.rows[wanted.key] = [replace(row, notes=noted.get(row.user_id, {})) for row in rows]
        self.write()

    def write(self) -> None:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        half = self.out.with_name(f"{self.out.name}.new")
        half.write_text(write_candidates(self), encoding="utf-8")
        half.replace(self.out)

    def upload(self, lake: Lake) -> None:
        """The same into the lake, without who is buried."""

        def put(buried: Tombstones) -> list[str]:
            lake.write(places.CANDIDATES, write_candidates(_unburied(self, buried)).encode())
            return [places.CANDIDATES]

        write_clean(lake, put)

    def __iter__(self) -> Iterator[Candidate]:
        for rows in self.rows.values():
            yield from rows


def discover(names: Path, out: Path, *, at_most: int, again: bool, wait: bool, local: bool) -> None:
    """Search for every name that is not in `out` yet. Raises InputError for what the person can mend, TermsError,
    AccessError without the plan for it, ServiceError when X fails; what was found until then stays."""
    screen = Screen()
    wanted = read_names(read_text_file(names))
    services = local_cloud.stack(local=local)
    findings = Findings.open(out, services.lake)
    to_ask = [one for one in wanted if again or one.key not in findings.rows]
    screen.console.print(_price(wanted, to_ask, out), highlight=False)
    for one in wanted:
        if one not in to_ask:
            findings.keep(one)
    if to_ask:
        users = x_access.open_users(services, local=local)
        try:
            with screen.stage("search") as stage:
                _search(users, to_ask, findings, Choice(at_most=at_most), read_tombstones(services.lake), stage, wait=wait)
                stage.result = f"{len(to_ask):,} names"
        finally:  # what is paid for is kept, whatever ended the search
            _keep(findings, services)
    else:
        _keep(findings, services)
    _show(screen.console, [row for one in wanted for row in findings.rows[one.key]])
    screen.console.print(
        f"\nReview {out} (also in the lake, at {services.lake.uri(places.CANDIDATES)}), write who is right into a "
        "politicians.csv, then: politico registry check politicians.csv",
        highlight=False,
        soft_wrap=True,
    )


def _search(
    users: Users, to_ask: Sequence[Wanted], findings: Findings, choice: Choice, buried: Tombstones, stage: Stage, *, wait: bool
) -> None:
    began = time.monotonic()
    go_on = f"run the same command then: it goes on after the names that are in {findings.out}"

    def search(words: str) -> list[Account]:
        return x_access.patiently(lambda: users.search(words), stage.show, go_on, wait=wait)

    for number, one in enumerate(to_ask):
        left = (time.monotonic() - began) / number * (len(to_ask) - number) if number else 0.0
        stage.show(f"{number} of {len(to_ask)}: {escape(one.name)}, about {left:.0f} s left", number, len(to_ask))
        try:
            rows = _candidates(one, search, buried, choice)
        except LimitError as error:  # no letter that X can look for: this name's own matter
            findings.add(one, [nobody(one, str(error))])
            continue
        except AccessError as error:
            raise AccessError(
                f"{error}. Finding accounts needs a plan and a token with X's user search (GET /2/users/search); without it "
                f"fill a politicians.csv by hand with screen_name,user_id,name,office,coalition,party, and check it with "
                "`politico registry check politicians.csv`"
            ) from error
        findings.add(one, rows)


def _candidates(wanted: Wanted, search: Callable[[str], list[Account]], buried: Tombstones, choice: Choice) -> list[Candidate]:
    """Those that the whole name finds, or else shorter forms of it."""
    found: dict[str, Account] = {}
    for words in wanted.searches():
        found |= {account.user_id: account for account in search(words) if not buried.user(account.user_id)}
        rows = candidates(wanted, found.values(), likeness, datetime.now(UTC), choice)
        if rows[0].user_id:
            break
    return rows


def _keep(findings: Findings, services: Services) -> None:
    findings.write()
    findings.upload(services.lake)


def _price(wanted: Sequence[Wanted], to_ask: Sequence[Wanted], out: Path) -> str:
    known = len(wanted) - len(to_ask)
    before = (
        f"{known:,} of {len(wanted):,} names are in {out} already and are not asked again (--again asks anew). " if known else ""
    )
    if not to_ask:
        return f"{before}Nothing to ask X, nothing to pay."
    once, most = (FOUND_AT_MOST * PRICES.x_user * number for number in (len(to_ask), sum(len(one.searches()) for one in to_ask)))
    return (
        f"{before}{len(to_ask):,} names to search: X gives at most {FOUND_AT_MOST} accounts a search and sells them at "
        f"${PRICES.x_user:.3f}, so at most [bold]${once:,.2f}[/], or [bold]${most:,.2f}[/] if nobody goes by all their names "
        f"(prices of {PRICES.as_of})."
    )


def _unburied(rows: Findings, buried: Tombstones) -> list[Candidate]:
    """A name whose account is buried keeps a line, so that it is not searched again."""
    return [nobody(_wanted(row), "X found no account") if row.user_id and buried.user(row.user_id) else row for row in rows]


def _wanted(row: Candidate) -> Wanted:
    return Wanted(row.name, row.office, row.coalition, row.party)


def _show(console: Console, rows: Sequence[Candidate]) -> None:
    """The best account of each name, and what to look at."""
    best: dict[str, Candidate] = {}
    for row in rows:
        best.setdefault(row.name, row)
    found = sum(bool(row.screen_name) for row in best.values())
    eligible = sum(row.eligible == YES for row in best.values())
    if len(best) <= SHOWN_NAMES:
        table = Table(title="The likeliest account of each name")
        for column in ("name", "account", "called", "likeness", "flags", "eligible", "reason"):
            table.add_column(column)
        for row in best.values():
            values = (row.name, f"@{row.screen_name}" if row.screen_name else "", row.account_name, row.likeness, row.flags)
            table.add_row(*(escape(value) for value in values), row.eligible, escape(row.reason))
        console.print(table)
    console.print(f"{len(best):,} names: {found:,} with an account, {eligible:,} of them eligible", highlight=False)
