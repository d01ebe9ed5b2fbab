"""Real tweets replayed as a lake of any size: copied accounts, new ids, days within the last 500, pages as API v2 gives them."""

import csv
import gzip
import itertools
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from politico.annotation.labels import SENTIMENTS, Annotation, Entity, KeyPhrase
from politico.lake import places
from politico.lake.bucket import Lake
from politico.tweets.politician import Politician, Registry
from politico.tweets.tweet import write_time

TWEETS = Path("../shared/data/tweets/argentina-2019.csv.gz")
POLITICIANS = TWEETS.with_name("argentina-2019-politicians.csv")
FULL_SIZE = 1_173_079
"""Tweets of the thesis, section 4.1."""
ACCOUNTS = 355
REFERENCE = datetime(2024, 5, 3, 12, tzinfo=UTC)
DAYS = 498
"""All within the 500 days that are kept."""

_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
_HASHTAG, _MENTION, _LINK = re.compile(r"#(\w+)"), re.compile(r"@(\w+)"), re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Account:
    """A copy of a real account, and how many posts it has."""

    number: int
    user_id: str
    posts: int
    texts: Sequence[Mapping[str, str]]


def accounts(size: int) -> list[Account]:
    """So many posts, spread evenly over copies of the real accounts."""
    by_user: defaultdict[str, list[Mapping[str, str]]] = defaultdict(list)
    with gzip.open(TWEETS, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            by_user[row["user_id"]].append(row)
    real = [by_user[user] for user in sorted(by_user)]
    wanted = min(ACCOUNTS, size)
    return [
        Account(number, str(900_000_000 + number), size // wanted + (number < size % wanted), real[number % len(real)])
        for number in range(wanted)
    ]


def registry(found: Sequence[Account]) -> Registry:
    """The real politicians' offices, coalitions and parties under the copies' names."""
    with POLITICIANS.open(encoding="utf-8") as lines:
        real = list(csv.DictReader(lines))
    people = zip(found, itertools.cycle(real))
    return Registry(
        Politician(f"copy{one.number}", one.user_id, f"Copy {one.number}", who["office"], who["coalition"], who["party"])
        for one, who in people
    )


def store(lake: Lake, account: Account) -> int:
    """The account's timeline as raw pages of the first run; how many."""
    gap = timedelta(days=DAYS) / account.posts
    times = (REFERENCE - timedelta(days=1) - gap * number for number in range(account.posts))
    return _store(lake, run_of_day(0), account, times, itertools.cycle(account.texts))


def store_further_day(lake: Lake, account: Account, number: int) -> None:
    """What the account posts on a day after, the first being number 1, as a page of that day's run: as much as on any other."""
    posts = round(account.posts / DAYS) or int(account.number % DAYS < account.posts)
    times = (REFERENCE + timedelta(days=number, hours=8) - timedelta(hours=1) * one for one in range(posts))
    _store(lake, run_of_day(number), account, times, iter(account.texts))


def run_of_day(number: int) -> str:
    """The run that brings a further day; 0 is the one that brings all before."""
    return f"{REFERENCE + timedelta(days=number):%Y%m%d}-120000-{number:08x}"


def _store(lake: Lake, run: str, account: Account, times: Iterator[datetime], texts: Iterator[Mapping[str, str]]) -> int:
    pages = 0
    posts = (_post(account, moment, row) for moment, row in zip(times, texts, strict=False))
    while page := list(itertools.islice(posts, 100)):
        newest, oldest = page[0]["id"], page[-1]["id"]
        users = [{"id": account.user_id, "name": f"Copy {account.number}", "username": f"copy{account.number}"}]
        meta = {"result_count": len(page), "newest_id": newest, "oldest_id": oldest}
        body = {"data": page, "includes": {"users": users}, "meta": meta}
        lake.write_lines(places.raw_page(run, account.user_id, newest, oldest), [body])
        pages += 1
    return pages


def id_at(account: Account, moment: datetime) -> str:
    """The id that X would have made then, the account's number in its last bits."""
    return str((int((moment - _EPOCH).total_seconds() * 1000) << 22) + account.number)


def _post(account: Account, moment: datetime, row: Mapping[str, str]) -> dict[str, Any]:
    text = row["text"]
    id_str = id_at(account, moment)
    entities = {
        "hashtags": [{"start": one.start(), "end": one.end(), "tag": one[1]} for one in _HASHTAG.finditer(text)],
        "mentions": [
            {"start": one.start(), "end": one.end(), "username": one[1], "id": str(sum(map(ord, one[1])))}
            for one in _MENTION.finditer(text)
        ],
        "urls": [
            {"start": one.start(), "end": one.end(), "url": one[0], "expanded_url": one[0], "display_url": one[0][8:]}
            for one in _LINK.finditer(text)
        ],
    }
    counts = {"retweet_count": int(row["retweet_count"] or 0), "like_count": int(row["favorite_count"] or 0)}
    post: dict[str, Any] = {
        "id": id_str,
        "text": text,
        "author_id": account.user_id,
        "created_at": write_time(moment),
        "lang": "es",
        "edit_history_tweet_ids": [id_str],
        "edit_controls": {
            "edits_remaining": 5,
            "is_edit_eligible": True,
            "editable_until": write_time(moment + timedelta(hours=1)),
        },
        "public_metrics": {**counts, "reply_count": 0, "quote_count": 0, "bookmark_count": 0, "impression_count": 0},
        "entities": {name: found for name, found in entities.items() if found},
    }
    if row["in_reply_to_status_id"]:
        post["referenced_tweets"] = [{"type": "replied_to", "id": row["in_reply_to_status_id"]}]
    return post


def canned_annotations(count: int = 997) -> list[Annotation]:
    """Answers of the size that Comprehend gives for a tweet: three entities and five key phrases on average."""
    dice = random.Random(7)
    words = ["el puerto", "nuevo", "de la", "provincia", "trabajo", "educación", "salud", "gobierno", "Córdoba", "los vecinos"]
    kinds = ("PERSON", "LOCATION", "ORGANIZATION", "DATE", "OTHER")

    def phrase() -> str:
        return " ".join(dice.choices(words, k=dice.randint(1, 4)))

    return [
        Annotation(
            dice.choice(SENTIMENTS),
            {name.lower(): dice.random() for name in SENTIMENTS},
            tuple(Entity(phrase(), dice.choice(kinds), dice.random()) for _ in range(dice.randint(0, 6))),
            tuple(KeyPhrase(phrase(), dice.random()) for _ in range(dice.randint(1, 9))),
        )
        for _ in range(count)
    ]
