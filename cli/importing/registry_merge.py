"""A given list of politicians on top of the one the lake has: nobody is dropped, and what changed is said."""

from collections.abc import Iterable

from politico.tweets.politician import Politician, Registry

NAMED = 5
"""How many people a line names; the rest is counted."""


def merge(given: Registry, held: Registry | None) -> tuple[Registry, str]:
    """The given people, and those whom the lake had besides; and in words what changed.

    The given list wins, by user id and by screen name: a screen name with another id is the same person's corrected entry, or
    has passed to somebody else.
    """
    before = {one.user_id: one for one in held or ()}
    added = [one for one in given if one.user_id not in before]
    changed = [one for one in given if one.user_id in before and before[one.user_id] != one]
    others = [one for one in before.values() if given.by_id(one.user_id) is None]
    kept = [one for one in others if given.by_screen_name(one.screen_name) is None]
    replaced = [one for one in others if given.by_screen_name(one.screen_name) is not None]
    parts = [("added", added), ("changed", changed), ("replaced under another id", replaced)]
    words = "; ".join(f"{len(people)} {word} ({_names(people)})" for word, people in parts if people)
    return Registry([*given, *kept]), f"{words or 'nobody new'}; {len(kept)} others stay"


def _names(people: Iterable[Politician]) -> str:
    named = [f"@{one.screen_name}" for one in people]
    return ", ".join(named[:NAMED]) + (", …" if len(named) > NAMED else "")
