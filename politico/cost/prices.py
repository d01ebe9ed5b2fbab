"""What the services charge, as of one day: the only place where a price stands."""

import math
from dataclasses import dataclass
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
