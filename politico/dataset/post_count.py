"""Posts in the lake's raw pages, each counted once, however many runs brought it."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from politico.errors import TweetError
from politico.lake import places
from politico.lake.bucket import READERS, Lake
from politico.tweets.kinds import ORIGINAL
from politico.tweets.tweet import parse_post

SHOWN_EVERY = 100


@dataclass(frozen=True)
class PostCount:
    """What is stored now: what was forgotten or deleted is not in it."""

    total: int
    """Posts, of an edited one its newest version only."""
    kinds: Mapping[str, int]
    """Of the total, by kind: original, retweet, quote."""

    @property
    def originals(self) -> int:
        """Of the total, what is neither a retweet nor a quote."""
        return self.kinds.get(ORIGINAL, 0)


def count_posts(lake: Lake, show: Callable[[int], None] = lambda pages: None) -> PostCount:
    """Read every raw page. In memory is a number and a word for each post; `show` is told how many pages are read."""
    kinds: dict[int, str] = {}
    replaced: set[int] = set()
    with ThreadPoolExecutor(READERS) as readers:
        for pages, found in enumerate(readers.map(lambda key: _posts(lake, key), lake.keys(places.RAW)), 1):
            for id_number, kind, previous in found:
                kinds[id_number] = kind
                replaced.update(previous)
            if pages % SHOWN_EVERY == 0:
                show(pages)
    counted = Counter(kind for id_number, kind in kinds.items() if id_number not in replaced)
    return PostCount(counted.total(), dict(counted))


def _posts(lake: Lake, key: str) -> list[tuple[int, str, tuple[int, ...]]]:
    """Id, kind and the versions before it, of each post of a page that can be read."""
    found = []
    for page in lake.read_lines(key):
        for post in page.get("data") or ():
            try:
                tweet = parse_post(post)
            except TweetError:
                continue
            previous = tuple(int(one) for one in tweet.previous_ids if one.isdigit())
            found.append((int(tweet.id_str), tweet.kind, previous))
    return found
