"""Where a dataset is cut: whole days, the fewest newest ones that are enough, never all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.errors import LimitError
from politico.models.cut import check_cut, cut_day, cut_of, holds_out, latest

DAYS = st.dictionaries(st.dates().map(str), st.integers(1, 50), min_size=2, max_size=30)


@given(DAYS, st.floats(0.01, 0.99))
def test_the_fewest_newest_days_that_have_the_share_are_held_out(rows: dict[str, int], share: float) -> None:
    day = cut_day(rows, share)
    held_out = sum(count for one, count in rows.items() if one >= day)
    after = sum(count for one, count in rows.items() if one > day)
    assert day in rows
    assert day != min(rows)
    assert after < share * sum(rows.values())
    assert held_out >= share * sum(rows.values()) or day == sorted(rows)[1]


@pytest.mark.parametrize("rows", [{}, {"2024-05-01": 7}])
def test_what_can_not_be_cut_is_an_error(rows: dict[str, int]) -> None:
    with pytest.raises(LimitError, match=f"tweets of {len(rows)} day"):
        cut_day(rows, 0.1)


ROWS = {f"2024-05-{day:02d}": 100 for day in range(1, 11)}
TWEETS = [(f"2024-05-{1 + number % 10:02d}", str(number), f"author{number % 200}") for number in range(4_000)]


@pytest.mark.parametrize("by", ["time", "author", "random"])
@pytest.mark.parametrize("share", [0.1, 0.15, 0.4])
def test_a_cut_holds_out_about_the_share_that_was_asked_for(by: str, share: float) -> None:
    cut = check_cut(cut_of(by, share, 7, ROWS))
    held_out = sum(holds_out(cut, *one) for one in TWEETS) / len(TWEETS)
    assert held_out == pytest.approx(share, abs=0.06)


def test_an_authors_tweets_are_all_on_one_side_and_a_random_cut_tells_no_author_from_another() -> None:
    sides: dict[str, set[bool]] = {}
    for day, tweet, author in TWEETS:
        sides.setdefault(author, set()).add(holds_out("author:0.3:7", day, tweet, author))
    assert {len(one) for one in sides.values()} == {1}
    assert {True, False} == set.union(*sides.values())
    assert holds_out("random:0.3:7", "2024-05-01", "1", "a") == holds_out("random:0.3:7", "2099-01-01", "1", "b")
    seeds = {tuple(holds_out(f"random:0.3:{seed}", *one) for one in TWEETS[:50]) for seed in range(5)}
    assert len(seeds) == 5


@pytest.mark.parametrize(
    "cut", ["", "yesterday", "2024-5-1", "random", "random:1.5:7", "random:0.1", "luck:0.1:7", "random:0.1:-1"]
)
def test_a_text_that_is_no_cut_is_refused(cut: str) -> None:
    with pytest.raises(LimitError, match=r"it takes a day such as 2024-11-01, or random:0\.1:7"):
        holds_out(cut, "2024-05-01", "1", "a")


def test_of_several_days_the_last_holds_out_what_all_of_them_do() -> None:
    cuts = {"2024-05-03", "2024-05-08", "random:0.5:7"}
    assert latest(cuts) == ["2024-05-08", "random:0.5:7"]
    for one in TWEETS[:500]:
        assert all(holds_out(cut, *one) for cut in cuts) == all(holds_out(cut, *one) for cut in latest(cuts))
