"""One account's timeline into the lake: reserve, read, store, note; a kill between any two loses and re-buys nothing stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from politico import lake as places
from politico.errors import RateLimitedError, TweetError
from politico.lake import Lake
from politico.ledger import Ledger
from politico.tweet import parse_post
from politico.x import PAGE_SIZE, Page, Timeline


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
    pages: int = field(default=0, init=False)
    posts: int = field(default=0, init=False)

    def account(self, run: str, user_id: str, time_left: Callable[[], bool]) -> bool:
        """Store what is new of this account; True when nothing is left to read, False when time ran out.

        Raises RateLimitedError, SpendingCapError, AccountError or ServiceError; what was stored stays noted.
        """
        cursor = self.ledger.cursor(user_id)
        while time_left():
            page = self._bought(user_id, cursor.since_id, cursor.until_id)
            if page.posts:
                ids = sorted((str(post["id"]) for post in page.posts), key=int)
                self.ledger.hand_over(user_id, run)
                self.lake.write_lines(places.raw_page(run, user_id, newest=ids[-1], oldest=ids[0]), [page.body])
                cursor = cursor.after_page(newest=ids[-1], oldest=ids[0], oldest_unsettled=self._oldest_unsettled(page))
                self.ledger.note(user_id, cursor)
                self.pages += 1
                self.posts += len(ids)
            if page.last or not page.posts:
                self.ledger.note(user_id, cursor.completed())
                return True
        return False

    def _bought(self, user_id: str, since_id: str | None, until_id: str | None) -> Page:
        now = self.now()  # once: what is given back belongs to the month it was taken from
        reset = self.ledger.reset()
        if reset > now.timestamp():
            raise RateLimitedError(reset)
        self.ledger.reserve(PAGE_SIZE, self.monthly_cap, now)
        received = 0
        try:
            page = self.timeline.page(user_id, since_id, until_id)
            received = len(page.posts)
            return page
        except RateLimitedError as error:
            self.ledger.note_reset(error.reset)
            raise
        finally:
            self.ledger.give_back(PAGE_SIZE - received, now)

    def _oldest_unsettled(self, page: Page) -> str | None:
        """The oldest post of the page that can still be edited."""
        unsettled = []
        for post in page.posts:
            try:
                tweet = parse_post(post)
            except TweetError:
                continue  # counted as rejected when the page is annotated
            if tweet.editable_until is not None and tweet.editable_until > self.reference:
                unsettled.append(tweet.id_str)
        return min(unsettled, key=int, default=None)
