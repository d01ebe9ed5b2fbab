"""Where a dataset is cut in two: what models learn from, and what they are judged on.

A cut is a text, so that it travels through flags, requests and cards: the first held-out day (`2024-11-01`), or
`random:SHARE:SEED` or `author:SHARE:SEED`, which hold out tweets or people by a hash of their own, the same ones however the
dataset grows.
"""

import hashlib
import re
from collections.abc import Collection, Mapping

from politico.errors import LimitError

KINDS = BY_TIME, BY_AUTHOR, BY_RANDOM = "time", "author", "random"
_CUT = re.compile(rf"\d{{4}}-\d\d-\d\d|({BY_AUTHOR}|{BY_RANDOM}):0\.\d+:\d+")
_RANGE = 2**64


def cut_of(by: str, share: float, seed: int, rows: Mapping[str, int]) -> str:
    """What holds out this share of a dataset with so many rows a day. Raises LimitError for fewer than two days, by time."""
    return cut_day(rows, share) if by == BY_TIME else f"{by}:{share:.9f}:{seed}"


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


def latest(cuts: Collection[str]) -> list[str]:
    """The cuts that hold out as much as all of these together: of several days the last, and every other."""
    days = sorted(one for one in cuts if _CUT.fullmatch(one) and ":" not in one)
    return [*days[-1:], *sorted(set(cuts) - set(days))]


def check_cut(cut: str) -> str:
    """The cut itself. Raises LimitError for a text that is none."""
    if not _CUT.fullmatch(cut):
        raise LimitError(f"the cut is {cut!r}; it takes a day such as 2024-11-01, or random:0.1:7 or author:0.1:7")
    return cut


def holds_out(cut: str, day: str, tweet: str, author: str) -> bool:
    """Whether a tweet of this day, id and author is on the held-out side."""
    by, _, rest = check_cut(cut).partition(":")
    if not rest:
        return day >= cut
    share, _, seed = rest.partition(":")
    own = author if by == BY_AUTHOR else tweet
    digest = hashlib.blake2b(f"{by}:{seed}:{own}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < float(share) * _RANGE
