"""How written tweets are judged beside real ones: novelty, likeness to each other, and whose tweets they sound like."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.rules.novelty import SHINGLE, Shingles
from politico.control.political import SCHEMA
from training.evaluation.adherence import self_bleu
from training.evaluation.judges import LEAST_TWEETS, Judge, judges_of
from training.evaluation.novelty import novelty

WORDS = [
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
]
LEARNT = " ".join(WORDS)
PARTY = SCHEMA.field("partido")


def test_words_are_covered_by_the_runs_that_training_tweets_hold() -> None:
    known = Shingles.of([LEARNT])
    assert known.covered(LEARNT) == [True] * 15
    assert known.covered("cero " + " ".join(WORDS[:8])) == [False] + [True] * 8
    assert known.covered(" ".join(WORDS[:7])) == [False] * 7, "a run of seven is everybody's"
    assert known.covered(" ".join(WORDS[:7]) + " otra " + " ".join(WORDS[8:])) == [False] * 15
    assert known.covered("Uno, dos: TRES cuatro; cinco seis siete ocho!") == [True] * 8, "signs and capitals hide nothing"
    assert known.covered("") == []


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        (LEARNT, True),
        (" ".join(WORDS[:8]) + " y ya", True),  # eight of ten words
        (" ".join(WORDS[:8]) + " y nada más", False),
        (" ".join(WORDS[:10]) + " y" * 20, True),  # ten in a row
        (" ".join(WORDS[:9]) + " y" * 20, False),
        ("hoy no se dice lo mismo de siempre en el barrio", False),
        ("", False),
    ],
)
def test_a_near_copy_has_most_of_its_words_or_ten_in_a_row_from_known_runs(text: str, copied: bool) -> None:
    assert Shingles.of([LEARNT]).is_near_copy(text) is copied


def test_a_short_tweet_is_one_run() -> None:
    known = Shingles.of(["feliz día del trabajo"])
    assert known.is_near_copy("¡Feliz día del trabajo!")
    assert not known.is_near_copy("feliz día del niño")


@given(
    st.lists(st.lists(st.sampled_from(WORDS[:4]), min_size=1, max_size=20), max_size=6),
    st.lists(st.sampled_from(WORDS[:4]), max_size=20),
)
def test_what_is_covered_is_what_a_plain_search_finds(learnt: list[list[str]], text: list[str]) -> None:
    runs = {tuple(one[at : at + SHINGLE]) for one in learnt for at in range(max(1, len(one) - SHINGLE + 1))}
    expected = [False] * len(text)
    for start in range(max(1, len(text) - SHINGLE + 1) if text else 0):
        if tuple(text[start : start + SHINGLE]) in runs:
            expected[start : start + SHINGLE] = [True] * len(expected[start : start + SHINGLE])
    assert Shingles.of(map(" ".join, learnt)).covered(" ".join(text)) == expected


def test_novelty_says_how_sure_it_is() -> None:
    found = novelty(Shingles.of([LEARNT]), [LEARNT, "algo del todo distinto"])
    assert (found["near_copies"], found["covered_words"]) == (0.5, 15 / 19)
    assert found["low"] < 0.5 < found["high"]
    assert novelty(Shingles.of([]), [])["near_copies"] == 0.0


def test_self_bleu_is_one_for_texts_that_are_alike_and_nothing_for_those_that_share_no_word() -> None:
    assert self_bleu([LEARNT] * 3) == pytest.approx(1.0)
    assert self_bleu(["a b c d e", "f g h i j"]) == 0.0
    assert self_bleu([LEARNT]) == 0.0
    # Of "a b c d": 3 of 4 words are the other's, 2 of 3 pairs, 1 of 2 runs of three, none of one; one more of each but the first.
    expected = (3 / 4 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert self_bleu(["a b c d", "a b c x"]) == pytest.approx(expected)
    assert self_bleu(["a a a a", "a b c d"]) < self_bleu(["a b c d", "a b c d"])


def rows(seed: int, count: int) -> list[dict[str, str]]:
    """Tweets of three parties, each with words of its own now and then."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        party = ("A", "B", "C")[number % 3]
        words = [*random.choice(WORDS, 8), *([f"tema{party.lower()}"] if random.random() < 0.8 else [])]
        found.append({"text": " ".join(words), "party": party, "coalition": "X" if party == "A" else "Y", "sentiment": "NEUTRAL"})
    return found


def test_a_judge_tells_whose_tweet_it_sounds_like_and_how_well_it_does() -> None:
    judge = Judge(PARTY, rows(1, 600), seed=7)
    accuracy = judge.accuracy(rows(2, 300))
    assert accuracy["low"] < accuracy["share"] < accuracy["high"]
    assert 0.75 < accuracy["share"] < 0.95
    assert accuracy["most_frequent"] == pytest.approx(1 / 3)
    contexts = [{"partido": (one["party"],)} for one in rows(3, 300)]
    texts = [one["text"] for one in rows(3, 300)]
    found = judge.adherence(contexts, texts)
    assert found["tweets"] == 300
    assert found["share"] > 0.75
    assert found["by_chance"] < 0.2, "the next one is always of another party"
    assert judge.adherence([{}, {"partido": ("nadie",)}], ["a", "b"])["tweets"] == 0


def test_the_same_seed_judges_alike_and_a_field_of_one_value_has_no_judge() -> None:
    fields = [one.field for one in judges_of(rows(1, 300), 7, SCHEMA)]
    assert fields == ["coalicion", "partido"], "every tweet is neutral"
    texts = [one["text"] for one in rows(4, 60)]
    assert Judge(PARTY, rows(1, 300), 7).of(texts) == Judge(PARTY, rows(1, 300), 7).of(texts)
    few = [*rows(1, 300), *({"text": "x", "party": "D", "coalition": "X", "sentiment": ""} for _ in range(LEAST_TWEETS - 1))]
    assert Judge(PARTY, few, 7).values == ["A", "B", "C"], "nobody can tell what a few tweets are like"
