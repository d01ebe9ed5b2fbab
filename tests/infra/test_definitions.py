"""The state machines' definitions, by the Amazon States Language's own rules, as npm's asl-validator knows them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.template import Template

pytestmark = pytest.mark.slow
VALIDATOR = "asl-validator@4"
MACHINES = ("IngestWorkflow", "ComplianceWorkflow", "TrainWorkflow", "DeployWorkflow")


def validated(folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    words = [word for path in paths for word in ("--json-path", str(path))]
    npx = Path(sys.executable).parent / "npx"
    return subprocess.run([str(npx), "--yes", VALIDATOR, *words], cwd=folder, capture_output=True, text=True, timeout=200)


def test_every_definition_is_valid_and_a_broken_one_is_not(template: Template, tmp_path: Path) -> None:
    for machine in MACHINES:
        (tmp_path / f"{machine}.json").write_text(json.dumps(template.machine(machine)))
    broken = template.machine("DeployWorkflow")
    broken["States"]["Hold the release"]["Next"] = "Nowhere"
    (tmp_path / "Broken.json").write_text(json.dumps(broken))
    done = validated(tmp_path, *(tmp_path / f"{machine}.json" for machine in (*MACHINES, "Broken")))
    assert done.stdout.count("is valid") == len(MACHINES), done.stdout + done.stderr
    assert done.returncode != 0, "the broken one was let through"
