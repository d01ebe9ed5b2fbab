"""Train, last check: may the new model be offered for approval, given its figures and the champion's on the same tweets?"""

import math
from collections.abc import Mapping
from typing import Any

from functions import environment
from functions.telemetry import observed
from politico.lake import places


@observed
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: `run` and `tolerance`. Answer: `passed`, `reason` and the figures that decided."""
    evaluation = environment.lake().read_json(places.evaluation_figures(event["run"]))
    return decide(evaluation, event["tolerance"])


def decide(evaluation: Mapping[str, Any], tolerance: float) -> dict[str, Any]:
    """A candidate passes when its bits per byte are at most `tolerance` (a share) above the champion's."""
    candidate = evaluation["candidate"]["bits_per_byte"]
    champion = evaluation["champion"]["bits_per_byte"] if evaluation.get("champion") else None
    if not math.isfinite(candidate):
        reason, passed = f"the candidate's bits per byte are {candidate}", False
    elif champion is None:
        reason, passed = "no champion to compare with", True
    else:
        passed = candidate <= champion * (1 + tolerance)
        reason = f"candidate {candidate:.4f} bits per byte, champion {champion:.4f}, tolerance {tolerance:.0%}"
    return {"passed": passed, "reason": reason, "bits_per_byte": f"{candidate:.4f}"}
