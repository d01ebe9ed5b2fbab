"""What the stand-in for X holds: accounts, their posts, and what has become of both."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.x.faults import PROBLEMS
from politico.tweets.tweet import write_time

FOLLOWERS = 1_000
"""Of an account that does not say how many it has."""

Post = dict[str, Any]
User = dict[str, Any]


@dataclass
class Content:
    """Accounts and posts. What was deleted is kept, as X does for those who ask it what to delete."""

    timelines: dict[str, list[Post]] = field(default_factory=dict)
    """By author, newest first, those that are there."""
    users: dict[str, User] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)
    """Account to `protected`, `suspended` or `deleted`, where it is one of these."""
    deleted: dict[str, Post] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    changed: dict[str, str] = field(default_factory=dict)
    """When it happened, by id of the post or account."""

    @classmethod
    def of(cls, posts: Iterable[Mapping[str, Any]], users: Iterable[Mapping[str, Any]]) -> "Content":
        by_author: defaultdict[str, list[Post]] = defaultdict(list)
        for post in posts:
            by_author[str(post["author_id"])].append(dict(post))
        for timeline in by_author.values():
            timeline.sort(key=lambda post: int(post["id"]), reverse=True)
        return cls(dict(by_author), {str(user["id"]): dict(user) for user in users})

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Do what happens at X: `delete` and `withhold` posts; `protect`, `suspend`, `close`, `restore` and `rename` accounts."""
        now = write_time(datetime.now(UTC))
        for fate, name in (("protected", "protect"), ("suspended", "suspend"), ("deleted", "close")):
            for user_id in map(str, wanted.get(name, ())):
                self.fates[user_id], self.changed[user_id] = fate, now
        for user_id in map(str, wanted.get("restore", ())):
            self.fates.pop(user_id, None)
        for user_id, screen_name in wanted.get("rename", {}).items():
            self.users[str(user_id)]["username"] = screen_name
        self.withheld |= set(map(str, wanted.get("withhold", ())))
        self._delete(set(map(str, wanted.get("delete", ()))), now)

    def _delete(self, ids: set[str], now: str) -> None:
        if not ids:
            return
        for author, timeline in self.timelines.items():
            for post in timeline:
                if post["id"] in ids:
                    self.deleted[post["id"]], self.changed[post["id"]] = post, now
            self.timelines[author] = [post for post in timeline if post["id"] not in ids]

    def posts_by_id(self) -> dict[str, Post]:
        return {post["id"]: post for timeline in self.timelines.values() for post in timeline}

    def shown_user(self, user_id: str, fields: str) -> User:
        """The account with X's default fields and those that were asked for."""
        user, timeline = self.users[user_id], self.timelines.get(user_id, [])
        metrics = {"followers_count": FOLLOWERS, "following_count": 0, "tweet_count": len(timeline), "listed_count": 0}
        whole = {
            "description": "",
            "verified": False,
            **({"most_recent_tweet_id": timeline[0]["id"]} if timeline else {}),
            **user,
            "protected": self.fates.get(user_id) == "protected",
            "public_metrics": {**metrics, **user.get("public_metrics", {})},
        }
        wanted = {"id", "name", "username", *fields.split(",")}
        return {name: value for name, value in whole.items() if name in wanted}

    def user_problem(self, user_id: str, parameter: str, *, reading: bool) -> dict[str, str] | None:
        """Why X does not give this account, or, when `reading`, its posts."""
        fate = self.fates.get(user_id)
        if fate == "suspended":
            return problem("user", parameter, user_id, "Forbidden", f"User has been suspended: [{user_id}].")
        if fate == "deleted" or user_id not in self.users:
            return problem("user", parameter, user_id, "Not Found Error", f"Could not find user with {parameter}: [{user_id}].")
        return forbidden("user", parameter, user_id) if fate == "protected" and reading else None

    def post_problem(self, id_str: str, post: Post | None) -> dict[str, str] | None:
        """Why X does not give this post, `post` being what is there of it."""
        fate = self.fates.get(str(post["author_id"])) if post else "deleted"
        if fate == "protected":
            return forbidden("tweet", "ids", id_str)
        if fate == "suspended":
            return problem("tweet", "ids", id_str, "Forbidden", "The author of this Tweet has been suspended.")
        missing = problem("tweet", "ids", id_str, "Not Found Error", f"Could not find tweet with ids: [{id_str}].")
        return missing if fate == "deleted" else None

    def search(self, words: Sequence[str]) -> list[str]:
        """Accounts whose names contain all of the words, those with more followers first."""
        found = [
            user_id
            for user_id, user in self.users.items()
            if all(word in folded(f"{user['name']} {user['username']}") for word in map(folded, words))
            and self.fates.get(user_id) not in ("suspended", "deleted")
        ]
        metrics = {user_id: self.users[user_id].get("public_metrics", {}).get("followers_count", FOLLOWERS) for user_id in found}
        return sorted(found, key=lambda user_id: (-metrics[user_id], int(user_id)))


def folded(text: str) -> str:
    """Lower case, without accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one)).casefold()


def problem(
    resource: str, parameter: str, value: str, title: str, detail: str, kind: str = "resource-not-found"
) -> dict[str, str]:
    """One of the errors that X gives beside or in place of data."""
    return {
        "value": value,
        "detail": detail,
        "title": title,
        "resource_type": resource,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{PROBLEMS}{kind}",
    }


def forbidden(resource: str, parameter: str, value: str) -> dict[str, str]:
    detail = f"Sorry, you are not authorized to see the {resource} with {parameter}: [{value}]."
    return problem(resource, parameter, value, "Authorization Error", detail, "not-authorized-for-resource")
