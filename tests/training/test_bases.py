"""Bases from elsewhere: what becomes of a hub's model, and which are refused by name."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from inference.model import WEIGHTS_FILE, load_model, open_tokenizer
from politico.control.political import SCHEMA
from politico.errors import FileFormatError, PoliticoError, ServiceError
from tests.training.test_control_samples import START, row, write_days
from training.arguments import main
from training.bases import PROBE, fetch, import_base

TEXTS = ["El camino de la educación pública es de todos los días.", "¡Qué alegría! Ñandúes y más 🌊."] * 40


def hub_folder(folder: Path, end: str = "<|endoftext|>", *, width: int = 32, extra_rows: int = 0) -> Path:
    """A GPT-2 as the hub has them: another end token than ours, or the same; no markers; gelu_new."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=[end], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end).save_pretrained(folder)
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size() + extra_rows,
        n_positions=128,
        n_embd=width,
        n_layer=1,
        n_head=2,
        bos_token_id=tokenizer.token_to_id(end),
        eos_token_id=tokenizer.token_to_id(end),
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("end", "extra"), [("<|endoftext|>", 0), ("</s>", 0), ("</s>", 13)])
def test_an_imported_base_foretells_what_it_foretold_and_knows_the_markers(tmp_path: Path, end: str, extra: int) -> None:
    source = hub_folder(tmp_path / "hub", end, extra_rows=extra)
    before = GPT2LMHeadModel.from_pretrained(source).eval()
    card = import_base(str(source), tmp_path / "base", "base")
    model = load_model(tmp_path / "base")
    wanted = [*([] if end == SCHEMA.end else [SCHEMA.end]), *SCHEMA.markers]
    assert card["new_tokens"] == wanted
    assert set(model.codec.ids) == {SCHEMA.end, *SCHEMA.markers}
    ids = Tokenizer.from_file(str(source / "tokenizer.json")).encode(PROBE).ids
    assert model.codec.encode(PROBE) == ids, "its own tokens keep their ids"
    with torch.no_grad():
        theirs, own = (one(input_ids=torch.tensor([ids])).logits[0] for one in (before, model.network))
    count = len(json.loads((source / "tokenizer.json").read_text())["model"]["vocab"])
    assert torch.allclose(theirs[:, :count], own[:, :count], atol=1e-5)
    rows = model.network.get_input_embeddings().weight
    assert rows.shape[0] == count + len(wanted)
    assert model.network.lm_head.weight is rows
    markers = rows[[model.codec.ids[one] for one in SCHEMA.markers]]
    assert torch.pdist(markers.detach()).min() > 0.01, "each has a row of its own"
    if end != SCHEMA.end:
        assert torch.equal(rows[model.codec.ids[SCHEMA.end]], before.get_input_embeddings().weight[0])
    again = import_base(str(source), tmp_path / "again", "base")
    assert again["new_tokens"] == card["new_tokens"]
    assert (tmp_path / "again" / WEIGHTS_FILE).read_bytes() == (tmp_path / "base" / WEIGHTS_FILE).read_bytes()


def test_a_marker_in_a_text_is_ordinary_text(tmp_path: Path) -> None:
    import_base(str(hub_folder(tmp_path / "hub")), tmp_path / "base", "base")
    model = load_model(tmp_path / "base")
    text = f"dice {SCHEMA.text_marker} y {SCHEMA.end}"
    ids = model.codec.encode(text)
    assert not set(ids) & set(model.codec.ids.values())
    assert model.codec.decode(ids) == text


def test_a_base_is_found_by_its_name_in_the_hubs_own_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, revision = tmp_path / "cache", "0123456789abcdef0123456789abcdef01234567"
    stored = cache / "models--alguien--gpt2-prueba"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(revision)
    hub_folder(stored / "snapshots" / revision)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    card = import_base("alguien/gpt2-prueba", tmp_path / "base", "base")
    assert card["source"] == "alguien/gpt2-prueba"
    with pytest.raises(ServiceError, match="no folder alguien/otro, and the Hugging Face hub"):
        fetch("alguien/otro")
    with pytest.raises(FileFormatError, match="no folder a b c, and it is no name of the hub's"):
        fetch("a b c")


def spoilt(folder: Path, how: str) -> Path:
    """A hub's folder with something wrong."""
    hub_folder(folder)
    config = json.loads((folder / "config.json").read_text())
    if how == "no config":
        (folder / "config.json").unlink()
    elif how == "no weights":
        (folder / WEIGHTS_FILE).unlink()
    elif how == "no tokenizer":
        for path in folder.glob("tokenizer*"):
            path.unlink()
    elif how == "relu":
        (folder / "config.json").write_text(json.dumps({**config, "activation_function": "relu"}))
    elif how == "nan":
        weights = load_file(folder / WEIGHTS_FILE)
        weights["transformer.ln_f.bias"][0] = float("nan")
        save_file(weights, folder / WEIGHTS_FILE, {"format": "pt"})
    elif how == "torn":
        (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:1000])
    elif how == "a layer missing":
        weights = {name: one for name, one in load_file(folder / WEIGHTS_FILE).items() if "c_attn" not in name}
        save_file(weights, folder / WEIGHTS_FILE, {"format": "pt"})
    elif how == "another tokenizer":
        large = hub_folder(folder.parent / "large", width=32)
        tokenizer = json.loads((large / "tokenizer.json").read_text())
        last = max(tokenizer["model"]["vocab"].values())
        tokenizer["model"]["vocab"]["ĠÑandúes"] = last + 1
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    elif how == "words":
        tokenizer = Tokenizer(models.WordLevel({"<|endoftext|>": 0, "el": 1}, unk_token="<|endoftext|>"))
        tokenizer.save(str(folder / "tokenizer.json"))
    elif how == "llama":
        shutil.rmtree(folder)
        small = LlamaConfig(vocab_size=40, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
        LlamaForCausalLM(small).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("no config", "config.json is missing"),
        ("no weights", "is no model of transformers"),
        ("no tokenizer", "has no tokenizer that can be read"),
        ("relu", "has the activation relu; a base has gelu_new"),
        ("nan", "has weights that are no finite numbers"),
        ("torn", "is no model of transformers"),
        ("a layer missing", "lacks the weights transformer.h.0.attn.c_attn"),
        ("another tokenizer", "does not fit: it has id"),
        ("words", "is a WordLevel with the decoder None; a base has a byte-level BPE"),
        ("llama", "is of the kind llama; a base is of the kind gpt2"),
    ],
)
def test_what_can_not_be_a_base_is_refused_by_name_and_leaves_no_folder(tmp_path: Path, how: str, told: str) -> None:
    with pytest.raises(PoliticoError) as raised:
        import_base(str(spoilt(tmp_path / "hub", how)), tmp_path / "base", "base")
    assert told in str(raised.value)
    assert not (tmp_path / "base").exists()


def test_an_imported_base_is_trained_on_tweets(tmp_path: Path) -> None:
    import_base(str(hub_folder(tmp_path / "hub", "</s>")), tmp_path / "base", "base")
    days = {START.replace(day=day): [row(10 * day + one, START.replace(day=day)) for one in range(5)] for day in range(1, 7)}
    write_days(tmp_path / "dataset", days)
    given: dict[str, Any] = {"dataset": tmp_path / "dataset", "base": tmp_path / "base", "max_steps": 4, "batch_size": 4}
    for stage in ("casual", "control"):
        folders = {"model_dir": tmp_path / stage, "output_dir": tmp_path / "out", "checkpoint_dir": tmp_path / "checkpoints"}
        assert (
            main([word for name, value in {"stage": stage, **given, **folders}.items() for word in (f"--{name}", str(value))])
            == 0
        )
        model = load_model(tmp_path / stage)
        assert model.card["base"] == "base"
        assert open_tokenizer(tmp_path / stage / "tokenizer.json").get_vocab_size() == model.network.config.vocab_size
    assert os.listdir(tmp_path / "checkpoints") == []
