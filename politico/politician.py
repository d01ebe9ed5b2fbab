"""One politician, and the registry: the reviewed list of whose tweets are read."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields

from politico.errors import RegistryError


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


def read_registry(text: str, user_ids: Mapping[str, str] | None = None) -> Registry:
    """The registry in a CSV text. Raises RegistryError with the line of what is wrong.

    A list without user ids is completed from `user_ids` (casefolded screen name to id); who is not in there is left out,
    since there is nothing to read of them.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    columns = reader.fieldnames or []
    missing = [name for name in COLUMNS if name not in columns and not (name == "user_id" and user_ids is not None)]
    if missing:
        raise RegistryError(
            f"the registry lacks the column {', '.join(missing)}; it takes a CSV with {','.join(COLUMNS)} in its first line"
        )
    politicians = []
    for row in reader:
        values = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if not values["user_id"] and user_ids is not None:
            values["user_id"] = user_ids.get(values["screen_name"].casefold(), "")
            if not values["user_id"]:
                continue
        empty = [name for name in COLUMNS if not values[name]]
        if empty:
            raise RegistryError(f"line {reader.line_num} of the registry has no {', '.join(empty)}")
        if not (values["user_id"].isascii() and values["user_id"].isdigit()):
            raise RegistryError(f"line {reader.line_num} of the registry: user_id is {values['user_id']!r}; it takes digits")
        politicians.append(Politician(**values))
    if not politicians:
        raise RegistryError("the registry lists nobody whose tweets are at hand; compare its screen names with the tweets'")
    return Registry(politicians)
