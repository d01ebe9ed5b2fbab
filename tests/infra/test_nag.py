"""What AWS's own rules say of the template, by cdk-nag: nothing that is not explained beside the construct."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def test_every_finding_of_cdk_nag_is_explained(tmp_path: Path) -> None:
    whole = {"settings": {"page_tweets_a_day": 100}}  # with what is not made unless it is asked for
    environment = {**os.environ, "CDK_CONTEXT_JSON": json.dumps(whole)}
    command = [sys.executable, "-m", "tests.support.nag", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "out" / "validation-report.json").is_file(), "the rules were not run"
