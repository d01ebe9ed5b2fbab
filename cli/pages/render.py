"""Templates to pages. All share the skeleton and the style of page.html.jinja."""

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
