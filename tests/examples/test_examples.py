"""The examples run as they stand. `ask.py` asks an endpoint in tests/local/test_release_faults.py."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest

from tests.cli.test_report import ZONE, folder, whole
from tests.support.paths import ROOT

__all__ = ["folder"]  # a fixture


def cells() -> list[str]:
    notebook = json.loads((ROOT / "examples" / "figure_22.ipynb").read_text(encoding="utf-8"))
    assert not [one for one in notebook["cells"] if one.get("outputs")], "a notebook is kept without what it once showed"
    return ["".join(one["source"]) for one in notebook["cells"] if one["cell_type"] == "code"]


def run_notebook() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for one in cells():
        exec(compile(one, "figure_22.ipynb", "exec"), names)
    return names


@pytest.fixture(autouse=True)
def _notebook(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("POLITICO_DATASET", str(folder))
    monkeypatch.setenv("POLITICO_TIME_ZONE", ZONE)


@pytest.mark.slow
def test_the_notebook_draws_figure_22_from_the_parquet_files(folder: Path) -> None:
    names = run_notebook()
    frame = whole(folder)
    days = frame["at"].dt.tz_localize(None).dt.normalize()
    assert names["counts"]["tweets"].sum() == len(frame)
    assert names["recent"]["tweets"].sum() == (days > days.max() - pd.Timedelta(days=365)).sum()
    assert next(one.get_text() for one in names["axes"].get_yticklabels()) == f"@{frame['screen_name'].value_counts().index[0]}"


@pytest.mark.slow
def test_the_notebook_lets_athena_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Athena:
        asked: dict[str, Any]

        def start_query_execution(self, **asked: Any) -> dict[str, str]:
            Athena.asked = asked
            return {"QueryExecutionId": "1"}

        def get_query_execution(self, **_: Any) -> dict[str, Any]:
            return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}

        def get_paginator(self, _name: str) -> "Athena":
            return self

        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            rows = [["screen_name", "day", "tweets"], ["ana", "2024-12-19", "3"], ["beto", "2024-12-20", "2"]]
            return [{"ResultSet": {"Rows": [{"Data": [{"VarCharValue": cell} for cell in row]} for row in rows]}}]

    monkeypatch.setenv("POLITICO_ATHENA_RESULTS", "s3://bucket/athena/")
    monkeypatch.setattr(boto3, "client", lambda name: {"athena": Athena()}[name])
    names = run_notebook()
    assert Athena.asked["ResultConfiguration"] == {"OutputLocation": "s3://bucket/athena/"}
    assert names["recent"]["tweets"].tolist() == [3, 2]


@pytest.mark.slow
def test_a_model_of_ones_own_text_is_trained_and_writes_with_transformers_alone(tmp_path: Path) -> None:
    text = "\n\n".join(f"La ciudad número {number} tiene un río y una plaza con árboles." for number in range(400))
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "own_text.py"), "mine.txt", "--minutes", "0.05", "--out", "own"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("La ciudad") for line in done.stdout.splitlines())
