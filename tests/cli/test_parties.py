"""How far apart parties are: what is near comes out near, the same each time; too few tweets tell nothing."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.training.parties import (
    LEAST_TWEETS,
    Distances,
    compare_parties,
    distances_of,
    marked,
    on_a_plane,
    together,
    tweets_by_party,
)
from politico.errors import LimitError
from tests.training.test_control_samples import START, row, write_days
from training.dataset.folder import read_dataset

TOPICS = {
    "Rojo": "salario huelga sindicato obrera fábrica",
    "Rosado": "salario huelga sindicato escuela hospital",
    "Azul": "impuesto mercado ahorro empresa inversión",
}


def dataset(folder: Path, tweets: int = LEAST_TWEETS) -> Path:
    """Three parties, two of which share most of their words."""
    random = np.random.default_rng(5)
    days: dict[object, list[dict[str, object]]] = {}
    for number, (party, words) in enumerate(TOPICS.items()):
        for one in range(tweets):
            text = " ".join([*random.choice(words.split(), 6), *random.choice(["hoy", "ayer", "siempre", "nunca", "todos"], 3)])
            day = START.replace(day=1 + one % 5)
            days.setdefault(day, []).append(row(1000 * number + one, day, text, party=party))
    return write_days(folder, days)  # type: ignore[arg-type]


@pytest.mark.slow
def test_parties_that_say_alike_are_near_and_the_others_are_the_two_sides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare_parties(dataset(tmp_path / "dataset"), tmp_path / "out", seeds=2, dimensions=20)
    told = json.loads((tmp_path / "out" / "parties.json").read_text())
    assert "Azul" in told["farthest"]
    assert sorted(map(sorted, told["sides"])) == [["Azul"], ["Rojo", "Rosado"]]
    assert (tmp_path / "out" / "parties.png").read_bytes()[:4] == b"\x89PNG"
    lines = (tmp_path / "out" / "parties.csv").read_text().splitlines()
    assert len(lines) == 1 + 3
    assert "--set casual.parties=Azul" in capsys.readouterr().out


@pytest.mark.slow
def test_the_same_seed_gives_the_same_distances(tmp_path: Path) -> None:
    tweets = tweets_by_party(read_dataset(dataset(tmp_path / "dataset")))
    one, again, other = (distances_of(tweets, seed=seed, dimensions=20) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.allclose(one, one.T)
    assert np.all(np.diag(one) == 0)


def test_each_word_has_its_party_within_the_window() -> None:
    found = marked([str(number) for number in range(12)], "P")
    assert [one for one in found if one != "P"] == [str(number) for number in range(12)]
    for at, word in enumerate(found):
        assert word == "P" or "P" in found[max(0, at - 5) : at + 6]
    assert marked([], "P") == []


def test_one_party_alone_can_not_be_compared(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match=r"0 parties have 300 tweets or more; it takes at least 2"):
        tweets_by_party(read_dataset(dataset(tmp_path / "dataset", tweets=30)))


def test_a_plane_keeps_the_distances_of_points_on_it_and_a_party_in_the_middle_is_on_no_side() -> None:
    points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [1.5, 0.0]])
    between = np.linalg.norm(points[:, None] - points[None], axis=2)
    placed = on_a_plane(between)
    assert np.allclose(np.linalg.norm(placed[:, None] - placed[None], axis=2), between)
    measured = together(["A", "B", "C", "M"], [between, between + 0.01 * (between > 0)])
    assert measured.farthest == ("B", "C")
    first, second = Distances(["A", "B", "M"], between[np.ix_([0, 1, 3], [0, 1, 3])], np.zeros((3, 3))).sides()
    assert (first, second) == (["A"], ["B"]), "M is as near to either"
