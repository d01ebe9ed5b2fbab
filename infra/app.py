"""The CDK app. Run: `python -m infra.app` writes the template to cdk.out, or to the folder in CDK_OUTDIR.

Needs no account, no credentials and no Node but the environment's own.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
from filelock import FileLock

from infra import node
from infra.settings import Settings
from politico.errors import FileFormatError, LimitError, PoliticoError
from politico.flags import from_mapping

if TYPE_CHECKING:
    from aws_cdk import App
    from aws_cdk.cx_api import CloudAssembly

ROOT = Path(__file__).resolve().parent.parent
OUT = "cdk.out"
COMPREHEND = "comprehend"
REGION_GIVEN = "CDK_DEFAULT_REGION"
"""Where the CDK's command line says which region it is about to deploy to."""


def synthesize(out: Path, root: Path = ROOT, check: Callable[["App"], None] = lambda _app: None) -> "CloudAssembly":
    """Write the cloud assembly into `out`. Raises MissingToolError without Node, InputError for bad settings.

    `check` may have the app checked as it is written, by cdk-nag's rules for one: what they find is then raised as it is.

    Where the region is known already, it must have what the stack lives on.
    """
    _refuse_region_without(COMPREHEND, os.environ.get(REGION_GIVEN))
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
        check(app)
        return app.synth()


def _refuse_region_without(service: str, region: str | None) -> None:
    """Raise LimitError where the stack could be made and would not work. `region` is None where it is not known yet."""
    session = botocore.session.get_session()
    known = [name for part in session.get_available_partitions() for name in session.get_available_regions("s3", part)]
    having = [name for part in session.get_available_partitions() for name in session.get_available_regions(service, part)]
    if region in known and region not in having:
        raise LimitError(f"the region {region} has no {service}; deploy to one of {', '.join(sorted(having))}")


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
