"""One account's timeline into the lake, page after page, with X's connection always busy and nothing bought twice but by choice.

While a page is stored and noted, the next one is under way already, paid for in advance. For each page, in this order: its
price is set aside in the ledger; it is read; the ledger is told which page is coming; it is stored; the ledger is told that it
is. Posts that could still be edited, and those of the last hours (`late`), are read again by the next run. A kill at any moment
loses nothing, and costs at most:

- two pages that X sold and that are not stored: the one that was about to be, and the one under way;
- two pages' price (200 posts) that stays counted against the month's cap;
- nothing that is stored: when the ledger was told of a page and it lies in the lake, the next call goes on behind it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from politico.errors import ServiceError, TweetError
from politico.ingest.buying import Buyer
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.redaction import redact_page
from politico.lake.tombstones import Tombstones, read_tombstones
from politico.ledger.cursor import Announced, Cursor
from politico.ledger.table import Ledger
from politico.tweets.tweet import last_id_before, read_time, snowflake_time
from politico.x.timelines import WINDOW, Page, Timeline

TRIES = 3
"""How often in a row X may answer with what was not asked for."""


@dataclass
class Fetch:
    """What fetching needs, and what it did."""

    lake: Lake
    ledger: Ledger
    timeline: Timeline
    monthly_cap: int
    """Posts a calendar month, over all accounts."""
    reference: datetime
    """Posts that can still be edited then are read again by a later run."""
    now: Callable[[], datetime]
    exclude_retweets: bool = False
    """Have X leave retweets out, which then cost nothing. Quotes can't be excluded: X's timelines have no such choice."""
    late: timedelta = timedelta(0)
    """How long after it was written X may show a post for the first time: posts that young, as of the reference, are read again
    by the next run, which finds what came between them."""
    window: int = WINDOW
    """An account's first pass ends with the page that reaches so many posts."""
    ahead: bool = True
    """Ask for the next page before this one is stored. Otherwise a kill costs one page, and each page takes longer."""
    buried: Tombstones = field(default_factory=Tombstones)
    """What is never stored; brought up to date by each call."""
    pages: int = field(default=0, init=False)
    posts: int = field(default=0, init=False)

    def account(self, run: str, user_id: str, time_left: Callable[[], bool]) -> bool:
        """Store what is new of this account; True when nothing is left to read, False when time ran out.

        Raises RateLimitedError, SpendingCapError, AccountError or ServiceError; what was stored stays noted.
        """
        self.buried = read_tombstones(self.lake, self.buried)
        if self.buried.user(user_id):
            return True
        cursor, complete = self._recovered(user_id)
        if complete:
            return True
        stored: list[str] = []
        try:
            with Buyer(self.ledger, self.timeline, self.monthly_cap, self.now) as buyer:
                return self._pass(run, user_id, cursor, buyer, time_left, stored)
        finally:
            self._obey_new_burials(stored)

    def _recovered(self, user_id: str) -> tuple[Cursor, bool]:
        """Where to go on, and whether the pass is complete: behind the page that was announced, if the lake has it."""
        cursor, announced = self.ledger.progress(user_id)
        if announced is None:
            return cursor, False
        keys = self.lake.keys(places.raw_pages(announced.run, user_id))
        if not any(announced.is_this(places.newest_and_oldest(key)[1]) for key in keys):
            return cursor, False
        # When that run asked is not known here: its newest post tells a time that was before.
        self._note(user_id, announced.after, announced.last, announced.run, self._asked_by(announced.after))
        return announced.after, announced.last

    def _pass(
        self, run: str, user_id: str, cursor: Cursor, buyer: Buyer, time_left: Callable[[], bool], stored: list[str]
    ) -> bool:
        futile, asked, token, excluding = 0, False, None, False

        def ask(after: Cursor) -> None:
            nonlocal excluding
            # A page without posts may have held retweets only; with them it says where to go on.
            excluding = self.exclude_retweets and not futile
            buyer.ask(user_id, after.since_id, after.until_id, excluding, token)

        while asked or time_left():
            if not asked:
                buyer.set_aside()
                ask(cursor)
            if self.ahead:
                buyer.set_aside_early()
            page = buyer.page()
            step = self._step(run, cursor, page, excluding=excluding)
            # Whose posts are all withheld still says where the next page begins: that way it is gone past.
            past = None if page.posts or excluding else page.token
            if step.last or step.moved:
                futile = 0
            elif not (past and token and past != token):
                futile += 1
            token = past
            asked = not step.last and futile < TRIES and buyer.ready and time_left()
            if asked:
                ask(step.after)
            stored += self._store(run, user_id, page, step)
            if step.last:
                return True
            if futile == TRIES:
                raise ServiceError(f"X answered {TRIES} times in a row for account {user_id} with what was not asked for")
            cursor = step.after
        return False

    def _step(self, run: str, cursor: Cursor, page: Page, *, excluding: bool) -> "_Step":
        """What the page means for the pass. One with posts that X never gives in answer to the question proves nothing: it is
        stored, for it is paid for, and the question is asked again. Nor does one without posts where retweets were left out:
        older posts may stand behind them."""
        ids = _ids(page.posts)
        awaited = sorted(filter(cursor.awaits, ids), key=int)
        if not page.posts and page.last:
            return _Step(cursor, None, last=not excluding)
        if not awaited or min(map(int, ids)) <= int(cursor.since_id or 0):
            return _Step(cursor, None, last=False)
        after = cursor.after_page(awaited[-1], awaited[0], self._oldest_editable(page), len(awaited))
        last = page.last or (cursor.since_id is None and after.taken >= self.window)
        moved = Announced(run, awaited[-1], after, last).without(self.buried.tweet)
        return _Step(moved.after, moved, last)

    def _store(self, run: str, user_id: str, page: Page, step: "_Step") -> list[str]:
        """Store the page but for what is buried, and note where the pass has come to; the key, if anything was left."""
        body = redact_page(page.body, self.buried) if self.buried else page.body
        key = _key(run, user_id, body)
        if key is not None and body is not None:
            if step.moved:
                self.ledger.announce(user_id, step.moved, bought=len(page.posts))
            else:
                self.ledger.hand_over(user_id, run)
            self.lake.write_lines(key, [body])
            self.pages += 1
            self.posts += len(body["data"])
        if step.moved or step.last:
            self._note(user_id, step.after, step.last, run if key is not None else None, self.reference)
        elif key is not None:
            self.ledger.hand_over(user_id, run)
        return [key] if key is not None else []

    def _asked_by(self, cursor: Cursor) -> datetime:
        """A time when the pass had begun, at the earliest."""
        return min(self.reference, snowflake_time(cursor.newest_id)) if cursor.newest_id else self.reference

    def _note(self, user_id: str, cursor: Cursor, last: bool, stored_by: str | None, asked_at: datetime) -> None:
        if last:
            certain_to = (last_id_before(asked_at - self.late) or None) if self.late else None
            self.ledger.complete(user_id, cursor.completed(certain_to), self.now(), stored_by)
        else:
            self.ledger.note(user_id, cursor, stored_by)

    def _obey_new_burials(self, stored: Iterable[str]) -> None:
        """Take what was buried during the call out of the pages that it stored, old versions and keys too."""
        keys = set(stored)
        while keys and (buried := read_tombstones(self.lake, self.buried)) is not self.buried:
            self.buried = buried
            keys = {left for key in keys if (left := self._redact(key)) is not None}

    def _redact(self, key: str) -> str | None:
        """Write a stored page anew without what is buried; the key it has now."""
        try:
            (body,) = self.lake.read_lines(key)
        except self.lake.s3.exceptions.NoSuchKey:
            return None  # a sweep was quicker
        left = redact_page(body, self.buried)
        if left == body:
            return key
        new = _key(*places.run_and_user(key), left)
        if new is not None:
            self.lake.write_lines(new, [left])
        if new == key:
            self.lake.purge(key)
        else:
            self.lake.erase(key)
        return new

    def _oldest_editable(self, page: Page) -> str | None:
        """The oldest post of the page that can still be edited."""
        return min((str(post["id"]) for post in page.posts if _is_id(post) and self._is_editable(post)), key=int, default=None)

    def _is_editable(self, post: Mapping[str, Any]) -> bool:
        controls = post.get("edit_controls")
        if not isinstance(controls, Mapping) or not controls.get("editable_until"):
            return False
        try:
            return read_time(controls["editable_until"]) > self.reference
        except TweetError:
            return False  # counted as rejected when the page is annotated


@dataclass(frozen=True)
class _Step:
    """What one page means for the pass."""

    after: Cursor
    """Where the pass has come to with it."""
    moved: Announced | None
    """The page as the ledger is told of it; None when it got the pass no further."""
    last: bool
    """The pass is complete."""


def _is_id(post: Any) -> bool:
    """Has the post an id that can be read? One that has not is stored with its page, and counted as rejected later."""
    return isinstance(post, Mapping) and str(post.get("id")).isdecimal()


def _ids(posts: Iterable[Any]) -> list[str]:
    return [str(post["id"]) for post in posts if _is_id(post)]


def _key(run: str, user_id: str, body: Mapping[str, Any] | None) -> str | None:
    """Where a page lies; None when there is nothing to store."""
    ids = sorted(_ids(body.get("data") or ()) if body else (), key=int)
    return places.raw_page(run, user_id, newest=ids[-1], oldest=ids[0]) if ids else None
