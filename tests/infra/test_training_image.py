"""What a job installs over its image, resolved for the image's Python and platform: the very versions that are tested here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.support.paths import ROOT

IMAGE = Path(__file__).parent / "training_image.txt"


def pins(path: Path) -> dict[str, str]:
    """Versions by package, as a list pins them."""
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines if line)}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Versions by package, as pip would bring them into a container that holds none of them."""
    folder = tmp_path_factory.mktemp("resolved")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--only-binary=:all:"]
    command += ["--python-version", "3.12", "--implementation", "cp", "--target", str(folder / "nothing")]
    command += ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"]
    asked = ["-r", str(ROOT / "training" / "requirements.txt"), "-c", str(ROOT / "constraints.txt")]
    done = subprocess.run([*command, "--report", str(folder / "report.json"), *asked], capture_output=True, text=True)
    if "NewConnectionError" in done.stderr:
        pytest.skip("there is no connection to the package index")
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "report.json").read_text())["install"]
    return {one["metadata"]["name"].lower().replace("_", "-"): one["metadata"]["version"] for one in found}


def test_the_list_is_of_the_image_that_jobs_run_in() -> None:
    assert Settings().training_image in IMAGE.read_text().splitlines()[0]


@pytest.mark.slow
def test_a_job_gets_the_versions_that_are_tested_here(brought: dict[str, str]) -> None:
    ours = pins(ROOT / "constraints.txt")
    assert {name: version for name, version in brought.items() if ours.get(name) != version} == {}
    assert {"transformers", "tokenizers", "pyarrow", "numpy"} <= set(brought)


@pytest.mark.slow
def test_a_job_keeps_the_images_torch_and_replaces_its_old_numpy(brought: dict[str, str]) -> None:
    image = pins(IMAGE)
    assert image["numpy"].startswith("1.")
    assert int(brought["numpy"].partition(".")[0]) == 2
    kept = {"torch", "torchvision", "torchaudio", "triton"}
    assert not kept & set(brought)
    assert kept <= set(image)
