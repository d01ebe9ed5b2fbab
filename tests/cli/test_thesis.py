"""`politico table` and `politico evaluation`: the thesis's tables and a run's page, from runs of networks of no size."""

import base64
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cli import local_cloud
from cli.pages.evaluation import page_of, read_evaluation
from cli.thesis.asked import DRAWS, TABLES
from cli.thesis.results import NOTES, THESIS, results_of, show_results
from cli.thesis.tables import write_table
from cli.training.evaluations import show_evaluation
from inference.model import load_model
from politico.errors import FileFormatError, InputError
from politico.lake import places
from tests.cli.test_training import politico
from tests.support.edges import stack
from tests.support.runs import micro_runs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return micro_runs(tmp_path_factory.mktemp("runs"))


class Seen(HTMLParser):
    """What a page shows, what it says of its pictures, and what it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pictures: list[dict[str, str]] = []
        self.fetched: list[str] = []
        self.rows = 0
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.pictures.append(named)
        self.rows += tag == "tr"
        self.fetched += [value for name, value in named.items() if name in ("src", "href") and not value.startswith("data:")]

    def handle_data(self, data: str) -> None:
        self.text += data


def evaluation_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "evaluation" / "evaluation.json").read_text())
    return found


def instead(model: Path) -> list[str]:
    """The model's own values of the closed fields for all of Chile's."""
    known = load_model(model).codec.schema.values
    pairs = {(value, known[name][0]) for one in TABLES[7].contexts for name, value in one.items() if isinstance(value, str)}
    return [f"{old}={new}" for old, new in sorted(pairs)]


def table(number: int, model: Path, **more: Any) -> None:
    given = {"draws": DRAWS, "seed": 7, "decoding": "thesis", "instead": (), "as_json": True, **more}
    write_table(number, model, **given)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["control", "casual"])
def test_a_run_has_a_page_of_its_evaluation_that_needs_no_network(runs: dict[str, Path], kind: str) -> None:
    seen = Seen((runs[kind] / "evaluation" / "evaluation.html").read_text())
    found = evaluation_of(runs[kind])
    assert not seen.fetched
    assert len(seen.pictures) >= 2
    for picture in seen.pictures:
        address, _, content = picture["src"].partition(",")
        assert address == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(content)
        assert re.search(r"\d", picture["alt"]), "a picture says its figures in words"
    assert f"{found['candidate']['bits_per_byte']:.3f}" in seen.pictures[0]["alt"]
    assert f"{found['base']['bits_per_byte']:,.3f}" in seen.text
    texts = found["written"]["examples"] if kind == "casual" else [one["text"] for one in found["generated"]["examples"]]
    assert texts
    assert all(" ".join(text.split()) in " ".join(seen.text.split()) for text in texts)


@pytest.mark.slow
def test_a_page_shows_a_text_and_does_not_run_it(runs: dict[str, Path]) -> None:
    found = evaluation_of(runs["control"])
    found["generated"]["examples"][0]["text"] = "<script>alert(1)</script><img src=http://example.org>"
    page = page_of(found)
    assert "<script>" not in page
    assert not Seen(page).fetched
    assert "<script>alert(1)</script>" in Seen(page).text


@pytest.mark.slow
def test_a_page_of_nothing_written_is_still_a_page(runs: dict[str, Path]) -> None:
    found = evaluation_of(runs["control"])
    generated = found["generated"]
    generated |= {"tweets": 0, "examples": [], "judged": {}, "real": {}, "by_chance": {}}
    for kinds in (generated, generated["own_way"]):
        for kind in ("seen", "unseen"):
            kinds[kind] = {"tweets": 0, "adherence": {}}
    generated["written_qualities"] |= {"told_from_real": None, "non_words": None}
    assert "0 tweets, for contexts" in " ".join(Seen(page_of(found)).text.split())


@pytest.mark.slow
def test_the_page_is_made_from_a_folder_and_from_a_file(runs: dict[str, Path], tmp_path: Path) -> None:
    for number, source in enumerate((runs["casual"], runs["casual"] / "evaluation" / "evaluation.json")):
        out = tmp_path / f"{number}.html"
        show_evaluation(str(source), out, local=False)
        assert out.read_text() == (runs["casual"] / "evaluation" / "evaluation.html").read_text()


@pytest.mark.slow
def test_an_evaluation_in_the_lake_is_found_by_its_run(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = "20261126-021500-1a2b3c4d"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with stack() as services:
        monkeypatch.setattr(local_cloud, "stack", lambda **_: services)
        with pytest.raises(InputError, match=f"neither here nor in the lake is there an evaluation of '{run}'"):
            show_evaluation(run, None, local=True)
        services.lake.write_json(places.evaluation_figures(run), evaluation_of(runs["casual"]))
        show_evaluation(run, tmp_path / "page.html", local=True)
        assert Seen((tmp_path / "page.html").read_text()).pictures
        with pytest.raises(InputError, match="nowhere is not there, and no run's id"):
            show_evaluation("nowhere", None, local=True)
        with pytest.raises(InputError, match="has no evaluation"):
            show_evaluation(str(tmp_path), None, local=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON"),
        ("[]", "is no evaluation"),
        ('{"held_out": {}}', "is no evaluation"),
    ],
)
def test_what_is_no_evaluation_is_told(text: str, told: str) -> None:
    with pytest.raises(FileFormatError, match=told):
        read_evaluation(text, "it")


@pytest.mark.slow
def test_an_evaluation_of_another_version_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    found = evaluation_of(runs["control"])
    del found["candidate"]["labels_only"]
    (tmp_path / "old.json").write_text(json.dumps(found))
    with pytest.raises(FileFormatError, match=r"old.json lacks .*labels_only.*another version"):
        show_evaluation(str(tmp_path / "old.json"), None, local=False)
    assert not (tmp_path / "evaluation.html").exists()


@pytest.mark.slow
def test_table_9_has_the_theses_figures_and_the_runs_own(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    show_results([runs["control"], runs["casual"]], as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert len(found["thesis"]) == len(THESIS)
    ours = {(one["kind"], one["bits_per_byte"]) for one in found["ours"]}
    control, casual = evaluation_of(runs["control"]), evaluation_of(runs["casual"])
    assert {
        ("base", load_model(runs["control"] / "base").card["figures"]["bits_per_byte"]),
        ("casual", casual["candidate"]["bits_per_byte"]),
        ("control", control["candidate"]["bits_per_byte"]),
        ("control", control["candidate"]["labels_only"]["bits_per_byte"]),
        ("control", control["candidate"]["null_context"]["bits_per_byte"]),
    } == ours
    show_results([runs["control"], runs["casual"]], as_json=False)
    shown = capsys.readouterr().out
    assert "3.72" in shown
    assert "The mean of batch means" in shown
    for one in (*THESIS, *results_of(runs["control"])):
        assert one.notes
        assert set(one.notes) <= set(NOTES)


def test_the_theses_losses_and_perplexities_are_as_its_notebooks_have_them() -> None:
    by_model = {one.model: one for one in THESIS}
    control, base = by_model["on the English base"], by_model["Spanish, 16 heads, Wikipedia"]
    for one in (control, base):
        assert one.loss is not None
        assert one.perplexity is not None
        assert math.exp(one.loss) == pytest.approx(one.perplexity, rel=1e-3)
    logged = by_model["right, on the Spanish base of 48 heads"]
    assert logged.loss is not None
    assert logged.perplexity is not None
    assert math.log(logged.perplexity) - logged.loss > 1, "what the footnote says"


@pytest.mark.slow
@pytest.mark.parametrize("decoding", ["thesis", "ours"])
def test_a_table_shows_every_draw_of_every_context(
    runs: dict[str, Path], capsys: pytest.CaptureFixture[str], decoding: str
) -> None:
    model = runs["control"] / "control"
    asked: dict[str, Any] = {"instead": instead(model), "draws": 3, "decoding": decoding}
    said = []
    for _ in range(2):
        table(7, model, **asked)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1], "the same seed writes the same"
    rows = json.loads(said[0])["rows"]
    assert [len(row["texts"]) for row in rows] == [3] * len(TABLES[7].contexts)
    for row in rows:
        items = [item for name in ("entidades", "hashtags", "frases") for item in row["asked"].get(name, ())]
        for text, found in zip(row["texts"], row["said"], strict=True):
            assert [item for item, _ in found] == items
            assert not set(text) & {"…", "&"} or decoding == "ours"
    table(7, model, **asked, as_json=False)
    assert "all 3 draws, none selected; synthetic" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.parametrize(("number", "kind", "stage"), [(1, "control", "base"), (5, "casual", "casual")])
def test_prompts_are_gone_on_with(
    runs: dict[str, Path], capsys: pytest.CaptureFixture[str], number: int, kind: str, stage: str
) -> None:
    for decoding in ("thesis", "ours"):
        table(number, runs[kind] / stage, decoding=decoding)
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert [row["asked"]["prompt"] for row in rows] == list(TABLES[number].prompts)
        for row in rows:
            assert len(row["texts"]) == DRAWS
            assert all(text.startswith(row["asked"]["prompt"]) for text in row["texts"])


@pytest.mark.slow
def test_more_draws_than_beams_are_several_searches(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for number, model in ((1, runs["control"] / "base"), (4, runs["casual"] / "casual")):
        table(number, model, draws=12)
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert {len(row["texts"]) for row in rows} == {12}


@pytest.mark.slow
def test_a_base_from_elsewhere_has_no_figures_and_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "card.json").write_text(json.dumps({"name": "gpt2", "parameters": 124_000_000}))
    with pytest.raises(InputError, match="lacks 'figures': it comes from elsewhere"):
        show_results([tmp_path], as_json=True)


@pytest.mark.slow
def test_what_a_table_can_not_be_written_with_is_told(runs: dict[str, Path], tmp_path: Path) -> None:
    control = runs["control"] / "control"
    refused: list[tuple[int, Path, dict[str, Any], str]] = [
        (2, control, {}, "table is 2; it takes 1, 3, 4, 5, 7, 8 or 9"),
        (1, control, {}, "table 1 is for a base model"),
        (7, runs["casual"] / "casual", {}, "table 7 is for a control model"),
        (4, control, {}, "table 4 is for a casual model"),
        (7, control, {}, "unknown .* the model knows .*; --instead OLD=NEW"),
        (7, control, {"instead": ["Nadie=X"]}, "--instead names 'Nadie', which the table does not have"),
        (7, control, {"instead": ["UDI"]}, "--instead is 'UDI'; it takes OLD=NEW"),
        (7, control, {"decoding": "mine"}, "--decoding is 'mine'; it takes thesis or ours"),
        (7, tmp_path, {}, "is no model folder"),
    ]
    for number, model, more, told in refused:
        with pytest.raises(InputError, match=told):
            table(number, model, **more)
    with pytest.raises(InputError, match="is no folder of a run"):
        show_results([tmp_path], as_json=True)


@pytest.mark.slow
def test_a_command_takes_one_models_folder(runs: dict[str, Path], tmp_path: Path) -> None:
    control = str(runs["control"] / "control")
    done = politico(tmp_path, "table", "7", control, control)
    assert done.returncode == 2
    assert "table 7 is written by one model; 2 folders are given" in done.stderr
