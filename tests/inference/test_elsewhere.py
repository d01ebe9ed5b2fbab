"""What is saved loads elsewhere: in transformers 4 and 5, in batches, and in CTranslate2."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.model import load_model, save_model
from politico.control.political import SCHEMA
from tests.support.models import micro_network, micro_tokenizer
from training.loop.network import keep_rows

pytestmark = pytest.mark.slow
OTHERS = ("transformers==4.57.3", "tokenizers==0.22.2", "huggingface_hub==0.36.2", "ctranslate2==4.8.5")
"""The last transformers before 5, what it asks for, and another engine."""
TEXTS = ["¡Hola!", "La educación de todos los días es un derecho, y no un favor 🌊"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a vocabulary that is no round number, as a stage saves it."""
    folder = tmp_path_factory.mktemp("elsewhere") / "model"
    tokenizer = micro_tokenizer(SCHEMA)
    network = micro_network(tokenizer)
    keep_rows(network, tokenizer.get_vocab_size())
    save_model(folder, network, tokenizer, SCHEMA, {"name": "elsewhere"})
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of libraries in other versions than the project's."""
    target = tmp_path_factory.mktemp("others")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"]
    done = subprocess.run([*command, str(target), *OTHERS], timeout=300, capture_output=True, text=True)
    if "NewConnectionError" in done.stderr:
        pytest.skip("there is no connection to the package index")
    assert done.returncode == 0, done.stderr
    return target


def said(program: str, folder: Path, libraries: Path | None = None) -> Any:
    """What a program prints as JSON, over a model folder, with other libraries before ours."""
    path = {"PYTHONPATH": str(libraries)} if libraries else {}
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={**os.environ, **path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        cwd=folder.parent,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


BATCH = f"""
import json, sys, torch, transformers
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer, network = AutoTokenizer.from_pretrained(sys.argv[1]), AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
texts = {TEXTS!r}
together = tokenizer(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    batch = network(**together).logits
    alone = [network(**tokenizer(one, return_tensors="pt")).logits[0] for one in texts]
print(json.dumps({{
    "version": transformers.__version__,
    "apart": max(float((row[:len(one)] - one).abs().max()) for row, one in zip(batch, alone)),
    "shape": list(together["input_ids"].shape),
    "texts": tokenizer.batch_decode([tokenizer(one)["input_ids"] for one in texts]),
    "cut": len(tokenizer("a b c " * 500, truncation=True)["input_ids"]),
    "special": [tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token, tokenizer.pad_token],
    "last": alone[1][-1].tolist(),
}}))
"""


@pytest.mark.parametrize("major", [4, 5])
def test_transformers_of_both_kinds_reads_it_and_takes_padded_batches_and_cuts(folder: Path, others: Path, major: int) -> None:
    found = said(BATCH, folder, others if major == 4 else None)
    model = load_model(folder)
    assert found["version"].startswith(f"{major}.")
    assert found["apart"] < 1e-4
    assert found["shape"][0] == len(TEXTS)
    assert found["texts"] == TEXTS
    assert found["cut"] == model.length
    assert found["special"] == [SCHEMA.end] * 4
    with torch.no_grad():
        ours = model.network(input_ids=torch.tensor([model.codec.encode(TEXTS[1])])).logits[0, -1]
    assert torch.allclose(ours, torch.tensor(found["last"]), atol=1e-4)


CTRANSLATE2 = f"""
import json, sys, ctranslate2, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
converted = sys.argv[1] + "-ct2"
ctranslate2.converters.TransformersConverter(sys.argv[1]).convert(converted)
tokenizer, network = AutoTokenizer.from_pretrained(sys.argv[1]), AutoModelForCausalLM.from_pretrained(sys.argv[1]).eval()
given = tokenizer({TEXTS[1]!r}, return_tensors="pt")
generator = ctranslate2.Generator(converted)
written = generator.generate_batch(
    [tokenizer.convert_ids_to_tokens(given["input_ids"][0])], max_length=12, sampling_topk=1, include_prompt_in_result=False
)
own = network.generate(**given, max_new_tokens=12, do_sample=False, pad_token_id=tokenizer.pad_token_id)
print(json.dumps([written[0].sequences_ids[0], own[0, given["input_ids"].shape[1]:].tolist()]))
"""


def test_ctranslate2_converts_it_and_writes_what_transformers_writes(folder: Path, others: Path) -> None:
    theirs, own = said(CTRANSLATE2, folder, others)
    assert theirs == own
    assert len(own) == 12


def test_a_model_is_saved_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = micro_tokenizer(SCHEMA)
    network = micro_network(tokenizer)
    save_model(tmp_path / "model", network, tokenizer, SCHEMA, {"name": "first"})
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    write = Path.write_text

    def full(path: Path, *given: Any, **named: Any) -> int:
        if path.name == "card.json":
            raise OSError(28, "No space left on device", str(path))
        return write(path, *given, **named)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(tmp_path / "model", network, tokenizer, SCHEMA, {"name": "second"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == before
