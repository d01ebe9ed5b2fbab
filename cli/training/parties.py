"""`politico parties`: how far apart parties are in what they write, by Word2Vec; which two sides to learn from follows from it.

A tweet is its words and, as one more word that stands near each of them, its party. What Word2Vec finds for that word is what the
party's tweets are like; the distance of two parties is one less the cosine of theirs. It is drawn anew with several seeds, for
one picture alone could be an accident.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from cli.pages.pictures import BLUE, RED, new_figure
from cli.screen import Screen
from politico.control.words import words_of
from politico.errors import LimitError
from training.dataset.folder import read_dataset

DIMENSIONS = 100
EPOCHS = 10
WINDOW = 5
"""Words on either side that a word is foretold from."""
LEAST_OFTEN = 5
"""A word that stands less often says nothing."""
LEAST_TWEETS, MOST_TWEETS = 300, 3_000
"""Of a party with fewer nothing can be said: chance alone puts it far from all others. Of one with more, so many are drawn."""
SEEDS = 5
PICTURE, DISTANCES, RESULT = "parties.png", "parties.csv", "parties.json"
_PARTY = "\N{BLACK FLAG}"
"""Begins the word that stands for a party: no tweet's word does."""


@dataclass(frozen=True)
class Distances:
    """Mean and spread, over the seeds, of the distance between each two parties: 0 alike, 1 nothing in common, up to 2."""

    parties: Sequence[str]
    mean: "np.ndarray[tuple[int, int], np.dtype[np.float64]]"
    spread: "np.ndarray[tuple[int, int], np.dtype[np.float64]]"

    @property
    def farthest(self) -> tuple[str, str]:
        """The two parties that are farthest apart."""
        one, other = max(combinations(range(len(self.parties)), 2), key=lambda pair: float(self.mean[pair]))
        return self.parties[one], self.parties[other]

    def sides(self) -> tuple[list[str], list[str]]:
        """The farthest two, each with the parties that are nearer to it than to the other, by more than the spread."""
        names = list(self.parties)
        first, second = map(names.index, self.farthest)
        found: tuple[list[str], list[str]] = ([names[first]], [names[second]])
        for at, name in enumerate(names):
            if at in (first, second):
                continue
            gap = float(self.mean[at, second] - self.mean[at, first])
            if abs(gap) > self.spread[at, first] + self.spread[at, second]:
                found[gap < 0].append(name)
        return found


def compare_parties(dataset: Path, out: Path, *, seeds: int, dimensions: int) -> None:
    """Write the distances, the picture and the sides, and say what they are. Raises InputError."""
    table = read_dataset(dataset)
    screen = Screen()
    with screen.stage("parties") as stage:
        tweets = tweets_by_party(table)
        found = []
        for seed in range(seeds):
            stage.show(f"seed {seed + 1} of {seeds}", seed, seeds)
            found.append(distances_of(tweets, seed=seed, dimensions=dimensions))
        measured = together(list(tweets), found)
        stage.result = f"{sum(map(len, tweets.values())):,} tweets of {len(tweets)} parties, {seeds} seeds"
    out.mkdir(parents=True, exist_ok=True)
    _write(measured, out)
    draw(measured, out / PICTURE)
    _show(screen.console, measured, out)


def tweets_by_party(table: pa.Table, column: str = "party") -> dict[str, list[list[str]]]:
    """The words of each party's tweets, or each coalition's. Raises LimitError for fewer than two with tweets enough."""
    found: dict[str, list[list[str]]] = {}
    for party, text in zip(table[column].to_pylist(), table["text"].to_pylist(), strict=True):
        found.setdefault(party, []).append(words_of(text))
    enough = {party: found[party] for party in sorted(filter(None, found)) if len(found[party]) >= LEAST_TWEETS}
    if len(enough) < 2:
        raise LimitError(f"{len(enough)} parties have {LEAST_TWEETS} tweets or more; it takes at least 2 to compare")
    return enough


def marked(words: Sequence[str], mark: str) -> list[str]:
    """The words with the mark among them, so that each has it within the window."""
    return [one for start in range(0, len(words), WINDOW) for one in (mark, *words[start : start + WINDOW])]


def distances_of(
    tweets: Mapping[str, Sequence[Sequence[str]]], *, seed: int, dimensions: int = DIMENSIONS
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """One less the cosine between the vectors of each two parties, by one seed: the same each time, on any machine."""
    vectors = vectors_of(tweets, seed=seed, dimensions=dimensions)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances: np.ndarray[tuple[int, int], np.dtype[np.float64]] = 1 - vectors @ vectors.T
    np.fill_diagonal(distances, 0.0)
    return distances


def vectors_of(
    tweets: Mapping[str, Sequence[Sequence[str]]], *, seed: int, dimensions: int
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """What Word2Vec finds for each party: parties by dimensions."""
    from gensim.models import Word2Vec  # seconds, and only here

    random = np.random.default_rng(seed)
    sentences = []
    for party, texts in tweets.items():
        drawn = random.choice(len(texts), min(len(texts), MOST_TWEETS), replace=False)
        sentences += [marked(texts[index], _PARTY + party) for index in drawn]
    order = random.permutation(len(sentences))
    model = Word2Vec(
        [sentences[index] for index in order],
        vector_size=dimensions,
        window=WINDOW,
        shrink_windows=False,
        min_count=LEAST_OFTEN,
        sg=1,
        epochs=EPOCHS,
        seed=seed,
        workers=1,  # or what comes out depends on who is quicker
        hashfxn=lambda word: crc32(word.encode()),  # Python's own differs from run to run
    )
    vectors: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.stack([model.wv[_PARTY + one] for one in tweets])
    return vectors.astype(np.float64)


def together(parties: Sequence[str], found: Sequence["np.ndarray[tuple[int, int], np.dtype[np.float64]]"]) -> Distances:
    """Mean and standard deviation over the seeds."""
    stacked = np.stack(found)
    return Distances(list(parties), stacked.mean(axis=0), stacked.std(axis=0))


def draw(measured: Distances, path: Path) -> None:
    """The parties on a plane, as far apart as two dimensions allow."""
    points = on_a_plane(measured.mean)
    figure = new_figure(6.4, 5.2)
    axes = figure.add_subplot()
    sides = measured.sides()
    for (x, y), name in zip(points, measured.parties, strict=True):
        color = RED if name in sides[0] else BLUE if name in sides[1] else "#777777"
        axes.plot(x, y, "o", color=color)
        axes.annotate(name, (x, y), textcoords="offset points", xytext=(5, 4), fontsize=9)
    axes.set_title("Parties by what they write (Word2Vec; distances flattened)", fontsize=10)
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.18)
    axes.set_xticks([])
    axes.set_yticks([])
    figure.savefig(path, dpi=130)


def on_a_plane(
    distances: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Classical scaling (Torgerson 1952): the plane that keeps most of the distances; N by 2."""
    count = len(distances)
    centred = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centred @ distances**2 @ centred)
    kept = np.sqrt(np.clip(values[::-1][:2], 0, None))
    points: np.ndarray[tuple[int, int], np.dtype[np.float64]] = vectors[:, ::-1][:, :2] * kept
    return points


def _write(measured: Distances, out: Path) -> None:
    with (out / DISTANCES).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("party", "other", "distance", "spread"))
        for one, other in combinations(range(len(measured.parties)), 2):
            mean, spread = measured.mean[one, other], measured.spread[one, other]
            rows.writerow((measured.parties[one], measured.parties[other], f"{mean:.4f}", f"{spread:.4f}"))
    first, second = measured.sides()
    told = {"farthest": list(measured.farthest), "sides": [first, second]}
    (out / RESULT).write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")


def _show(console: Console, measured: Distances, out: Path) -> None:
    names = list(measured.parties)
    table = Table("party", "other", "distance", "± over seeds", title="farthest apart")
    pairs = sorted(combinations(range(len(names)), 2), key=lambda pair: -float(measured.mean[pair]))
    for one, other in pairs[:5]:
        table.add_row(names[one], names[other], f"{measured.mean[one, other]:.3f}", f"{measured.spread[one, other]:.3f}")
    console.print(table)
    for side in measured.sides():
        console.print(f"one side: --set casual.parties={','.join(side)}", highlight=False, soft_wrap=True)
    console.print(f"In {out}/: {PICTURE}, {DISTANCES}, {RESULT}", highlight=False)
