"""Compliance, last step: what is derived from swept corpora goes too, the ledger forgets, and the models concerned are named."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.forgetting.lineage import Affected, affected_models
from politico.lake import places
from politico.lake.tombstones import Tombstones, merge_tombstones, read_tombstones


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run`, when the sweep `began`, and its `parts`. Answer: the report, small enough for an event; `news` says
    whether a model is concerned that was not before."""
    lake, run = environment.lake(), event["run"]
    parts = [lake.read_json(key) for key in lake.keys(places.swept_parts(run))]
    removed: Counter[str] = Counter()
    for part in parts:
        removed.update(part["removed"])
    buried = read_tombstones(lake)
    known: list[dict[str, Any]] = lake.read_json_if_any(places.COMPLIANCE_MODELS) or []
    marks = list(lake.keys(places.COMPLIANCE_CHANGED))  # of sweeps that failed afterwards too
    changed = set(map(places.name_of_changed, marks))
    saw = {one["run"]: one["corpora"] for one in known}
    models = affected_models(lake, buried, changed, saw, environment.client("sagemaker"), environment.model_group())
    for one in models:
        if one.corpora:  # tokens are text in another spelling; they can be made again from what is left
            for key in list(lake.keys(places.shards(one.run))):
                lake.erase(key)
    environment.ledger().forget_buried(buried)
    if event["parts"]:
        lake.write_json(places.COMPLIANCE_SWEPT, {"began": event["began"]})
    lake.write_json(places.COMPLIANCE_MODELS, [asdict(one) for one in models])
    for key in marks:
        lake.erase(key)
    report = {
        "run": run,
        "asked": lake.read_json_if_any(places.compliance_asked(run)),
        "heard": lake.read_json_if_any(places.compliance_heard(run)),
        "swept": bool(event["parts"]),
        "removed": dict(sorted(removed.items())),
        "buried": _counts(buried),
        "models": [asdict(one) for one in models],
    }
    lake.write_json(places.compliance_report(run), report)
    merge_tombstones(lake)
    return {**report, "models": len(models), "news": bool(_news(models, known))}


def _counts(buried: Tombstones) -> dict[str, int]:
    return {"tweets": len(buried.tweets), "users": len(buried.users)}


def _news(models: list[Affected], known: list[dict[str, Any]]) -> list[Affected]:
    before = {one["run"]: (one["tweets"], len(one["corpora"])) for one in known}
    return [one for one in models if before.get(one.run) != (one.tweets, len(one.corpora))]
