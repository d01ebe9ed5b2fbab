"""Insistence: what is asked for gets said, in whole words, once, and the tweet ends by itself. Candidates: the best is kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from inference.engine import ENDED, FITTING, REPEATING, Engine
from inference.model import Model, load_model, save_model
from inference.rules.insistence import BONUS, Insistence, Item, Vocabulary
from politico.control.honoured import says
from politico.control.political import VERSION_1
from politico.control.request import Parameters, Request
from politico.control.words import repeated_share, words_of
from politico.errors import LimitError
from tests.support.models import micro_model, micro_network, micro_tokenizer, wanting

CONTEXT = {
    "partido": ("UDI",),
    "entidades": ("@vecina_1", "Chile"),
    "hashtags": ("#SaludYa",),
    "frases": ("la educación pública", "más seguridad"),
}
ITEMS = [(name, item) for name in ("entidades", "hashtags", "frases") for item in CONTEXT[name]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.set_num_threads(1)
    return load_model(micro_model(tmp_path_factory.mktemp("insistence") / "micro", layers=2, length=256))


@pytest.fixture(scope="module")
def engine(model: Model) -> Engine:
    return Engine(model)


def asked(context: Any = None, prompt: str = "", **parameters: Any) -> Request:
    given = {"max_new_tokens": 100, "temperature": 0.7, "seed": 3, **parameters}
    return Request(CONTEXT if context is None else context, prompt, Parameters(**given))


def shares(engine: Engine, **parameters: Any) -> list[float]:
    return [one.said for one in engine.generate(asked(num_return_sequences=5, **parameters))]


def test_a_model_that_knows_nothing_says_what_it_is_asked_when_insisted_on(engine: Engine) -> None:
    own, insisted = shares(engine, insistence=0.0), shares(engine, insistence=1.0)
    assert max(own) < 0.5
    assert sum(insisted) / len(insisted) > 0.9


def test_insistence_grows_with_its_number(engine: Engine) -> None:
    means = [sum(shares(engine, insistence=one)) for one in (0.0, 0.5, 1.0)]
    assert means[0] < means[2]
    assert means[0] <= means[1] <= means[2]


def test_the_answer_says_what_was_honoured(engine: Engine) -> None:
    for tweet in engine.generate(asked(num_return_sequences=4)):
        expected: dict[str, dict[str, bool]] = {}
        for name, item in ITEMS:
            expected.setdefault(name, {})[item] = says(tweet.generated_text, item)
        assert tweet.honoured == expected
    (casual,) = engine.generate(asked({}))
    assert casual.honoured == {}
    assert casual.said == 1.0


def test_what_did_not_fit_into_the_prompt_is_insisted_on_all_the_same(engine: Engine, model: Model) -> None:
    filling = tuple(f"{number} gracias a los vecinos y vecinas por su trabajo y su compromiso" for number in range(12))
    context = {"frases": (*filling, "la salud")}
    request = asked(context, max_new_tokens=200)
    start = model.codec.prompt(context, "", model.length - 200)
    assert "la salud" not in model.codec.decode(start)
    (tweet,) = engine.generate(request)
    assert set(tweet.honoured["frases"]) == set(context["frases"])
    assert tweet.honoured["frases"]["la salud"]
    assert not all(tweet.honoured["frases"].values())  # they can't all stand in 200 tokens, and it says so


def test_what_stands_in_the_beginning_counts_as_said(engine: Engine) -> None:
    (tweet,) = engine.generate(asked({"frases": ("la educación pública",)}, "Hoy la educación pública", max_new_tokens=8))
    assert tweet.honoured == {"frases": {"la educación pública": True}}
    assert words_of(tweet.generated_text).count("educacion") == 1


def test_a_model_of_version_1_is_asked_without_the_sign_and_says_it_with_it(tmp_path: Path) -> None:
    tokenizer = micro_tokenizer()
    save_model(tmp_path, micro_network(tokenizer, length=256), tokenizer, VERSION_1, {"name": "old"})
    (tweet,) = Engine(load_model(tmp_path)).generate(asked({"hashtags": ("SaludYa",)}))
    assert "#SaludYa" in tweet.generated_text
    assert tweet.honoured == {"hashtags": {"SaludYa": True}}


# The rules, one by one

PIECES = ["q", " la", " salud", "able", ".", " #", "Ley", " y", "!", ""]
END = 9
SALUD, LEY = Item("la salud", (1, 2)), Item("#Ley", (5, 6))
SAID = Item("y", (7,))
"""Stands in the rows of the tests about manners."""


def scores(
    row: Sequence[int], *items: Item, longest: int = 50, bonus: float = 10.0, likeliest: int | None = None
) -> torch.Tensor:
    """What is added to each token's score where the model finds this one likeliest."""
    rule = Insistence(
        [items], Vocabulary(PIECES, END), lambda ids: "".join(PIECES[one] for one in ids), bonus=bonus, written=0, longest=longest
    )
    before = torch.zeros(1, len(PIECES))
    if likeliest is not None:
        before[0, likeliest] = 1
    added: torch.Tensor = rule(torch.tensor([list(row)], dtype=torch.int64), before) - before
    return added[0]


def test_what_was_begun_and_left_may_be_begun_again_and_said() -> None:
    long = Item("la salud y #Ley", (1, 2, 7, 5, 6))
    assert scores([1, 2, 7, 4, 1, 2], long)[7] == 30  # its third word would close a run of words that stands there already
    assert scores([1, 2, 7, 5, 4, 1, 2, 7], long)[5] == 30  # and this a run of any tokens
    assert scores([1, 2, 7, 4, 1, 2], LEY)[7] < 0  # what nobody asked for is not said twice


def test_each_item_is_pushed_by_its_first_token_and_once_begun_by_its_next() -> None:
    assert scores([2], SALUD, LEY).nonzero().flatten().tolist() == [1, 5, END]
    assert scores([2], SALUD, LEY)[[1, 5]].tolist() == pytest.approx([3, 3])  # within a sentence it is but suggested
    assert scores([7, 4], SALUD, LEY)[[1, 5]].tolist() == [20, 20]  # between sentences there is room for more
    assert scores([2], SALUD, LEY, likeliest=END)[[1, 5]].tolist() == [20, 20]  # where the model would end, too
    begun = scores([7, 1], SALUD, LEY)
    assert begun[2] == 30
    assert begun[5] == 0


def test_a_said_item_ends_with_its_word_and_is_not_said_again() -> None:
    said = scores([1, 2], SALUD)
    assert said[3] < -5  # la salud|able
    again = scores([1, 2, 7, 1], SALUD)
    assert again[2] < -5
    assert scores([5, 6], LEY)[5] < 0
    assert scores([5, 6], LEY, Item("#Salud", (5, 2)))[5] > 0  # another hashtag is still to come


def test_the_tweet_does_not_end_before_all_is_said_but_does_when_no_room_is_left() -> None:
    assert scores([7], SALUD)[END] < 0
    assert scores([1, 2, 4], SALUD)[END] == 0
    room_runs_out = [scores([7] * used, SALUD, longest=30)[1].item() for used in (2, 22, 26)]
    assert room_runs_out == sorted(room_runs_out)
    assert room_runs_out[0] < room_runs_out[-1]
    last = scores([7, 4] * 14 + [7], SALUD, longest=30)  # one token is left, two would be needed
    assert last[END] > 0
    assert last[1] == 0


def test_near_the_longest_length_a_sentence_is_closed_and_then_the_tweet() -> None:
    close = scores([7] * 40, SAID, longest=50)
    assert close[4] > 0
    assert close[END] == 0
    assert scores([7] * 39 + [4], SAID, longest=50)[END] > 0
    assert scores([7] * 10, SAID, longest=50)[[4, END]].tolist() == [0, 0]


def test_no_run_of_four_tokens_comes_twice() -> None:
    assert scores([7, 8, 3, 2, 4, 7, 8, 3], SAID)[2] < -5
    assert scores([7, 8, 3, 2, 4, 8, 8, 3], SAID)[2] == 0
    assert not scores([7, 8, 3, 2, 4, 7, 8, 3]).any()  # where nothing is asked for, the model goes its own way


def test_no_two_words_come_a_third_time() -> None:
    assert scores([7, 8, 4, 7], SAID)[8] == 0
    assert scores([7, 8, 4, 7, 8, 4, 7], SAID)[8] < -5


def test_what_says_another_item_too_comes_first_and_is_not_kept_from_it() -> None:
    wide, narrow = Item("la salud y la Ley", (1, 2, 7, 1, 6)), Item("y la Ley", (7, 1, 6))
    assert scores([2], wide, narrow)[[1, 7]].tolist() == pytest.approx([3, 0])
    # The narrow one was said already, by itself: the wide one may still say it.
    assert scores([7, 1, 6, 4, 1, 2, 7], wide, narrow)[1] == 30


def test_no_three_words_come_twice_in_a_row_of_their_own() -> None:
    assert scores([7, 1, 2, 4, 7, 1], SAID)[2] < -5  # y la salud. y la | salud
    assert scores([7, 1, 3, 4, 7, 1], SAID)[3] == 0  # a piece is no word


def test_nothing_stands_apart_from_the_mark_that_opens_it() -> None:
    pieces, end = ["q", " la", "la", "¡", " salud", ""], 5
    rule = Insistence(
        [[Item("la salud", (1, 4), (2, 4))]],
        Vocabulary(pieces, end),
        lambda ids: "".join(pieces[one] for one in ids),
        bonus=10.0,
        written=0,
        longest=50,
    )
    found = rule(torch.tensor([[3]]), torch.zeros(1, 6))[0]
    assert found[2] == pytest.approx(3)
    assert found[[1, 4]].tolist() == [-12, -12]
    inside = rule(torch.tensor([[3, 2]]), torch.zeros(1, 6))[0]
    assert inside[4] == 30


def test_a_tweet_that_has_ended_is_left_alone() -> None:
    assert not scores([7, END, END], SALUD).any()


def test_the_bonus_counts_after_the_temperature(engine: Engine, model: Model) -> None:
    rules = [engine._rules(engine._start(asked(temperature=one)))[-1] for one in (0.5, 2.0)]
    assert [rule._bonus for rule in rules] == [BONUS * 0.5, BONUS * 2.0]  # what the temperature divides again


# Candidates


@contextmanager
def told_apart(engine: Engine, worth: Sequence[float]) -> Iterator[list[int]]:
    """The engine with its judgement replaced: these worths, for each start's drafts."""
    seen: list[int] = []

    def judge(start: Any, drafts: Sequence[Any], look: Any = None) -> list[float]:
        seen.append(len(drafts))
        return list(worth)

    original = engine._worth
    engine._worth = judge  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        engine._worth = original  # type: ignore[method-assign]


def test_of_several_drafts_the_best_is_kept(engine: Engine) -> None:
    request = asked(max_new_tokens=12, insistence=0.0)
    all_drafts = engine.generate(asked(max_new_tokens=12, insistence=0.0, num_return_sequences=4))
    for place in range(4):
        with told_apart(engine, [float(number == place) for number in range(4)]) as seen:
            (kept,) = engine.generate(Request(CONTEXT, "", Parameters(**{**vars(request.parameters), "candidates": 4})))
        assert replace(kept, parameters={}) == replace(all_drafts[place], parameters={})
        assert seen == [4]


def test_more_candidates_say_more_and_stay_within_what_was_asked_for(engine: Engine) -> None:
    one, four = shares(engine, insistence=0.5, max_new_tokens=40), shares(engine, insistence=0.5, max_new_tokens=40, candidates=4)
    assert len(one) == len(four) == 5
    assert sum(four) > sum(one)


def test_a_draft_that_ends_by_itself_is_worth_more(engine: Engine, model: Model) -> None:
    end = model.codec.ids[model.codec.schema.end]
    with wanting(model.network, {end: 4}):
        drafts = engine.generate(asked({}, max_new_tokens=20, num_return_sequences=8, seed=1))
        assert {one.finish_reason for one in drafts} == {"stop", "length"}
        kept = engine.generate(asked({}, max_new_tokens=20, candidates=8))
    assert kept[0].finish_reason == "stop"


def test_a_draft_is_worth_more_for_ending_and_fitting_and_less_for_repeating(
    engine: Engine, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(value: str) -> Any:
        return engine._start(asked({"sentimiento": (value,)}, max_new_tokens=12))

    own = start("POSITIVE")
    drafts = [one for (one,) in engine._drawn([own] * 3, asked(max_new_tokens=12, seed=3).parameters)]
    rivals = [value for value in model.codec.schema.values["sentimiento"] if value != "POSITIVE"]
    with torch.no_grad():
        likely = [engine._likelihoods(start(value).ids, drafts) for value in ("POSITIVE", *rivals)]
        found = engine._fitting(own, drafts, likely[0])
    assert rivals
    assert found == pytest.approx(torch.tensor(likely).softmax(0)[0].tolist(), rel=1e-3)

    def worth(**changes: Any) -> float:
        return engine._worth(own, [replace(drafts[0], tweet=replace(drafts[0].tweet, **changes))])[0]

    assert worth(finish_reason="stop") - worth(finish_reason="length") == pytest.approx(ENDED)
    twice = "la salud la salud"
    assert worth(generated_text="la salud") - worth(generated_text=twice) == pytest.approx(REPEATING * repeated_share(twice))
    fits = []
    for one in (1.0, 0.0):
        monkeypatch.setattr(engine, "_fitting", lambda *_given, one=one: [one])
        fits.append(worth())
    assert fits[0] - fits[1] == pytest.approx(FITTING)


def test_a_batch_with_candidates_gives_one_tweet_each(engine: Engine) -> None:
    requests = [asked({"hashtags": (f"#Ley{number}",)}, max_new_tokens=20, candidates=3) for number in range(5)]
    tweets = engine.generate_batch(requests)
    assert [list(one.honoured["hashtags"]) for one in tweets] == [[f"#Ley{number}"] for number in range(5)]
    assert tweets == engine.generate_batch(requests)


def test_the_likelihood_of_a_draft_is_the_models_own(engine: Engine, model: Model) -> None:
    start = engine._start(asked(max_new_tokens=12))
    drafts = [one for (one,) in engine._drawn([start] * 3, asked(max_new_tokens=12, seed=3).parameters)]
    with torch.no_grad():
        found = engine._likelihoods(start.ids, drafts)
        for one, likely in zip(drafts, found, strict=True):
            row = torch.tensor([[*start.ids, *one.ids]])
            logs = model.network(row).logits[0].double().log_softmax(-1)
            by_hand = sum(float(logits[token]) for logits, token in zip(logs[len(start.ids) - 1 :], one.ids, strict=False))
            assert likely == pytest.approx(by_hand, rel=1e-4)


def test_one_requests_items_say_nothing_of_anothers() -> None:
    wide, narrow = Item("la salud y la Ley", (1, 2, 7, 1, 6)), Item("y la Ley", (7, 1, 6))

    def first_row(*requests: list[Item]) -> list[float]:
        rule = Insistence(
            requests,
            Vocabulary(PIECES, END),
            lambda ids: "".join(PIECES[one] for one in ids),
            bonus=10.0,
            written=0,
            longest=50,
        )
        scores: torch.Tensor = rule(torch.tensor([[2]] * len(requests)), torch.zeros(len(requests), len(PIECES)))
        return scores[0].tolist()

    assert first_row([wide, narrow]) == first_row([wide, narrow], [narrow])
    assert first_row([narrow]) == first_row([narrow], [wide, narrow])


def test_what_is_asked_for_twice_is_pushed_once(engine: Engine) -> None:
    once, twice = {"frases": ("la salud",)}, {"entidades": ("la salud",), "frases": ("la salud",)}
    texts = [[item.text for item in engine._rules(engine._start(asked(context)))[-1]._items[0]] for context in (once, twice)]
    assert texts == [["la salud"], ["la salud"]]


def test_candidates_of_a_full_prompt_are_judged_within_the_models_positions(engine: Engine, model: Model) -> None:
    phrases = tuple(f"{number} gracias a los vecinos por su trabajo" for number in range(20))
    context = {"sentimiento": ("MIXED",), "frases": phrases}  # the others' names take more tokens
    given = asked(context, max_new_tokens=40, insistence=0.0, candidates=2)
    start = engine._start(given)
    filled = (*(" la" for _ in range(model.length - 40 - len(start.ids))),)
    given = asked(context, "".join(filled), max_new_tokens=40, insistence=0.0, candidates=2)
    assert model.length - 40 - 3 < len(engine._start(given).ids) <= model.length - 40
    with wanting(model.network, {model.codec.ids[model.codec.schema.end]: -1000}):
        (tweet,) = engine.generate(given)
    assert tweet.tokens == 40


def test_an_item_can_not_be_asked_for_and_forbidden_at_once(engine: Engine) -> None:
    for context, words in (
        ({"hashtags": ("#SaludYa",)}, ("#saludya",)),
        ({"hashtags": ("#SaludYa",)}, ("saludya",)),
        ({"frases": ("la región digna",)}, ("Región",)),
        ({"entidades": ("@ana",)}, ("otra", "ana")),
    ):
        with pytest.raises(LimitError, match=r"bad_words has .* which is asked for"):
            engine.generate(asked(context, bad_words=words))
    # A part of a word is no word, and accents count: as for the prompt.
    engine.generate(asked({"frases": ("la papá",)}, bad_words=("papa", "pap"), max_new_tokens=8))
