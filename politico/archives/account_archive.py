"""The archive that X gives an account's owner: a folder or .zip with data/tweets.js, and data/account.js for who it is."""

import contextlib
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TextIO, cast

from politico.archives.entries import Author, Post, Reject, of_file
from politico.archives.json_values import Broken, read_values
from politico.archives.note_tweets import Notes
from politico.archives.statuses import read_json
from politico.archives.tables import TableReading
from politico.errors import FileFormatError

# Not deleted-tweets.js: what its writer deleted is none of ours.
_TWEETS = re.compile(r"(tweets?|tweets?-part\d+)\.js")
_NOTES = re.compile(r"note-tweets?(-part\d+)?\.js")
_ACCOUNT = "account.js"


@dataclass(frozen=True)
class _Member:
    name: str
    open: Callable[[], BinaryIO]

    @property
    def base(self) -> str:
        return PurePosixPath(self.name).name

    @contextlib.contextmanager
    def text(self) -> Iterator[TextIO]:
        with self.open() as binary:
            yield io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")


def read_account_archive(path: Path, reading: TableReading) -> Iterator[Post | Reject]:
    """Every tweet of the archive. Raises FileFormatError when it is none, or says nowhere whose it is."""
    with contextlib.ExitStack() as opened:
        members = _in_zip(path, opened) if path.is_file() else _in_folder(path)
        tweets = sorted((one for one in members if _TWEETS.fullmatch(one.base)), key=lambda one: one.name)
        if not tweets:
            unpack = "; if it is a packed table, unpack it first (a spreadsheet: save it as CSV)" if path.is_file() else ""
            raise FileFormatError(f"{path} is no archive of an X account: there is no data/tweets.js in it{unpack}")
        accounts = [one for one in members if one.base == _ACCOUNT]
        if len(accounts) > 1:
            raise FileFormatError(f"{path} holds the archives of {len(accounts)} accounts; unpack it and give them one by one")
        owner = _owner(accounts[0]) if accounts else reading.author
        if owner is None:
            raise FileFormatError(f"{path} does not say whose it is: no data/{_ACCOUNT}; name the account with --author")
        notes = _read_notes(members)
        empty = 0
        for one in tweets:
            try:
                with one.text() as text:
                    for entry in read_json(Path(one.name), text, replace(reading, author=owner), notes):
                        yield of_file(entry, one.name)
            except FileFormatError:  # a part may be empty
                empty += 1
        if empty == len(tweets):
            raise FileFormatError(f"{path} has no tweets: {', '.join(one.name for one in tweets)} hold none")


def owner_beside(path: Path) -> Author | None:
    """Whom the account.js beside a tweets.js names."""
    account = path.parent / _ACCOUNT
    return _owner(_Member(account.name, lambda: account.open("rb"))) if account.is_file() else None


def notes_beside(path: Path) -> Notes:
    """The long posts in the note-tweet.js beside a tweets.js."""
    return _read_notes(_in_folder(path.parent))


def _read_notes(members: Iterable[_Member]) -> Notes:
    with contextlib.ExitStack() as opened:
        return Notes.read(opened.enter_context(one.text()) for one in members if _NOTES.fullmatch(one.base))


def _owner(account: _Member) -> Author:
    with account.text() as text:
        for _line, value in read_values(text):
            if not isinstance(value, Broken):
                with contextlib.suppress(KeyError, TypeError, AttributeError):
                    account_itself = value.get("account", value)  # older archives have it bare
                    return Author(str(account_itself["accountId"]), str(account_itself["username"]))
    raise FileFormatError(f"{account.name} names no account; it takes what X writes there: accountId and username")


def _in_folder(path: Path) -> list[_Member]:
    data = path / "data" if (path / "data").is_dir() else path

    def opening(one: Path) -> Callable[[], BinaryIO]:
        return lambda: one.open("rb")

    return [_Member(one.relative_to(path).as_posix(), opening(one)) for one in sorted(data.glob("*.js"))]


def _in_zip(path: Path, opened: contextlib.ExitStack) -> list[_Member]:
    try:
        archive = opened.enter_context(zipfile.ZipFile(path))
    except zipfile.BadZipFile as error:
        raise FileFormatError(f"{path} is no whole .zip: {error}; copy it again") from error

    def opening(name: str) -> Callable[[], BinaryIO]:
        return lambda: _open_in_zip(path, archive, name)

    return [_Member(name, opening(name)) for name in sorted(archive.namelist())]


def _open_in_zip(path: Path, archive: zipfile.ZipFile, name: str) -> BinaryIO:
    try:
        return cast(BinaryIO, archive.open(name))
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed as only some programs can
        raise FileFormatError(f"{path} can't be unpacked here: {error}; unpack it and give the folder") from error


def is_account_script(head: str) -> bool:
    """Does a text begin as the files of such an archive do?"""
    return head.lstrip().startswith("window.YTD.")


def is_of_deleted(head: str) -> bool:
    """Is it the one with what its writer deleted?"""
    return head.lstrip().startswith("window.YTD.deleted_tweet")
