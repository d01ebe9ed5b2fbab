"""The bundles: what moves into a room goes along, and every module of a bundle can be imported from that bundle alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bundles import _stage
from tests.support.template import Template

IMPORT_ALL = """
import importlib, json, sys
folders, modules = json.loads(sys.argv[1])
sys.meta_path[:] = [one for one in sys.meta_path if "editable" not in str(getattr(one, "__module__", one)).lower()]
sys.path[:0] = folders
places = {module: importlib.import_module(module).__file__ for module in modules}
print(json.dumps(places))
"""


def modules_in(folder: Path) -> list[str]:
    paths = (path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py"))
    return sorted(".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in paths)


def imported(folder: Path, *besides: Path) -> dict[str, str]:
    """Every module of a bundle, imported in a process of its own that can't see the project; where each was found."""
    given = json.dumps([[str(folder), *map(str, besides)], modules_in(folder)])
    done = subprocess.run([sys.executable, "-PB", "-c", IMPORT_ALL, given], cwd="/", capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("bundle", ["zip", "image"])
def test_every_module_of_a_bundle_can_be_imported_from_it_alone(template: Template, bundle: str) -> None:
    layer = template.asset(template.one("AWS::Lambda::LayerVersion")["Content"]["S3Key"]) / "python"
    (key,) = {function["Code"]["S3Key"] for function in template.functions.values()}
    folder = template.asset(key) if bundle == "zip" else template.image()
    found = imported(folder, *([layer] if bundle == "zip" else []))
    assert {"politico.lake.bucket", "functions.ingest.fetch" if bundle == "zip" else "inference.server"} <= set(found)
    assert all(Path(place).is_relative_to(folder) for place in found.values())


def test_a_module_of_a_room_and_of_a_room_within_it_is_staged_and_nothing_else(tmp_path: Path) -> None:
    for name in ("p/a.py", "p/room/b.py", "p/room/inner/c.py", "p/room/notes.txt", "q/d.py", "p/Dockerfile"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    staged = _stage(tmp_path, tmp_path / "out", ["p"], ["p/Dockerfile"])
    held = {path.relative_to(staged).as_posix() for path in staged.rglob("*") if path.is_file()}
    assert held == {"p/a.py", "p/room/b.py", "p/room/inner/c.py", "p/Dockerfile"}
