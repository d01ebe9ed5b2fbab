"""Folders as `politico train` leaves them, of networks with random weights: made in seconds, for what only reads them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from cli.training.evaluations import show_evaluation
from inference.model import save_model
from politico.models.experiment import BASE, CASUAL, CONTROL
from politico.models.settings import EvaluationSettings
from tests.support.models import MICRO_SCHEMA, micro_network, micro_tokenizer
from tests.training.test_control_samples import START, row, write_days
from training.evaluation.casual import evaluate_casual
from training.evaluation.evaluate import EVALUATION_FILE, evaluate, no_sentiments

CUT = "2024-05-04"
FIGURES = {"loss_per_token": 5.0, "perplexity_per_token": 148.4, "bits_per_byte": 3.5, "tokens": 100, "bytes": 206}


def micro_runs(root: Path) -> dict[str, Path]:
    """`dataset`, and the runs `control` (with its base) and `casual`, each with its evaluation and page."""
    days = {START + timedelta(days=day): [_row(10 * day + one, day) for one in range(6)] for day in range(6)}
    dataset = write_days(root / "dataset", days)
    settings = EvaluationSettings(max_tweets=6, generated=4)
    base = _model(root / "control" / BASE, BASE, 1)
    control, casual = _model(root / "control" / CONTROL, CONTROL, 2), _model(root / "casual" / CASUAL, CASUAL, 3)
    found = {
        "control": evaluate(dataset, control, base, None, settings, no_sentiments),
        "casual": evaluate_casual(dataset, casual, base, None, settings),
    }
    for name, evaluation in found.items():
        path = root / name / "evaluation" / EVALUATION_FILE
        path.parent.mkdir()
        path.write_text(json.dumps(evaluation, ensure_ascii=False))
        show_evaluation(str(root / name), None, local=False)
    return {"dataset": dataset, "control": root / "control", "casual": root / "casual"}


def _row(number: int, day: int) -> dict[str, Any]:
    return row(number, START + timedelta(days=day))


def _model(folder: Path, stage: str, seed: int) -> Path:
    tokenizer = micro_tokenizer()
    network = micro_network(tokenizer, seed=seed)
    card: dict[str, Any] = {"name": f"micro-{stage}", "stage": stage, "parameters": 12_345, "figures": FIGURES}
    card |= {"data": {"cut": CUT}, "settings": {"casual": {"parties": ""}}}
    save_model(folder, network, tokenizer, MICRO_SCHEMA, card)
    return folder
