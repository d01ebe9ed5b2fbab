"""The CDK app. Run: `python -m infra.app` writes the template to cdk.out, or to the folder in CDK_OUTDIR.

Needs no account, no credentials and no Node but the environment's own.
"""

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from infra import node
from infra.settings import Settings
from politico.errors import FileFormatError, PoliticoError
from politico.flags import from_mapping

if TYPE_CHECKING:
    from aws_cdk.cx_api import CloudAssembly

ROOT = Path(__file__).resolve().parent.parent
OUT = "cdk.out"


def synthesize(out: Path, root: Path = ROOT) -> "CloudAssembly":
    """Write the cloud assembly into `out`. Raises MissingToolError without Node, InputError for bad settings."""
    node.find()
    import aws_cdk as cdk  # starts Node as it is imported

    from infra.bundles import Bundles
    from infra.stack import PoliticoStack

    # The CDK command line reads cdk.json itself and has the last word; a bare `python -m infra.app` needs it read here.
    app = cdk.App(outdir=str(out), context=node.context_of(root / "cdk.json"))
    given = app.node.try_get_context("settings") or {}
    if not isinstance(given, dict):
        raise FileFormatError(f"the settings are {given!r}; they take names and values")
    given = dict(given)
    for one in fields(Settings):
        value = app.node.try_get_context(one.name)
        if value is not None:
            given[one.name] = value
    settings = from_mapping(Settings, given)
    with _one_at_a_time(root):
        PoliticoStack(app, settings.stack_name, settings=settings, bundles=Bundles.build(root))
        return app.synth()


def _one_at_a_time(root: Path) -> FileLock:
    """What the bundles are made in is everybody's; another synthesis may be copying from it."""
    build = root / "build"
    build.mkdir(exist_ok=True)
    return FileLock(build / ".lock")


def main() -> int:
    out = Path(os.environ.get("CDK_OUTDIR", OUT))
    try:
        synthesize(out)
    except PoliticoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
