"""Templates to pages. All share the skeleton and the style of page.html.jinja."""

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """The page that a template of this folder makes of the values. Raises jinja2.UndefinedError for one that is not given."""
    environment = Environment(
        loader=FunctionLoader(lambda name: files(__package__).joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.0%}"
    environment.filters["decimals"] = lambda number, places: "–" if number is None else f"{number:,.{places}f}"
    return environment.get_template(template).render(**values)


@dataclass(frozen=True)
class Script:
    """A script of ours, to stand in a page that lets no other run."""

    text: str
    hash: str
    """SHA-256 in base64, as a content security policy names it."""


def script_of(name: str) -> Script:
    """The script of this folder."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return Script(text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())
