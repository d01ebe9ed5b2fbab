"""Which accounts are worth following: the thesis's three numbers, and what an account has of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from politico.x.users import Account


@dataclass(frozen=True)
class Eligibility:
    """Which accounts are worth following (thesis, section 4.1.1)."""

    min_tweets: int = 100
    """More than so many: with fewer there is little to learn."""
    min_followers: int = 100
    """More than so many: with fewer it may be anybody's."""
    max_silent_days: int = 365
    """Its newest post is no older: twelve months."""

    def refusals(self, account: Account, now: datetime) -> list[str]:
        """Each reason why this account is not to be followed, with its number; none when it is."""
        found = []
        if account.protected:
            found.append("protected; only accounts that everybody may read can be followed")
        if account.tweets <= self.min_tweets:
            found.append(f"{account.tweets:,} tweets; more than {self.min_tweets:,} are needed")
        if account.followers <= self.min_followers:
            found.append(f"{account.followers:,} followers; more than {self.min_followers:,} are needed")
        if account.last_active is None:
            found.append(f"X tells of no post; one in the last {self.max_silent_days} days is needed")
        elif account.last_active < now - timedelta(days=self.max_silent_days):
            found.append(f"silent since {account.last_active:%Y-%m-%d}; a post in the last {self.max_silent_days} days is needed")
        return found

    def reason(self, account: Account, now: datetime) -> tuple[bool, str]:
        """Is it worth following, and its numbers or what is against it."""
        refusals = self.refusals(account, now)
        if refusals:
            return False, "; ".join(refusals)
        assert account.last_active is not None, "a silent account is refused"
        numbers = f"{account.tweets:,} tweets, {account.followers:,} followers"
        return True, f"{numbers}, newest post {account.last_active:%Y-%m-%d}"
