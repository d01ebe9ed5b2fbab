"""Tombstones: which tweets and users must never come back, kept as fingerprints, and how a writer makes sure of it.

A fingerprint tells whether a given id is buried; it does not hold the id. (Ids can be guessed and tried: it is no secret, only
nothing that a reader of the bucket trips over.)
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from politico.lake import places
from politico.lake.bucket import Lake

TWEET = "tweet"
USER = "user"
TEXT = "text"
FINGERPRINT_BYTES = 10
MERGED_FROM = 100
"""Every function reads every object here before it writes; so many are made into one."""


def fingerprint(id_str: str) -> str:
    """20 hexadecimal digits for a tweet's or user's id: one false match in 10^24 pairs."""
    return hashlib.blake2b(id_str.encode(), digest_size=FINGERPRINT_BYTES).hexdigest()


def fingerprint_of_text(text: str) -> str:
    """The same for a tweet's words, however they are broken into lines."""
    return fingerprint(" ".join(text.casefold().split()))


@dataclass(frozen=True)
class Tombstones:
    """Everything that was buried up to some moment."""

    keys: frozenset[str] = frozenset()
    """The objects that say so."""
    tweets: frozenset[str] = frozenset()
    """Fingerprints."""
    users: frozenset[str] = frozenset()
    """Fingerprints."""
    texts: frozenset[str] = frozenset()
    """Fingerprints of what buried tweets said: a corpus holds texts without ids."""

    def __bool__(self) -> bool:
        return bool(self.tweets or self.users)

    def tweet(self, id_str: str) -> bool:
        """Is this tweet buried by its own id?"""
        return bool(self.tweets) and fingerprint(id_str) in self.tweets

    def user(self, user_id: str) -> bool:
        """Is this user, with all they wrote, buried?"""
        return bool(self.users) and fingerprint(user_id) in self.users

    def covers(self, id_str: str, author_id: str, other_ids: Iterable[str] = ()) -> bool:
        """Must this tweet go? `other_ids` are those of its other versions: X deletes all of them together."""
        return self.user(author_id) or self.tweet(id_str) or any(self.tweet(one) for one in other_ids)


def bury(
    lake: Lake,
    *,
    tweets: Mapping[str, str] | None = None,
    users: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    now: datetime,
) -> str:
    """Bury tweets, users and texts, each with its reason (deleted, protected, withheld, by_hand …); the object that says so.

    From now on no writer lets them through; what holds them already is swept by the compliance workflow.
    """
    marked = [(TWEET, fingerprint, tweets), (USER, fingerprint, users), (TEXT, fingerprint_of_text, texts)]
    lines = [
        {"kind": kind, "fingerprint": mark(value), "reason": reason}
        for kind, mark, buried in marked
        for value, reason in sorted((buried or {}).items())
    ]
    assert lines, "there is somebody or something to bury"
    name = hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:12]
    key = places.tombstone(now.astimezone(UTC), name)
    lake.write_lines(key, lines)
    return key


def read_tombstones(lake: Lake, before: Tombstones | None = None) -> Tombstones:
    """All tombstones. With those of `before` only what is new is read, and `before` itself comes back when nothing is."""
    before = Tombstones() if before is None else before  # an empty one is false, and still the one to compare with
    while True:
        keys = frozenset(lake.keys(places.TOMBSTONES))
        if keys <= before.keys:
            return before
        found = {TWEET: set(before.tweets), USER: set(before.users), TEXT: set(before.texts)}
        try:
            for key in keys - before.keys:
                for line in lake.read_lines(key):
                    found[line["kind"]].add(line["fingerprint"])
        except lake.s3.exceptions.NoSuchKey:
            continue  # merged since they were listed: a new object has them all
        break
    return Tombstones(keys | before.keys, frozenset(found[TWEET]), frozenset(found[USER]), frozenset(found[TEXT]))


def merge_tombstones(lake: Lake, at_least: int = MERGED_FROM) -> int:
    """Make one object of all there are, when there are many; how many there were. None is ever missing in between.

    Of two that do so at once, the slower one leaves it to the other.
    """
    keys = sorted(lake.keys(places.TOMBSTONES))
    if len(keys) < at_least:
        return 0
    try:
        lines = {(line["kind"], line["fingerprint"]): line for key in reversed(keys) for line in lake.read_lines(key)}
    except lake.s3.exceptions.NoSuchKey:
        return 0
    ordered = [lines[one] for one in sorted(lines)]
    name = hashlib.sha256(json.dumps(ordered).encode()).hexdigest()[:12]
    merged = places.tombstone(places.buried_at(keys[-1]), name)  # as new as the newest: what asks when was last buried finds it
    lake.write_lines(merged, ordered)
    for key in keys:
        if key != merged:
            lake.erase(key)
    return len(keys)


def write_clean(lake: Lake, write: Callable[[Tombstones], Iterable[str]]) -> Tombstones:
    """Run `write`, which leaves out what is buried and gives the keys it wrote, so that a burial meanwhile wins.

    While something new was buried it is run again, and what the earlier round left is purged: keys not written again with all
    their versions, the others' noncurrent versions. The tombstones that the last round obeyed.
    """
    buried = read_tombstones(lake)
    written = frozenset(write(buried))
    while (now := read_tombstones(lake, buried)) is not buried:
        buried, before = now, written
        written = frozenset(write(buried))
        for key in before - written:
            lake.erase(key)
        for key in written:
            lake.purge(key)
    return buried
