"""The posts that an import lets in: one JSON a line, with an index on disk of where each account's stand, newest first."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

POSTS_A_PAGE = 100


def index_of(posts: Path) -> Path:
    """Where the index of such a file lies."""
    return posts.with_name(f"{posts.name}.index")


class PostsWriter:
    """Writes the file and its index; use it as a context."""

    def __init__(self, posts: Path) -> None:
        self._path = posts
        self._open = ExitStack()
        self._place = 0

    def __enter__(self) -> "PostsWriter":
        index_of(self._path).unlink(missing_ok=True)
        self._lines = self._open.enter_context(self._path.open("wb"))
        self._index = self._open.enter_context(closing(sqlite3.connect(index_of(self._path))))
        self._index.execute("PRAGMA synchronous = OFF")  # it is made anew where a reading was stopped
        self._index.execute("CREATE TABLE posts (author TEXT, digits INTEGER, id TEXT, place INTEGER)")
        return self

    def write(self, author_id: str, id_str: str, post: str) -> None:
        """One more post, as JSON."""
        line = post.encode() + b"\n"
        self._lines.write(line)
        self._index.execute("INSERT INTO posts VALUES (?, ?, ?, ?)", (author_id, len(id_str), id_str, self._place))
        self._place += len(line)

    def __exit__(self, *error: object) -> None:
        with self._open:
            self._index.execute("CREATE INDEX by_author ON posts (author, digits, id, place)")
            self._index.commit()


def pages_of(posts: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Each account's posts as JSON, newest first, in pages."""
    with posts.open("rb") as lines, closing(sqlite3.connect(index_of(posts))) as index:
        ordered = index.execute("SELECT author, place FROM posts ORDER BY author, digits DESC, id DESC")
        for user_id, found in itertools.groupby(ordered, key=lambda row: str(row[0])):
            timeline = (_line_at(lines, place) for _user_id, place in found)
            while page := list(itertools.islice(timeline, POSTS_A_PAGE)):
                yield user_id, page


def _line_at(lines: IO[bytes], place: int) -> bytes:
    lines.seek(place)
    return lines.readline().rstrip(b"\n")
