"""The demo's options: what does not go together is refused before anything is begun."""

from pathlib import Path
from typing import Any

import pytest

from cli.main import demo
from politico.errors import InputError


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tweets": Path("t.csv")}, "go together"),
        ({"tweets": Path("t.csv"), "politicians": Path("p.csv")}, "go together"),
        ({"corpus": Path("c.txt")}, "go together"),
        (
            {"tweets": Path("t.csv"), "politicians": Path("p.csv"), "corpus": Path("c.txt"), "base": Path("b")},
            "--corpus trains a base model and --base brings one: give one of them",
        ),
    ],
)
def test_options_that_do_not_go_together_are_one_sentence(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"tweets": None, "politicians": None, "corpus": None, "base": None, "assembly": None}
    rest = {"minutes": 1.0, "out": tmp_path / "out", "time_zone": "UTC", "scale": 1.0, "generated": 2}
    with pytest.raises(InputError, match=said):
        demo(**{**nothing, **rest, **given})
    assert not (tmp_path / "out").exists()
