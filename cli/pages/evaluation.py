"""An evaluation as one page with pictures: made from evaluation.json alone, by whoever wants to look at it.

The lake keeps figures and no page: what has to be forgotten is swept from one file, and a page is made anew from what is left.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from cli.pages.pictures import BLUE, GREEN, INK, QUIET, RED, SAND, as_svg, new_figure
from cli.pages.render import render
from politico.errors import FileFormatError

PAGE_FILE = "evaluation.html"
MOST_VALUES = 12
"""Parties that are shown; the rest are few."""


@dataclass(frozen=True)
class Picture:
    """A picture and, for who can't see it, what it says."""

    address: str
    words: str


@dataclass(frozen=True)
class _Point:
    """One measured share or figure: where it is, how sure, and what it is called."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    color: str = INK
    marker: str = "o"


def read_evaluation(text: str, named: object) -> dict[str, Any]:
    """An evaluation from its JSON. Raises FileFormatError for what is none."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise FileFormatError(f"{named} is no JSON: {error}") from error
    if not isinstance(found, dict) or "held_out" not in found or not ({"generated", "written"} & set(found)):
        raise FileFormatError(f"{named} is no evaluation of a control or a casual model")
    return found


def write_page(evaluation: Mapping[str, Any], path: Path, named: object) -> None:
    """The page of an evaluation. Raises FileFormatError for one that lacks what this version looks at."""
    try:
        page = page_of(evaluation)
    except (KeyError, TypeError, UndefinedError) as error:
        raise FileFormatError(f"{named} lacks {error}; it was written by another version of the project") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def page_of(evaluation: Mapping[str, Any]) -> str:
    """The page's HTML."""
    if "generated" in evaluation:
        generated = evaluation["generated"]
        pictures: dict[str, Any] = {
            "foretold": _foretold(_foretold_by_control(evaluation)),
            "said": _said(generated) if generated["real"] else None,
            "sounds": _sounds(generated["judged"]) if generated["judged"] else None,
            "novelty": _novelty(generated["novelty"]),
        }
        return render("evaluation.html.jinja", found=evaluation, casual=False, fields=_fields(generated), pictures=pictures)
    written = evaluation["written"]
    pictures = {
        "foretold": _foretold([("base, plain text", evaluation["base"], QUIET), ("casual model", evaluation["candidate"], BLUE)]),
        "novelty": _novelty(written["novelty"]),
        "sounds": {field: _shares(field, shares) for field, shares in written["sounds_like"].items()},
    }
    return render("evaluation.html.jinja", found=evaluation, casual=True, fields=[], pictures=pictures)


def _fields(generated: Mapping[str, Any]) -> list[str]:
    """What was asked for and judged by words or by an annotator, in the order in which it was found."""
    kinds = (generated["seen"]["adherence"], generated["unseen"]["adherence"], generated["real"])
    return list(dict.fromkeys(field for kind in kinds for field in kind))


def _foretold_by_control(evaluation: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str]]:
    rows: list[tuple[str, Mapping[str, Any], str]] = [("base, plain text", evaluation["base"], QUIET)]
    for name, color in (("champion", SAND), ("candidate", BLUE)):
        if evaluation[name]:
            rows += [
                (f"{name}, nothing asked", evaluation[name]["null_context"], color),
                (f"{name}, who speaks and the mood", evaluation[name]["labels_only"], color),
                (f"{name}, the whole context", evaluation[name], color),
            ]
    return rows


def _foretold(rows: Sequence[tuple[str, Mapping[str, Any], str]]) -> Picture:
    points = [_Point(label, figures["bits_per_byte"], color=color) for label, figures, color in rows]
    figure = _dots([points], [""], "bits per byte of held-out tweets (less is better)")
    said = "; ".join(f"{one.label} {one.value:.3f}" for one in points)
    return Picture(as_svg(figure), f"Bits per byte: {said}.")


def _said(generated: Mapping[str, Any]) -> Picture:
    """Adherence by field: insisting, in its own way, by chance, and the real tweets."""
    own = generated["own_way"]
    series = [
        ("asked, known values", generated["seen"]["adherence"], BLUE, "o"),
        ("asked, new values", generated["unseen"]["adherence"], BLUE, "s"),
        ("own way, known", own["seen"]["adherence"], GREEN, "o"),
        ("own way, new", own["unseen"]["adherence"], GREEN, "s"),
        ("by chance", generated["by_chance"], QUIET, "x"),
        ("real tweets", generated["real"], RED, "D"),
    ]
    titles = list(dict.fromkeys(field for _, kind, _, _ in series for field in kind))
    panels = [
        [
            _Point(label, kind[field]["share"], kind[field]["low"], kind[field]["high"], color, marker)
            for label, kind, color, marker in series
            if field in kind
        ]
        for field in titles
    ]
    figure = _dots(panels, titles, "share that is honoured, with its 95 % interval", limits=(-0.03, 1.03))
    said = [
        f"{title}: {', '.join(f'{one.label} {one.value:.0%}' for one in points)}"
        for title, points in zip(titles, panels, strict=True)
    ]
    return Picture(as_svg(figure), f"Shares honoured. {'; '.join(said)}.")


def _sounds(judged: Mapping[str, Any]) -> Picture:
    """What classifiers take the tweets for, by field."""
    panels = []
    for one in judged.values():
        asked = [
            ("asked for", one["written"], BLUE, "o"),
            ("own way", one["own_way"], GREEN, "o"),
            ("real tweets of these contexts", one["real"], RED, "D"),
            ("the judge on all held-out tweets", one["accuracy"], SAND, "D"),
        ]
        panels.append(
            [
                *(_Point(label, kind["share"], kind["low"], kind["high"], color, mark) for label, kind, color, mark in asked),
                _Point("by chance", one["written"]["by_chance"], color=QUIET, marker="x"),
                _Point("the most frequent value", one["accuracy"]["most_frequent"], color=QUIET, marker="|"),
            ]
        )
    figure = _dots(panels, list(judged), "share that sounds like what was asked for", limits=(-0.03, 1.03))
    said = [
        f"{field}: {', '.join(f'{one.label} {one.value:.0%}' for one in points)}"
        for field, points in zip(judged, panels, strict=True)
    ]
    return Picture(as_svg(figure), f"Sounds like what was asked for. {'; '.join(said)}.")


def _novelty(novelty: Mapping[str, Any]) -> Picture:
    colors = {"written": BLUE, "own_way": GREEN, "real": RED}
    names = {"written": "written", "own_way": "own way", "real": "real held-out tweets"}
    points = [_Point(names[kind], one["near_copies"], one["low"], one["high"], colors[kind]) for kind, one in novelty.items()]
    figure = _dots([points], [""], "near copies of training tweets, with the 95 % interval")
    return Picture(as_svg(figure), f"Near copies: {'; '.join(f'{one.label} {one.value:.1%}' for one in points)}.")


def _shares(field: str, shares: Mapping[str, Mapping[str, float]]) -> Picture:
    """What everybody's classifier takes the written and the real tweets for."""
    values = list(dict.fromkeys([*shares["real"], *shares["written"]]))[:MOST_VALUES]
    figure = new_figure(7.4, 0.8 + 0.32 * len(values))
    axes = figure.add_subplot()
    for offset, kind, color in ((-0.18, "written", BLUE), (0.18, "real", RED)):
        places = [number + offset for number in range(len(values))]
        axes.barh(places, [shares[kind].get(value, 0.0) for value in values], height=0.34, color=color, label=kind)
    axes.set_yticks(range(len(values)), values, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("share of tweets", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    said = "; ".join(
        f"{value}: written {shares['written'].get(value, 0.0):.0%}, real {shares['real'].get(value, 0.0):.0%}" for value in values
    )
    return Picture(as_svg(figure), f"{field}. {said}.")


def _dots(
    panels: Sequence[Sequence[_Point]], titles: Sequence[str], label: str, limits: tuple[float, float] | None = None
) -> Any:
    """Points on lines, a panel below the other, all on one scale."""
    rows = [len(points) for points in panels]
    figure = new_figure(7.4, 0.7 + 0.26 * sum(rows) + 0.3 * len(panels))
    axes_of = figure.subplots(len(panels), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": rows})[:, 0]
    for axes, points, title in zip(axes_of, panels, titles, strict=True):
        for number, one in enumerate(points):
            if one.low is not None and one.high is not None:
                axes.plot([one.low, one.high], [number, number], color=one.color, linewidth=1.4, alpha=0.6)
            axes.plot(one.value, number, one.marker, color=one.color, markersize=5)
        axes.set_yticks(range(len(points)), [one.label for one in points], fontsize=8)
        axes.set_ylim(len(points) - 0.5, -0.5)
        if limits:
            axes.set_xlim(*limits)
        axes.grid(axis="x", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="x", labelsize=8)
        if title:
            axes.set_title(title, fontsize=9, loc="left")
    axes_of[-1].set_xlabel(label, fontsize=8)
    return figure
