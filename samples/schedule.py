"""When who posts what: the sorts of posts, how many of each, and their moments up to the reference date."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from samples.country import Country, Person
from samples.posts import EDITABLE_FOR

REFERENCE = datetime(2024, 11, 30, 12, 0, tzinfo=UTC)
"""The moment at which the sample was 'collected': the newest posts are minutes older."""

NEWS_SHARE = 0.08
"""The newest share of original tweets, in which new names appear."""

ORIGINAL = frozenset({"ordinary", "reply", "long", "edited"})
"""The sorts that an ingestion keeps."""

SORTS = {
    "ordinary": (4510, 60),
    "reply": (650, 20),
    "long": (150, 10),
    "edited": (90, 6),
    "retweet": (520, 20),
    "quote": (260, 12),
    "short": (220, 12),
    "old": (320, 12),
}
"""Each sort with its number at scale 1 and the least number at any scale."""

_EDITABLE = 7
_DAYS = 480
_OLD_DAYS = (505, 760)  # beyond the 500 days that an ingestion looks back
_LOCAL_TIME = timedelta(hours=-4)
_HOURS = (7, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 18, 19, 19, 20, 20, 21, 21, 22, 23)


@dataclass(frozen=True)
class Plan:
    """A post that is still to be written."""

    moment: datetime
    author: Person
    sort: str


def plan_posts(country: Country, generator: random.Random, scale: float) -> list[Plan]:
    """Every post of the sample, oldest first."""
    # Some talk more than others; nobody so little that the account would not be worth following.
    weights = [generator.uniform(0.7, 1.4) for _ in country.politicians]
    plans = []
    for sort, (number, least) in SORTS.items():
        for _ in range(max(least, round(number * scale))):
            author = generator.choices(country.politicians, weights)[0]
            plans.append(Plan(_moment(generator, old=sort == "old"), author, sort))
    # These can still be edited at the reference date: they have to wait for a later run.
    for author in generator.sample(country.politicians, _EDITABLE):
        plans.append(Plan(REFERENCE - timedelta(seconds=generator.randint(300, 3200)), author, "editable"))
    return sorted(plans, key=lambda plan: (plan.moment, plan.author.handle))


def news_boundary(plans: list[Plan]) -> datetime:
    """The first moment of the newest share of original tweets."""
    moments = sorted(plan.moment for plan in plans if plan.sort in ORIGINAL)
    return moments[-max(1, int(len(moments) * NEWS_SHARE))]


def _moment(generator: random.Random, *, old: bool) -> datetime:
    """A waking hour of a day in range, so long ago that nothing can be edited any more."""
    nearest, farthest = _OLD_DAYS if old else (0, _DAYS)
    midnight = (REFERENCE + _LOCAL_TIME).replace(hour=0, minute=0)
    while True:
        day = midnight - timedelta(days=generator.randint(nearest, farthest - 1))
        clock = timedelta(hours=generator.choice(_HOURS), minutes=generator.randrange(60), seconds=generator.randrange(60))
        moment = day + clock - _LOCAL_TIME
        if moment < REFERENCE - EDITABLE_FOR - timedelta(minutes=5):
            return moment
