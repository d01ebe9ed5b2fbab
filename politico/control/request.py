"""A request for tweets and its limits: the endpoint's contract, and the very same check for whoever writes a request.

Names and meanings are those of transformers' GenerationConfig, but for `insistence`, `candidates`, `known_words`,
`max_characters`, `seed` and `bad_words`, which are ours.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from politico.control.format import Schema, check_text, composed, shown
from politico.control.presets import PRESETS
from politico.errors import LimitError, UnknownFieldError, UnknownValueError

MAX_PROMPT_CHARACTERS = 1000
MAX_DRAWS = 20
"""Tweets times candidates of one request."""
MAX_BAD_WORDS = 100
MAX_BAD_WORD_CHARACTERS = 60


MAX_LENGTH = 1024
"""Tokens; a model may take fewer."""
PRESET = "preset"
"""The parameter that names a whole set of others; what is given beside it goes before."""


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class Parameters:
    """How the tweets are drawn. Every number's limits stand beside it, both ends allowed."""

    num_return_sequences: int = _number(1, 1, 20)
    """How many tweets."""
    max_new_tokens: int = _number(80, 1, 256)
    """Longest tweet, in tokens."""
    max_characters: int = _number(280, 0, 25_000)
    """Longest tweet as X counts characters, cut back at a whole word; 0 for no limit. What was given as prompt stays."""
    min_new_tokens: int = _number(0, 0, 256)
    """Shortest tweet, in tokens."""
    max_length: int = _number(0, 0, MAX_LENGTH)
    """Longest tweet, in tokens with all that stands before it, in place of `max_new_tokens`; 0 for no such limit."""
    min_length: int = _number(0, 0, MAX_LENGTH)
    """Shortest tweet, counted likewise."""
    do_sample: bool = True
    """Draw at random; otherwise the likeliest words are taken."""
    temperature: float = _number(0.9, 0.05, 5.0)
    """Above 1 bolder, below 1 tamer."""
    top_k: int = _number(0, 0, 1000)
    """Draw among this many likeliest tokens; 0 for all."""
    top_p: float = _number(0.9, 0.01, 1.0)
    """Draw among the likeliest tokens that hold this share of the probability."""
    num_beams: int = _number(1, 1, 10)
    """Beam search over this many candidates."""
    no_repeat_ngram_size: int = _number(0, 0, 10)
    """No run of this many tokens twice; 0 for no rule."""
    repetition_penalty: float = _number(1.0, 0.5, 5.0)
    """Above 1 repeats less (Keskar et al. 2019)."""
    length_penalty: float = _number(1.0, -5.0, 5.0)
    """With beams: above 0 favours longer tweets."""
    guidance_scale: float = _number(1.0, 1.0, 10.0)
    """Above 1 holds closer to the context: classifier-free guidance from the empty context (Sanchez et al. 2023)."""
    insistence: float = _number(1.0, 0.0, 1.0)
    """How hard what is asked for is pushed until said: 0 is the model's own way, 1 what measures best (Pascual et al. 2021)."""
    candidates: int = _number(1, 1, 20)
    """Drafts for each tweet; the one is kept that says most of what is asked, ends by itself and is likeliest."""
    known_words: bool = True
    """Only words that the model has met or the request names, where the model carries a list of them, as small ones do."""
    seed: int | None = field(default=None, metadata={"low": 0, "high": 2**32 - 1})
    """The same seed and request give the same tweets on the same machine."""
    bad_words: tuple[str, ...] = ()
    """Words that must not appear."""

    def __post_init__(self) -> None:
        if not self.max_length and self.min_new_tokens > self.max_new_tokens:
            raise LimitError(f"min_new_tokens is {self.min_new_tokens}; at most max_new_tokens, {self.max_new_tokens}")
        if 0 < self.max_length < self.min_length:
            raise LimitError(f"min_length is {self.min_length}; at most max_length, {self.max_length}")
        if self.num_return_sequences > self.num_beams and (self.num_beams > 1 or not self.do_sample):
            raise LimitError(
                f"num_return_sequences is {self.num_return_sequences}; with beams or without do_sample "
                f"at most num_beams, {self.num_beams}"
            )
        if self.candidates > 1 and (self.num_beams > 1 or not self.do_sample):
            raise LimitError(f"candidates is {self.candidates}; with num_beams above 1 or without do_sample only 1 is allowed")
        if self.num_return_sequences * self.candidates > MAX_DRAWS:
            raise LimitError(
                f"num_return_sequences times candidates is {self.num_return_sequences * self.candidates}; at most {MAX_DRAWS}"
            )
        if self.num_beams > 1 and self.guidance_scale > 1:
            raise LimitError(f"guidance_scale is {self.guidance_scale}; with num_beams above 1 only 1.0 is allowed")


@dataclass(frozen=True)
class Request:
    """What was asked for, checked."""

    context: Mapping[str, tuple[str, ...]]
    """In the schema's shape; empty for casual generation."""
    prompt: str
    """How the tweet begins; may be empty."""
    parameters: Parameters


def parse_request(body: Any, schema: Schema) -> Request:
    """The request in a JSON body, or an InputError that names the field, the value and the limit."""
    if not isinstance(body, Mapping):
        raise LimitError(f'the body is {shown(body)}; it takes an object like {{"inputs": …, "parameters": {{…}}}}')
    _refuse_unknown(body, ("inputs", "parameters"), "the body")
    if "inputs" not in body:
        raise LimitError('the body has no "inputs"; give a text, or an object of control fields')
    inputs = {"prompt": body["inputs"]} if isinstance(body["inputs"], str) else body["inputs"]
    if not isinstance(inputs, Mapping):
        raise LimitError(f"inputs is {shown(inputs)}; it takes a text or an object of control fields")
    prompt = inputs.get("prompt", "")
    if not isinstance(prompt, str) or len(prompt) > MAX_PROMPT_CHARACTERS:
        raise LimitError(f"prompt is {shown(prompt)}; it takes a text of at most {MAX_PROMPT_CHARACTERS} characters")
    check_text("prompt", prompt)
    given = {name: value for name, value in inputs.items() if name != "prompt"}
    parameters = body.get("parameters")
    return Request(schema.context(given), composed(prompt), parse_parameters({} if parameters is None else parameters))


def parse_parameters(given: Any) -> Parameters:
    """Parameters from JSON. Raises UnknownFieldError or LimitError."""
    if not isinstance(given, Mapping):
        raise LimitError(f"parameters is {shown(given)}; it takes an object")
    known = {one.name: one for one in fields(Parameters)}
    _refuse_unknown(given, (*known, PRESET), "parameters")
    checked: dict[str, Any] = {}
    if PRESET in given:
        beside = {name: value for name, value in given.items() if name != PRESET}
        given = {**_preset(given[PRESET], beside), **beside}
    for name, value in given.items():
        default, limits = known[name].default, known[name].metadata
        if name == "bad_words":
            checked[name] = _bad_words(value)
        elif isinstance(default, bool):
            if not isinstance(value, bool):
                raise LimitError(f"{name} is {shown(value)}; it takes true or false")
            checked[name] = value
        elif value is None and default is None:
            checked[name] = None
        else:
            checked[name] = _within(name, value, whole=not isinstance(default, float), **limits)
    return Parameters(**checked)


def parameters_to_json(parameters: Parameters) -> dict[str, Any]:
    """The parameters as a request's JSON carries them."""
    return {**asdict(parameters), "bad_words": list(parameters.bad_words)}


def _preset(name: Any, beside: Mapping[str, Any]) -> Mapping[str, Any]:
    """The preset's settings, but for lengths that what is given beside it says in another way."""
    if not isinstance(name, str) or name not in PRESETS:
        raise UnknownValueError(f"{PRESET} is {shown(name)}; it takes {' or '.join(PRESETS)}")
    instead: dict[str, Collection[str]] = {
        "max_length": ("max_new_tokens", "min_new_tokens"),
        "min_length": ("max_new_tokens", "min_new_tokens", "max_length"),
    }
    return {one: value for one, value in PRESETS[name].items() if not beside.keys() & instead.get(one, ())}


def _within(name: str, value: Any, *, whole: bool, low: float, high: float) -> float:
    right_type = isinstance(value, int) if whole else isinstance(value, (int, float))
    if isinstance(value, bool) or not right_type or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise LimitError(f"{name} is {shown(value)}; it takes {kind} from {low} to {high}")
    return int(value) if whole else float(value)


def _bad_words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) and word.strip() for word in value):
        raise LimitError(f"bad_words is {shown(value)}; it takes a list of words")
    if len(value) > MAX_BAD_WORDS:
        raise LimitError(f"bad_words has {len(value)} words; at most {MAX_BAD_WORDS}")
    for word in value:
        check_text("bad_words", word)
        if len(word) > MAX_BAD_WORD_CHARACTERS:
            raise LimitError(f"bad_words has a word of {len(word)} characters; at most {MAX_BAD_WORD_CHARACTERS}")
    return tuple(map(composed, value))


def _refuse_unknown(given: Mapping[str, Any], known: Any, where: str) -> None:
    for name in given:
        if name not in known:
            raise UnknownFieldError(f"unknown field {shown(name)} in {where}; it knows {', '.join(known)}")
