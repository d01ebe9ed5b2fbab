"""What AWS's own rules say of the template, by cdk-nag: nothing that is not explained beside the construct."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def test_every_finding_of_cdk_nag_is_explained(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.nag", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "out" / "validation-report.json").is_file(), "the rules were not run"
