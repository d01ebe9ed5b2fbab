"""Another domain than politics, all the way: a TOML schema, a table, the dataset, a control model, its endpoint, the report."""

import csv
import json
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from starlette.testclient import TestClient

from cli.importing.inputs import read_files
from cli.report.command import make_report
from inference.engine import Engine
from inference.model import TOKENIZER_FILE, load_model, open_tokenizer, save_model
from inference.server import create_app
from politico.annotation.labels import Annotation, KeyPhrase
from politico.control.domain import MOST_FIELDS, label_columns, read_domain
from politico.control.format import Schema
from politico.control.political import SCHEMA, known_schema
from politico.control.rows import context_of_row
from politico.dataset.days import COLUMNS, LABELS, annotated_line, assemble_day, to_parquet
from politico.errors import FileFormatError, SchemaError
from politico.ingest.annotating import annotate_posts, by_day
from politico.lake.places import SCHEMA_FILE
from politico.lake.tombstones import Tombstones
from politico.models.settings import ControlSettings, EvaluationSettings
from politico.tweets.tweet import Rules
from samples.contact import SCHEMA as SAMPLE_SCHEMA
from samples.contact import ContactFiles, write_contact
from tests.support.models import micro_network, micro_tokenizer
from tests.training.test_control_samples import START, row, write_days
from training.dataset.folder import read_dataset, schema_of
from training.evaluation.evaluate import evaluate, no_sentiments
from training.loop.processes import Processes
from training.stages import Run, train_on_tweets

DOMAIN = read_domain(SAMPLE_SCHEMA.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def contact(tmp_path_factory: pytest.TempPathFactory) -> ContactFiles:
    return write_contact(tmp_path_factory.mktemp("contact"), messages=240)


def annotations(texts: Sequence[str]) -> list[Annotation | str]:
    """By a word, since what annotates is not what is tested here."""
    moods = ["NEGATIVE" if "abuso" in text or "mal" in text else "POSITIVE" if "gracias" in text else "NEUTRAL" for text in texts]
    scores = {"positive": 0.2, "negative": 0.2, "neutral": 0.5, "mixed": 0.1}
    phrases = [(KeyPhrase(text.split(" en ")[0][:30], 0.9),) for text in texts]
    return [Annotation(mood, scores, (), phrase) for mood, phrase in zip(moods, phrases, strict=True)]


@pytest.fixture(scope="module")
def dataset(contact: ContactFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """From the table to the dataset's days, by the functions that do it in the lake."""
    folder = tmp_path_factory.mktemp("domain")
    inputs = read_files(
        contact.messages,
        contact.channels,
        folder / "posts.jsonl",
        folder / "rejected.jsonl",
        ZoneInfo("UTC"),
        labels=label_columns(DOMAIN),
    )
    assert (inputs.read, inputs.kept) == (240, 240)
    posts = [json.loads(line) for line in inputs.posts.read_text().splitlines()]
    (outcome,) = annotate_posts([(posts, inputs.reference)], Rules(), annotations)
    for day, kept in by_day(outcome.kept, ZoneInfo("UTC")).items():
        lines = "".join(json.dumps(annotated_line(tweet, annotation)) + "\n" for tweet, annotation in kept)
        built = assemble_day([lines.encode()], inputs.registry, Tombstones())
        path = folder / "dataset" / f"dt={day}" / "tweets.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(to_parquet(built.table))
    (folder / "dataset" / SCHEMA_FILE).write_text(DOMAIN.to_json(), encoding="utf-8")
    return folder / "dataset"


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A control model of the domain, on a base that knows the political markers alone."""
    folder = tmp_path_factory.mktemp("trained")
    tokenizer = micro_tokenizer(SCHEMA)
    save_model(folder / "base", micro_network(tokenizer), tokenizer, SCHEMA, {"name": "base", "stage": "base"})
    run = Run("control", "contact", folder / "model", folder / "output", folder / "checkpoints", datetime.now(UTC))
    settings = ControlSettings(max_steps=12, batch_size=8, evaluate_every=6, new_tokens=0, name_swap=0.0, seed=7)
    train_on_tweets(dataset, folder / "base", {}, settings, run, Processes())
    return folder


def test_the_samples_schema_is_read_as_it_is_written() -> None:
    assert DOMAIN.names == ("producto", "motivo", "animo", "lugares", "temas")
    assert DOMAIN.sentiment == "animo"
    assert DOMAIN.end == SCHEMA.end
    assert label_columns(DOMAIN) == {"producto": False, "motivo": False, "lugares": True}
    assert Schema.from_json(DOMAIN.to_json()) == DOMAIN


def test_what_the_table_said_of_a_text_stands_in_its_row(contact: ContactFiles, dataset: Path) -> None:
    table = read_dataset(dataset)
    assert table.schema.names[-1] == LABELS.name
    given = {one["id"]: one for one in csv.DictReader(contact.messages.open(encoding="utf-8"))}
    assert len(table) == len(given)
    for one in table.to_pylist():
        context = context_of_row(one, DOMAIN)
        wanted = given[one["id_str"]]
        assert context["producto"] == (wanted["producto"],)
        assert context["motivo"] == (wanted["motivo"],)
        assert context["lugares"] == tuple(wanted["lugares"].split(";"))
        assert context["animo"] == (one["sentiment"],)


def test_a_day_without_labels_is_as_it_was(dataset: Path) -> None:
    folder = write_days(dataset.parent / "political", {START: [row(1, START)]})
    assert read_dataset(folder).schema.names[0] == "id_str"
    assert LABELS.name not in read_dataset(folder).schema.names
    assert LABELS.name not in COLUMNS.names
    assert schema_of(folder) == SCHEMA


def test_the_model_speaks_its_domain_and_writes_no_marker_of_another(trained: Path) -> None:
    model = load_model(trained / "model")
    assert model.codec.schema.names == DOMAIN.names
    assert set(model.codec.schema.values["producto"]) == {"Agua", "Electricidad", "Internet"}
    assert model.offered["lugares"]
    tokenizer = open_tokenizer(trained / "model" / TOKENIZER_FILE)
    others = {tokenizer.token_to_id(marker) for marker in SCHEMA.markers}
    assert None not in others
    assert others <= set(model.unused)


def test_its_endpoint_asks_refuses_and_describes_in_the_domains_words(trained: Path) -> None:
    model = load_model(trained / "model")
    with TestClient(create_app(Engine(model))) as client:
        said = client.post("/invocations", json={"describe": True}).json()
        assert [(one["name"], one["label"]) for one in said["fields"]][:3] == [
            ("producto", "Producto"),
            ("motivo", "Motivo"),
            ("animo", "Ánimo"),
        ]
        asked = {
            "inputs": {"producto": "Agua", "lugares": ["Quilpal"]},
            "parameters": {"seed": 7, "max_new_tokens": 40, "candidates": 2},
        }
        (tweet,) = client.post("/invocations", json=asked).json()
        assert set(tweet["honoured"]) == {"lugares"}
        for wrong in ({"partido": "UDI"}, {"producto": "Gas"}):
            assert client.post("/invocations", json={"inputs": wrong}).status_code == 400


def test_its_evaluation_judges_the_domains_own_fields(trained: Path, dataset: Path) -> None:
    settings = EvaluationSettings(max_tweets=20, generated=4)
    found = evaluate(dataset, trained / "model", trained / "base", None, settings, no_sentiments)
    assert found["candidate"]["bits_per_byte"] > 0
    assert "lugares" in found["generated"]["real"]
    assert {"producto", "motivo"} <= set(found["generated"]["judged"])


def test_the_report_shows_the_tables_own_columns(dataset: Path, tmp_path: Path) -> None:
    make_report(dataset, tmp_path / "report", language="es", time_zone="UTC", local=False)
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for name in ("producto", "motivo", "lugares"):
        assert (tmp_path / "report" / "pictures" / f"label-{name}.png").is_file()
        assert f"«{name}» tiene" in html
    counts = pd.read_csv(tmp_path / "report" / "tables" / "label-producto.csv")
    assert counts["n"].sum() == len(read_dataset(dataset))


# What can't be used


WORDS = SAMPLE_SCHEMA.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "contact-centre"', 'name = "political"', "project's own schema"),
        ('name = "contact-centre"', 'name = "Contact Centre"', "name is 'Contact Centre'"),
        ('text_marker = "[MENSAJE]"', 'text_marker = "MENSAJE"', "text_marker is 'MENSAJE'"),
        ('text_marker = "[MENSAJE]"', "", "no text_marker"),
        ('text_marker = "[MENSAJE]"', 'text_marker = "[TEMAS]"', "repeats"),
        ("version = 1", 'version = "1"', "version is '1'"),
        ("version = 1", "versions = 1", "unknown 'versions'"),
        ('drop_order = ["temas", "lugares"]', 'drop_order = ["temas"]', "drop_order"),
        ('drop_order = ["temas", "lugares"]', 'drop_order = ["temas", "producto"]', "drop_order"),
        ('name = "producto"', 'name = "prompt"', "field 1: name is 'prompt'"),
        ('name = "motivo"', 'name = "producto"', "repeats"),
        ('marker = "[MOTIVO]"', 'marker = "[motivo]"', "field 2: marker"),
        ('from = "sentiment"', 'from = "mood"', "field 3: from is 'mood'"),
        ('from = "sentiment"', 'from = "labels."', "field 3: from"),
        ('from = "key_phrases"\nmany = true', 'from = "key_phrases"', "field 5: many is false"),
        ('from = "sentiment"\nclosed = true', 'from = "sentiment"\nmany = true', "field 3: many is true"),
        ('from = "labels.lugares"\nmany = true', 'from = "labels.lugares"\nmany = true\nclosed = true', "field 4"),
        ('label = "Motivo"', 'label = "Motivo"\nsign = "abc"', "sign is 'abc'"),
        ('label = "Motivo"', "label = 7", "label is 7"),
        ("[[fields]]", "[fields]", "no TOML|fields is"),
    ],
)
def test_a_schema_that_can_not_be_used_says_which_field_and_what_it_takes(old: str, new: str, said: str) -> None:
    assert old in WORDS
    with pytest.raises(SchemaError, match=said):
        read_domain(WORDS.replace(old, new, 1))


def test_a_schema_has_fields_and_not_too_many() -> None:
    head = 'name = "x"\ntext_marker = "[X]"\n'
    with pytest.raises(SchemaError, match="no fields"):
        read_domain(head)
    with pytest.raises(SchemaError, match="0 fields"):
        read_domain(head + "fields = []\n")
    many = "".join(f'[[fields]]\nname = "f{n}"\nmarker = "[F{n}]"\nfrom = "labels.f{n}"\n' for n in range(MOST_FIELDS + 1))
    with pytest.raises(SchemaError, match="13 fields"):
        read_domain(head + many)
    with pytest.raises(SchemaError, match="no TOML"):
        read_domain("name = ")
    assert tomllib.loads(WORDS)["name"] == DOMAIN.name


def test_a_table_without_a_column_that_the_schema_takes_is_refused_by_name(contact: ContactFiles, tmp_path: Path) -> None:
    table = contact.messages.read_text(encoding="utf-8").replace("motivo", "razon", 1)
    (tmp_path / "messages.csv").write_text(table, encoding="utf-8")
    for path in (tmp_path / "messages.csv", _as_json(contact, tmp_path / "messages.jsonl")):
        with pytest.raises(FileFormatError, match="motivo"):
            read_files(
                path, contact.channels, tmp_path / "posts", tmp_path / "rejected", ZoneInfo("UTC"), labels=label_columns(DOMAIN)
            )


def _as_json(contact: ContactFiles, path: Path) -> Path:
    post = {"id": "1", "author_id": "9000", "created_at": "2024-06-01T00:00:00Z", "text": "Una dos tres cuatro cinco"}
    path.write_text(json.dumps({"data": [post]}) + "\n", encoding="utf-8")
    return path


def test_another_domains_model_is_read_by_what_it_says_of_its_fields() -> None:
    assert known_schema(DOMAIN.with_values({"producto": ("Agua",)})) == DOMAIN
    with pytest.raises(SchemaError):
        known_schema(replace(DOMAIN, fields=tuple(replace(one, source="") for one in DOMAIN.fields)))


def test_an_empty_cell_is_no_value(tmp_path: Path, contact: ContactFiles) -> None:
    lines = contact.messages.read_text(encoding="utf-8").splitlines()
    first = lines[1].rsplit(",", 3)
    (tmp_path / "messages.csv").write_text(
        "\n".join([lines[0], f"{first[0]},,,Quilpal;;Mirasal| Borrajo ", *lines[2:]]), encoding="utf-8"
    )
    inputs = read_files(
        tmp_path / "messages.csv",
        contact.channels,
        tmp_path / "posts",
        tmp_path / "bad",
        ZoneInfo("UTC"),
        labels=label_columns(DOMAIN),
    )
    posts: list[dict[str, Any]] = [json.loads(line) for line in inputs.posts.read_text().splitlines()]
    assert {"lugares": ["Quilpal", "Mirasal", "Borrajo"]} in [one["labels"] for one in posts]


def test_the_same_seed_gives_the_same_messages(contact: ContactFiles, tmp_path: Path) -> None:
    again = write_contact(tmp_path, messages=240)
    assert again.messages.read_bytes() == contact.messages.read_bytes()
    assert again.channels.read_bytes() == contact.channels.read_bytes()
