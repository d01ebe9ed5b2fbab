"""Decoding that insists: what is asked for and not yet said gets a bonus, so that even a small model says it.

After Pascual et al. 2021, "A Plug-and-Play Method for Controlled Text Generation": instead of words of like meaning the very
items that were asked for are pushed, token by token. Manners keep the push from spoiling the tweet: whole words only, nothing
said twice, no end before all is said while there is room, and a clean end when there is none left.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from politico.control.honoured import stands_in
from politico.control.words import SIGNS, words_of

BONUS = 7.0
"""What full insistence adds to a token's logit, after the temperature."""
INSIDE = 3.0
"""Inside an item, once begun, it is so many times that: a small model would go on with a name that it knows better."""
NEVER = 12.0
"""What is taken from a logit to keep its token out: no ban, for a ban could leave nothing to say."""
REPEATED_RUN, REPEATED_WORDS = 4, 3
"""No run of so many tokens twice, nor of so many where each is a word; and no two such words a third time."""
LAST_TOKENS = 16
"""So many tokens before the longest length the tweet is led to its end."""
SENTENCE_ENDS = (".", "!", "?", "…")
OPENING_MARKS = ("¡", "¿", "(", "«", '"', "“")

WITHIN = 0.3
"""Within a sentence what waits is pushed by this share of the bonus: the model says it in its own way where it can."""
BETWEEN_SENTENCES = 2.0
"""Between sentences, and where the model would end, what waits is pushed so many times as hard: there it disturbs least."""
ENOUGH_ROOM = 2.5
"""Where less than so many times the tokens are left that what waits takes, it is pushed everywhere as between sentences."""

_LETTERS = ("_", "\N{REPLACEMENT CHARACTER}")
"""What goes on with a word besides letters and digits: half a character may be a letter's."""
_SAID_AGAIN, _HELD_OPEN, _STRONGEST = 0.6, 1.5, 2.5
"""Shares of the bonus: against saying an item again, against ending too early; and how many times it grows as room runs out."""


@dataclass(frozen=True)
class Item:
    """Something that a tweet should say."""

    text: str
    tokens: tuple[int, ...]
    """As it is written behind a blank."""
    joined: tuple[int, ...] = ()
    """As it is written behind an opening mark, without one."""

    def begun(self, row: Sequence[int]) -> tuple[tuple[int, ...], int]:
        """The spelling in which the row ends with a part of it, and how many tokens that part has; none, 0."""
        counts = [(_matched(row, spelling), spelling) for spelling in (self.tokens, self.joined)]
        count, spelling = max(counts, key=lambda one: one[0])
        return spelling, count


class Vocabulary:
    """What the processor must know of a tokenizer's tokens, found out once."""

    def __init__(self, pieces: Sequence[str], end_id: int) -> None:
        self.end_id = end_id
        self.goes_on = torch.tensor([piece[:1].isalnum() or piece[:1] in _LETTERS for piece in pieces])
        """Tokens that make the word before them longer."""
        self.stops = torch.tensor([piece in SENTENCE_ENDS for piece in pieces])
        """Tokens that end a sentence."""
        self.apart = ~self.goes_on & torch.tensor([piece[:1] not in SIGNS for piece in pieces])
        """Tokens that begin with neither a letter nor a sign of a hashtag or mention: nothing to open a phrase with."""
        self.words = frozenset(number for number, piece in enumerate(pieces) if piece[:1] == " " and piece[1:].isalpha())
        """Tokens that begin a word."""


class Insistence:
    """A logits processor over the tweet's own ids (B, T): rows of one request stand together."""

    def __init__(
        self,
        items: Sequence[Sequence[Item]],
        vocabulary: Vocabulary,
        decode: Callable[[Sequence[int]], str],
        *,
        bonus: float,
        written: int,
        longest: int,
    ) -> None:
        """`items` are those of each request; `written` counts the tokens of the tweet's given beginning, `longest` those that
        may follow."""
        self._items, self._vocabulary, self._decode = items, vocabulary, decode
        self._wider = [{item: [one for one in asked if _holds(one, item)] for item in asked} for asked in items]
        self._bonus, self._written, self._longest = bonus, written, longest

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows_each = len(input_ids) // len(self._items)
        likeliest = scores.argmax(-1).tolist()
        changes = _Changes()
        for number, row in enumerate(input_ids.tolist()):
            request, end_id = number // rows_each, self._vocabulary.end_id
            if self._items[request] and end_id not in row:
                changes.row = number
                self._push(changes, row, self._items[request], self._wider[request], wants_to_end=likeliest[number] == end_id)
        return changes.made_in(scores)

    def _push(
        self,
        changes: "_Changes",
        row: list[int],
        items: Sequence[Item],
        wider: Mapping[Item, Sequence[Item]],
        *,
        wants_to_end: bool,
    ) -> None:
        """Note what changes in one row's scores. `wider` has, of each item, those that say it, too."""
        bonus, text = self._bonus, self._decode(row)
        words = words_of(text)
        left = self._longest - (len(row) - self._written)
        said = [stands_in(words, text, one.text) for one in items]
        fitting = {one for one, done in zip(items, said, strict=True) if not done and len(one.tokens) < left}
        # What says another item, too, comes first: with it both are said.
        waiting = [one for one in items if one in fitting and not fitting.intersection(wider[one])]
        begun = {one: one.begun(row) for one in items}
        opened = text.endswith(OPENING_MARKS)
        needed = sum(len(one.tokens) + 2 for one in waiting)
        pressure = min(_STRONGEST, max(1.0, 2 * needed / max(1, left)))
        hurried = left < ENOUGH_ROOM * needed
        inside = [begun[one] for one in waiting if begun[one][1]]
        for spelling, count in inside:
            changes.add(spelling[count], INSIDE * bonus * pressure)
        if not inside:
            free = wants_to_end or hurried or text.rstrip().endswith(SENTENCE_ENDS)
            between = BETWEEN_SENTENCES if free else WITHIN
            for token in {one.joined[0] if opened and one.joined else one.tokens[0] for one in waiting}:
                changes.add(token, bonus * pressure * between)
        for one, done in zip(items, said, strict=True):
            if done:
                again = any(other in waiting for other in wider[one])
                self._leave(changes, words, one, begun[one], waiting, again=again)
        # An item that was begun before, and left, may be begun again: barred from its end, the tweet would begin it for ever.
        going_on = {spelling[count] for spelling, count in inside}
        whole = self._vocabulary.words
        repeated = _repeating(row, REPEATED_RUN) | _repeating(row, REPEATED_WORDS, whole) | _repeating(row, 2, whole, often=2)
        for token in repeated - going_on:
            changes.add(token, -NEVER)
        if opened:
            changes.add_all(self._vocabulary.apart, -NEVER)
        self._end(changes, text, left, bool(waiting))

    def _leave(
        self,
        changes: "_Changes",
        words: Sequence[str],
        one: Item,
        begun: tuple[tuple[int, ...], int],
        waiting: Sequence[Item],
        *,
        again: bool,
    ) -> None:
        """An item that was said ends with its word, and is not said again, but as a part of one that is still to come."""
        own = words_of(one.text)
        if own and words[-len(own) :] == own:
            changes.add_all(self._vocabulary.goes_on, -NEVER)
        if again:
            return
        spelling, count = begun
        if count:
            changes.add(spelling[count], -self._bonus)
        elif (len(one.tokens) == 1 or (own and own[0][0] in "#@")) and all(other.tokens[0] != one.tokens[0] for other in waiting):
            changes.add(one.tokens[0], -_SAID_AGAIN * self._bonus)

    def _end(self, changes: "_Changes", text: str, left: int, waiting: bool) -> None:
        end, stops, bonus = self._vocabulary.end_id, self._vocabulary.stops, self._bonus
        if waiting and left > 2:
            changes.add(end, -_HELD_OPEN * bonus)
            return
        if left <= LAST_TOKENS:
            nearer = bonus * (1 + LAST_TOKENS - left) / LAST_TOKENS
            if text.rstrip().endswith(SENTENCE_ENDS) or left <= 2:
                changes.add(end, 2 * nearer)
            else:
                changes.add_all(stops, nearer)


class _Changes:
    """What is to be added to scores (B, V), noted row by row and made at once: a tensor is dear to change number by number."""

    def __init__(self) -> None:
        self.row = 0
        """The row that is noted for."""
        self._single: list[tuple[int, int, float]] = []
        self._many: list[tuple[int, torch.Tensor, float]] = []

    def add(self, token: int, amount: float) -> None:
        self._single.append((self.row, token, amount))

    def add_all(self, tokens: torch.Tensor, amount: float) -> None:
        """`tokens` (V) says which."""
        self._many.append((self.row, tokens, amount))

    def made_in(self, scores: torch.Tensor) -> torch.Tensor:
        changed = scores.clone()
        for row, tokens, amount in self._many:
            changed[row, : len(tokens)].add_(tokens.to(changed), alpha=amount)
        if self._single:
            rows, columns, amounts = zip(*self._single, strict=True)
            places = (torch.tensor(rows, device=changed.device), torch.tensor(columns, device=changed.device))
            changed.index_put_(places, torch.tensor(amounts, device=changed.device, dtype=changed.dtype), accumulate=True)
        return changed


def _holds(wide: Item, narrow: Item) -> bool:
    """Whether who says the one says the other, too."""
    return len(wide.tokens) > len(narrow.tokens) and stands_in(words_of(wide.text), wide.text, narrow.text)


def _matched(row: Sequence[int], tokens: Sequence[int]) -> int:
    """How many of the item's first tokens end the row; fewer than all."""
    for count in range(min(len(tokens) - 1, len(row)), 0, -1):
        if tuple(row[-count:]) == tuple(tokens[:count]):
            return count
    return 0


def _repeating(row: Sequence[int], length: int, kind: frozenset[int] | None = None, often: int = 1) -> set[int]:
    """Tokens that would close a run of this length which stands so often in the row; of this kind only, all of the run."""
    tail = list(row[-(length - 1) :])
    if len(tail) < length - 1 or (kind is not None and not kind.issuperset(tail)):
        return set()
    starts = (start for start in range(len(row) - length + 1) if list(row[start : start + length - 1]) == tail)
    closed = Counter(row[start + length - 1] for start in starts)
    closing = {token for token, count in closed.items() if count >= often}
    return closing if kind is None else closing & kind
