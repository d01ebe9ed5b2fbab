"""Control data: a split that leaks nothing, counts that reconcile, fields that are dropped afresh."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from inference.model import codec_for
from politico.control.format import Codec
from politico.control.political import SCHEMA
from politico.control.rows import context_of_row
from politico.dataset.days import COLUMNS, to_parquet
from politico.dataset.manifest import DayEntry, Manifest
from politico.errors import FileFormatError, LimitError
from politico.models.settings import ControlSettings
from tests.support.models import micro_tokenizer
from training.dataset.folder import DAY, identity_of, read_dataset
from training.dataset.split import Split, cut_for, normalised, split_at
from training.samples.batch import IGNORED
from training.samples.control_samples import ControlSamples, drop_fields

START = date(2024, 5, 1)


def split(table: Any, held_out_share: float) -> Split:
    return split_at(table, cut_for(table, ControlSettings(held_out_share=held_out_share)))


def row(number: int, day: date, text: str = "", **changes: Any) -> dict[str, Any]:
    given = {
        "id_str": str(1000 + number),
        "created_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        "screen_name": "alguien",
        "name": "Alguien",
        "office": "diputada",
        "coalition": "Norte Unido" if number % 2 else "Sur Libre",
        "party": "UDI" if number % 2 else "PVA",
        "text": text or f"Hoy la educación número {number} es el camino de todos",
        "hashtags": ["Educación"] if number % 3 == 0 else [],
        "entities": [{"text": f"Lugar {number}", "type": "LOCATION", "score": 0.9}],
        "key_phrases": [{"text": "el camino", "score": 0.9}],
        "sentiment": "POSITIVE",
        "sentiment_score": {"positive": 1.0, "negative": 0.0, "neutral": 0.0, "mixed": 0.0},
        "lang": "es",
        "source": None,
        "edited": False,
    }
    return given | changes


def write_days(folder: Path, days: dict[date, list[dict[str, Any]]]) -> Path:
    for day, rows in days.items():
        path = folder / f"dt={day}" / "tweets.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(to_parquet(pa.Table.from_pylist(rows, schema=COLUMNS)))
    return folder


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Ten days of six tweets."""
    days = {
        START + timedelta(days=day): [row(10 * day + one, START + timedelta(days=day)) for one in range(6)] for day in range(10)
    }
    return write_days(tmp_path / "dataset", days)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return codec_for(micro_tokenizer(), SCHEMA)


def control_samples(parts: Split, codec: Codec, **changes: Any) -> ControlSamples:
    given: dict[str, Any] = {"length": 128, "batch_size": 8, "seed": 7, "held_out_tokens": 10_000} | changes
    settings = replace(given.pop("control", ControlSettings()), batch_size=given.pop("batch_size"), seed=given.pop("seed"))
    return ControlSamples(parts, codec, settings, **given)


def tokens_of(data: ControlSamples, steps: range) -> list[tuple[int, ...]]:
    """What each row of some steps is scored on: the tweet, whatever its context."""
    return [
        tuple(label for label in labels if label != IGNORED)
        for step in steps
        for labels in data.training_batch(step, 0, 1).targets.tolist()
    ]


def test_the_newest_whole_days_are_held_out_and_no_day_is_cut_in_two(dataset: Path) -> None:
    table = read_dataset(dataset)
    parts = split(table, 0.15)
    assert parts.cut == "2024-05-09"
    assert set(parts.held_out[DAY].to_pylist()) == {"2024-05-09", "2024-05-10"}
    assert max(parts.train[DAY].to_pylist()) == "2024-05-08"
    assert len(parts.train) + len(parts.held_out) + parts.dropped_duplicates == len(table) == 60


def test_a_held_out_tweet_that_training_knows_in_other_punctuation_is_dropped_and_counted(tmp_path: Path) -> None:
    days = {
        START: [row(1, START, "¡Viva la Región, viva!"), row(2, START, "Otra cosa distinta")],
        START + timedelta(days=1): [row(3, START, "viva la REGIÓN viva"), row(4, START, "Algo nuevo de verdad")],
    }
    parts = split(read_dataset(write_days(tmp_path / "dataset", days)), 0.1)
    assert parts.held_out["text"].to_pylist() == ["Algo nuevo de verdad"]
    assert parts.dropped_duplicates == 1
    known = {normalised(text) for text in parts.train["text"].to_pylist()}
    assert not known & {normalised(text) for text in parts.held_out["text"].to_pylist()}


def test_one_day_can_not_be_split(tmp_path: Path) -> None:
    table = read_dataset(write_days(tmp_path / "dataset", {START: [row(1, START)]}))
    with pytest.raises(LimitError, match="tweets of 1 day"):
        split(table, 0.1)
    with pytest.raises(LimitError, match="0 held out"):
        split_at(table, "2030-01-01")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("dt=2024-05-01/tweets.csv", b"", "is no dataset"),
        ("dt=2024-05-01/tweets.parquet", b"PAR1 not really", "can't be read as a dataset"),
        ("dt=2024-05-01/tweets.parquet", to_parquet(COLUMNS.empty_table()), "holds no tweet"),
    ],
)
def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=expected):
        read_dataset(tmp_path)


def test_the_data_has_the_name_that_the_lakes_manifest_gives_it_which_is_no_data_itself(dataset: Path) -> None:
    days = {path.parent.name.removeprefix("dt="): DayEntry.of(path.read_bytes()) for path in dataset.glob("dt=*/*")}
    manifest = Manifest(days)
    (dataset / "manifest.json").write_text(json.dumps(manifest.to_json()))
    assert identity_of(dataset) == manifest.identity() == {"sha256": manifest.sha256, "rows": 60, "days": 10}
    assert len(read_dataset(dataset)) == 60


def test_a_dataset_without_the_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dt=2024-05-01").mkdir()
    pa.parquet.write_table(pa.table({"text": ["hola"]}), tmp_path / "dt=2024-05-01" / "tweets.parquet")
    with pytest.raises(FileFormatError, match="can't be read as a dataset"):
        read_dataset(tmp_path)


def test_rows_are_training_held_out_duplicates_and_too_long(tmp_path: Path, codec: Codec) -> None:
    later = START + timedelta(days=1)
    days = {
        START: [row(1, START), row(2, START), row(3, START, "larguísimo " * 80)],
        later: [row(4, later), row(5, later, "eterno " * 80), row(6, later, row(1, START)["text"] + "!")],
    }
    table = read_dataset(write_days(tmp_path / "dataset", days))
    counts = control_samples(split(table, 0.1), codec).counts
    assert vars(counts) == {"rows": 6, "train": 2, "held_out": 1, "duplicates": 1, "too_long": 2}
    assert counts.rows == counts.train + counts.held_out + counts.duplicates + counts.too_long == len(table)


def test_an_epoch_reads_every_tweet_once_and_no_held_out_one(dataset: Path, codec: Codec) -> None:
    parts = split(read_dataset(dataset), 0.1)
    data = control_samples(parts, codec, batch_size=6)
    expected = sorted((*codec.encode(" " + text), codec.ids[SCHEMA.end]) for text in parts.train["text"].to_pylist())
    assert len(expected) == 54
    for epoch in range(2):
        assert sorted(tokens_of(data, range(9 * epoch, 9 * epoch + 9))) == expected
    assert tokens_of(data, range(9)) != tokens_of(data, range(9, 18))


def test_a_step_is_the_same_whoever_asks_and_however_it_is_shared(dataset: Path, codec: Codec) -> None:
    parts = split(read_dataset(dataset), 0.1)
    one, other = control_samples(parts, codec), control_samples(parts, codec)
    other.training_batch(40, 0, 1)
    assert one.training_batch(11, 0, 1).ids.equal(other.training_batch(11, 0, 1).ids)
    whole = one.training_batch(11, 0, 1)
    shares = [one.training_batch(11, rank, 3) for rank in range(3)]
    assert sum(share.scored for share in shares) == whole.scored


def test_contexts_are_dropped_afresh_each_epoch(dataset: Path, codec: Codec) -> None:
    parts = split(read_dataset(dataset), 0.1)
    control = ControlSettings(field_dropout=0.5, context_dropout=0.0)
    data = control_samples(parts, codec, batch_size=54, control=control)
    end = codec.ids[SCHEMA.end]

    def contexts(epoch: int) -> dict[str, Any]:
        found = {}
        batch = data.training_batch(epoch, 0, 1)
        for ids, labels in zip(batch.ids.tolist(), batch.targets.tolist(), strict=True):
            scored = [label for label in labels if label != IGNORED]
            start = next(index for index, label in enumerate(labels) if label != IGNORED)
            context, text = codec.parse([*ids[: start + 1], *scored])
            assert scored[-1] == end
            found[text] = context
        return found

    first, second = contexts(0), contexts(1)
    whole = {entry["text"]: context_of_row(entry, SCHEMA) for entry in parts.train.to_pylist()}
    assert first.keys() == second.keys() == whole.keys()
    assert first != second
    assert all(value == whole[text][name] for text, context in first.items() for name, value in context.items())
    assert {name for context in first.values() for name in context} == {name for context in whole.values() for name in context}


def test_fields_and_whole_contexts_are_dropped_as_often_as_they_should() -> None:
    context = {"coalicion": ("Norte Unido",), "partido": ("UDI",), "hashtags": ("Uno", "Dos")}
    draws = 4000
    drawn = [drop_fields(context, ControlSettings(field_dropout=0.2, context_dropout=0.1), (7, 0, one)) for one in range(draws)]
    kept = [name for one in drawn for name in one]
    for name in context:
        assert kept.count(name) / draws == pytest.approx(0.9 * 0.8, abs=0.03)
    assert sum(not one for one in drawn) / draws == pytest.approx(0.1 + 0.9 * 0.2**3, abs=0.02)
    nothing = ControlSettings(field_dropout=0.0, context_dropout=0.0)
    assert drop_fields(context, nothing, (1, 2, 3)) == context


def test_closed_values_are_those_of_training_alone(tmp_path: Path, codec: Codec) -> None:
    later = START + timedelta(days=1)
    days = {START: [row(1, START), row(2, START)], later: [row(3, later, party="Partido Nuevo", sentiment="MIXED")]}
    data = control_samples(split(read_dataset(write_days(tmp_path / "dataset", days)), 0.1), codec)
    assert data.values == {"coalicion": ("Norte Unido", "Sur Libre"), "partido": ("PVA", "UDI"), "sentimiento": ("POSITIVE",)}


def test_the_held_out_tweets_are_looked_at_whole_once(dataset: Path, codec: Codec) -> None:
    parts = split(read_dataset(dataset), 0.2)
    data = control_samples(parts, codec, batch_size=4)
    alone = list(data.held_out_batches(0, 1))
    shared = [batch for rank in range(3) for batch in data.held_out_batches(rank, 3)]
    scored: Callable[[Any], int] = lambda batches: sum(int((one.targets != IGNORED).sum()) for one in batches)  # noqa: E731
    assert scored(alone) == scored(shared) == data.looked_at_scored
    assert sorted(text for _, text in data.looked_at) == sorted(parts.held_out["text"].to_pylist())


def test_rows_of_a_batch_are_of_like_length(tmp_path: Path, codec: Codec) -> None:
    later = START + timedelta(days=1)
    rows = [row(one, START, "palabra " * (1 + one % 20)) for one in range(400)]
    table = read_dataset(write_days(tmp_path / "dataset", {START: rows, later: [row(999, later)]}))
    control = ControlSettings(field_dropout=0.0, context_dropout=0.0)
    data = control_samples(split(table, 0.001), codec, batch_size=8, control=control)
    batches = [data.training_batch(step, 0, 1) for step in range(50)]
    used = sum(int((row != IGNORED).nonzero().max()) + 1 for batch in batches for row in batch.targets)
    assert used / sum(batch.tokens for batch in batches) > 0.95
    widths = [batch.ids.shape[1] for batch in batches]
    assert widths != sorted(widths)
