"""The peer of benchmarks/training.py: transformers' Trainer over the very same rows, in a process of its own.

    python -m benchmarks.training_peer '{"stage": "base", …}'     # prints its figures as JSON

The network, the rows, the batch, the precision and the length of the run are ours; the loop, the collation and the optimizer
its own.
"""

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from inference.model import codec_for, load_model, open_tokenizer
from politico.control.political import SCHEMA
from politico.control.rows import context_of_row
from politico.models.settings import NetworkSettings
from training.corpus.shards import HELD_OUT_FILE, TOKENIZER_FILE, TRAIN_FILE, read_shard
from training.dataset.folder import read_dataset
from training.dataset.split import split_at
from training.loop.network import build_network
from training.samples.windows import Windows

IGNORED = -100


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Rows of ids, with what of them is scored."""

    def __init__(self, rows: list[tuple[list[int], list[int]]]) -> None:
        self._rows = rows
        self.lengths = [len(ids) for ids, _ in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        ids, labels = self._rows[index]
        return {"input_ids": ids, "labels": labels, "length": len(ids)}


class Padding:
    """To the longest of the batch, as DataCollatorForSeq2Seq does."""

    def __init__(self, filler: int) -> None:
        self._filler = filler

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        width = max(len(one["input_ids"]) for one in rows)
        padded = {
            "input_ids": [[*one["input_ids"], *[self._filler] * (width - len(one["input_ids"]))] for one in rows],
            "labels": [[*one["labels"], *[IGNORED] * (width - len(one["labels"]))] for one in rows],
            "attention_mask": [[1] * len(one["input_ids"]) + [0] * (width - len(one["input_ids"])) for one in rows],
        }
        return {name: torch.tensor(values) for name, values in padded.items()}


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Ends the run after so many seconds of learning, looks at the held-out loss now and then, and leaves that time out."""

    def __init__(self, seconds: float, every: float) -> None:
        self.seconds, self.every = seconds, every
        self.steps, self.learning, self._began, self._looked = 0, 0.0, 0.0, 0.0
        self.held_out: list[tuple[float, float]] = []
        self.trainer: Trainer | None = None

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._began = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        self.learning += time.monotonic() - self._began
        self.steps += 1
        over = self.learning >= self.seconds
        if self.trainer is not None and self.every and (over or self.learning - self._looked >= self.every):
            self._looked = self.learning
            self.held_out.append((self.learning, self.trainer.evaluate()["eval_loss"]))
            self.trainer.model.train()
        control.should_training_stop = control.should_training_stop or over  # it may have come to its steps
        return control


def main(given: dict[str, Any]) -> None:
    if given.get("threads"):
        torch.set_num_threads(given["threads"])
    rows, looked_at, network, filler = base_rows(given) if given["stage"] == "base" else control_rows(given)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=given["batch_size"],
            per_device_eval_batch_size=given["batch_size"],
            max_steps=given["max_steps"],
            learning_rate=given["rate"],
            lr_scheduler_type="cosine",
            warmup_steps=max(1, int(0.05 * given["max_steps"])),
            weight_decay=given["weight_decay"],
            use_cpu=True,
            seed=given["seed"],
            report_to="none",
            disable_tqdm=True,
            save_strategy="no",
            logging_strategy="no",
            train_sampling_strategy=given.get("sampling", "random"),
            length_column_name="length",
        )
        clock = Clock(given["seconds"], given.get("look_every", 0.0))
        trainer = Trainer(
            model=network,
            args=arguments,
            train_dataset=rows,
            eval_dataset=looked_at,
            data_collator=Padding(filler),
            callbacks=[clock],
        )
        clock.trainer = trainer
        trainer.train()
        if clock.every and (not clock.held_out or clock.held_out[-1][0] < clock.learning):  # it ended by its steps
            clock.held_out.append((clock.learning, trainer.evaluate()["eval_loss"]))
    tokens = given["batch_size"] * clock.steps
    print(
        json.dumps(
            {
                "steps": clock.steps,
                "seconds": clock.learning,
                "samples_a_second": tokens / clock.learning,
                "tokens_a_second": tokens * (float(np.mean(rows.lengths))) / clock.learning,
                "held_out": clock.held_out,
            }
        )
    )


def base_rows(given: dict[str, Any]) -> tuple[Rows, Rows, Any, int]:
    corpus, shape = Path(given["corpus"]), NetworkSettings(**given["network"])
    tokenizer = open_tokenizer(corpus / TOKENIZER_FILE)
    windows = Windows(
        read_shard(corpus / TRAIN_FILE),
        read_shard(corpus / HELD_OUT_FILE),
        positions=shape.positions,
        batch_size=given["batch_size"],
        seed=given["seed"],
        held_out_tokens=16_384,
    )
    train = read_shard(corpus / TRAIN_FILE)
    count = (len(train) - 1) // shape.positions
    whole = [train[at * shape.positions : (at + 1) * shape.positions].tolist() for at in range(count)]
    end = codec_for(tokenizer, SCHEMA).ids[SCHEMA.end]
    network = build_network(shape, tokenizer.get_vocab_size(), end, given["seed"])
    looked_at = [(one, one) for one in windows.held_out.astype(int).tolist()]
    return (
        Rows([(one, one) for one in whole]),
        Rows([(ids[: shape.positions], ids[: shape.positions]) for ids, _ in looked_at]),
        network,
        end,
    )


def control_rows(given: dict[str, Any]) -> tuple[Rows, Rows, Any, int]:
    model = load_model(Path(given["base"]))
    sides = split_at(read_dataset(Path(given["dataset"])), given["cut"])
    found = []
    for side in (sides.train, sides.held_out):
        rows = []
        for row in side.to_pylist():
            sample = model.codec.sample(context_of_row(row, SCHEMA), row["text"], model.length)
            rows.append((list(sample.ids), [IGNORED] * sample.loss_from + list(sample.ids[sample.loss_from :])))
        found.append(rows)
    spread = found[1][:: max(1, math.ceil(len(found[1]) / 100))]
    return Rows(found[0]), Rows(spread), model.network, model.codec.ids[SCHEMA.end]


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
