"""Pages of a timeline, bought one by one: each is paid for from the month's cap before it is asked for, in a second thread.

The next page's price is set aside while the page before is under way, so that X's connection need not wait for the ledger. The
ledger is used by the calling thread alone, the timeline by the second thread alone.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError

from politico.errors import PoliticoError, RateLimitedError
from politico.ledger.table import Ledger
from politico.x.timelines import PAGE_SIZE, Page, Timeline


class Buyer:
    """Use it in a `with`: what was set aside and not received is given back at its end, also when an error ends it."""

    def __init__(self, ledger: Ledger, timeline: Timeline, monthly_cap: int, now: Callable[[], datetime]) -> None:
        """`monthly_cap` is in posts, over all accounts."""
        self._ledger, self._timeline, self._cap, self._now = ledger, timeline, monthly_cap, now
        self._set_aside: datetime | None = None
        """When a page's price was set aside that is not asked for yet: what is given back belongs to that month."""
        self._under_way: tuple[Future[Page], datetime] | None = None
        self._owed: list[tuple[int, datetime]] = []
        """What was not received, and when it was set aside: given back when nobody waits for it."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="x")

    def __enter__(self) -> "Buyer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """A page under way is waited for: X has sold it, or not."""
        try:
            if self._under_way is not None:
                with contextlib.suppress(PoliticoError):
                    self.page()
        finally:
            self._thread.shutdown()
            if self._set_aside is not None:
                self._owed.append((PAGE_SIZE, self._set_aside))
            self._give_back()

    def set_aside(self) -> None:
        """Set one page's price aside, unless it is already. Raises RateLimitedError and SpendingCapError."""
        if self._set_aside is not None:
            return
        self._give_back()
        now = self._now()
        reset = self._ledger.reset()
        if reset > now.timestamp():
            raise RateLimitedError(reset)
        self._ledger.reserve(PAGE_SIZE, self._cap, now)
        self._set_aside = now

    def set_aside_early(self) -> None:
        """The same while a page is under way. What fails is no loss: it is tried again when that page is stored."""
        with contextlib.suppress(PoliticoError, BotoCoreError, ClientError):
            self.set_aside()

    @property
    def ready(self) -> bool:
        """Is the next page's price set aside?"""
        return self._set_aside is not None

    def ask(
        self, user_id: str, since_id: str | None, until_id: str | None, exclude_retweets: bool, token: str | None = None
    ) -> None:
        """Begin to read a page whose price is set aside."""
        assert self._set_aside is not None, "a page is paid for before it is asked for"
        assert self._under_way is None, "pages are asked for one by one"
        answer = self._thread.submit(self._timeline.page, user_id, since_id, until_id, exclude_retweets, token)
        self._under_way, self._set_aside = (answer, self._set_aside), None

    def page(self) -> Page:
        """Wait for the page under way. Raises what Timeline.page raises."""
        assert self._under_way is not None, "a page is asked for before it comes"
        (answer, paid_at), self._under_way = self._under_way, None
        received = 0
        try:
            page = answer.result()
            received = len(page.posts)
            return page
        except RateLimitedError as error:
            self._ledger.note_reset(error.reset)
            raise
        finally:
            self._owed.append((PAGE_SIZE - received, paid_at))

    def _give_back(self) -> None:
        while self._owed:
            self._ledger.give_back(*self._owed.pop())
