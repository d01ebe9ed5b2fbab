"""The run's summary as one HTML file that needs no network."""

import base64
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

TEMPLATE = "summary.html.jinja"


def write_summary(results: Mapping[str, Any], curves: Path, path: Path, *, invented: bool) -> None:
    """Fill the page with the run's figures; `invented` says so at its top."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["percent"] = lambda share: "–" if share is None else f"{share:.0%}"
    template = environment.from_string(files("cli.demo").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    picture = base64.b64encode(curves.read_bytes()).decode()
    path.write_text(template.render(results=results, picture=picture, invented=invented), encoding="utf-8")
