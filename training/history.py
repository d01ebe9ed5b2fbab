"""What a stage came to, step by step, as it learns: training.jsonl, samples.jsonl, and the same for TensorBoard.

All of it comes from the run's progress, which a checkpoint holds: after an interruption the earlier part is there as well.
"""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.loop.checkpoint import Progress

HISTORY_FILE, SAMPLES_FILE, TENSORBOARD = "training.jsonl", "samples.jsonl", "tensorboard"
LOSSES = {"train_loss": "loss/training", "held_out_loss": "loss/held_out"}
SPEED = "positions_a_second"


class History:
    """Keeps the files of one output folder as they should be."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._board: Any = None
        self._shown = self._sampled = 0

    def write(self, progress: Progress) -> None:
        """All that is known by now."""
        self._output.mkdir(parents=True, exist_ok=True)
        _write_lines(self._output / HISTORY_FILE, progress.records)
        if progress.samples:
            _write_lines(self._output / SAMPLES_FILE, progress.samples)
        self._show(progress)

    def close(self) -> None:
        """Nothing more comes."""
        if self._board is not None:
            self._board.close()

    def _show(self, progress: Progress) -> None:
        if self._board is None:
            from tensorboardX import SummaryWriter  # half a second, and only in the process that writes

            folder = self._output / TENSORBOARD
            shutil.rmtree(folder, ignore_errors=True)  # an earlier try's, whose steps are told again
            self._board = SummaryWriter(str(folder))
        began = time.time() - progress.seconds
        for number in range(self._shown, len(progress.records)):
            one = progress.records[number]
            when = {"global_step": int(one["step"]), "walltime": began + one["seconds"]}
            for name, tag in LOSSES.items():
                if name in one:
                    self._board.add_scalar(tag, one[name], **when)
            before = progress.records[number - 1] if number else None
            if before is not None and one["seconds"] > before["seconds"]:
                speed = (one["tokens"] - before["tokens"]) / (one["seconds"] - before["seconds"])
                self._board.add_scalar(SPEED, speed, **when)
        for one in progress.samples[self._sampled :]:
            self._board.add_text(one["asked"] or "nothing_asked", one["text"], global_step=one["step"])
        self._shown, self._sampled = len(progress.records), len(progress.samples)
        self._board.flush()


def _write_lines(path: Path, values: Sequence[Any]) -> None:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in values), encoding="utf-8")
