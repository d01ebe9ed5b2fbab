"""What is wrong with a reviewed registry, and what to do about it: first by itself, then compared with X."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from politico.accounts.eligibility import Eligibility
from politico.accounts.lookalikes import plain_words
from politico.archives.damage import SPREADSHEET_DIGITS, looks_rounded
from politico.tweets.politician import Entry, Fault, find_faults
from politico.x.users import Account

UNUSABLE = "unusable"
"""No run can work with the file."""
WRONG = "wrong"
"""The file can be used, but this account can't, or not as it is listed."""
WARNING = "warning"
"""May be as it should be: look at it."""

_HANDLE = re.compile(r"[A-Za-z0-9_]{1,20}")
"""X gives 15 letters and digits; some of its first accounts have 20."""
_TO_DO: Mapping[str, str] = {
    "no_value": "fill it in",
    "too_many_values": "quote the value",
    "bad_user_id": "take the id from the candidates file; as text, for a spreadsheet rounds long numbers",
    "repeated_user_id": "take one of the lines out",
    "repeated_screen_name": "take one of the lines out",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    line: int
    screen_name: str
    severity: str
    kind: str
    said: str
    to_do: str


def check_alone(entries: Sequence[Entry]) -> list[Finding]:
    """What can be seen without asking X: values, repetitions, and the same person twice."""
    found = [_of_fault(fault) for fault in find_faults(entries)]
    for entry in entries:
        found += _of_forms(entry)
    by_person: defaultdict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_person[tuple(sorted(plain_words(entry.politician.name)))].append(entry)
    for person, same in by_person.items():
        for entry in same[1:] if person else ():
            first = same[0].politician
            said = f"{entry.politician.name} is listed as @{first.screen_name} too, in line {same[0].line}"
            found.append(_finding(entry, WARNING, "same_name", said, "keep both only if these are two accounts or two persons"))
    return sorted(found, key=lambda one: one.line)


def check_against_x(
    entries: Iterable[Entry],
    accounts: Iterable[Account],
    missing: Mapping[str, str],
    now: datetime,
    eligibility: Eligibility | None = None,
) -> list[Finding]:
    """What X says of the ids: unknown, gone, renamed, protected, or not worth following. `missing` holds X's own reasons."""
    eligibility = eligibility or Eligibility()
    by_id = {account.user_id: account for account in accounts}
    found = []
    for entry in entries:
        user_id = entry.politician.user_id
        if user_id in missing:
            found.append(_of_missing(entry, missing[user_id]))
        elif user_id in by_id:
            found += _of_account(entry, by_id[user_id], eligibility, now)
    return found


def is_askable(entry: Entry) -> bool:
    """Can X be asked for this line's id? It refuses the whole question for one that is none."""
    user_id = entry.politician.user_id
    return user_id.isascii() and user_id.isdigit() and len(user_id) <= 19


def _of_forms(entry: Entry) -> Iterable[Finding]:
    """What may be no handle of X's, and what may have been rounded: a list for other texts than X's may have both."""
    handle, user_id = entry.politician.screen_name, entry.politician.user_id
    if handle and not _HANDLE.fullmatch(handle):
        said = f"{handle!r} is no handle: X's have letters without accents, digits and _, at most 15"
        yield _finding(entry, WARNING, "odd_screen_name", said, "write the account's name as it stands behind the @")
    if looks_rounded(user_id):
        said = f"the id {user_id} may have been rounded: it is one that a spreadsheet or another program makes of its neighbours"
        yield _finding(entry, WARNING, "rounded_user_id", said, "compare it with the account's own; keep ids as text")


def _of_fault(fault: Fault) -> Finding:
    return _finding(fault.entry, UNUSABLE, fault.kind, fault.said, _TO_DO[fault.kind])


def _of_missing(entry: Entry, reason: str) -> Finding:
    user_id = entry.politician.user_id
    if reason == "Forbidden":
        return _finding(entry, WRONG, "suspended", f"X has suspended the account {user_id}", "take the line out, or wait")
    to_do = "look the account up; take the line out if it is gone"
    if len(user_id) > SPREADSHEET_DIGITS and user_id.endswith("00"):
        to_do = "a spreadsheet may have rounded it: take the id from the candidates file"
    return _finding(entry, WRONG, "unknown", f"X has no account with the id {user_id} ({reason}): gone, or never there", to_do)


def _of_account(entry: Entry, account: Account, eligibility: Eligibility, now: datetime) -> list[Finding]:
    found = []
    listed = entry.politician.screen_name
    if listed.casefold() != account.screen_name.casefold():
        said = f"listed as @{listed}, on X it is @{account.screen_name} now ({account.name!r})"
        to_do = f"write {account.screen_name} if it is still {entry.politician.name}; if not, correct the id"
        found.append(_finding(entry, WRONG, "renamed", said, to_do))
    if account.protected:
        said = "protected: its posts can't be read"
        found.append(_finding(entry, WRONG, "protected", said, "take the line out until it is public again"))
    else:
        found += [
            _finding(entry, WRONG, "ineligible", refusal, "take the line out, unless you know better")
            for refusal in eligibility.refusals(account, now)
        ]
    return found


def _finding(entry: Entry, severity: str, kind: str, said: str, to_do: str) -> Finding:
    return Finding(entry.line, entry.politician.screen_name, severity, kind, said, to_do)
