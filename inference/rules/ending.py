"""How a tweet ends: with a whole word, and with every mark closed that was opened."""

import re
from collections.abc import Callable

from inference.rules.length import shortened, weighted_length

CLOSED_BY = {"(": ")", "[": "]", "{": "}", "«": "»", "“": "”", "¿": "?", "¡": "!"}
QUOTE = '"'
"""Opens and closes."""
_OPENED_BY = {close: opening for opening, close in CLOSED_BY.items()}
_MAY_STAND_ALONE = "?!"
"""Who writes on X leaves out their openings."""
_FACE = re.compile(r"[:;=]['’]?-?[()]*\Z")
"""What makes a bracket behind it a face."""
_IN_A_LIST = re.compile(r"(?:^|\s)(?:[8xX]-?|\w{1,3})\Z")
"""And what makes it a place in a list, or a face of letters."""
_STOPS = re.compile(r"\n|[.…!?]+(?=\s|\Z)")
_STANDS_APART = re.compile(r"[^\s.,;:!?…]")
_LAST_WORD = re.compile(r"[@#]?\w+\Z")
_TAIL = re.compile(r"(?:\s+(?:[@#]\w+|https?://\S+))+\s*\Z")
"""Hashtags, mentions and addresses at the end stand behind the sentence."""
_HANGING = " \n,;:-–—"


def whole_words(text: str, given: int, is_whole: Callable[[str], bool]) -> str:
    """A text that was cut, without its last word, which may be half of one, where that is not known to be whole.

    The first `given` characters stay, and so does an only word.
    """
    text = text[: max(len(text.rstrip(_HANGING)), given)]
    found = _LAST_WORD.search(text)
    if found is None or found.start() <= given or is_whole(found.group()):
        return text
    return text[: found.start()].rstrip(_HANGING) if text[: found.start()].strip(_HANGING) else text


def ended(text: str, longest: int, given: int) -> tuple[str, bool]:
    """The text with its marks closed, as long as X counts it at most (0: as long as it is), and whether words were cut off.

    The first `given` characters stay as they are, however long.
    """
    if not longest:
        return balanced(text, given), False
    shortest = shortened(text, 1, keep=given)
    for spare in range(longest):  # what closes the marks needs room, too
        cut = shortened(text, longest - spare, keep=given)
        found = balanced(cut, given)
        if weighted_length(found) <= longest:
            return found, cut != text
        if cut == shortest:
            break
    return shortest, shortest != text


def balanced(text: str, given: int = 0) -> str:
    """The text with each mark closed that was opened, where its sentence ends, and without brackets that close nothing.

    A mark with nothing behind it goes. The first `given` characters stay as they are.
    """
    waiting, stray = _unmatched(text)
    if waiting:
        text = text[: max(len(text.rstrip(_HANGING)), given)]
    gone = {place for place in stray if place >= given}
    added: dict[int, str] = {}
    for place in waiting:
        mark, end = text[place], max(_end_of(text, place), given)
        if not text[place + 1 : end].strip(_HANGING):
            gone |= {place} if place >= given else set()
            continue
        if mark in "¿¡" and text[end : end + 1] == ".":
            gone.add(end)
        added[end] = CLOSED_BY.get(mark, mark) + added.get(end, "")  # what was opened last is closed first
    found = ""
    for at in range(len(text) + 1):
        found += added.get(at, "")
        if at not in gone:
            found += text[at : at + 1]
        elif at not in added and found[-1:].isspace() and text[at + 1 : at + 2] == " ":  # one blank is left of two
            gone.add(at + 1)
        elif found[-1:].strip() and _STANDS_APART.match(text, at + 1):  # two words stay two
            found += " "
    return found.rstrip() if given else found.strip()


def _unmatched(text: str) -> tuple[list[int], set[int]]:
    """Where marks stand that nothing closes, and where those that close nothing."""
    waiting: list[int] = []
    stray: set[int] = set()
    for place, letter in enumerate(text):
        opening = QUOTE if letter == QUOTE else _OPENED_BY.get(letter, "")
        opened = [one for one in waiting if text[one] == opening]
        if opened:
            waiting.remove(opened[-1])
        elif letter == QUOTE or (letter in CLOSED_BY and not (letter == "(" and _FACE.search(text[:place]))):
            waiting.append(place)
        elif opening and letter not in _MAY_STAND_ALONE and not (letter == ")" and _is_no_bracket(text[:place])):
            stray.add(place)
    return waiting, stray


def _is_no_bracket(before: str) -> bool:
    return bool(_FACE.search(before) or _IN_A_LIST.search(before))


def _end_of(text: str, place: int) -> int:
    """Where the sentence ends in which a mark stands: before its full stop, behind other signs, before hashtags at the end."""
    found = _STOPS.search(text, place + 1)
    if found is not None:
        return found.start() if found.group() in (".", "\n") else found.end()
    whole = text.rstrip(_HANGING)
    tail = _TAIL.search(whole)
    return tail.start() if tail and whole[place + 1 : tail.start()].strip(_HANGING) else max(len(whole), place + 1)
