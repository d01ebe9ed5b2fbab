"""Names that nobody has: of every kind, the same for the same seed, swapped in context and text alike, none of the sample's."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import training.samples.names as module
from politico.control.honoured import says
from tests.support.paths import ROOT
from training.samples.names import HASHTAG, MENTION, ORGANISATION, PERSON, PLACE, made_up, swapped

KINDS = (PERSON, PLACE, ORGANISATION, MENTION, HASHTAG, "EVENT")
CONTEXT = {
    "partido": ("UDI",),
    "entidades": ("Ana Pérez", "Chile", "@ana_1"),
    "hashtags": ("#LeyUno",),
    "frases": ("la casa de Ana Pérez", "Chile"),
}
TEXT = "Con Ana Pérez (@ana_1) en la casa de Ana Pérez: todo Chile lo pide. #LeyUno"


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_looks_like_its_kind_and_is_one_item_of_a_list(kind: str) -> None:
    for seed in range(200):
        name = made_up(kind, random(seed), ["salud", "pueblo"])
        assert name == made_up(kind, random(seed), ["salud", "pueblo"])
        assert "," not in name
        assert name == " ".join(name.split())
        pattern = {MENTION: r"@[a-z0-9_]+", HASHTAG: r"#\w+"}.get(kind, r"[A-ZÁÉÍÓÚ]\w*( [A-ZÁÉÍÓÚ]\w*)*")
        assert re.fullmatch(pattern, name)


def test_names_differ() -> None:
    for kind in KINDS:
        assert len({made_up(kind, random(seed)) for seed in range(300)}) > 200


def test_a_name_is_replaced_in_context_phrases_and_text_alike() -> None:
    context, text = swapped(CONTEXT, TEXT, 1.0, random(3), kinds={"Ana Pérez": PERSON, "Chile": PLACE})
    person, place, mention = context["entidades"]
    (hashtag,) = context["hashtags"]
    assert text == TEXT.replace("Ana Pérez", person).replace("Chile", place).replace("#LeyUno", hashtag)
    assert mention == "@ana_1"  # with digits it may be a date or a sum: it stays
    assert context["frases"] == (f"la casa de {person}", place)
    assert context["partido"] == ("UDI",)
    assert not {"Ana Pérez", "Chile", "#LeyUno"} & {person, place, hashtag}


def test_nothing_is_replaced_where_nothing_should_be() -> None:
    assert swapped(CONTEXT, TEXT, 0.0, random()) == (CONTEXT, TEXT)
    absent = {"entidades": ("Perú",), "hashtags": ("#Otra",)}
    assert swapped(absent, TEXT, 1.0, random()) == (absent, TEXT)


def test_a_part_of_a_name_that_went_leaves_the_context() -> None:
    context, text = swapped({"entidades": ("Ana Pérez", "Ana"), "frases": ("Pérez",)}, "Hoy Ana Pérez", 0.999, random(1))
    assert "Ana" not in text.split()
    assert all(says(text, item) for items in context.values() for item in items)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_what_the_text_said_it_still_says(seed: int, share: float) -> None:
    context, text = swapped(CONTEXT, TEXT, share, random(seed))
    for items in context.values():
        assert len(set(items)) == len(items) > 0
    for name in ("entidades", "hashtags", "frases"):
        assert all(says(text, item) for item in context[name])
    assert (context, text) == swapped(CONTEXT, TEXT, share, random(seed))


def test_no_name_of_the_shipped_sample_ever_comes_out() -> None:
    imported = [
        name
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]
    assert not [name for name in imported if name.split(".")[0] == "samples"]
    shipped = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "samples").rglob("*") if path.suffix in (".py", ".toml", ".md")
    )
    assert "Inostrán" in shipped  # the people's names are among what is read
    names = {made_up(kind, random(seed)) for kind in KINDS for seed in range(2_000)}
    found = {
        name for name in names if len(name) > 7 and name in shipped and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", shipped)
    }
    assert found == set()
