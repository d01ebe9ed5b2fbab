"""The demo's summary as one HTML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.pages.pictures import png_of
from cli.pages.render import render


def write_summary(results: Mapping[str, Any], curves: Path, path: Path, *, invented: bool) -> None:
    """Fill the page with the run's figures; `invented` says so at its top."""
    page = render("summary.html.jinja", results=results, curves=png_of(curves), invented=invented)
    path.write_text(page, encoding="utf-8")
