"""Who writes alike: the thesis's figures 24 and 27, in two dimensions as there and in a hundred laid flat, over several seeds."""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from cli.pages.pictures import BLUE, INK
from cli.report.figures import Figure
from cli.report.language import Language
from cli.report.reading import Tweets
from cli.training.parties import DIMENSIONS, Distances, distances_of, on_a_plane, together, tweets_by_party, vectors_of
from politico.errors import LimitError

SEEDS = 10
COLUMNS = {"party": "24", "coalition": "27"}
"""Whose words, and the thesis's figure."""

Seen = Callable[[str, int, int], None]
"""What is being done, how much of it is done, of how much."""


def who_writes_alike(tweets: Tweets, say: Language, show: Seen) -> Iterator[Figure]:
    """A figure for parties and one for coalitions, where there are two with tweets enough."""
    for column, thesis in COLUMNS.items():
        try:
            words = tweets_by_party(tweets.sample, column)
        except LimitError:
            continue
        named = {"party": say("partidos", "parties"), "coalition": say("coaliciones", "coalitions")}[column]
        yield _figure(words, column, named, thesis, say, show)


def _figure(words: dict[str, list[list[str]]], column: str, named: str, thesis: str, say: Language, show: Seen) -> Figure:
    by_dimensions = {}
    for place, dimensions in enumerate((DIMENSIONS, 2)):
        found = []
        for seed in range(SEEDS):
            show(f"Word2Vec, {named}", place * SEEDS + seed, 2 * SEEDS)
            found.append(distances_of(words, seed=seed, dimensions=dimensions))
        by_dimensions[dimensions] = together(list(words), found)
    whole, flat = by_dimensions[DIMENSIONS], by_dimensions[2]
    rows: list[tuple[Any, ...]] = [
        (
            *(whole.parties[place] for place in pair),
            *(round(float(one[pair]), 3) for one in (whole.mean, whole.spread, flat.mean, flat.spread)),
        )
        for pair in combinations(range(len(words)), 2)
    ]
    two, hundred = say("2 dimensiones", "2 dimensions"), say(f"{DIMENSIONS} dimensiones", f"{DIMENSIONS} dimensions")
    columns = [say("uno", "one"), say("otro", "other"), hundred, f"± {hundred}", two, f"± {two}"]
    table = pd.DataFrame(sorted(rows, key=lambda row: -row[2]), columns=columns)
    steady, shaky = (say.percent(_variation(one, len(words))) for one in (whole, flat))
    first, second = whole.farthest
    size = sum(len(texts) for texts in words.values())
    says = say(
        f"Las distancias mayores son las de {first} y {second} ({say.decimal(table.iloc[0, 2])}), entre {len(words)} {named} y "
        f"{say.number(size)} tuits. Entre {SEEDS} semillas las distancias varían un {steady} en {DIMENSIONS} dimensiones y un "
        f"{shaky} en 2, como las de la tesis.",
        f"Farthest apart are {first} and {second} ({say.decimal(table.iloc[0, 2])}), of {len(words)} {named} and "
        f"{say.number(size)} tweets. Over {SEEDS} seeds distances vary by {steady} in {DIMENSIONS} dimensions, by {shaky} in 2, "
        "as the thesis's.",
    )
    points = {two: vectors_of(words, seed=0, dimensions=2), hundred: on_a_plane(whole.mean)}

    def draw(figure: Any) -> None:
        for place, (title, where) in enumerate(points.items(), 1):
            axes = figure.add_subplot(1, 2, place)
            axes.scatter(where[:, 0], where[:, 1], color=BLUE, s=22)
            for (x, y), name in zip(where, words, strict=True):
                axes.annotate(name, (x, y), textcoords="offset points", xytext=(4, 3), fontsize=7, color=INK)
            axes.set_title(title, fontsize=9, loc="left")
            axes.margins(0.2)
            axes.tick_params(labelsize=7)
            axes.grid(alpha=0.2)

    title = say(f"Quiénes escriben parecido: {named}", f"Who writes alike: {named}")
    return Figure(f"word2vec-{column}", title, says, table, draw, (9.5, 4.2), thesis)


def _variation(measured: Distances, count: int) -> float:
    """How much the distances differ from seed to seed, as a share of what they are, in the mean over pairs."""
    shares = [measured.spread[pair] / max(measured.mean[pair], 1e-9) for pair in combinations(range(count), 2)]
    return float(np.mean(shares))
