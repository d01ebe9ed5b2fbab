"""How far one account's timeline is read: from the newest post down, pass by pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

ONE_BEYOND = {"since_id": 1, "newest_id": 1, "until_id": -1, "unsettled_id": -1}
"""From each id of a cursor, the direction that is read already: one step there, no post of the same account has its id, so
that nothing is lost and nothing is bought again."""


@dataclass(frozen=True)
class Cursor:
    """How far one account's timeline is read. Every cursor is a true statement on its own, whoever noted it."""

    since_id: str | None = None
    """Everything up to here is stored."""
    newest_id: str | None = None
    """The newest post of the pass under way."""
    until_id: str | None = None
    """The pass under way has stored everything from `newest_id` down to here."""
    unsettled_id: str | None = None
    """The oldest post of the pass under way that could still be edited when it was stored. (The name is that of the stored
    attribute.)"""
    taken: int = 0
    """How many posts the pass under way has stored."""

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> "Cursor":
        """From what the ledger holds."""
        return cls(**{name: item.get(name) for name in ONE_BEYOND}, taken=int(item.get("taken", 0)))

    def awaits(self, id_str: str) -> bool:
        """Does the pass's next question ask for this post?"""
        return int(self.since_id or 0) < int(id_str) and (self.until_id is None or int(id_str) < int(self.until_id))

    def after_page(self, newest: str, oldest: str, oldest_editable: str | None, posts: int) -> "Cursor":
        """After a page with so many of the posts that were asked for; `newest` and `oldest` are among these."""
        editable = [one for one in (self.unsettled_id, oldest_editable) if one is not None]
        return Cursor(self.since_id, self.newest_id or newest, oldest, min(editable, key=int, default=None), self.taken + posts)

    def completed(self, certain_to: int | None = None) -> "Cursor":
        """After the pass's last page. What could still be edited, and all that came after, is read again by the next pass.

        So is what has a higher id than `certain_to`: of these X may show some only later.
        """
        reached = self.newest_id or self.since_id
        # A page may bring a post that is newer than the pass's first: what lies between the two is the next pass's.
        bounds = [int(one) for one in (reached,) if one is not None]
        if self.unsettled_id is not None:
            bounds.append(int(self.unsettled_id) - 1)
        if certain_to is not None and bounds:
            bounds.append(max(certain_to, int(self.since_id or 0)))
        return Cursor(str(min(bounds)) if bounds else None)

    def without(self, is_buried: Callable[[str], bool]) -> "Cursor":
        """The same place, told without the ids of buried posts."""
        moved: dict[str, Any] = {}
        for name, step in ONE_BEYOND.items():
            held = getattr(self, name)
            if held is not None and is_buried(held):
                moved[name] = str(int(held) + step)
        return replace(self, **moved)


@dataclass(frozen=True)
class Announced:
    """A page that is about to be stored: what a later call needs to go on behind it, should it find it in the lake."""

    run: str
    newest: str
    """Of the page's posts that were asked for."""
    after: Cursor
    """The cursor once it is stored; its `until_id` is the oldest of them."""
    last: bool
    """The pass is complete then."""

    @classmethod
    def read(cls, item: Mapping[str, Any]) -> "Announced":
        """From what the ledger holds."""
        return cls(item["run"], item["newest"], Cursor.read(item["after"]), bool(item["last"]))

    def is_this(self, oldest: str) -> bool:
        """Is a page of the same run whose oldest post is this one the announced one? No other page of the pass ends between
        its ends, and it still does when some of its posts were buried meanwhile."""
        assert self.after.until_id is not None, "a page that gets the pass on is announced"
        return int(self.after.until_id) <= int(oldest) <= int(self.newest)

    def without(self, is_buried: Callable[[str], bool]) -> "Announced":
        """The same page, told without the ids of buried posts."""
        newest = str(int(self.newest) + ONE_BEYOND["newest_id"]) if is_buried(self.newest) else self.newest
        return replace(self, newest=newest, after=self.after.without(is_buried))
