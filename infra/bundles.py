"""One copy of the code, three packages: the Lambda zip and its layer, the training code, the serving image's folder."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.source_bundle import write_source
from politico.errors import MissingToolError

LAMBDA_PYTHON = "3.12"
CODE = (".py", ".html", ".css", ".js", ".json")
"""Of what is deployed: modules, and the page's parts beside them."""


@dataclass(frozen=True)
class Bundles:
    """Folders and files that the template's assets are made of, under `build/`."""

    functions: Path
    """The Lambda zip's content: functions/ and politico/."""
    layer: Path
    """The functions' pure-Python dependencies, as a Lambda layer."""
    source: Path
    """The training code, sourcedir.tar.gz."""
    serving: Path
    """The build context of inference/Dockerfile."""

    @classmethod
    def build(cls, root: Path) -> "Bundles":
        """Bring every package up to date with the code. Raises MissingToolError when pip can't bring the layer's libraries."""
        build = root / "build"
        source = build / "sourcedir.tar.gz"
        source.parent.mkdir(exist_ok=True)
        write_source(source, root)
        return cls(
            functions=_stage(root, build / "functions", ["functions", "politico"]),
            layer=_layer(root, build / "layer"),
            source=source,
            serving=_stage(
                root, build / "serving", ["politico", "inference"], ["inference/Dockerfile", "inference/requirements.txt"]
            ),
        )


def _stage(root: Path, folder: Path, packages: Sequence[str], files: Sequence[str] = ()) -> Path:
    """A folder that holds just the packages' modules, those of their rooms too, what they show, and the named files."""
    shutil.rmtree(folder, ignore_errors=True)
    modules = [path for package in packages for path in sorted((root / package).rglob("*")) if path.suffix in CODE]
    for path in [*modules, *(root / one for one in files)]:
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def _layer(root: Path, folder: Path) -> Path:
    """The layer's libraries, installed for Lambda's Python whatever this machine's is; kept until what is asked for changes."""
    requirements, constraints = root / "functions" / "requirements.txt", root / "constraints.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + constraints.read_bytes()).hexdigest()
    mark = folder.parent / "layer.sha256"
    if folder.is_dir() and mark.is_file() and mark.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(folder / "python")]
    # Pure Python only: the same files work here and on Lambda's processor.
    command += [
        "--only-binary=:all:",
        "--implementation",
        "py",
        "--abi",
        "none",
        "--platform",
        "any",
        "--python-version",
        LAMBDA_PYTHON,
    ]
    done = subprocess.run([*command, "-r", str(requirements), "-c", str(constraints)], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise MissingToolError(f"pip could not bring the libraries of the Lambda layer ({last}); is there a connection?")
    mark.write_text(wanted)
    return folder
