"""What the deployer chose, as the command line sees it from the folder it runs in."""

import os
from dataclasses import fields
from pathlib import Path

from infra import node
from infra.settings import Settings
from politico.flags import from_mapping

STACK_VARIABLE = "POLITICO_STACK"
"""Names the stack to talk to, whatever cdk.json says."""


def deployers_settings(folder: Path) -> Settings:
    """Those of cdk.json in the folder, where there is one, for the stack that the environment names. Raises InputError for a bad
    one."""
    path = folder / "cdk.json"
    context = node.context_of(path) if path.is_file() else {}
    beside = {one.name: context[one.name] for one in fields(Settings) if one.name in context}
    given = {**context.get("settings", {}), **beside}
    if named := os.environ.get(STACK_VARIABLE):
        given["stack_name"] = named
    return from_mapping(Settings, given)


def stack_name() -> str:
    """The stack to talk to. Raises InputError."""
    return deployers_settings(Path.cwd()).stack_name
