"""What the services charge, as of one day: the only place where a price stands."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Prices:
    """In US dollars."""

    as_of: date = date(2026, 11, 24)
    source: str = "X's page on pay-per-use prices and AWS's page on Comprehend prices; look there before you rely on them"
    x_post: float = 0.005
    """Each post read, retweets too; twice on one day (UTC) is charged once."""
    x_user: float = 0.010
    """Each account read."""
    comprehend_unit: float = 0.0001
    """For one analysis."""
    comprehend_unit_characters: int = 100
    comprehend_min_units: int = 3
    """For one analysis of one text, however short."""
    comprehend_analyses: int = 3
    """Sentiment, entities and key phrases."""

    def annotation(self, characters: int) -> float:
        """Of one text, by all analyses."""
        units = max(self.comprehend_min_units, math.ceil(characters / self.comprehend_unit_characters))
        return self.comprehend_analyses * units * self.comprehend_unit


PRICES = Prices()


@dataclass(frozen=True)
class Machines:
    """What SageMaker's machines cost an hour in us-east-1, on demand, in US dollars; prices differ by region, and fall."""

    as_of: str = "2025"
    source: str = "AWS's page on SageMaker prices; look there before you rely on them"
    hours: Mapping[str, float] = field(
        default_factory=lambda: {
            "ml.p3.8xlarge": 14.688,  # four V100, as the thesis had
            "ml.g5.12xlarge": 7.09,
            "ml.m5.2xlarge": 0.461,
            "ml.c7i.xlarge": 0.214,
        }
    )
    spot_share: float = 0.4
    """Of the price on demand, what spot machines cost; it changes by the hour. A third to a half is usual."""


MACHINES = Machines()
