"""`politico report`: the page, and beside it every picture as PNG and every table as CSV."""

from pathlib import Path

import pandas as pd
from rich.console import Console

from cli import local_cloud
from cli.importing.inputs import open_zone
from cli.pages.pictures import new_figure, png_of
from cli.pages.render import render
from cli.report.figures import Figure, all_figures
from cli.report.language import LANGUAGES, Language
from cli.report.reading import Tweets, of_folder, of_lake
from cli.report.words import who_writes_alike
from cli.screen import Screen
from politico.errors import LimitError

PAGE_FILE, PICTURES, TABLES = "report.html", "pictures", "tables"
SHOWN_ROWS = 20
"""Of a table, on the page; the CSV has all."""


def make_report(folder: Path | None, out: Path, *, language: str, time_zone: str, local: bool, word2vec: bool = False) -> None:
    """Write it, and say what it says. Raises InputError."""
    if language not in LANGUAGES:
        raise LimitError(f"--language is {language!r}; it takes {' or '.join(LANGUAGES)}")
    if folder is not None and local:
        raise LimitError("--dataset is a folder on this machine and --local a lake: leave one of them out")
    zone = str(open_zone(time_zone))
    lake = local_cloud.stack(local=local).lake if folder is None else None
    screen, say = Screen(), Language(language)
    with screen.stage("read") as stage:
        tweets = of_lake(lake, texts=word2vec) if lake is not None else of_folder(_there(folder), zone, texts=word2vec)
        stage.result = f"{len(tweets.frame):,} tweets of {tweets.frame['screen_name'].nunique():,} accounts"
    with screen.stage("draw") as stage:
        figures = []
        for one in all_figures(tweets, say):
            stage.show(one.name)
            write_figure(one, out)
            figures.append(one)
        if word2vec:
            for one in who_writes_alike(tweets, say, stage.show):
                write_figure(one, out)
                figures.append(one)
        write_page(figures, tweets, say, out)
        stage.result = f"{sum(one.draw is not None for one in figures)} pictures, {len(figures)} tables"
    Console().print(f"In {out}/: {PAGE_FILE}, {PICTURES}/, {TABLES}/", highlight=False, soft_wrap=True)


def write_figure(one: Figure, out: Path) -> None:
    """Its table and, where there is one, its picture."""
    for folder in (out / TABLES, out / PICTURES):
        folder.mkdir(parents=True, exist_ok=True)
    one.table.to_csv(out / TABLES / f"{one.name}.csv", index=False, lineterminator="\n")
    if one.draw is not None:
        figure = new_figure(*one.size)
        one.draw(figure)
        figure.savefig(out / PICTURES / f"{one.name}.png", dpi=130)


def write_page(figures: list[Figure], tweets: Tweets, say: Language, out: Path) -> None:
    """All of it as one file that needs no network."""
    shown = [
        {
            "figure": one,
            "picture": png_of(out / PICTURES / f"{one.name}.png") if one.draw is not None else "",
            "columns": [str(column) for column in one.table.columns],
            "rows": [[_cell(value, say) for value in row] for row in one.table.head(SHOWN_ROWS).itertuples(index=False)],
            "more": max(0, len(one.table) - SHOWN_ROWS),
        }
        for one in figures
    ]
    at = tweets.frame["at"]
    page = render("report.html.jinja", shown=shown, tweets=tweets, say=say, first=at.min(), last=at.max(), count=len(at))
    (out / PAGE_FILE).write_text(page, encoding="utf-8")


def _cell(value: object, say: Language) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return say.decimal(value) if value >= 1 else say.percent(value)
    return say.number(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _there(folder: Path | None) -> Path:
    assert folder is not None, "without one the lake is read"
    return folder
