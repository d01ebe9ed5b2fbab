"""`politico registry`: check the reviewed list of politicians, and put it into the lake."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli import local_cloud
from cli.accounts import x_access
from cli.importing.people import read_people
from cli.screen import Screen, counted
from cli.services import Services
from politico.accounts.registry_check import UNUSABLE, WARNING, WRONG, Finding, check_against_x, check_alone, is_askable
from politico.cost.prices import PRICES
from politico.errors import InputError, RegistryError, ServiceError
from politico.lake import places
from politico.lake.registry import put_registry, registry_text
from politico.lake.tombstones import read_tombstones
from politico.tweets.politician import Entry, read_entries, read_registry
from politico.x.users import LOOKED_UP_AT_ONCE, Account

CLEAN, FOUND, UNUSABLE_FILE = 0, 1, 2
"""Exit codes. Warnings alone leave a list clean."""
_COLOURS = {UNUSABLE: "red", WRONG: "yellow", WARNING: "cyan"}


def check(file: Path | None, *, offline: bool, wait: bool, local: bool) -> int:
    """Print all that is wrong with the list, in the file or in the lake; the exit code.

    Raises RegistryError when it can't even be read as a list, InputError when there is none.
    """
    screen = Screen()
    services = None if file is not None and offline else local_cloud.stack(local=local)
    entries = read_entries(read_people(file, _say(screen.console)) if file is not None else _from_lake(services))
    if not entries:
        raise RegistryError("the registry lists nobody: it has a first line and nothing else")
    findings = check_alone(entries)
    not_asked = "X was not asked (--offline)" if offline else ""
    if services is not None and not offline:
        try:
            findings += _against_x(services, entries, screen, wait=wait, local=local)
        except (InputError, ServiceError) as error:  # what is known already is worth more than nothing
            not_asked = f"X was not asked, or not for all: {error}"
    where = str(file) if file is not None else services.lake.uri(places.REGISTRY) if services is not None else ""
    _show(screen.console, sorted(findings, key=lambda one: one.line), len(entries), where)
    if not_asked:
        screen.console.print(not_asked, highlight=False, soft_wrap=True, markup=False)
    severities = {one.severity for one in findings}
    if UNUSABLE in severities:
        return UNUSABLE_FILE
    return FOUND if WRONG in severities or (not_asked and not offline) else CLEAN


def put(file: Path, *, local: bool) -> None:
    """Put the list into the lake, for the next run. Raises RegistryError with all that keeps it from being used."""
    console = Screen().console
    registry = read_registry(read_people(file, _say(console)))
    services = local_cloud.stack(local=local)
    buried = read_tombstones(services.lake)
    forgotten = [one.screen_name for one in registry if buried.user(one.user_id)]
    if forgotten:
        raise RegistryError(
            f"the registry lists who was forgotten (`politico forget`): {', '.join(f'@{one}' for one in forgotten)}; "
            "take these lines out"
        )
    put_registry(services.lake, registry)
    console.print(f"{len(registry):,} politicians at {services.lake.uri(places.REGISTRY)}", highlight=False, soft_wrap=True)
    for finding in check_alone(read_entries(registry.to_csv())):
        console.print(f"{finding.severity}: {escape(finding.said)}; {finding.to_do}", highlight=False, soft_wrap=True)
    console.print("X was not asked: `politico registry check` does", highlight=False)


def _say(console: Console) -> Callable[[str], None]:
    """For what was mended in a list as it was read: `put` stores it so."""
    return lambda note: console.print(note, highlight=False, soft_wrap=True, markup=False)


def _from_lake(services: Services | None) -> str:
    assert services is not None, "without a file a stack is required"
    return registry_text(services.lake, "name the file to check, or put it there with `politico registry put politicians.csv`")


def _against_x(services: Services, entries: Sequence[Entry], screen: Screen, *, wait: bool, local: bool) -> list[Finding]:
    users = x_access.open_users(services, local=local)
    ids = list(dict.fromkeys(one.politician.user_id for one in entries if is_askable(one)))
    cost = len(ids) * PRICES.x_user
    screen.console.print(f"X sells each of {len(ids):,} accounts at ${PRICES.x_user:.3f}: at most ${cost:,.2f}", highlight=False)
    accounts: list[Account] = []
    missing: dict[str, str] = {}
    with screen.stage("look up") as stage:
        for start in range(0, len(ids), LOOKED_UP_AT_ONCE):
            stage.show(f"{start:,} of {len(ids):,} accounts", start, len(ids))
            some = ids[start : start + LOOKED_UP_AT_ONCE]
            found, gone = x_access.patiently(
                lambda some=some: users.look_up(some),  # type: ignore[misc]
                stage.show,
                "run the same command then",
                wait=wait,
            )
            accounts += found
            missing |= gone
        stage.result = f"{len(accounts):,} accounts there, {len(missing):,} not"
    return check_against_x(entries, accounts, missing, datetime.now(UTC))


def _show(console: Console, findings: Sequence[Finding], listed: int, where: str) -> None:
    if not findings:
        console.print(f"{where}: {listed:,} politicians, nothing to do", highlight=False, soft_wrap=True)
        return
    table = Table(title=f"{where}: {listed:,} politicians", show_lines=True)
    for column in ("line", "account", "what", "it says", "do"):
        table.add_column(column)
    for one in findings:
        colour = _COLOURS[one.severity]
        what = f"[{colour}]{one.severity}[/] {one.kind}"
        table.add_row(str(one.line), escape(one.screen_name), what, escape(one.said), escape(one.to_do))
    console.print(table)
    kinds = [one.kind for one in findings]
    console.print(f"found: {counted({kind: kinds.count(kind) for kind in kinds})}", highlight=False)
