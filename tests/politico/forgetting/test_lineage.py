"""Lineage: which models are concerned by what had to go, directly or through the model they were built on."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from politico.forgetting.lineage import Affected, affected_models
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.tombstones import Tombstones, fingerprint
from politico.models.seen import FILE, seen_list

BURIED = Tombstones(frozenset({"key"}), frozenset({fingerprint("1"), fingerprint("2")}))


@pytest.fixture
def lake() -> Iterator[Lake]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="lake")
        yield Lake(s3, "lake")


def trained(lake: Lake, run: str, folder: Path, *ids: str, corpus: str | None = None, base: str | None = None) -> None:
    """What a run leaves: what it was asked for, and what its job saw."""
    base_model = lake.uri(f"{places.models(base)}{base}-base-0/output/model.tar.gz") if base else None
    lake.write_json(places.request(run), {"experiment": "control-tiny", "corpus": corpus, "base_model": base_model})
    (folder / FILE).write_bytes(seen_list(list(ids)))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder / FILE, FILE)
    lake.write(f"{places.models(run)}{run}-0/output/output.tar.gz", packed.getvalue())


def concerned(lake: Lake, changed: set[str], known: dict[str, list[str]] | None = None) -> list[Affected]:
    nobody: Any = SimpleNamespace(get_paginator=lambda _name: SimpleNamespace(paginate=lambda **_: []))
    return affected_models(lake, BURIED, changed, known or {}, nobody, "group")


def test_a_model_that_saw_a_buried_tweet_is_named_and_one_that_did_not_is_not(lake: Lake, tmp_path: Path) -> None:
    trained(lake, "saw", tmp_path, "1", "2", "3")
    trained(lake, "saw-not", tmp_path, "3", "4")
    assert concerned(lake, set()) == [Affected("saw", 2, (), (), ())]


def test_a_model_of_a_corpus_that_had_to_be_changed_is_named_then_and_ever_after(lake: Lake, tmp_path: Path) -> None:
    trained(lake, "of-tweets", tmp_path, corpus="tweets")
    trained(lake, "of-books", tmp_path, corpus="books")
    (found,) = concerned(lake, {"tweets"})
    assert (found.run, found.corpora) == ("of-tweets", ("tweets",))
    assert concerned(lake, set(), {"of-tweets": ["tweets"]}) == [found]


def test_a_model_that_was_built_on_one_that_saw_is_named_with_it(lake: Lake, tmp_path: Path) -> None:
    """A run that was given a base model once named no corpus, and so was never concerned."""
    trained(lake, "a", tmp_path, corpus="tweets")
    trained(lake, "b", tmp_path, "9", base="a")
    trained(lake, "c", tmp_path, "9", base="b")
    trained(lake, "d", tmp_path, "9", base="elsewhere")
    found = {one.run: one for one in concerned(lake, {"tweets"})}
    assert {run: one.through for run, one in found.items()} == {"a": (), "b": ("a",), "c": ("a",)}
    assert (found["c"].tweets, found["c"].corpora) == (0, ())


def test_models_that_are_said_to_be_built_on_each_other_end(lake: Lake, tmp_path: Path) -> None:
    trained(lake, "a", tmp_path, "1", base="b")
    trained(lake, "b", tmp_path, "9", base="a")
    assert [(one.run, one.through) for one in concerned(lake, set())] == [("a", ("a",)), ("b", ("a",))]


@pytest.mark.parametrize(
    ("uri", "run"),
    [
        ("s3://lake/models/R1/R1-base-0/output/model.tar.gz", "R1"),
        ("s3://lake/models/R1", "R1"),
        ("s3://lake/models/", None),
        ("s3://other/gpt2/model.tar.gz", None),
        ("", None),
    ],
)
def test_an_address_of_the_lakes_models_names_its_run(uri: str, run: str | None) -> None:
    assert places.run_of_model(uri) == run
