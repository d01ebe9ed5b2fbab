"""Where a dataset is cut: whole days, the fewest newest ones that are enough, never all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from politico.dataset.cut import cut_day
from politico.errors import LimitError

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
