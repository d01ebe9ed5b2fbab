"""Pages of timelines in the stand-in for X, in order or not, and how many posts were given."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.x.content import Content, Post
from local.x.faults import Fault
from politico.tweets.kinds import RETWEET, kind_of
from politico.x.timelines import WINDOW


@dataclass
class Pages:
    """Gives pages, and remembers what faults need of those before."""

    served: Counter[str] = field(default_factory=Counter)
    """Posts given, by account."""
    _before: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last page of each account that had posts."""
    _late: dict[str, Post] = field(default_factory=dict)
    """What an account's last page should have held."""

    def possible(self, content: Content, user_id: str | None, asked: Mapping[str, str]) -> dict[str, bool]:
        """Which faults can strike this question: a page is repeated only after one, late or shuffled only when it has enough."""
        if user_id not in content.users:
            return dict.fromkeys(("repeat", "late", "shuffle", "rename"), False)
        found = len(_found(content, user_id, asked))
        return {"repeat": user_id in self._before, "late": found > _size(asked), "shuffle": found > 1}

    def page(self, content: Content, user_id: str, asked: Mapping[str, str], fault: Fault | None) -> dict[str, Any]:
        """X's answer to a question for a timeline; a torn one is no page that was given."""
        kind = fault.kind if fault else None
        if kind == "repeat":
            body = self._before[user_id]
            self.served[user_id] += len(body["data"])
            return body
        found = _found(content, user_id, asked)
        start, size = int(asked.get("pagination_token", 0)), _size(asked)
        late = None if kind == "torn" else self._late.pop(user_id, None)
        if late is not None and late not in found:
            found.insert(start + size - 1, late)
        page = found[start : start + size]
        if not page:
            return {"meta": {"result_count": 0}}
        if kind == "late":
            self._late[user_id] = page.pop(0)
        ids = sorted((post["id"] for post in page), key=int)
        meta: dict[str, Any] = {"result_count": len(page), "newest_id": ids[-1], "oldest_id": ids[0]}
        if start + size < len(found):
            meta["next_token"] = str(start + size)
        data = [*page[1::2], *page[::2]] if kind == "shuffle" else page
        body = {"data": data, "meta": meta}
        if "author_id" in asked.get("expansions", "").split(","):
            body["includes"] = {"users": [content.shown_user(user_id, asked.get("user.fields", ""))]}
        if kind != "torn":
            self._before[user_id] = body
            self.served[user_id] += len(page)
        return body


def _found(content: Content, user_id: str, asked: Mapping[str, str]) -> list[Post]:
    """The posts between the bounds, newest first."""
    since, until = int(asked.get("since_id", 0)), asked.get("until_id")
    return [
        post
        for post in content.timelines.get(user_id, [])[:WINDOW]
        if int(post["id"]) > since
        and (until is None or int(post["id"]) < int(until))
        and not (asked.get("exclude") == "retweets" and _kind(post) == RETWEET)
    ]


def _size(asked: Mapping[str, str]) -> int:
    return int(asked.get("max_results", 10))


def _kind(post: Post) -> str:
    return kind_of(post.get("referenced_tweets"), str(post.get("text", "")))
