"""`politico forget`: bury tweets and users, and sweep them out of the lake through the compliance workflow."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from cli import local_cloud
from cli.executions import Execution
from cli.screen import Screen, counted
from cli.services import Services
from politico.errors import InputError, RegistryError, UnknownValueError
from politico.lake import places
from politico.lake.registry import open_registry
from politico.lake.tombstones import bury


def forget(tweets: Sequence[str], users: Sequence[str], reason: str, *, local: bool, ask: bool) -> None:
    """Forget them. Raises InputError for what is no id and for a name that the registry lacks, JobError when the sweep fails."""
    if not tweets and not users:
        raise InputError("say what to forget: --tweet ID or --user ID, each as often as needed")
    services = local_cloud.stack(local=local)
    tweet_ids = [_tweet_id(one) for one in tweets]
    user_ids = [_user_id(one, services) for one in users]
    what = " and ".join(
        f"{len(ids)} {noun}{'s' if len(ids) > 1 else ''}" for ids, noun in ((tweet_ids, "tweet"), (user_ids, "user")) if ids
    )
    if ask and not typer.confirm(f"Remove {what} from the lake for ever? Nothing brings them back."):
        raise InputError("nothing was forgotten")
    screen = Screen()
    with screen.stage("bury") as stage:
        bury(
            services.lake,
            tweets=dict.fromkeys(tweet_ids, reason),
            users=dict.fromkeys(user_ids, reason),
            now=datetime.now(UTC),
        )
        stage.result = f"{what}; no run lets them through from now on"
    with screen.stage("sweep") as stage:
        report = sweep(services, f"forget-{time.time_ns()}", stage.show)
        stage.result = counted(report["removed"]) if any(report["removed"].values()) else "the lake held nothing of it"
    _show_models(screen.console, report["models"])


def sweep(services: Services, name: str, show: Any) -> dict[str, Any]:
    """Run the compliance workflow without asking X; its report. Raises JobError."""
    execution = Execution.start(services, "ComplianceWorkflow", name, {"ask": False})
    parts = places.swept_parts(execution.run)

    def watch() -> None:
        show(f"sweeping: {sum(1 for _ in services.lake.keys(parts))} parts done", None, None)

    output = execution.wait(watch)
    report: dict[str, Any] = services.lake.read_json(places.compliance_report(output["run"]))
    return report


def _tweet_id(text: str) -> str:
    """The id alone, or the last part of a post's address."""
    id_str = text.rstrip("/").rpartition("/")[2].partition("?")[0]
    if not (id_str.isascii() and id_str.isdigit()):
        raise UnknownValueError(f"{text!r} is no tweet's id; it takes digits, or the post's address")
    return id_str


def _user_id(text: str, services: Services) -> str:
    if text.isascii() and text.isdigit():
        return text
    try:
        registry, _zone = open_registry(services.lake)
    except RegistryError as error:
        raise UnknownValueError(f"{text!r} is no user id, and there is no registry to look the name up: {error}") from error
    found = registry.by_screen_name(text.lstrip("@"))
    if found is None:
        raise UnknownValueError(f"the registry has no {text!r}; give the user id, in digits")
    return found.user_id


def _show_models(console: Console, models: Sequence[dict[str, Any]]) -> None:
    """Which models were trained on what is gone: forgetting does not reach into weights."""
    if not models:
        console.print("no model was trained on anything that was removed", highlight=False)
        return
    table = Table(title="Models trained on what was removed: train anew, then retire them")
    for column in ("run", "tweets", "corpora", "built on", "versions"):
        table.add_column(column)
    for one in models:
        versions = "\n".join(f"{version['status']}  {version['arn'].rpartition(':')[2]}" for version in one["versions"])
        lists = (", ".join(one[name]) for name in ("corpora", "through"))
        table.add_row(one["run"], str(one["tweets"]), *lists, versions or "none registered")
    console.print(table)
