"""The source archive: always the same bytes, and all that a job needs."""

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from infra.source_bundle import write_source
from politico.models.packed import unpack
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "sourcedir.tar.gz"
    write_source(path, ROOT)
    return path


def test_the_same_code_is_the_same_bytes_whenever_it_is_packed(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.tar.gz"
    digest = write_source(again, ROOT)
    assert again.read_bytes() == archive.read_bytes()
    assert digest == hashlib.sha256(archive.read_bytes()).hexdigest()
    with tarfile.open(archive) as packed:
        for entry in packed:
            assert (entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname, entry.mode) == (0, 0, 0, "", "", 0o644)


def test_it_holds_the_modules_of_three_packages_and_the_requirements(archive: Path) -> None:
    with tarfile.open(archive) as packed:
        names = packed.getnames()
    assert names == sorted(names)
    lists = {"requirements.txt", "constraints.txt"}
    assert {name.split("/")[0] for name in names} == {"politico", "inference", "training", *lists}
    assert all(name.endswith(".py") for name in names if name not in lists)
    assert {"training/train.py", "training/corpus/prepare.py", "training/evaluation/evaluate.py", "inference/engine.py"} <= set(
        names
    )


def test_its_requirements_are_pinned_and_never_hold_torch() -> None:
    lines = (ROOT / "training" / "requirements.txt").read_text().splitlines()
    named = [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]
    assert all("==" in one for one in named)
    assert not any(one.startswith("torch") for one in named)
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert set(named) <= set(constraints)


@pytest.mark.slow
def test_its_programs_start_in_a_clean_process_with_nothing_else_of_ours(archive: Path, tmp_path: Path) -> None:
    unpack(archive, tmp_path)
    code = "import training.corpus.prepare, training.evaluation.evaluate, training.arguments as start; "
    code += "print(training.__file__, start.main([]))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        cwd="/", env=environment, capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.stdout.split() == [str(tmp_path / "training" / "__init__.py"), "2"], done.stderr
    assert done.stderr.strip() == "error: --stage is None; it takes base, casual, control"
