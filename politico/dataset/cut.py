"""Where a dataset is cut: before it lies what models learn from, from it on what they are judged on."""

from collections.abc import Mapping

from politico.errors import LimitError


def cut_day(rows: Mapping[str, int], held_out_share: float) -> str:
    """The first held-out day of a dataset with so many rows a day (`YYYY-MM-DD`): the fewest newest whole days that have at least
    this share of the rows. Raises LimitError for fewer than two days."""
    days = sorted(rows)
    if len(days) < 2:
        raise LimitError(f"the dataset has tweets of {len(days)} day; it takes at least 2, the newest to hold out")
    wanted, held_out = held_out_share * sum(rows.values()), 0
    for day in reversed(days[1:]):
        held_out += rows[day]
        if held_out >= wanted:
            return day
    return days[1]
