"""`politico cost ingest`: what a backfill and a month will cost, said before anything is spent and without asking X."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli import local_cloud
from cli.importing.people import read_people
from cli.screen import Screen
from cli.services import Services
from cli.text_files import read_text_file
from infra.settings import Settings
from politico.accounts.discovery import known_tweets, read_candidates
from politico.cost.estimate import Assumptions, Bill, Estimate, ToRead, estimate
from politico.cost.prices import PRICES
from politico.errors import InputError
from politico.lake import places
from politico.lake.registry import registry_text
from politico.ledger.table import Ledger
from politico.tweets.politician import Registry, read_registry
from politico.x.timelines import WINDOW

FOLLOWED_LONG_ENOUGH = timedelta(days=7)
"""A pace measured over less than a week may be that of a single day."""


@dataclass(frozen=True)
class Known:
    """What is known of the deployment; the settings' defaults where none is in reach."""

    cap: int
    lookups_a_day: int
    spent: int
    excludes_retweets: bool
    late_hours: float
    """Of the posts before each run, which the next one buys again."""
    where: str
    """One line on where these come from."""


def cost_of_ingest(
    registry_file: Path | None,
    candidates_file: Path | None,
    assumed: Mapping[str, float],
    *,
    cap: int | None,
    local: bool,
    as_json: bool,
) -> None:
    """Print the estimate; `assumed` replaces fields of Assumptions. Raises InputError when neither a registry nor a stack is
    at hand, RegistryError."""
    assumptions = replace(Assumptions(), **assumed)  # type: ignore[arg-type]  # a float for a field of floats
    services, unreachable = _stack(local=local, needed=registry_file is None)
    registry = _registry(registry_file, services)
    known = _known(services, unreachable, cap)
    result = estimate(
        _to_read(registry, services, candidates_file, measured="posts_a_day" not in assumed),
        cap=known.cap,
        spent=known.spent,
        lookups_a_day=known.lookups_a_day,
        excludes_retweets=known.excludes_retweets,
        late_hours=known.late_hours,
        assumptions=assumptions,
    )
    if as_json:
        print(json.dumps(_as_json(result, known, assumptions), indent=1))
    else:
        _show(Screen().console, result, known, assumptions)


def _stack(*, local: bool, needed: bool) -> tuple[Services | None, str]:
    try:
        return local_cloud.stack(local=local), ""
    except InputError as error:
        if needed:
            raise InputError(f"{error}; or give the list of accounts with --registry politicians.csv") from error
        return None, str(error)


def _registry(file: Path | None, services: Services | None) -> Registry:
    if file is not None:
        return read_registry(read_people(file, Console(stderr=True).print))
    assert services is not None, "without a file a stack is required"
    remedy = "give one with --registry politicians.csv, or put it there with `politico registry put politicians.csv`"
    return read_registry(registry_text(services.lake, remedy))


def _known(services: Services | None, unreachable: str, cap: int | None) -> Known:
    if services is None:
        settings = Settings()
        said = unreachable.split(";")[0]
        where = f"no stack is asked ({said}): cap and lookups are the settings' defaults, and nothing counts as read"
        return Known(
            settings.x_monthly_cap if cap is None else cap,
            settings.x_lookups_a_day,
            0,
            settings.x_exclude_retweets,
            settings.x_late_hours,
            where,
        )
    deployed = int(services.output("XMonthlyCap"))
    return Known(
        deployed if cap is None else cap,
        int(services.output("XLookupsADay")),
        services.ledger.spent(datetime.now(UTC)),
        services.output("XExcludeRetweets") == "yes",
        float(services.output("XLateHours")),
        "cap, lookups and what is read already are the stack's",
    )


def _to_read(registry: Registry, services: Services | None, candidates_file: Path | None, *, measured: bool) -> list[ToRead]:
    """Each account with what the candidates file and the ledger know of it; its measured pace only where that is wanted."""
    tweets = known_tweets(read_candidates(text)) if (text := _candidates(services, candidates_file)) else {}
    if services is None:
        return [ToRead(one.user_id, tweets.get(one.user_id)) for one in registry]
    return [_account(services.ledger, one.user_id, tweets.get(one.user_id), measured=measured) for one in registry]


def _account(ledger: Ledger, user_id: str, tweets: int | None, *, measured: bool) -> ToRead:
    bought = ledger.purchases(user_id)
    reliable = measured and bought.followed >= FOLLOWED_LONG_ENOUGH
    is_read = ledger.cursor(user_id).since_id is not None
    return ToRead(user_id, tweets, is_read, bought.bought, bought.posts_a_day if reliable else None)


def _candidates(services: Services | None, file: Path | None) -> str | None:
    if file is not None:
        return read_text_file(file)
    held = services.lake.read_if_any(places.CANDIDATES) if services else None
    return held[0].decode("utf-8-sig") if held else None


def _as_json(result: Estimate, known: Known, assumptions: Assumptions) -> dict[str, Any]:
    return {
        **asdict(result),
        "fits": result.fits,
        "lookups_a_day": known.lookups_a_day,
        "excludes_retweets": known.excludes_retweets,
        "late_hours": known.late_hours,
        "assumptions": asdict(assumptions),
        "prices": {**asdict(PRICES), "as_of": str(PRICES.as_of)},
    }


def _show(console: Console, result: Estimate, known: Known, assumed: Assumptions) -> None:
    table = Table(title=f"Ingestion of {result.accounts:,} accounts, in US dollars at the prices of {PRICES.as_of}")
    for column, justify in (("what", "left"), ("posts", "right"), ("X", "right"), ("Comprehend", "right"), ("together", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    rows = (
        (f"backfill, at most ({result.accounts_to_backfill:,} accounts)", result.backfill),
        ("a month of running on", result.month),
        (f"a month of lookups, for compliance ({known.lookups_a_day:,} a day)", result.lookups),
    )
    for what, bill in rows:
        table.add_row(what, f"{bill.posts:,}", _dollars(bill.x), _dollars(bill.comprehend), f"[bold]{_dollars(bill.total)}[/]")
    console.print(table)
    for line in (*_of_the_cap(result), *_of_retweets(result, known), *_of_assumptions(result, known, assumed)):
        console.print(f"· {line}", highlight=False, soft_wrap=True, markup=False)


def _of_the_cap(result: Estimate) -> list[str]:
    room = f"The cap is {result.cap:,} posts a month ({_dollars(result.cap * PRICES.x_post)})"
    if result.spent:
        room += f", {result.spent:,} of them read this month"
    if not result.fits:
        return [
            f"{room}: less than the {result.month_posts:,} that a month takes. Raise x_monthly_cap to at least that, lower "
            "x_lookups_a_day, or follow fewer accounts"
        ]
    if result.backfill_months is None:
        return [f"{room}: all of it goes into running on, and none is left for the backfill. Raise x_monthly_cap"]
    if result.backfill_months == 0:
        return [f"{room}; a month takes {result.month_posts:,}. Nothing is left to backfill"]
    months = "this month" if result.backfill_months == 1 else f"{result.backfill_months} months, this one counted"
    return [f"{room}. The backfill takes {months}, beside the {result.month_posts:,} of a month's running on and lookups"]


def _of_retweets(result: Estimate, known: Known) -> list[str]:
    backfill = _saved(result.backfill_with_retweets, result.backfill_without_retweets)
    month = _saved(result.month_with_retweets, result.month_without_retweets)
    if known.excludes_retweets:
        return [f"Retweets are left out (x_exclude_retweets): that saves about {backfill} of the backfill and {month} a month"]
    return [
        f"Leaving retweets out (x_exclude_retweets), none of which is kept, would save about {backfill} of the backfill and "
        f"{month} a month"
    ]


def _of_assumptions(result: Estimate, known: Known, assumed: Assumptions) -> list[str]:
    unknown = result.accounts_of_unknown_size
    lines = [known.where[0].upper() + known.where[1:]]
    if unknown:
        lines.append(f"Of {unknown:,} accounts nobody told how many posts they have: {WINDOW:,} each, the most that X shows")
    if result.accounts_of_measured_pace:
        lines.append(f"For {result.accounts_of_measured_pace:,} of {result.accounts:,} accounts the ledger knows the pace")
    if known.late_hours:
        lines.append(
            f"X shows some posts late: those of the {known.late_hours:g} hours before each run are bought again by the next "
            f"(x_late_hours), {min(1.0, known.late_hours / 24):.0%} of a day's at an even pace"
        )
    return [
        *lines,
        f"Assumed: {assumed.posts_a_day:g} posts a day and account (--posts-a-day), {assumed.retweet_share:.0%} of them retweets "
        f"(--retweet-share), {assumed.kept_share:.0%} kept and annotated (--kept-share), {assumed.characters} characters each",
        f"X charges ${PRICES.x_post:.3f} a post; Comprehend ${PRICES.comprehend_unit:.4f} a unit of "
        f"{PRICES.comprehend_unit_characters} characters, at least {PRICES.comprehend_min_units} units for each of "
        f"{PRICES.comprehend_analyses} analyses: ${PRICES.annotation(assumed.characters):.4f} a tweet",
        "S3, Lambda, Step Functions and DynamoDB are negligible beside this, and left out",
        f"Prices are those of {PRICES.as_of}: {PRICES.source}",
    ]


def _saved(with_retweets: Bill, without: Bill) -> str:
    return _dollars(max(0.0, with_retweets.x - without.x))


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}"
