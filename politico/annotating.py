"""Posts of raw pages to kept tweets with their annotations, every post accounted for: read = kept + filtered + rejected."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from politico.annotation import Annotation
from politico.comprehend import annotate
from politico.errors import TweetError
from politico.tweet import Rules, Tweet, parse_post

Kept = tuple[Tweet, Annotation]


@dataclass(frozen=True)
class Outcome:
    """What became of a list of posts."""

    read: int
    kept: list[Kept]
    filtered: Mapping[str, int]
    """By rule: retweet, quote, too_old, still_editable, too_short, repeated (the id came before), replaced_by_edit."""
    rejects: list[dict[str, str]]
    """Posts that could not be read or annotated: `id` and `reason`, never the text."""

    def counts(self) -> dict[str, Any]:
        rejected = Counter(one["reason"] for one in self.rejects)
        counts = {"read": self.read, "kept": len(self.kept), "filtered": dict(self.filtered), "rejected": dict(rejected)}
        assert self.read == len(self.kept) + sum(self.filtered.values()) + len(self.rejects), f"counts do not reconcile: {counts}"
        return counts


def annotate_posts(posts: Sequence[Any], rules: Rules, reference: datetime, comprehend: Any) -> Outcome:
    """Read, filter and annotate posts as of the reference date. `comprehend` is boto3's client."""
    rejects: list[dict[str, str]] = []
    tweets: dict[str, Tweet] = {}
    filtered: Counter[str] = Counter()
    for post in posts:
        try:
            tweet = parse_post(post)
        except TweetError as error:
            rejects.append({"id": str(post.get("id")) if isinstance(post, Mapping) else "", "reason": error.reason})
            continue
        if tweet.id_str in tweets:
            filtered["repeated"] += 1
        tweets[tweet.id_str] = tweet
    replaced = {previous for tweet in tweets.values() for previous in tweet.previous_ids}
    wanted = []
    for tweet in tweets.values():
        refusal = "replaced_by_edit" if tweet.id_str in replaced else rules.refusal(tweet, reference)
        if refusal:
            filtered[refusal] += 1
        else:
            wanted.append(tweet)
    kept: list[Kept] = []
    for tweet, answer in zip(wanted, annotate([tweet.text for tweet in wanted], comprehend), strict=True):
        if isinstance(answer, Annotation):
            kept.append((tweet, answer))
        else:
            rejects.append({"id": tweet.id_str, "reason": answer})
    return Outcome(len(posts), kept, dict(filtered), rejects)


def by_day(kept: Iterable[Kept], zone: ZoneInfo) -> dict[date, list[Kept]]:
    """Kept tweets under the day they were written, in this time zone, days and tweets in order."""
    days: defaultdict[date, list[Kept]] = defaultdict(list)
    for one in sorted(kept, key=lambda one: int(one[0].id_str)):
        days[one[0].created_at.astimezone(zone).date()].append(one)
    return dict(sorted(days.items()))
