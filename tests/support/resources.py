"""What the template makes, resource by resource, so that a change of it shows in review. Run: python -m tests.support.resources

Writes tests/infra/resources.json: type and checksum of each resource by its logical id. What moving a file changes is left out
of the checksum: descriptions, handlers, and the hashes that name the assets.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.stack import Assembly
from tests.support.paths import ROOT
from tests.support.template import synthesis

FILE = ROOT / "tests" / "infra" / "resources.json"
_ASSET = re.compile(r"[0-9a-f]{64}")
_MODULE = re.compile(r"functions[./][a-z_./]+")
_LEFT_OUT = ("Description", "Handler", "Metadata")


def described(template: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Type and checksum of every resource, by logical id."""
    return {name: {"type": one["Type"], "sha256": _checksum(one)} for name, one in sorted(template["Resources"].items())}


def _checksum(resource: Mapping[str, Any]) -> str:
    text = json.dumps(_without(resource), sort_keys=True)
    return hashlib.sha256(_MODULE.sub("MODULE", _ASSET.sub("ASSET", text)).encode()).hexdigest()[:16]


def _without(value: Any) -> Any:
    if isinstance(value, list):
        return [_without(one) for one in value]
    if isinstance(value, dict):
        return {name: _without(one) for name, one in value.items() if name not in _LEFT_OUT}
    return value


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = synthesis(Path(folder) / "cdk.out")
        assert done.returncode == 0, done.stderr
        found = described(Assembly.read(Path(folder) / "cdk.out").template)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(one)}" for name, one in found.items())
    FILE.write_text(f"{{\n{lines}\n}}\n")
    print(f"{len(found)} resources in {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
