"""The control format: what is written is read back, nothing typed becomes a marker, and what is too long gives way in order."""

import json
from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.model import codec_for
from politico.control.format import MAX_ITEMS, Codec, Field, Schema, _place, readable
from politico.control.political import SCHEMA, VERSION_1, known_schema
from politico.control.rows import context_of_row
from politico.errors import InputError, LimitError, SchemaError, UnknownFieldError, UnknownValueError
from tests.support.models import MICRO_SCHEMA, SPARE_TOKEN, micro_tokenizer

Context = dict[str, tuple[str, ...]]

TOKENIZER = micro_tokenizer(SCHEMA)
CODEC = codec_for(TOKENIZER, SCHEMA)
CONTROL_IDS = {CODEC.ids[word] for word in (*SCHEMA.markers, SCHEMA.end)} | {TOKENIZER.token_to_id(SPARE_TOKEN)}
LONG = 100_000

TYPED = (
    *SCHEMA.markers,
    SCHEMA.end,
    SPARE_TOKEN,
    "[TWEET",
    "TWEET]",
    "<|",
    "👩‍👩‍👧",
    "é",
    "e\u0301",
    "\u200d",
    "\ufeff",
    "ñ",
    ", ",
    " ",
    "\n",
)
"""Pieces that a person with bad intentions, or an old keyboard, may type."""

texts = st.text(max_size=40) | st.lists(st.sampled_from(TYPED) | st.text(max_size=4), max_size=8).map("".join)
single = texts.map(lambda text: text[:200])
items = st.lists(texts, max_size=5)
rows = st.fixed_dictionaries({}, optional={one.name: items if one.many else single for one in SCHEMA.fields})
contexts = rows.map(SCHEMA.context)

WHOLE: Context = {
    "coalicion": ("Norte Unido",),
    "partido": ("PVA",),
    "sentimiento": ("POSITIVE",),
    "entidades": ("la salud", "Chile"),
    "hashtags": ("#Hoy", "#Ley"),
    "frases": ("el proyecto", "la región", "más trabajo"),
}
TEXT = "Hoy presentamos el nuevo proyecto de ley"


def bare(text: str) -> int:
    """Tokens of the shortest sample of this text: marker, text, end."""
    return len(CODEC.sample({}, text, LONG).ids)


def markers_in(ids: tuple[int, ...]) -> list[int]:
    return [number for number in ids if number in CONTROL_IDS]


def shrinking(context: Context) -> Iterator[Context]:
    """The context, and what is left of it as it gives way: lists from their ends, then single fields."""
    left = dict(context)
    yield dict(left)
    for name in ("frases", "entidades", "hashtags", "sentimiento", "partido", "coalicion"):
        while name in left:
            left[name] = left[name][:-1]
            if not left[name]:
                del left[name]
            yield dict(left)


# What is written is read back


@given(context=contexts, text=texts)
def test_a_sample_gives_back_the_checked_context_and_the_text_to_the_letter(context: Context, text: str) -> None:
    sample = CODEC.sample(context, text, LONG)
    assert CODEC.parse(sample.ids) == (context, text)


@given(given_fields=rows)
def test_a_checked_context_is_folded_without_commas_in_items_and_stays_as_it_is_when_checked_again(
    given_fields: dict[str, Any],
) -> None:
    context = SCHEMA.context(given_fields)
    assert SCHEMA.context(context) == context
    for name, values in context.items():
        assert len(set(values)) == len(values) > 0
        for value in values:
            assert value == " ".join(value.split()) != ""
            assert "," not in value or not SCHEMA.field(name).many


def test_values_are_folded_repeats_and_empty_ones_fall_away_and_commas_separate_items() -> None:
    given_fields = {"frases": [" la  ley,\nhoy ", "la ley hoy", "", " , "], "partido": " Partido,\tuno ", "entidades": "Chile"}
    assert SCHEMA.context(given_fields) == {"partido": ("Partido, uno",), "entidades": ("Chile",), "frases": ("la ley hoy",)}


def test_a_field_without_a_value_is_no_field() -> None:
    assert SCHEMA.context({"partido": None, "coalicion": " ", "frases": [], "hashtags": [" "], "entidades": ""}) == {}


@given(context=contexts, text=texts, order=st.permutations(SCHEMA.names))
def test_fields_stand_in_the_schemas_order_whatever_order_they_come_in(context: Context, text: str, order: list[str]) -> None:
    shuffled = {name: context[name] for name in order if name in context}
    assert list(SCHEMA.context(shuffled)) == [name for name in SCHEMA.names if name in context]
    assert CODEC.sample(shuffled, text, LONG) == CODEC.sample(context, text, LONG)


def test_a_sample_reads_as_the_format_says() -> None:
    ids = CODEC.sample(WHOLE, "Hola a todos", LONG).ids
    assert TOKENIZER.decode(ids, skip_special_tokens=False) == (
        "[COALICION] Norte Unido[PARTIDO] PVA[SENTIMIENTO] POSITIVE[ENTIDADES] la salud, Chile[HASHTAGS] #Hoy, #Ley"
        "[FRASES] el proyecto, la región, más trabajo[TWEET] Hola a todos<|endoftext|>"
    )


def test_a_context_reads_well_in_the_formats_order() -> None:
    assert readable(SCHEMA, {"entidades": ("Chile", "Perú"), "partido": ("PVA",)}) == "partido=PVA entidades=Chile, Perú"


# Nothing typed becomes a marker


@given(context=contexts, text=texts)
def test_no_value_and_no_text_ever_becomes_a_marker(context: Context, text: str) -> None:
    expected = [CODEC.ids[SCHEMA.field(name).marker] for name in context]
    sample = CODEC.sample(context, text, LONG)
    assert markers_in(sample.ids) == [*expected, CODEC.ids[SCHEMA.text_marker], CODEC.ids[SCHEMA.end]]
    prompt = CODEC.prompt(context, text, LONG)
    assert markers_in(prompt) == [*expected, CODEC.ids[SCHEMA.text_marker]]


@pytest.mark.parametrize("typed", TYPED)
def test_a_marker_typed_in_every_field_and_in_the_text_stays_text(typed: str) -> None:
    context = SCHEMA.context({one.name: [typed, f"a {typed} b"] if one.many else typed for one in SCHEMA.fields})
    ids = CODEC.sample(context, typed * 3, LONG).ids
    assert len(markers_in(ids)) == len(context) + 2
    assert CODEC.parse(ids) == (context, typed * 3)


# What is scored


@given(context=contexts, text=texts)
def test_the_loss_begins_with_the_first_token_of_the_text(context: Context, text: str) -> None:
    sample = CODEC.sample(context, text, LONG)
    assert sample.ids[sample.loss_from - 1] == CODEC.ids[SCHEMA.text_marker]
    assert CODEC.decode(sample.ids[sample.loss_from : -1]) == " " + text


@given(context=contexts, text=texts.filter(bool))
def test_a_prompt_is_the_sample_without_its_end(context: Context, text: str) -> None:
    sample = CODEC.sample(context, text, LONG)
    assert CODEC.prompt(context, text, LONG) == sample.ids[:-1]
    assert CODEC.prompt(context, "", LONG) == sample.ids[: sample.loss_from]


# Too long


@settings(max_examples=150)
@given(data=st.data(), context=contexts, text=texts)
def test_what_is_too_long_gives_way_in_order_and_the_text_stays_whole(data: st.DataObject, context: Context, text: str) -> None:
    least, most = bare(text), len(CODEC.sample(context, text, LONG).ids)
    length = data.draw(st.integers(least, most))
    sample = CODEC.sample(context, text, length)
    assert len(sample.ids) <= length
    kept, read = CODEC.parse(sample.ids)
    assert read == text
    assert sample.ids[-1] == CODEC.ids[SCHEMA.end]
    assert sample.ids[sample.loss_from - 1] == CODEC.ids[SCHEMA.text_marker]
    # The first of the ever shorter contexts that fits, and so no word less than needed.
    assert kept == next(left for left in shrinking(context) if len(CODEC.sample(left, text, LONG).ids) <= length)
    assert markers_in(sample.ids)[:-2] == [CODEC.ids[SCHEMA.field(name).marker] for name in kept]


def test_frases_go_first_from_their_end_then_entidades_then_hashtags_then_single_fields() -> None:
    most = len(CODEC.sample(WHOLE, TEXT, LONG).ids)
    seen = [CODEC.parse(CODEC.sample(WHOLE, TEXT, length).ids)[0] for length in range(most, bare(TEXT) - 1, -1)]
    assert [one for index, one in enumerate(seen) if index == 0 or seen[index - 1] != one] == list(shrinking(WHOLE))
    assert seen[0] == WHOLE
    assert seen[-1] == {}
    assert {**WHOLE, "frases": ("el proyecto",)} in seen
    assert {name: WHOLE[name] for name in ("coalicion", "partido", "sentimiento", "hashtags")} in seen


@given(context=contexts, text=texts)
def test_a_tweet_that_does_not_fit_even_bare_is_a_limit_error(context: Context, text: str) -> None:
    with pytest.raises(LimitError, match=f"takes {bare(text)} tokens with its marker and end; at most {bare(text) - 1}"):
        CODEC.sample(context, text, bare(text) - 1)
    assert CODEC.parse(CODEC.sample(context, text, bare(text)).ids)[1] == text


def test_a_prompt_gives_way_likewise_and_keeps_its_beginning() -> None:
    least = len(CODEC.prompt({}, TEXT, LONG))
    assert CODEC.prompt(WHOLE, TEXT, least) == CODEC.prompt({}, TEXT, LONG)
    with pytest.raises(LimitError, match=f"the prompt takes {least} tokens with its marker; at most {least - 1}"):
        CODEC.prompt(WHOLE, TEXT, least - 1)
    with pytest.raises(LimitError):
        CODEC.prompt({}, "", 0)


# What is refused


@pytest.mark.parametrize(
    ("given_fields", "error", "message"),
    [
        ({"party": "PVA"}, UnknownFieldError, "unknown field 'party'; the model knows coalicion, partido"),
        ({3: "PVA"}, UnknownFieldError, "unknown field 3"),
        ({"partido": "XYZ"}, UnknownValueError, "unknown partido 'XYZ'; the model knows PVA, UDI"),
        ({"sentimiento": "positive"}, UnknownValueError, "unknown sentimiento 'positive'"),
        ({"partido": ["PVA", "UDI"]}, LimitError, "partido has 2 values; at most 1"),
        ({"frases": [str(n) for n in range(MAX_ITEMS + 1)]}, LimitError, "frases has 21 values; at most 20"),
        ({"hashtags": ["a" * 201]}, LimitError, "hashtags has a value of 201 characters; at most 200"),
        ({"frases": {"a": 1}}, LimitError, "it takes a list of texts"),
        ({"frases": b"a"}, LimitError, "it takes a list of texts"),
        ({"partido": 3}, LimitError, "partido is 3; it takes one text"),
        ({"entidades": ["\ud800"]}, LimitError, "without half surrogate pairs"),
    ],
)
def test_what_the_schema_does_not_allow_is_an_error_that_names_it(
    given_fields: Any, error: type[InputError], message: str
) -> None:
    with pytest.raises(error) as raised:
        MICRO_SCHEMA.context(given_fields)
    assert message in str(raised.value)


def test_twenty_items_of_two_hundred_characters_are_allowed() -> None:
    longest = [f"{n:02}".ljust(200, "a") for n in range(MAX_ITEMS)]
    assert SCHEMA.context({"frases": [*longest, longest[0]]}) == {"frases": tuple(longest)}


def test_a_closed_field_takes_any_value_until_a_model_is_trained() -> None:
    assert SCHEMA.context({"partido": "XYZ"}) == {"partido": ("XYZ",)}


MARKERS = CODEC.ids


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "holds [TWEET] once; this one 0 times"),
        ([MARKERS["[TWEET]"], MARKERS["[TWEET]"]], "2 times"),
        ([*CODEC.encode(" hola"), MARKERS["[TWEET]"]], "begins with a marker"),
        (
            [MARKERS["[FRASES]"], *CODEC.encode(" a"), MARKERS["[PARTIDO]"], *CODEC.encode(" b"), MARKERS["[TWEET]"]],
            "out of order",
        ),
        ([MARKERS["[PARTIDO]"], *CODEC.encode(" a"), MARKERS["[PARTIDO]"], *CODEC.encode(" b"), MARKERS["[TWEET]"]], "repeated"),
    ],
)
def test_ids_that_are_no_sample_are_a_schema_error(ids: list[int], message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        CODEC.parse(ids)
    assert message in str(raised.value)


def test_a_tokenizer_without_a_marker_is_a_schema_error() -> None:
    ids = {word: number for word, number in CODEC.ids.items() if word != "[FRASES]"}
    with pytest.raises(SchemaError, match=r"lacks the control tokens \[FRASES\]"):
        Codec(SCHEMA, CODEC.encode, CODEC.decode, ids)


# The schema as a file


@given(
    values=st.fixed_dictionaries(
        {}, optional={name: st.lists(texts, max_size=4) for name in ("coalicion", "partido", "sentimiento")}
    )
)
def test_a_schema_survives_its_file(values: dict[str, list[str]]) -> None:
    schema = SCHEMA.with_values(values)
    assert Schema.from_json(schema.to_json()) == schema
    assert Schema.from_json(schema.to_json().encode()) == schema
    assert known_schema(schema) == SCHEMA


@pytest.mark.parametrize(
    "other",
    [
        replace(SCHEMA, version=1),
        replace(SCHEMA, version=3),
        replace(VERSION_1, version=2),
        replace(SCHEMA, name="contracts", fields=tuple(replace(one, source="") for one in SCHEMA.fields)),
        replace(SCHEMA, end="</s>"),
        replace(SCHEMA, text_marker="[TEXTO]"),
        replace(SCHEMA, fields=SCHEMA.fields[::-1]),
        replace(SCHEMA, fields=(replace(SCHEMA.fields[0], marker="[BLOQUE]"), *SCHEMA.fields[1:])),
        replace(SCHEMA, drop_order=("entidades", "frases", "hashtags")),
    ],
    ids=[
        "not version 1",
        "version to come",
        "not version 2",
        "name, and fields that do not say where they come from",
        "end",
        "text marker",
        "order of fields",
        "marker",
        "drop order",
    ],
)
def test_a_model_of_another_format_is_an_error(other: Schema) -> None:
    with pytest.raises(SchemaError, match="the model was trained with control schema"):
        known_schema(other)


def test_a_torn_schema_file_is_a_schema_error_wherever_it_is_torn() -> None:
    whole = MICRO_SCHEMA.to_json()
    for end in range(len(whole)):
        with pytest.raises(SchemaError, match="no control schema"):
            Schema.from_json(whole[:end])


def _with(**changes: Any) -> str:
    return json.dumps({**json.loads(SCHEMA.to_json()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        "7",
        b"\xff\xfe",
        _with(fields=[{"nombre": "partido"}]),
        _with(fields=None),
        _with(values=[]),
        _with(drop_order=["party"]),  # was an UnknownFieldError that blamed the request
        _with(drop_order=["partido"]),
        _with(values={"frases": ["a"]}),
        _with(values={"party": ["a"]}),
        _with(end="[TWEET]"),
        _with(text_marker="[PARTIDO]"),
    ],
)
def test_a_file_that_is_no_schema_is_a_schema_error(text: str | bytes) -> None:
    with pytest.raises(SchemaError):
        Schema.from_json(text)


def test_a_schema_repeats_no_field() -> None:
    with pytest.raises(SchemaError, match="repeats a field"):
        replace(SCHEMA, fields=(*SCHEMA.fields, Field("partido", "[OTRO]")))


# The political schema


def test_a_dataset_row_fills_the_context_and_entities_without_a_name_are_left_out() -> None:
    row = {
        "coalition": "Norte Unido",
        "party": "PVA",
        "sentiment": "POSITIVE",
        "entities": [{"text": "Chile", "type": "LOCATION"}, {"text": "123", "type": "OTHER"}, {"text": "Chile", "type": "EVENT"}],
        "hashtags": ["Ley"],
        "text": "La, ley de @chile y de Chile. #Ley",
        "key_phrases": [{"text": "la, ley"}, {"text": "a" * 201}],
    }
    assert context_of_row(row, SCHEMA) == {
        "coalicion": ("Norte Unido",),
        "partido": ("PVA",),
        "sentimiento": ("POSITIVE",),
        "entidades": ("Chile",),
        "hashtags": ("#Ley",),
        "frases": ("la ley",),
    }


@given(phrases=st.lists(st.text(max_size=250), max_size=40))
def test_however_much_a_row_holds_its_context_is_within_the_limits(phrases: list[str]) -> None:
    listed = [{"text": text, "type": "EVENT"} for text in phrases]
    row = {
        "coalition": "a",
        "party": "b",
        "sentiment": "MIXED",
        "entities": listed,
        "hashtags": phrases,
        "key_phrases": listed,
        "text": " @".join(phrases),
    }
    context = context_of_row(row, SCHEMA)
    assert SCHEMA.context(context) == context


def test_what_is_asked_is_spelled_as_in_the_text() -> None:
    row = {
        "coalition": "Norte Unido",
        "party": "PVA",
        "sentiment": "POSITIVE",
        "entities": [{"text": text, "type": "PERSON"} for text in ("ana", "Bruno", "carla")],
        "hashtags": ["Ley"],
        "text": "Con @ana y Bruno, también @carla: dice carla que #LaLey no. #Ley",
        "key_phrases": [{"text": "LaLey"}, {"text": "dice carla"}],
    }
    context = context_of_row(row, SCHEMA)
    assert context["entidades"] == ("@ana", "Bruno", "carla")
    assert context["hashtags"] == ("#Ley",)
    assert context["frases"] == ("#LaLey", "dice carla")
    old = context_of_row(row, VERSION_1)
    assert (old["entidades"], old["hashtags"], old["frases"]) == (("ana", "Bruno", "carla"), ("Ley",), ("LaLey", "dice carla"))


def test_a_hashtag_may_be_given_with_its_sign_or_without() -> None:
    assert SCHEMA.context({"hashtags": ["Ley", "#Ley", " # Salud ", "##Uno", "#", ""]}) == {
        "hashtags": ("#Ley", "#Salud", "#Uno")
    }
    assert SCHEMA.context({"hashtags": ["a" * 200]}) == {"hashtags": ("#" + "a" * 200,)}


def test_a_model_of_version_1_is_still_known() -> None:
    body = json.loads(VERSION_1.with_values({"partido": ["PVA"]}).to_json())
    for one in body["fields"]:
        del one["sign"]  # as it was written then
    assert known_schema(Schema.from_json(json.dumps(body))) == VERSION_1


@given(context=contexts, text=texts)
def test_asked_tokens_stand_in_the_tweet_and_what_is_said_has_some(context: Context, text: str) -> None:
    sample = CODEC.sample(context, text, LONG)
    assert all(sample.loss_from <= at < len(sample.ids) - 1 for at in sample.asked)
    said = CODEC.sample(WHOLE, f"la salud {text}", LONG)
    assert set(range(said.loss_from, said.loss_from + len(CODEC.encode(" la salud")))) <= set(said.asked)


def test_asked_tokens_are_those_of_the_lists_items_that_stand_in_the_prefix() -> None:
    text = "la salud y la salud de Chile con #Ley"
    sample = CODEC.sample(WHOLE, text, LONG)
    body = sample.ids[sample.loss_from :]
    expected: list[int] = []
    for item, start in (("la salud", 0), ("Chile", None), ("#Ley", None)):
        piece = CODEC.encode(" " + item)
        first = start if start is not None else next(n for n in range(len(body)) if list(body[n : n + len(piece)]) == list(piece))
        expected += range(sample.loss_from + first, sample.loss_from + first + len(piece))
    assert sorted(sample.asked) == sorted(expected)
    assert CODEC.sample({}, text, LONG).asked == ()
    assert CODEC.sample(WHOLE, text, len(CODEC.sample({}, text, LONG).ids)).asked == ()


def test_ids_are_found_among_ids_and_not_across_their_borders() -> None:
    assert _place(array("I", [65536, 0, 1]).tobytes(), array("I", [1]).tobytes()) == 2
    assert _place(array("I", [65536, 0]).tobytes(), array("I", [1]).tobytes()) is None


@given(
    st.lists(st.sampled_from([0, 1, 256, 65536]), max_size=12),
    st.lists(st.sampled_from([0, 1, 256, 65536]), min_size=1, max_size=3),
)
def test_the_first_place_is_the_one_that_a_plain_search_finds(whole: list[int], part: list[int]) -> None:
    starts = [at for at in range(len(whole) - len(part) + 1) if whole[at : at + len(part)] == part]
    assert _place(array("I", whole).tobytes(), array("I", part).tobytes()) == (starts[0] if starts else None)
