"""Pictures without a screen."""

import base64
import io
from pathlib import Path
from typing import Any

INK, QUIET = "#1d2733", "#8593a3"
BLUE, RED, GREEN, SAND = "#2c5f9e", "#c0392b", "#1b7f4b", "#c9a227"


def new_figure(width: float, height: float) -> Any:
    """A figure of matplotlib, in inches, that no window belongs to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, and only where something is drawn
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def as_svg(figure: Any) -> str:
    """The figure as an address that holds it, for a page's `src`; the same bytes for the same figure."""
    from matplotlib import rc_context

    out = io.StringIO()
    with rc_context({"svg.hashsalt": "politico"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return _address("image/svg+xml", out.getvalue().encode())


def png_of(path: Path) -> str:
    """A picture's file as an address that holds it."""
    return _address("image/png", path.read_bytes())


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
