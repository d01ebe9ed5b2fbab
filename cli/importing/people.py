"""A person's list of politicians, mended where it is certain what was meant: handles, ids, encodings."""

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from politico.archives.damage import check_id, is_rounded_from
from politico.archives.reading import open_text
from politico.errors import FileFormatError, TweetError
from politico.tweets.sheet import read_sheet

Note = Callable[[str], None]

_HANDLE = re.compile(r"[A-Za-z0-9_]{1,30}")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.|mobile\.)?(?:twitter|x)\.com/(?:#!/)?@?(\w{1,30})/?(?:\?\S*)?", re.IGNORECASE)
_BLANKS = "\u00a0\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
"""That no spreadsheet shows."""


def read_people(path: Path, note: Note) -> str:
    """The list as CSV text, with handles and ids as they were meant; `note` hears of what was mended. Raises FileFormatError."""
    text = _text_of(path, note)
    sheet = read_sheet(text)
    mended = 0
    rows = []
    for line in sheet.lines:
        values = dict(line.values)
        if "screen_name" in values:
            values["screen_name"] = handle_of(values["screen_name"])
        if "user_id" in values:
            values["user_id"] = _id_of(values["user_id"])
        mended += values != dict(line.values)
        rows.append(values)
    if not mended:
        return text
    note(f"{path.name}: {mended:,} handles or ids were mended: addresses, blanks that nobody sees, `.0` behind an id")
    return _as_csv(sheet.columns, rows)


def with_certain_ids(listed: str, written: Mapping[str, str], note: Note) -> str:
    """The list with those ids right that a spreadsheet rounded, where the tweets of that handle name the id it came from."""
    sheet = read_sheet(listed)
    if "user_id" not in sheet.columns or "screen_name" not in sheet.columns:
        return listed
    rows, mended = [], []
    for line in sheet.lines:
        values = dict(line.values)
        own = written.get(values["screen_name"].removeprefix("@").casefold(), "")
        given = values["user_id"]
        if is_rounded_from(given, own):
            values["user_id"] = own
            mended.append(f"@{values['screen_name']}")
        rows.append(values)
    if not mended:
        return listed
    note(f"ids that a spreadsheet rounded are those that the tweets name: {', '.join(mended[:8])}")
    return _as_csv(sheet.columns, rows)


def handle_of(given: str) -> str:
    """The handle in what somebody wrote for one: an address, an @, blanks around it. What is none stays as it is."""
    plain = given.strip(_BLANKS + " \t").removeprefix("@").strip(_BLANKS + " \t")
    if found := _ADDRESS.fullmatch(plain):
        return found[1]
    return plain if _HANDLE.fullmatch(plain) else given


def _id_of(given: str) -> str:
    """The id, without what a spreadsheet put behind it. One that was rounded stays as it is: whoever reads it refuses it."""
    plain = given.strip(_BLANKS + " \t'")
    try:
        return str(check_id(plain, "user_id"))
    except TweetError:
        return given


def _text_of(path: Path, note: Note) -> str:
    with open_text(path, lambda said: note(f"{path.name}: {said}")) as file:
        text = file.read()
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise FileFormatError(f"{path} is UTF-8 in parts only; save it as CSV UTF-8")
    return text


def _as_csv(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
