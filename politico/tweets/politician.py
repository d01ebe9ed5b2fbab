"""One politician, and the registry: the reviewed list of whose tweets are read."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields

from politico.errors import FileFormatError, RegistryError
from politico.tweets.sheet import read_sheet


@dataclass(frozen=True)
class Politician:
    """One account and who stands behind it."""

    screen_name: str
    user_id: str
    name: str
    office: str
    coalition: str
    party: str


COLUMNS = tuple(one.name for one in fields(Politician))


class Registry:
    """Politicians by user id and by screen name (which X compares without regard to case)."""

    def __init__(self, politicians: Iterable[Politician]) -> None:
        self._by_id: dict[str, Politician] = {}
        self._by_screen_name: dict[str, Politician] = {}
        for one in politicians:
            for known, key in ((self._by_id, one.user_id), (self._by_screen_name, one.screen_name.casefold())):
                if key in known:
                    raise RegistryError(f"the registry lists {key!r} twice: {known[key].name} and {one.name}")
                known[key] = one

    def __iter__(self) -> Iterator[Politician]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def by_id(self, user_id: str) -> Politician | None:
        return self._by_id.get(user_id)

    def by_screen_name(self, screen_name: str) -> Politician | None:
        return self._by_screen_name.get(screen_name.casefold())

    def to_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(one) for one in self)
        return out.getvalue()


@dataclass(frozen=True)
class Entry:
    """One line of a list, whatever may be wrong with it."""

    line: int
    politician: Politician
    """A value that the line lacks is empty."""
    too_many: int = 0
    """Values beyond the last column."""


@dataclass(frozen=True)
class Fault:
    """Why a list can't be used."""

    entry: Entry
    kind: str
    """`no_value`, `too_many_values`, `bad_user_id`, `repeated_user_id` or `repeated_screen_name`."""
    said: str


def read_entries(text: str, user_ids: Mapping[str, str] | None = None) -> list[Entry]:
    """Every line of a CSV text, good or bad. Raises RegistryError when it lacks a column or is no CSV.

    A list without user ids is completed from `user_ids` (casefolded screen name to id); who is not in there is left out,
    since there is nothing to read of them.
    """
    try:
        sheet = read_sheet(text)
    except FileFormatError as error:
        raise RegistryError(f"the registry can't be read: {error}") from error
    missing = [name for name in COLUMNS if name not in sheet.columns and not (name == "user_id" and user_ids is not None)]
    if missing:
        raise RegistryError(
            f"the registry lacks the column {', '.join(missing)}; it takes a CSV with {','.join(COLUMNS)} in its first line"
        )
    entries = []
    for line in sheet.lines:
        values = {name: line.values.get(name, "") for name in COLUMNS}
        values["screen_name"] = values["screen_name"].removeprefix("@")
        if not values["user_id"] and user_ids is not None:
            values["user_id"] = user_ids.get(values["screen_name"].casefold(), "")
            if not values["user_id"]:
                continue
        entries.append(Entry(line.number, Politician(**values), line.too_many))
    return entries


def find_faults(entries: Sequence[Entry]) -> list[Fault]:
    """All that keeps these lines from being a registry, in their order."""
    faults = []
    seen: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        where, one = f"line {entry.line} of the registry", entry.politician
        empty = [name for name in COLUMNS if not getattr(one, name)]
        if entry.too_many:
            said = f"{where} has {entry.too_many} value(s) too many; put quotes around a value that holds the separator"
            faults.append(Fault(entry, "too_many_values", said))
        if empty:
            faults.append(Fault(entry, "no_value", f"{where} has no {', '.join(empty)}"))
        if one.user_id and not (one.user_id.isascii() and one.user_id.isdigit()):
            faults.append(Fault(entry, "bad_user_id", f"{where}: user_id is {one.user_id!r}; it takes digits"))
        for kind, key in (("user_id", one.user_id), ("screen_name", one.screen_name.casefold())):
            first = seen.setdefault((kind, key), entry) if key else entry
            if first is not entry:
                said = f"the registry lists {key!r} twice: {first.politician.name} and {one.name}"
                faults.append(Fault(entry, f"repeated_{kind}", f"{said} (lines {first.line} and {entry.line})"))
    return faults


def read_registry(text: str, user_ids: Mapping[str, str] | None = None) -> Registry:
    """The registry in a CSV text. Raises RegistryError with all that is wrong, a line each.

    `user_ids` completes a list without ids, as `read_entries` says.
    """
    entries = read_entries(text, user_ids)
    faults = find_faults(entries)
    if faults:
        raise RegistryError("\n".join(one.said for one in faults))
    if not entries:
        raise RegistryError(
            "the registry lists nobody whose tweets are at hand: compare its screen names with the tweets', and where these have "
            "no user ids, give the registry a column user_id"
        )
    return Registry(one.politician for one in entries)
