"""The thesis's numbers about a dataset: how many tweets in all, how many originals, of the last 365 days, by party."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from politico.dataset.manifest import Manifest, read_manifest
from politico.lake import places
from politico.lake.bucket import Lake
from politico.tweets.kinds import NOT_ORIGINAL

YEAR = timedelta(days=365)
_NO_POST_OF_ITS_OWN = ("repeated", "replaced_by_edit", "still_editable")
"""A copy, an older version, and what a later run reads once more."""


@dataclass(frozen=True)
class PartyCount:
    """Tweets of one party in the dataset."""

    coalition: str
    party: str
    tweets: int
    last_365_days: int


@dataclass(frozen=True)
class DatasetSummary:
    """Counts of posts and tweets."""

    runs: int
    """Runs whose reports were added up."""
    read: int
    """Posts that reached an end: read = kept + filtered + rejected. A post that two runs brought counts twice."""
    kept: int
    filtered: Mapping[str, int]
    rejected: Mapping[str, int]
    dataset: Mapping[str, Any]
    """What names it: `sha256`, `rows`, `days`."""
    oldest: str | None
    newest: str | None
    """When the first and the last tweet was written, as X writes times; None while there is none."""
    last_365_days: int
    """Rows of the 365 days that end with the newest day."""
    parties: tuple[PartyCount, ...]
    """The largest first. Together they are all rows."""

    @property
    def total(self) -> int:
        """Posts, each once within its run, retweets and quotes too."""
        return self.read - sum(self.rejected.values()) - sum(self.filtered.get(name, 0) for name in _NO_POST_OF_ITS_OWN)

    @property
    def originals(self) -> int:
        """Of the total, what is neither a retweet nor a quote."""
        return self.total - sum(self.filtered.get(name, 0) for name in NOT_ORIGINAL)


def read_summary(lake: Lake) -> DatasetSummary:
    """From the reports of all runs and the dataset's manifest; no tweet is read."""
    reports = [lake.read_json(key) for key in lake.keys(places.RUNS) if places.is_report(key)]
    return summarize(reports, read_manifest(lake))


def summarize(reports: Iterable[Mapping[str, Any]], manifest: Manifest) -> DatasetSummary:
    """Add up `settled_posts` of reports, and the days of a manifest."""
    settled = [one["settled_posts"] for one in reports]
    days = sorted(manifest.days)
    first = str(date.fromisoformat(days[-1]) - YEAR + timedelta(days=1)) if days else ""
    return DatasetSummary(
        runs=len(settled),
        read=sum(one["read"] for one in settled),
        kept=sum(one["kept"] for one in settled),
        filtered=_added(one["filtered"] for one in settled),
        rejected=_added(one["rejected"] for one in settled),
        dataset=manifest.identity(),
        oldest=manifest.days[days[0]].oldest if days else None,
        newest=manifest.days[days[-1]].newest if days else None,
        last_365_days=sum(one.rows for day, one in manifest.days.items() if day >= first),
        parties=_parties(manifest, first),
    )


def _parties(manifest: Manifest, first: str) -> tuple[PartyCount, ...]:
    tweets: Counter[tuple[str, str]] = Counter()
    recent: Counter[tuple[str, str]] = Counter()
    for day, entry in manifest.days.items():
        for coalition, parties in entry.parties.items():
            for party, count in parties.items():
                tweets[coalition, party] += count
                recent[coalition, party] += count if day >= first else 0
    found = (PartyCount(*pair, tweets=count, last_365_days=recent[pair]) for pair, count in tweets.items())
    return tuple(sorted(found, key=lambda one: (-one.tweets, one.coalition, one.party)))


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total.most_common())
