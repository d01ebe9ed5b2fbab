"""Passages behind contexts of their own words: whole sentences, what is asked stands in the text, the same for the same step."""

from typing import Any

import numpy as np
import pytest
import torch

from inference.model import codec_for
from politico.control.format import Codec
from politico.control.honoured import says
from politico.control.political import SCHEMA
from politico.errors import LimitError
from tests.support.models import micro_tokenizer
from training.samples.batch import IGNORED
from training.samples.passages import Mixed, Passages, made_up_context
from training.samples.windows import Windows

SENTENCES = [
    "La tarde caía sobre la plaza de Villarrica y doña Clara miraba pasar a los vecinos.",
    "Nadie sabía que Tomás Rivas, el boticario, volvería de Valparaíso aquella misma noche.",
    "¿Quién podía decirlo?",
    "El río, que bajaba crecido, arrastraba las ramas de los sauces hasta el puente de Santa Rosa.",
    "Entonces pidió Clara que le leyeran la carta de Tomás Rivas otra vez, despacio.",
]


@pytest.fixture(scope="module")
def codec() -> Codec:
    return codec_for(micro_tokenizer(), SCHEMA)


@pytest.fixture(scope="module")
def tokens(codec: Codec) -> Any:
    end = codec.ids[codec.schema.end]
    documents = [" ".join(SENTENCES[start:] + SENTENCES[:start]) for start in range(5)] * 6
    return np.array([one for text in documents for one in (*codec.encode(text), end)], dtype=np.uint16)


def passages(tokens: Any, codec: Codec, **changes: Any) -> Passages:
    return Passages(tokens, codec, **({"length": 256, "batch_size": 4, "seed": 7} | changes))


def read(batch: Any, codec: Codec) -> list[tuple[dict[str, tuple[str, ...]], str]]:
    found = []
    for ids, targets in zip(batch.ids, batch.targets, strict=True):
        start = int((targets != IGNORED).nonzero()[0])
        found.append(codec.parse([*ids[: start + 1].tolist(), *targets[targets != IGNORED].tolist()]))
    return found


def test_a_passage_is_whole_sentences_of_one_document_that_say_what_is_asked(tokens: Any, codec: Codec) -> None:
    data = passages(tokens, codec)
    seen = [one for step in range(20) for one in read(data.training_batch(step, 0, 1), codec)]
    kinds = {name for context, _ in seen for name in context}
    assert kinds == {"entidades", "hashtags", "frases"}
    assert any(not context for context, _ in seen)
    for context, text in seen:
        assert codec.schema.context(context) == context
        for items in context.values():
            assert all(says(text, item) for item in items), (context, text)
    documents = [" ".join(SENTENCES[start:] + SENTENCES[:start]) for start in range(5)]
    untouched = [text for context, text in seen if not context]
    assert untouched
    for text in untouched:
        assert text.startswith(tuple(one.lstrip("¿") for one in SENTENCES) + tuple(SENTENCES)), text
        assert text.endswith(tuple(SENTENCES)), text
        assert any(text in document for document in documents), text
    names = {item for context, _ in seen for item in context.get("entidades", ())}
    assert {"Tomás Rivas", "Clara"} & names
    assert names - {"Tomás Rivas", "Clara", "Villarrica", "Valparaíso", "Santa Rosa"}  # made-up ones, too


def test_a_step_is_the_same_whoever_asks_and_its_rows_are_shared(tokens: Any, codec: Codec) -> None:
    one, other = passages(tokens, codec), passages(tokens, codec)
    other.training_batch(9, 0, 1)
    whole = one.training_batch(3, 0, 1)
    assert whole.ids.equal(other.training_batch(3, 0, 1).ids)
    shares = [read(one.training_batch(3, rank, 2), codec) for rank in range(2)]
    assert sorted(map(str, shares[0] + shares[1])) == sorted(map(str, read(whole, codec)))
    assert whole.asked is not None
    assert whole.asked.any()
    assert not torch.equal(passages(tokens, codec, seed=8).training_batch(3, 0, 1).ids, whole.ids)


def test_a_corpus_without_passages_is_refused(codec: Codec) -> None:
    with pytest.raises(LimitError, match="0 passages"):
        passages(np.array(codec.encode("una frase que no termina nunca " * 40), dtype=np.uint16), codec)


@pytest.mark.parametrize("share", [0.25, 0.85, 1.0])
def test_plain_text_and_passages_come_in_their_shares_and_none_twice(tokens: Any, codec: Codec, share: float) -> None:
    windows = Windows(tokens, tokens[:400], positions=64, batch_size=4, seed=7, held_out_tokens=100)
    listened = passages(tokens, codec)
    data = Mixed(windows, listened, share)
    steps = [data.training_batch(step, 0, 1) for step in range(40)]
    asked = [one for one in steps if one.asked is not None]
    assert len(asked) == 40 * share
    for number, batch in enumerate(asked):
        assert batch.ids.equal(listened.training_batch(number, 0, 1).ids)
    plain = [one for one in steps if one.asked is None]
    for number, batch in enumerate(plain):
        assert batch.ids.equal(windows.training_batch(number, 0, 1).ids)
    assert sum(one.scored for one in data.held_out_batches(0, 1)) == sum(one.scored for one in windows.held_out_batches(0, 1))


def test_contexts_are_made_of_the_passages_words_and_most_have_something() -> None:
    text = " ".join(SENTENCES)
    found = [made_up_context(text, np.random.default_rng(seed)) for seed in range(300)]
    assert 0.05 < sum(not context for context, _ in found) / 300 < 0.25
    assert any(item.startswith("@") for context, _ in found for item in context.get("entidades", ()))
    for context, said in found:
        assert list(context) == [name for name in ("entidades", "hashtags", "frases") if name in context]
        assert all(item.startswith("#") for item in context.get("hashtags", ()))
        assert all(says(said, item) for items in context.values() for item in items)


def test_a_network_too_short_for_a_passage_is_refused(tokens: Any, codec: Codec) -> None:
    with pytest.raises(LimitError, match="positions is 24; a share of passages takes more than 25"):
        passages(tokens, codec, length=24)
