"""How a tweet ends: with a whole word, and with every mark closed that was opened."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from inference.rules.length import shortened, weighted_length

CLOSED_BY = {"(": ")", "[": "]", "{": "}", "«": "»", "“": "”", "¿": "?", "¡": "!"}
QUOTE = '"'
"""Opens and closes."""
_MOST = 20
"""Marks that are closed: where more are open, it is a pattern and no prose."""
_HANGING = " \n,;:-–—"
"""What no tweet ends with."""
_ENDING = "?!"
"""Close what opened a sentence, either of the two; alone they are how people write."""

_LOOKED_BACK = 12
_PASSES = 4
"""One is enough for prose; where marks cross each other, what closes one may end another."""
_ADDRESS = re.compile(r"https?://\S+")
_FACE = re.compile(r"[:;=]['’]?-?[(]*\Z")
"""What makes a bracket behind it a face, or not: one that is closed is a bracket."""
_FACE_BEHIND = re.compile(r"\(['’]?-?[:;=](?!\w)")
_WORD_BEFORE = re.compile(r"[^\W\d_]{4,}[.…!?]*\Z")
"""Before a bracket that closes nothing: behind less it may be a face, or a place in a list."""
_CLOSES = re.compile(r"[^\s(\[{«“¿¡]\"(?!\w)")
"""A quotation mark behind a word and before none."""
_STOPS = re.compile(r"\n|[!?]+(?=\s|\Z)|(?:\.{2,}|…)(?=\s+[^\W\d_a-zà-ÿ]|\s*\Z)|\.(?=\s+[^a-zà-ÿ]|\s*\Z)")
_SHORT = re.compile(r"(?:(?<!\S)|(?<=[(\[«“\"¿¡]))(?:[^\W\d_]{1,4}|\S*\.\S*)\Z")
"""Before a full stop that may be an abbreviation's."""
_LAST_ADDRESSES = re.compile(r"(?:(?:\A|\s+)https?://\S+)+\Z")
_TAIL = re.compile(r"(?<=[^\W_]{4})[!?.…]*((?:\s+(?:#\w+|https?://\S+))+)\Z")
"""Hashtags at the end stand behind the sentence, but behind a short word: `vamos con #Chile`; addresses always do."""
_LAST_RUN = re.compile(r"\S+\Z")
_LAST_WORD = re.compile(r"[@#]?\w+\Z")
_KEPT_APART = re.compile(r"[^\s.,;:!?…]")


def whole_words(text: str, given: int, is_whole: Callable[[str, str], bool]) -> str:
    """A text that was cut, without its last word, which may be half of one, where that is not known to be whole.

    `is_whole` is asked of a word, and of what stands before it. The first `given` characters stay, and so does an only word
    behind them.
    """
    stripped = text[: max(len(text.rstrip(_HANGING)), given)]
    if stripped != text:  # a comma shows that the word had ended
        return stripped
    run = _LAST_RUN.search(text)
    if run is None or run.start() < given or not (text[-1].isalnum() or text[-1] in "_#@"):
        return text
    word = _LAST_WORD.search(run.group())
    alone = word is not None and not any(letter.isalnum() for letter in run.group()[: word.start()])
    if word is not None and alone and is_whole(word.group(), text[: run.start()]):
        return text
    rest = text[: max(len(text[: run.start()].rstrip(_HANGING)), given)]
    return rest if _says_something(rest[given:]) else text


def ended(text: str, longest: int, given: int) -> tuple[str, bool]:
    """The text with its marks closed, as long as X counts it at most (0: as long as it is), and whether words were cut off.

    The first `given` characters stay as they are, however long.
    """
    if not longest:
        return balanced(text, given), False
    cut = text
    while weighted_length(found := balanced(cut, given)) > longest:  # what closes the marks needs room, too
        shorter = shortened(cut, min(longest, weighted_length(cut) - 1), keep=given)
        if shorter == cut:
            plain = shortened(text, longest, keep=given)
            return plain, plain != text
        cut = shorter
    return found, cut != text


def balanced(text: str, given: int = 0) -> str:
    """The text with each mark closed that was opened, where its sentence ends, and without marks that close nothing.

    A mark with nothing behind it goes. The first `given` characters stay as they are.
    """
    for _ in range(_PASSES):
        before, text = text, _balanced(text, given)
        if text == before:
            break
    return text


def _balanced(text: str, given: int) -> str:
    marks = _Marks(text)
    if len(marks.waiting) > _MOST or not _says_something(text):
        return text
    if marks.waiting:
        text = text[: max(len(text.rstrip(_HANGING)), given)]
    gone = {place for place in marks.stray if place >= given}
    added: dict[int, str] = {}
    ends = [*((place, end) for place, end in marks.inside.items()), *((place, _end_of(text, place)) for place in marks.waiting)]
    for place, wished in sorted(ends):
        mark, end = text[place], max(wished, given)
        if not text[place + 1 : end].strip(_HANGING):
            gone |= {place} if place >= given else set()
            continue
        if mark in "¿¡" and text[end : end + 1] == "." and text[end + 1 : end + 2] != ".":
            gone.add(end)
        added[end] = CLOSED_BY.get(mark, mark) + added.get(end, "")  # what was opened last is closed first
    found = ""
    for at in range(len(text) + 1):
        found += added.get(at, "")
        if at not in gone:
            found += text[at : at + 1]
        elif at not in added and found[-1:].isspace() and text[at + 1 : at + 2] == " ":  # one blank is left of two
            gone.add(at + 1)
        elif found[-1:].strip() and _KEPT_APART.match(text, at + 1):  # two words stay two
            found += " "
    found = found.rstrip() if given else found.strip()
    return found if _says_something(found) else text


@dataclass
class _Marks:
    """Where the marks of a text stand that have no partner."""

    text: str
    waiting: list[int] = field(default_factory=list)
    """Openings that nothing closes."""
    inside: dict[int, int] = field(default_factory=dict)
    """Openings that nothing closes before the pair ends in which they stand, and where that is."""
    stray: set[int] = field(default_factory=set)
    """What closes nothing."""

    def __post_init__(self) -> None:
        addresses = [found.span() for found in _ADDRESS.finditer(self.text)]
        faces: set[int] = set()
        for place, letter in enumerate(self.text):
            if letter not in _MARKS or any(start <= place < stop for start, stop in addresses):
                continue
            before, partner = self.text[max(0, place - _LOOKED_BACK) : place], self._partner(letter)
            if partner is not None:
                self._close(partner, place, faces)
            elif letter in CLOSED_BY:
                self.waiting.append(place)
                if letter == "(" and (_FACE.search(before) or _FACE_BEHIND.match(self.text, place)):
                    faces.add(place)
            elif letter == QUOTE:
                if before[-1:].isdigit():  # inches
                    continue
                if _CLOSES.match(self.text, max(0, place - 1)):
                    self.stray.add(place)
                else:
                    self.waiting.append(place)
            elif letter not in _ENDING and (letter != ")" or _WORD_BEFORE.search(before)):
                self.stray.add(place)
        self.waiting = [place for place in self.waiting if place not in faces]

    def _partner(self, letter: str) -> int | None:
        """What this mark closes: the last opening of its kind."""
        opened = _OPENED_BY.get(letter, "")
        own = [place for place in self.waiting if self.text[place] in opened]
        if letter in _ENDING:  # the one that is its own goes before the other
            own = [place for place in own if CLOSED_BY[self.text[place]] == letter] or own
        return own[-1] if own else None

    def _close(self, partner: int, place: int, faces: set[int]) -> None:
        self.waiting.remove(partner)
        if self.text[partner] in "¿¡":  # a sentence may end inside of a bracket that goes on
            return
        for one in [one for one in self.waiting if one > partner]:
            self.waiting.remove(one)
            if one not in faces:
                self.inside[one] = place


_OPENED_BY = {
    **{close: opening for opening, close in CLOSED_BY.items()},
    **dict.fromkeys(_ENDING, "¿¡"),
    QUOTE: QUOTE + "“",  # people pair the two kinds
    "”": "“" + QUOTE,
}
_MARKS = frozenset([*CLOSED_BY, *CLOSED_BY.values(), QUOTE])


def _end_of(text: str, place: int) -> int:
    """Where the sentence ends in which a mark stands: before its full stop, behind other signs, before hashtags at the end."""
    for found in _STOPS.finditer(text, place + 1):
        if found.group() == "." and found.end() < len(text.rstrip()) and _SHORT.search(text[: found.start()]):
            continue  # Sr. Pérez, EE.UU. y
        if found.group() in (".", "\n"):
            return len(text[: found.start()].rstrip(_HANGING))
        return found.end()
    end = len(text.rstrip(_HANGING))
    for pattern, group in ((_LAST_ADDRESSES, 0), (_TAIL, 1)):
        tail = pattern.search(text[:end])
        if tail and tail.start(group) > place:
            end = len(text[: tail.start(group)].rstrip(_HANGING))
    return max(end, place + 1)


def _says_something(text: str) -> bool:
    return any(letter.isalnum() for letter in text)
