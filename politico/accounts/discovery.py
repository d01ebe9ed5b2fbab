"""Candidate accounts for each name: ranked, flagged, checked, and the file in which a person reviews them."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime

from politico.accounts.eligibility import Eligibility
from politico.accounts.lookalikes import flags_of, plain_words
from politico.errors import FileFormatError
from politico.tweets.sheet import read_sheet
from politico.x.users import Account

Likeness = Callable[[str, Account], int]
"""How much an account's names are like a person's name, 0 to 100."""
YES, NO = "yes", "no"
_FORMULA = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True)
class Wanted:
    """Somebody whose account is looked for."""

    name: str
    office: str = ""
    coalition: str = ""
    party: str = ""

    @property
    def key(self) -> str:
        """The same for every way to write the name."""
        return " ".join(plain_words(self.name)) or self.name

    def searches(self) -> list[str]:
        """What to ask X, one after the other until somebody is alike: it wants every word, and few go by all their names."""
        words = self.name.split()
        places = {3: (1, 2)}.get(len(words), (-2, -1)) if len(words) > 2 else ()
        return list(dict.fromkeys([self.name, *(f"{words[0]} {words[place]}" for place in places)]))


@dataclass(frozen=True)
class Candidate:
    """One line of the file: an account that may be the searched person's, or why there is none."""

    name: str
    """As it was searched."""
    office: str
    coalition: str
    party: str
    rank: str = ""
    screen_name: str = ""
    user_id: str = ""
    account_name: str = ""
    likeness: str = ""
    """0 to 100."""
    flags: str = ""
    """What says that it is a parody, a fan's or a newspaper's; empty when nothing does."""
    tweets: str = ""
    followers: str = ""
    last_active: str = ""
    """The day of its newest post, in UTC."""
    eligible: str = NO
    """`yes` or `no`."""
    reason: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What a reviewer wrote into columns of their own."""


COLUMNS = tuple(one.name for one in fields(Candidate) if one.name != "notes")


@dataclass(frozen=True)
class Choice:
    """Which of the accounts found are worth a reviewer's time."""

    min_likeness: int = 50
    """Less, and it is somebody else."""
    at_most: int = 10
    """For each name."""


def read_names(text: str) -> list[Wanted]:
    """Who is looked for: a CSV with `name` and, if known, `office`, `coalition` and `party`. Raises FileFormatError with
    all that is wrong."""
    sheet = read_sheet(text)
    if "name" not in sheet.columns:
        shown = ", ".join(sheet.columns)[:200] or "nothing"
        raise FileFormatError(f"the list of names lacks the column name; its first line has {shown}")
    wanted: dict[str, Wanted] = {}
    lines: dict[str, int] = {}
    faults = []
    for line in sheet.lines:
        one = Wanted(*(line.values.get(column, "") for column in ("name", "office", "coalition", "party")))
        if line.too_many:
            faults.append(f"line {line.number} has {line.too_many} value(s) too many; quote a value that holds the separator")
        elif not one.name:
            faults.append(f"line {line.number} has no name")
        elif one.key in wanted:
            faults.append(f"line {line.number} repeats {one.name!r} of line {lines[one.key]}; list each name once")
        else:
            wanted[one.key], lines[one.key] = one, line.number
    if faults:
        raise FileFormatError("\n".join(faults))
    if not wanted:
        raise FileFormatError("the list of names has a first line and nothing else; write one name a line below it")
    return list(wanted.values())


def candidates(
    wanted: Wanted,
    accounts: Iterable[Account],
    likeness: Likeness,
    now: datetime,
    choice: Choice | None = None,
    eligibility: Eligibility | None = None,
) -> list[Candidate]:
    """The accounts that may be this person's, best first; one line without an account when none may."""
    choice, eligibility = choice or Choice(), eligibility or Eligibility()
    scored = [(likeness(wanted.name, one), flags_of(one, wanted.name), one) for one in accounts]
    alike = [one for one in scored if one[0] >= choice.min_likeness]
    if not alike:
        best = max((score for score, _flags, _account in scored), default=0)
        among = f"none of the {len(scored)} accounts that X found is alike (the best {best} of 100)"
        return [nobody(wanted, among if scored else "X found no account")]
    # Of equals the unflagged, then the verified, then what more people follow.
    alike.sort(key=lambda one: (-one[0], bool(one[1]), not one[2].verified, -one[2].followers, one[2].user_id))
    return [
        _candidate(wanted, rank, score, flags, account, *eligibility.reason(account, now))
        for rank, (score, flags, account) in enumerate(alike[: choice.at_most], 1)
    ]


def nobody(wanted: Wanted, reason: str) -> Candidate:
    """The line of a name for which there is no account."""
    return Candidate(**asdict(wanted), eligible=NO, reason=reason)


def write_candidates(rows: Iterable[Candidate]) -> str:
    """The file's text, a reviewer's own columns behind ours."""
    listed = list(rows)
    own = list(dict.fromkeys(name for row in listed for name in row.notes))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *own])
    for row in listed:
        writer.writerow([*(_harmless(getattr(row, name)) for name in COLUMNS), *(row.notes.get(name, "") for name in own)])
    return out.getvalue()


def read_candidates(text: str) -> list[Candidate]:
    """The lines of a candidates file, with what a reviewer noted. Raises FileFormatError."""
    sheet = read_sheet(text)
    missing = [name for name in COLUMNS if name not in sheet.columns]
    if missing:
        raise FileFormatError(f"the candidates file lacks the column {', '.join(missing)}; move it away to begin a new one")
    own = [name for name in sheet.columns if name and name not in COLUMNS]
    return [
        Candidate(**{name: line.values[name] for name in COLUMNS}, notes={name: line.values[name] for name in own})
        for line in sheet.lines
    ]


def known_tweets(rows: Sequence[Candidate]) -> Mapping[str, int]:
    """How many tweets each account has, by user id."""
    return {row.user_id: int(row.tweets) for row in rows if row.user_id and row.tweets.isascii() and row.tweets.isdigit()}


def _candidate(
    wanted: Wanted, rank: int, score: int, flags: Sequence[str], account: Account, eligible: bool, reason: str
) -> Candidate:
    return Candidate(
        **asdict(wanted),
        rank=str(rank),
        screen_name=account.screen_name,
        user_id=account.user_id,
        account_name=" ".join(account.name.split()),
        likeness=str(score),
        flags="; ".join(flags),
        tweets=str(account.tweets),
        followers=str(account.followers),
        last_active=f"{account.last_active:%Y-%m-%d}" if account.last_active else "",
        eligible=YES if eligible else NO,
        reason=reason,
    )


def _harmless(value: str) -> str:
    """Anybody may call an account `=HYPERLINK(…)`: a spreadsheet would run it."""
    return f"'{value}" if value.startswith(_FORMULA) else value
