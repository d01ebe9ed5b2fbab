"""Posts of raw pages to kept tweets with their annotations, every post accounted for: read = kept + filtered + rejected."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from politico.annotation.labels import Annotation
from politico.errors import TweetError
from politico.lake.tombstones import Tombstones
from politico.tweets.tweet import Rules, Tweet, parse_post, snowflake_time

Kept = tuple[Tweet, Annotation]
Annotate = Callable[[Sequence[str]], Sequence[Annotation | str]]
"""One answer a text, in order: its annotation, or the short reason why there is none."""

TOMBSTONE = "tombstone"
_FIRST_SNOWFLAKE = 29_700_859_247
"""X counted its posts up to here; from here on ids tell their time."""


@dataclass(frozen=True)
class RejectedPost:
    """A post that could not be read or annotated: never its text."""

    id: str
    reason: str
    author_id: str = ""
    previous_ids: tuple[str, ...] = ()

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "reason": self.reason}


@dataclass(frozen=True)
class Outcome:
    """What became of a list of posts."""

    read: int
    kept: list[Kept]
    filtered: Mapping[str, int]
    """By rule: tombstone, retweet, quote, too_old, still_editable, too_short, repeated (the id came before), replaced_by_edit."""
    rejects: list[RejectedPost]

    def counts(self) -> dict[str, Any]:
        rejected = Counter(one.reason for one in self.rejects)
        counts = {"read": self.read, "kept": len(self.kept), "filtered": dict(self.filtered), "rejected": dict(rejected)}
        assert self.read == len(self.kept) + sum(self.filtered.values()) + len(self.rejects), f"counts do not reconcile: {counts}"
        return counts

    def without(self, buried: Tombstones) -> "Outcome":
        """The outcome had these been buried before the posts were read; nothing is annotated again."""
        kept = [one for one in self.kept if not buried.covers(one[0].id_str, one[0].author_id, one[0].previous_ids)]
        rejects = [one for one in self.rejects if not buried.covers(one.id, one.author_id, one.previous_ids)]
        gone = len(self.kept) - len(kept) + len(self.rejects) - len(rejects)
        if not gone:
            return self
        return Outcome(self.read, kept, {**self.filtered, TOMBSTONE: self.filtered.get(TOMBSTONE, 0) + gone}, rejects)


@dataclass(frozen=True)
class _Chosen:
    """A list of posts before annotation."""

    read: int
    wanted: list[Tweet]
    filtered: Mapping[str, int]
    rejects: list[RejectedPost]

    def answered(self, answers: Iterator[Annotation | str]) -> Outcome:
        kept: list[Kept] = []
        rejects = list(self.rejects)
        for tweet, answer in zip(self.wanted, answers, strict=False):  # the answers go on with the next list's
            if isinstance(answer, Annotation):
                kept.append((tweet, answer))
            else:
                rejects.append(RejectedPost(tweet.id_str, answer, tweet.author_id, tweet.previous_ids))
        return Outcome(self.read, kept, self.filtered, rejects)


def annotate_posts(
    lists: Iterable[tuple[Iterable[Any], datetime]], rules: Rules, annotate: Annotate, buried: Tombstones | None = None
) -> list[Outcome]:
    """Read, filter and annotate lists of posts, each as of its own reference date: an outcome a list, in order.

    All texts are annotated in one go: accounts with little that is new share the service's batches. What is buried is not sent.
    """
    chosen = [_choose(posts, rules, reference, buried or Tombstones()) for posts, reference in lists]
    texts = [tweet.text for one in chosen for tweet in one.wanted]
    answers = annotate(texts)
    assert len(answers) == len(texts), f"{len(answers)} answers to {len(texts)} texts"
    rest = iter(answers)
    return [one.answered(rest) for one in chosen]


def _choose(posts: Iterable[Any], rules: Rules, reference: datetime, buried: Tombstones) -> _Chosen:
    read = 0
    rejects: list[RejectedPost] = []
    tweets: dict[str, Tweet] = {}
    filtered: Counter[str] = Counter()
    for post in posts:
        read += 1
        try:
            tweet = parse_post(post)
        except TweetError as error:
            reject = _unreadable(post, error.reason)
            if buried.covers(reject.id, reject.author_id, reject.previous_ids):
                filtered[TOMBSTONE] += 1
            else:
                rejects.append(reject)
            continue
        if tweet.id_str in tweets:
            filtered["repeated"] += 1
        tweets[tweet.id_str] = tweet
    replaced = {previous for tweet in tweets.values() for previous in tweet.previous_ids}
    wanted = []
    for tweet in tweets.values():
        refusal = "replaced_by_edit" if tweet.id_str in replaced else rules.refusal(tweet, reference)
        if buried.covers(tweet.id_str, tweet.author_id, tweet.previous_ids):
            filtered[TOMBSTONE] += 1
        elif refusal:
            filtered[refusal] += 1
        else:
            wanted.append(tweet)
    return _Chosen(read, wanted, dict(filtered), rejects)


def _unreadable(post: Any, reason: str) -> RejectedPost:
    if not isinstance(post, Mapping):
        return RejectedPost("", reason)
    history = post.get("edit_history_tweet_ids")
    versions = tuple(map(str, history)) if isinstance(history, (list, tuple)) else ()
    return RejectedPost(str(post.get("id")), reason, str(post.get("author_id")), versions)


def by_day(kept: Iterable[Kept], zone: ZoneInfo) -> dict[date, list[Kept]]:
    """Kept tweets under the day they were written, in this time zone, days and tweets in order."""
    days: defaultdict[date, list[Kept]] = defaultdict(list)
    for one in sorted(kept, key=lambda one: int(one[0].id_str)):
        days[one[0].created_at.astimezone(zone).date()].append(one)
    return dict(sorted(days.items()))


def replaced_elsewhere(kept: Iterable[Kept], zone: ZoneInfo) -> dict[date, list[str]]:
    """Ids of replaced versions under the day they were written, where that is not the kept tweet's own: edits at midnight."""
    days: defaultdict[date, set[str]] = defaultdict(set)
    for tweet, _annotation in kept:
        own = tweet.created_at.astimezone(zone).date()
        for previous in tweet.previous_ids:
            day = _day_written(previous, zone)
            if day not in (None, own):
                days[day].add(previous)
    return {day: sorted(ids, key=int) for day, ids in sorted(days.items())}


def _day_written(id_str: str, zone: ZoneInfo) -> date | None:
    """None where the id does not tell."""
    if not (id_str.isascii() and id_str.isdigit() and _FIRST_SNOWFLAKE <= int(id_str) < 2**63):
        return None
    return snowflake_time(id_str).astimezone(zone).date()
