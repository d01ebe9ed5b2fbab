"""The Node.js that the CDK's library runs on: the environment's own, before any of the system's."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from politico.errors import FileFormatError, MissingToolError


def find() -> Path:
    """Put the environment's Node in front of PATH. Raises MissingToolError when there is none anywhere."""
    own = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(own), os.environ.get("PATH", "")])
    # The library warns on Node versions newer than it has been tested with.
    os.environ.setdefault("JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION", "1")
    found = shutil.which("node")
    if found is None:
        raise MissingToolError(
            "Node.js is missing, and the template can't be written without it: run `make setup`, which brings one"
        )
    return Path(found)


def context_of(path: Path) -> dict[str, Any]:
    """The context in a cdk.json. Raises FileFormatError."""
    try:
        context: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("context", {})
    except (OSError, ValueError, AttributeError) as error:
        raise FileFormatError(f"{path} is no JSON file: {error}") from error
    return context
