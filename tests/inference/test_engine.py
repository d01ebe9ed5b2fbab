"""The engine: what it writes, what it never writes, and that it is transformers' own generation underneath."""

import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.engine import Engine
from inference.model import Model, load_model
from inference.rules.characters import Characters, WholeCharacters
from politico.control.presets import PRESETS
from politico.control.request import Parameters, Request, parameters_to_json, parse_parameters
from politico.errors import FileFormatError, InputError, LimitError, ServiceError
from tests.support.models import MICRO_SCHEMA, SPARE_TOKEN, counting_calls, listening, micro_model, wanting

CONTEXT = {"partido": ("UDI",), "sentimiento": ("POSITIVE",), "frases": ("la salud", "el barrio")}
GREEDY = Parameters(do_sample=False, max_new_tokens=12, insistence=0.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.set_num_threads(1)  # a micro model only loses when cores share its sums
    return load_model(micro_model(tmp_path_factory.mktemp("engine") / "micro", layers=2))


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return Engine(model)


def asked(prompt: str = "", context: Any = None, **parameters: Any) -> Request:
    return Request(
        CONTEXT if context is None else context, prompt, Parameters(**{"max_new_tokens": 12, "insistence": 0.0, **parameters})
    )


def texts(engine: Engine, request: Request) -> list[str]:
    return [tweet.generated_text for tweet in engine.generate(request)]


@contextmanager
def dictating(model: Model, drafts: Sequence[str]) -> Iterator[None]:
    """The network wants these texts, byte by byte, one for each time it is asked; the last one from then on."""
    # The byte-level alphabet's first ids are single bytes: a spelling that no tokenizer would choose.
    spelled = [[i for letter in draft for i in model.codec.encode(letter)] for draft in drafts]
    place = {"draft": -1, "step": 0}

    def raise_logits(logits: torch.Tensor, begins: bool) -> None:
        if begins:
            place.update(draft=place["draft"] + 1, step=0)
        wished = spelled[min(place["draft"], len(spelled) - 1)]
        if place["step"] < len(wished):
            logits[:, wished[place["step"]]] += 1000
        place["step"] += 1

    with listening(model.network, raise_logits):
        yield


# What comes out


def test_a_seed_brings_the_same_tweets_back_and_another_seed_others(engine: Engine) -> None:
    first = texts(engine, asked(seed=7, num_return_sequences=3))
    assert len(set(first)) == 3
    assert texts(engine, asked(seed=8, num_return_sequences=3)) != first
    assert texts(engine, asked(seed=7, num_return_sequences=3)) == first


def test_without_a_seed_every_answer_is_new(engine: Engine) -> None:
    torch.manual_seed(1)
    first = texts(engine, asked())
    torch.manual_seed(1)
    assert texts(engine, asked()) != first


@pytest.mark.parametrize("seed", [None, 7])
def test_generating_leaves_the_process_s_randomness_as_it_was(engine: Engine, seed: int | None) -> None:
    before = torch.get_rng_state()
    engine.generate(asked(seed=seed))
    assert torch.equal(torch.get_rng_state(), before)


def test_requests_at_the_same_time_get_what_they_would_get_alone(engine: Engine) -> None:
    alone = {seed: texts(engine, asked(seed=seed)) for seed in range(6)}
    together: dict[int, list[str]] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: together.update({seed: texts(engine, asked(seed=seed))})) for seed in alone
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_the_text_begins_with_the_prompt_and_the_answer_names_the_model(engine: Engine) -> None:
    (tweet,) = engine.generate(asked("  Hoy presentamos ", seed=1))
    assert tweet.generated_text.startswith("Hoy presentamos")
    assert len(tweet.generated_text) > len("Hoy presentamos")
    assert tweet.model == "micro"


def test_the_context_steers_and_is_not_part_of_the_text(engine: Engine) -> None:
    steered, other = (texts(engine, asked(context={"partido": (party,)}, do_sample=False))[0] for party in ("PVA", "UDI"))
    assert steered != other
    assert "PVA" not in steered


def test_a_tweet_that_ends_by_itself_stops_and_one_that_is_cut_says_length(engine: Engine, model: Model) -> None:
    end = model.codec.ids[model.codec.schema.end]
    with wanting(model.network, {end: 1000}):
        (tweet,) = engine.generate(asked("Hoy"))
    assert (tweet.generated_text, tweet.finish_reason, tweet.tokens) == ("Hoy", "stop", 0)
    with wanting(model.network, {end: -1000}):
        (tweet,) = engine.generate(asked("Hoy"))
    assert (tweet.finish_reason, tweet.tokens) == ("length", 12)


def test_a_word_that_the_limit_cuts_in_two_is_left_out_and_one_that_was_asked_for_is_not(engine: Engine, model: Model) -> None:
    greedy: dict[str, Any] = {"do_sample": False, "insistence": 0.0}
    for phrase, found in (("la salud", "Hoy la"), ("la educación", "Hoy la educación")):
        wished = " Hoy la educación"
        with dictating(model, [wished]):
            length = sum(len(model.codec.encode(letter)) for letter in wished)
            (tweet,) = engine.generate(asked(context={"frases": (phrase,)}, max_new_tokens=length, **greedy))
        assert (tweet.generated_text, tweet.finish_reason) == (found, "length")


def test_what_a_model_opens_and_leaves_open_is_closed(engine: Engine, model: Model) -> None:
    written = " ¡Gracias (a todos."
    with dictating(model, [written]):
        length = sum(len(model.codec.encode(letter)) for letter in written)
        (tweet,) = engine.generate(asked("¿Hoy", do_sample=False, max_new_tokens=length))
    assert tweet.generated_text == "¿Hoy ¡Gracias (a todos)!?"


def test_a_character_that_the_limit_cuts_in_two_is_left_out(engine: Engine, model: Model) -> None:
    with dictating(model, ["a😀"]):
        (tweet,) = engine.generate(asked(do_sample=False, max_new_tokens=3))
    assert (tweet.generated_text, tweet.finish_reason, tweet.tokens) == ("a", "length", 3)


def test_min_new_tokens_is_kept_when_the_model_wants_to_end(engine: Engine, model: Model) -> None:
    with wanting(model.network, {model.codec.ids[model.codec.schema.end]: 1000}):
        (tweet,) = engine.generate(asked(min_new_tokens=5))
    assert tweet.finish_reason == "stop"
    assert 5 <= tweet.tokens <= 8, "a character that is begun is finished"


def test_beams_give_different_tweets_and_the_same_ones_again(engine: Engine) -> None:
    request = asked(do_sample=False, num_beams=4, num_return_sequences=3)
    assert len(set(texts(engine, request))) == 3, "also where they differ in a last word alone"
    assert texts(engine, request) == texts(engine, request)


def test_beams_can_be_sampled(engine: Engine) -> None:
    request = asked(num_beams=3, num_return_sequences=2, seed=3)
    assert len(texts(engine, request)) == 2
    assert texts(engine, request) == texts(engine, request)


def test_a_length_penalty_above_zero_favours_longer_beams(engine: Engine, model: Model) -> None:
    with wanting(model.network, {model.codec.ids[model.codec.schema.end]: 8}):
        short, long = (
            engine.generate(asked(do_sample=False, num_beams=4, length_penalty=penalty))[0].tokens for penalty in (-5.0, 5.0)
        )
    assert short < long


# What never comes out


def test_control_tokens_and_unused_ids_are_never_written_even_when_the_model_wants_them(engine: Engine, model: Model) -> None:
    markers = MICRO_SCHEMA.markers
    unwanted = {*(model.codec.ids[marker] for marker in markers), *model.unused}
    assert len(unwanted) == len(markers) + 4  # the spare token and three spare rows
    for do_sample in (True, False):
        for number in unwanted:
            with wanting(model.network, {number: 1000}):
                (tweet,) = engine.generate(asked(do_sample=do_sample, max_new_tokens=4, min_new_tokens=4, seed=1))
            assert tweet.tokens == 4
            assert not [word for word in (*markers, SPARE_TOKEN) if word in tweet.generated_text]
            assert tweet.generated_text  # the spare rows have no text: four of them would leave nothing


def test_a_marker_typed_in_the_prompt_or_a_value_stays_text(engine: Engine, model: Model) -> None:
    marker, end = model.codec.schema.text_marker, model.codec.schema.end
    request = asked(f"{marker} hola {end}", context={"frases": (f"{marker} {end}",)}, seed=1)
    (tweet,) = engine.generate(request)
    assert tweet.generated_text.startswith(f"{marker} hola {end}")
    ids = model.codec.prompt(request.context, request.prompt, 100)
    assert ids.count(model.codec.ids[marker]) == 1
    assert model.codec.ids[end] not in ids


@pytest.mark.parametrize("spelling", [" trabajo", " Trabajo", " TRABAJO", "trabajo"])
def test_a_bad_word_the_model_wants_does_not_appear(engine: Engine, model: Model, spelling: str) -> None:
    wishes = {number: 1000.0 + 10 * place for place, number in enumerate(model.codec.encode(spelling))}
    with wanting(model.network, wishes):
        (tweet,) = engine.generate(asked(bad_words=("trabajo",), do_sample=False))
    assert "trabajo" not in tweet.generated_text.lower().split()


def test_a_bad_word_in_an_unforeseen_spelling_is_drawn_again(engine: Engine, model: Model) -> None:
    request = asked(bad_words=("gobierno",), do_sample=False, max_new_tokens=16)
    with dictating(model, [" el gobierno no"]):
        assert "gobierno" in texts(engine, asked(do_sample=False, max_new_tokens=16))[0]
    with dictating(model, [" el gobierno no"]):
        (text,) = texts(engine, request)
    assert "gobierno" not in text
    assert text.startswith("el gobiern")  # only the last letter had to give way


@pytest.mark.parametrize("text", ["#barrio", "¡barrio!", "el\nbarrio"])
def test_a_bad_word_after_something_else_than_a_blank_is_drawn_again(engine: Engine, model: Model, text: str) -> None:
    with dictating(model, [" " + text]):
        (tweet,) = engine.generate(asked(context={}, bad_words=("barrio",), do_sample=False, max_new_tokens=14))
    assert "barrio" not in re.findall(r"\w+", tweet.generated_text)


def test_drawing_a_bad_word_again_does_not_spoil_words_that_end_with_it(engine: Engine, model: Model) -> None:
    with dictating(model, [" #papa sí", " superpapa"]):
        assert texts(engine, asked(bad_words=("papa",), do_sample=False, max_new_tokens=10)) == ["superpapa"]


def test_only_the_tweets_with_a_bad_word_are_drawn_again(engine: Engine, model: Model) -> None:
    plain = texts(engine, asked(seed=5, num_return_sequences=4, max_new_tokens=12))
    word = next(piece for text in plain for piece in text.split() if piece.isalpha())
    again = texts(engine, asked(seed=5, num_return_sequences=4, max_new_tokens=12, bad_words=(word,)))
    assert [old for old, new in zip(plain, again, strict=True) if old == new] == [one for one in plain if word not in one.split()]
    assert not [text for text in again if word in text.split()]


def test_a_bad_word_is_a_whole_word_and_its_accents_count(engine: Engine, model: Model) -> None:
    for text in ("superpapa", "papá", "papa\N{COMBINING ACUTE ACCENT}"):  # a potato, a dad
        with dictating(model, [" " + text]):
            (tweet,) = engine.generate(asked(bad_words=("papa",), do_sample=False, max_new_tokens=len(text.encode()) + 1))
        assert tweet.generated_text == text


def test_bad_words_that_can_not_be_kept_out_are_an_error(engine: Engine, model: Model) -> None:
    with (
        dictating(model, [" zXzxz", " zxZxz", " ZxzXz", " zXzXz"]),
        pytest.raises(ServiceError, match="bad_words"),
    ):
        engine.generate(asked(bad_words=("zxzxz",), do_sample=False, max_new_tokens=6))


def test_a_bad_word_in_the_prompt_is_refused_before_the_model_runs(engine: Engine, model: Model) -> None:
    with counting_calls(model.network) as calls, pytest.raises(LimitError, match="bad_words has 'barrio'"):
        engine.generate(asked("Viva el Barrio nuevo", bad_words=("barrio",)))
    assert calls == []


# Rules against repetition


def test_a_word_of_the_context_is_not_taken_for_a_repetition(engine: Engine, model: Model) -> None:
    (word,) = model.codec.encode(" la")
    request = asked(context={"frases": ("la",)}, do_sample=False, no_repeat_ngram_size=1)
    with wanting(model.network, {word: 1000}):
        assert texts(engine, request)[0].split().count("la") == 1


def test_the_repetition_penalty_counts_the_tweet_alone(engine: Engine, model: Model) -> None:
    (word,) = model.codec.encode(" la")
    context = {"frases": ("la",)}
    start = torch.tensor([model.codec.prompt(context, "", 100)])
    with torch.no_grad():
        logits = model.network(start).logits[0, -1]
    others = logits.clone()
    others[[word, *model.unused, *model.codec.ids.values()]] = -1e9
    wish = float(others.max() - logits[word]) + 1  # the likeliest by a little: any penalty would take it down
    with wanting(model.network, {word: wish}):
        (text,) = texts(engine, asked(context=context, do_sample=False, repetition_penalty=5.0, max_new_tokens=1))
    assert text == "la"


def test_no_repeated_ngrams_in_a_tweet(engine: Engine, model: Model) -> None:
    wishes = {model.codec.encode(" la")[0]: 1000.0, model.codec.encode(" el")[0]: 999.0}
    with wanting(model.network, wishes):
        words = texts(engine, asked(do_sample=False, no_repeat_ngram_size=2))[0].split()
    pairs = list(pairwise(words))
    assert words[:2] == ["la", "la"]
    assert len(set(pairs)) == len(pairs)


# Guidance


def guided_reference(model: Model, request: Request) -> list[int]:
    """Classifier-free guidance written out: no cache, no batch, one token at a time (Sanchez et al. 2023, eq. 7)."""
    conditional = list(model.codec.prompt(request.context, request.prompt, 100))
    unconditional = list(model.codec.prompt({}, request.prompt, 100))
    never = [*(model.codec.ids[marker] for marker in model.codec.schema.markers), *model.unused]
    whole = WholeCharacters(Characters(model.spelled, model.codec.ids[model.codec.schema.end]))
    new: list[int] = []
    for _ in range(request.parameters.max_new_tokens):
        with torch.no_grad():
            steered, free = (
                model.network(torch.tensor([start + new])).logits[0, -1].log_softmax(-1) for start in (conditional, unconditional)
            )
        scores = free + request.parameters.guidance_scale * (steered - free)
        scores[never] = -torch.inf
        scores = whole(torch.tensor([new], dtype=torch.int64), scores[None])[0]
        new.append(int(scores.argmax()))
    return new


def ids_of(engine: Engine, request: Request) -> list[list[int]]:
    """What the model writes, before anything is left out of it."""
    start = engine._start(request)
    drawn = engine._drawn([start] * request.parameters.num_return_sequences, request.parameters)
    return [list(one.ids) for some in drawn for one in some]


@pytest.mark.parametrize("scale", [1.5, 3.0, 10.0])
@pytest.mark.parametrize("prompt", ["", "Hoy la"])
def test_guidance_is_the_plain_formula(engine: Engine, model: Model, scale: float, prompt: str) -> None:
    end = model.codec.ids[model.codec.schema.end]
    request = asked(prompt, do_sample=False, guidance_scale=scale, max_new_tokens=8)
    with wanting(model.network, {end: -1000}):
        assert ids_of(engine, request) == [guided_reference(model, request)]
        assert ids_of(engine, request) != ids_of(engine, asked(prompt, do_sample=False, max_new_tokens=8))
        # Several sequences at once: top_k=1 leaves one choice, so each must be the greedy one.
        rows = ids_of(engine, asked(prompt, top_k=1, guidance_scale=scale, max_new_tokens=8, num_return_sequences=3))
        assert rows == ids_of(engine, request) * 3


# Batches


def contexts() -> list[Request]:
    many = ("la salud", "el barrio", "la educación pública", "seguridad y trabajo")
    return [
        Request({"partido": (party,), "frases": many[:count]} if count else {}, prompt, GREEDY)
        for party in ("UDI", "PVA")
        for count in (0, 2, 4)
        for prompt in ("", "Gracias a los vecinos")
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        GREEDY,
        replace(GREEDY, guidance_scale=2.5),
        replace(GREEDY, repetition_penalty=1.3, no_repeat_ngram_size=2),
        replace(GREEDY, num_beams=2),
        replace(GREEDY, insistence=1.0),
        replace(GREEDY, insistence=1.0, num_beams=2),
    ],
    ids=["greedy", "guidance", "repetition", "beams", "insistence", "insistence with beams"],
)
def test_a_batch_writes_what_its_requests_would_get_one_by_one(engine: Engine, parameters: Parameters) -> None:
    requests = [replace(request, parameters=parameters) for request in contexts()]
    assert engine.generate_batch(requests) == [engine.generate(request)[0] for request in requests]


def test_a_batch_runs_the_network_on_many_rows_at_once(engine: Engine, model: Model) -> None:
    with counting_calls(model.network) as calls:
        engine.generate_batch([asked(context={"partido": ("UDI",)}, max_new_tokens=3, min_new_tokens=3)] * 10)
    assert calls == [1, 10, 10], "what begins alike is read once, and all are written together"


def test_a_sampled_batch_comes_back_with_its_seed(engine: Engine) -> None:
    requests = [replace(request, parameters=Parameters(max_new_tokens=6, seed=3)) for request in contexts()]
    assert engine.generate_batch(requests) == engine.generate_batch(requests)


def test_a_batch_takes_one_set_of_parameters_and_one_tweet_each(engine: Engine) -> None:
    assert engine.generate_batch([]) == []
    with pytest.raises(LimitError, match="different parameters"):
        engine.generate_batch([asked(seed=1), asked(seed=2)])
    with pytest.raises(LimitError, match="num_return_sequences is 2"):
        engine.generate_batch([asked(num_return_sequences=2)])


# Limits


def test_a_context_too_long_for_the_model_is_cut_not_refused(engine: Engine, model: Model) -> None:
    phrases = tuple(f"{number} gracias a los vecinos y vecinas por su trabajo" for number in range(20))
    (tweet,) = engine.generate(asked("Hoy", context={"partido": ("UDI",), "frases": phrases}, max_new_tokens=100))
    assert tweet.generated_text.startswith("Hoy")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (asked(max_new_tokens=128), "max_new_tokens is 128; this model takes at most 127"),
        (asked("hola " * 100, max_new_tokens=100), r"the prompt takes \d+ tokens with its marker; at most 28"),
    ],
)
def test_what_leaves_no_room_is_refused_before_the_model_runs(
    engine: Engine, model: Model, request_: Request, message: str
) -> None:
    with counting_calls(model.network) as calls, pytest.raises(LimitError, match=message):
        engine.generate(request_)
    assert calls == []


# Model folders


def test_a_folder_that_lacks_weights_is_refused_instead_of_drawn_at_random(tmp_path: Path) -> None:
    folder = micro_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    del weights["transformer.ln_f.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(FileFormatError, match=r"lacks the weights .*ln_f\.weight"):
        load_model(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "control.json", "card.json", "config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]"], ids=["missing", "empty", "torn", "other"])
def test_a_folder_with_a_missing_or_torn_part_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = micro_model(tmp_path / "model") / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(InputError):
        load_model(path.parent)


def test_a_tokenizer_with_more_ids_than_the_network_has_rows_is_refused(tmp_path: Path) -> None:
    folder = micro_model(tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["zzzz"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(FileFormatError, match="id 5000"):
        load_model(folder)


# Lengths that count what stands before the text, and the thesis's own ways


def test_lengths_with_what_stands_before_are_those_of_the_text_behind_it(engine: Engine, model: Model) -> None:
    end = model.codec.ids[model.codec.schema.end]
    before = len(model.codec.prompt(CONTEXT, "Hoy", 100))
    with wanting(model.network, {end: 1000}):
        (tweet,) = engine.generate(asked("Hoy", min_length=before + 5, max_length=before + 20, seed=1))
    assert tweet.finish_reason == "stop"
    assert 5 <= tweet.tokens <= 20, "a character that is begun is finished"
    with wanting(model.network, {end: -1000}):
        (tweet,) = engine.generate(asked("Hoy", max_length=before + 20))
    assert (tweet.tokens, tweet.finish_reason) == (20, "length")
    assert tweet.parameters == parameters_to_json(asked(max_length=before + 20, seed=tweet.parameters["seed"]).parameters)
    (again,) = engine.generate(Request(CONTEXT, "Hoy", parse_parameters(tweet.parameters)))
    assert again.parameters == tweet.parameters, "what was asked for can be asked for again"
    with pytest.raises(LimitError, match="max_length is 129; this model takes at most 128"):
        engine.generate(asked(max_length=129))
    with pytest.raises(LimitError, match="at most"):
        engine.generate(asked("hola " * 30, max_length=30))
    with pytest.raises(LimitError, match="max_length is 1; behind what stands before the text at least 2"):
        engine.generate(asked(context={}, max_length=1))


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_thesiss_ways_write_what_they_are_asked_for(engine: Engine, name: str) -> None:
    given = parse_parameters({"preset": name, "num_return_sequences": 3, "max_new_tokens": 12, "seed": 5})
    tweets = engine.generate(Request(CONTEXT, "Hoy", given))
    assert len({tweet.generated_text for tweet in tweets}) == 3
    assert max(tweet.tokens for tweet in tweets) == 12
    assert [replace(one, parameters={}) for one in engine.generate(Request(CONTEXT, "Hoy", given))] == [
        replace(one, parameters={}) for one in tweets
    ]
