"""Ingest, last step: add up what the run did, say which parts failed, and settle those whose every day is in the dataset."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from functions import environment
from functions.telemetry import measure, observed, warn
from politico.dataset.manifest import read_manifest
from politico.lake import places
from politico.lake.bucket import Lake


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`. Answer: the report without its lists, small enough for an event."""
    lake, run = environment.lake(), event["run"]
    found = report(run, lake, environment.ledger().settle)
    lake.write_json(places.report(run), found)
    note_registry(run, lake, found)
    _tell(found)
    return {name: value for name, value in found.items() if name not in ("failed_accounts", "failed_parts", "failed_days")} | {
        "failures": sum(len(found[name]) for name in ("failed_accounts", "failed_parts", "failed_days"))
    }


def note_registry(run: str, lake: Lake, found: dict[str, Any]) -> None:
    """Every day was joined with the run's registry, unless one failed: then the next run tries them all again."""
    if not found["failed_days"]:
        lake.write_json(places.REGISTRY_CURATED, lake.read_json(places.registry_of_run(run)))


def _tell(found: dict[str, Any]) -> None:
    """The run's figures as metrics, and a line of the log for every account that was not read to its end."""
    measure(
        posts_read=found["read"],
        posts_kept=found["kept"],
        posts_filtered=sum(found["filtered"].values()),
        posts_rejected=sum(found["rejected"].values()),
        rows_written=found["rows"],
        accounts_failed=len(found["failed_accounts"]),
        parts_failed=len(found["failed_parts"]),
        days_failed=len(found["failed_days"]),
    )
    for one in found["failed_accounts"]:
        told = {name: one[name] for name in ("user_id", "screen_name", "status", "reason") if name in one}
        warn("account failed", **told)


def report(run: str, lake: Lake, settle: Callable[[str, str, str], bool]) -> dict[str, Any]:
    """Counts over all parts and days: read = kept + filtered + rejected; annotated_read = rows + dropped.

    `settle` is told of the user, the run and the mark of all that is in the dataset with its every day, and says whether that
    was all of it. `settled_posts` are those that no later run will read again, `dataset` is all of it as its manifest has it now.
    """
    parts = {item["part"]: item for item in lake.read_json(places.parts(run))}
    fetched = _fetched(run, lake)
    done = [lake.read_json(key) for key in lake.keys(places.part_counts_folder(run))]
    accounts = [account for part in done for account in part["accounts"]]
    days = [day for key in lake.keys(places.day_counts_folder(run)) for day in lake.read_json(key)]
    curated = {day["day"] for day in days}
    touched = {day for batch in lake.read_json(places.touched_days(run)) for day in batch["days"]}
    whole = [account for part in done if curated.issuperset(part["days"]) for account in part["accounts"]]
    # One that was split is settled once all of its parts are done.
    listed = Counter(_settled_by(account) for part in parts.values() for account in part.get("accounts", ()))
    ready = [by for by, count in Counter(map(_settled_by, whole)).items() if count >= listed[by]]
    through = {by for by in ready if settle(*by)}
    settled = [one for one in whole if _settled_by(one) in through]
    failed_parts = sorted(set(parts) - {part["part"] for part in done})
    return {
        "run": run,
        "accounts": len(fetched),
        "posts_fetched": sum(one.get("posts", 0) for one in fetched),
        **_posts(accounts),
        "settled_posts": _posts(settled),
        "days": len(days),
        "annotated_read": sum(day["read"] for day in days),
        "dropped": _added(day["dropped"] for day in days),
        "rows": sum(day["rows"] for day in days),
        "failed_accounts": [one for one in fetched if one["status"] != "done"],
        "failed_parts": [parts[name] for name in failed_parts],
        "failed_days": sorted(touched - curated),
        "dataset": read_manifest(lake).identity(),
    }


def _settled_by(account: dict[str, Any]) -> tuple[str, str, str]:
    """What names an account's pages of one run, as they were when the parts were made."""
    return account["user_id"], account["pages_run"], account["mark"]


def _fetched(run: str, lake: Lake) -> list[dict[str, Any]]:
    """What became of each account that the run asked X for, also of those whose function never answered."""
    found: list[dict[str, Any]] = []
    for item in lake.read_json(places.accounts(run)):
        answer = lake.read_json_if_any(places.fetched(run, item["number"])) or {"status": "failed"}
        if answer["status"] not in ("done", "capped", "late", "failed"):
            answer = {**answer, "status": "failed"}
        if answer["status"] == "failed":
            answer = {"reason": "its function ended without an answer; the function's log says why", **answer}
        found.append({**item["account"], **answer})
    return found


def _posts(accounts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "read": sum(account["read"] for account in accounts),
        "kept": sum(account["kept"] for account in accounts),
        "filtered": _added(account["filtered"] for account in accounts),
        "rejected": _added(account["rejected"] for account in accounts),
    }


def _added(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(sorted(total.items()))
