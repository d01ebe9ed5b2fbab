"""Tweets and politicians from a person's files: read, checked, and what can't be used set aside with its reason."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.screen import counted
from politico.archive import Post, Reject, admit, read_posts, user_ids
from politico.errors import FileFormatError, UnknownValueError
from politico.politician import Registry, read_registry


@dataclass(frozen=True)
class Inputs:
    """Tweets and politicians, checked."""

    registry: Registry
    posts: Path
    """API v2 posts, one a line."""
    reference: datetime
    """The newest tweet's time: ages count back from it."""
    read: int
    kept: int
    rejected: dict[str, int]
    """By reason; each stands in the rejects' file with its line. read = kept + rejected."""

    def users(self) -> list[dict[str, Any]]:
        """The accounts as API v2 gives them."""
        return [{"id": one.user_id, "username": one.screen_name, "name": one.name} for one in self.registry]


def open_zone(name: str) -> ZoneInfo:
    """Raises UnknownValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownValueError(f"unknown time zone {name!r}; take a name such as America/Santiago") from error


def read_files(tweets: Path, politicians: Path, posts: Path, rejected: Path, zone: ZoneInfo) -> Inputs:
    """Read the user's files; good posts go to one file, rejects to another. Raises FileFormatError, RegistryError."""
    entries = list(read_posts(tweets, zone))
    try:
        listed = politicians.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileFormatError(f"{politicians} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{politicians} is no UTF-8 text: {error.reason}") from error
    registry = read_registry(listed, user_ids(entries))
    admitted = list(admit(entries, registry))
    kept, reasons = set_out(admitted, posts, rejected)
    if not kept:
        raise FileFormatError(f"{tweets} has no tweet of the {len(registry)} politicians ({counted(reasons)}); see {rejected}")
    newest = max(entry.tweet.created_at for entry in admitted if isinstance(entry, Post))
    return Inputs(registry, posts, newest, len(entries), kept, reasons)


def set_out(entries: Iterable[Post | Reject], posts: Path, rejected: Path) -> tuple[int, dict[str, int]]:
    """Write the posts to one file, the rejects with line and reason to another; how many of each."""
    kept = 0
    reasons: Counter[str] = Counter()
    with posts.open("w", encoding="utf-8") as good, rejected.open("w", encoding="utf-8") as bad:
        for entry in entries:
            if isinstance(entry, Reject):
                bad.write(json.dumps(vars(entry), ensure_ascii=False) + "\n")
                reasons[entry.reason] += 1
            else:
                good.write(json.dumps(entry.body, ensure_ascii=False) + "\n")
                kept += 1
    return kept, dict(sorted(reasons.items()))
