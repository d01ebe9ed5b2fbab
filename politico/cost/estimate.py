"""What ingestion will cost before anything is spent: the backfill, a month of running on, and both beside the cap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from politico.cost.prices import PRICES, Prices
from politico.errors import LimitError
from politico.x.timelines import WINDOW

DAYS_A_MONTH = 365 / 12


@dataclass(frozen=True)
class Assumptions:
    """What nobody knows before it is read."""

    posts_a_day: float = 3.0
    """Of one account, retweets and all. In an archive of 21 politicians: 0.3 to 5.5 without retweets, half of them below 1.6."""
    retweet_share: float = 0.35
    """Of all posts."""
    kept_share: float = 0.5
    """Of all posts: originals of at least five words, which are annotated. Of originals alone 95 % are, in that archive."""
    characters: int = 155
    """Of a tweet without its links; the mean in that archive."""

    def __post_init__(self) -> None:
        if not 0 <= self.posts_a_day < math.inf:
            raise LimitError(f"posts a day are {self.posts_a_day}; they take 0 or more")
        for name in ("retweet_share", "kept_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise LimitError(f"{name} is {getattr(self, name)}; it takes 0 to 1")
        if self.retweet_share + self.kept_share > 1:
            raise LimitError(
                f"retweet_share {self.retweet_share} and kept_share {self.kept_share} are more than all posts together; "
                "a retweet is never kept"
            )


@dataclass(frozen=True)
class ToRead:
    """One account of the registry, as far as is known without asking X."""

    user_id: str
    tweets: int | None = None
    """How many it has, where the candidates file tells."""
    read: bool = False
    """Its backfill is complete: only what is new is bought."""
    bought: int = 0
    """Posts bought so far."""
    posts_a_day: float | None = None
    """How many were bought of it a day, once that is measured."""

    def posts(self, share: float = 1.0) -> float:
        """At most so many are still to be bought by the backfill, when this share of all posts is bought."""
        whole = min(WINDOW, WINDOW if self.tweets is None else self.tweets)
        return 0 if self.read else max(0.0, whole * share - self.bought)


@dataclass(frozen=True)
class Bill:
    """Posts, and dollars for X and for Comprehend."""

    posts: int
    x: float
    comprehend: float

    @property
    def total(self) -> float:
        return self.x + self.comprehend


@dataclass(frozen=True)
class Estimate:
    """All of it."""

    accounts: int
    accounts_to_backfill: int
    accounts_of_unknown_size: int
    """Of those to backfill: counted with the whole window."""
    accounts_of_measured_pace: int
    """The others are taken to write as assumed."""
    backfill: Bill
    month: Bill
    """A month of running on, without the lookups."""
    lookups: Bill
    """A month of looking up stored posts in turn, for compliance."""
    backfill_with_retweets: Bill
    month_with_retweets: Bill
    backfill_without_retweets: Bill
    month_without_retweets: Bill
    cap: int
    """Posts a calendar month."""
    spent: int
    """Of this month's cap, up to now."""
    backfill_months: int | None
    """Calendar months until the backfill is through beside everything else; None when the cap leaves it no room."""

    @property
    def month_posts(self) -> int:
        """All that a month takes of the cap once the backfill is through."""
        return self.month.posts + self.lookups.posts

    @property
    def fits(self) -> bool:
        return self.month_posts <= self.cap


def estimate(
    accounts: Sequence[ToRead],
    *,
    cap: int,
    spent: int = 0,
    lookups_a_day: int = 0,
    excludes_retweets: bool = False,
    late_hours: float = 0.0,
    assumptions: Assumptions | None = None,
    prices: Prices = PRICES,
) -> Estimate:
    """An upper bound for the backfill; for what follows each account's measured pace, or else the assumed one.

    `excludes_retweets` is how posts are bought now, and were when the pace was measured. Each day the posts of `late_hours` are
    bought twice; a measured pace has them in it. Asks nobody anything.
    """
    assumed = assumptions or Assumptions()
    fewer = 1 - assumed.retweet_share
    share = fewer if excludes_retweets else 1.0
    lookups = round(lookups_a_day * DAYS_A_MONTH)
    # Of all posts, those that are not bought among them: these are what the kept are a share of.
    a_day = sum(assumed.posts_a_day if one.posts_a_day is None or not share else one.posts_a_day / share for one in accounts)
    again = assumed.posts_a_day * sum(one.posts_a_day is None for one in accounts) * min(1.0, late_hours / 24)

    def bill(bought_posts: float, all_posts: float) -> Bill:
        bought = math.ceil(round(bought_posts, 6))
        return Bill(bought, bought * prices.x_post, all_posts * assumed.kept_share * prices.annotation(assumed.characters))

    def backfill(bought_share: float) -> Bill:
        left = sum(one.posts(bought_share) for one in accounts)
        return bill(left, left / bought_share if bought_share else 0.0)

    def month(bought_share: float) -> Bill:
        return bill((a_day + again) * DAYS_A_MONTH * bought_share, a_day * DAYS_A_MONTH)

    first, monthly = backfill(share), month(share)
    return Estimate(
        accounts=len(accounts),
        accounts_to_backfill=sum(one.posts(share) > 0 for one in accounts),
        accounts_of_unknown_size=sum(not one.read and one.tweets is None for one in accounts),
        accounts_of_measured_pace=sum(one.posts_a_day is not None for one in accounts),
        backfill=first,
        month=monthly,
        lookups=Bill(lookups, lookups * prices.x_post, 0.0),
        backfill_with_retweets=backfill(1.0),
        month_with_retweets=month(1.0),
        backfill_without_retweets=backfill(fewer),
        month_without_retweets=month(fewer),
        cap=cap,
        spent=spent,
        backfill_months=_months(first.posts, cap - monthly.posts - lookups, spent),
    )


def _months(posts: int, room: int, spent: int) -> int | None:
    """Calendar months, this one counted, when every month has room for so many posts and this one for less."""
    if posts == 0:
        return 0
    if room <= 0:
        return None
    return 1 + math.ceil(max(0, posts - max(0, room - spent)) / room)
