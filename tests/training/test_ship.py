"""A model that is shipped: half the bytes, the same words, nothing that a stranger would have to trust."""

from pathlib import Path

import pytest
import torch

from inference.model import load_model, save_model
from inference.rules.novelty import Shingles
from tests.support.models import MICRO_SCHEMA, micro_model, micro_network, micro_tokenizer
from training.ship import main, ship


def test_a_shipped_model_is_half_as_large_and_foretells_the_same(tmp_path: Path) -> None:
    model = micro_model(tmp_path / "model", layers=2)
    assert main(["--model", str(model), "--output", str(tmp_path / "out")]) == 0
    weights = "model.safetensors"
    assert (tmp_path / "out" / weights).stat().st_size < 0.55 * (model / weights).stat().st_size
    one, other = load_model(model), load_model(tmp_path / "out")
    ids = torch.tensor([one.codec.prompt({"frases": ("la salud",)}, "Hoy", 60)])
    with torch.no_grad():
        torch.testing.assert_close(one.network(ids).logits, other.network(ids).logits, atol=0.02, rtol=0.02)
    assert other.network.transformer.wte.weight.dtype == torch.float32


def test_a_folder_that_is_no_model_is_not_shipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model").mkdir()
    assert main(["--model", str(tmp_path / "model"), "--output", str(tmp_path / "out")]) == 2
    assert "is no model folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_shipping_it_again_changes_nothing_and_the_words_go_along(tmp_path: Path) -> None:
    tokenizer = micro_tokenizer()
    known = Shingles.of(["Hoy la salud de todos los chilenos es lo primero"])
    card, words = {"name": "base"}, {"hoy", "salud"}
    save_model(tmp_path / "model", micro_network(tokenizer), tokenizer, MICRO_SCHEMA, card, words, shingles=known)
    size = ship(tmp_path / "model", tmp_path / "one")
    assert size == sum(path.stat().st_size for path in (tmp_path / "one").iterdir())
    shipped = load_model(tmp_path / "one")
    assert shipped.words == words
    assert shipped.shingles is not None, "a shipped model writes nothing by heart, either"
    assert len(shipped.shingles) == len(known)
    ship(tmp_path / "one", tmp_path / "two")
    for path in (tmp_path / "two").iterdir():
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes(), path.name
