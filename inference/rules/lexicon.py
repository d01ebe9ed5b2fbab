"""Words that a model has met, and decoding that keeps to them: a small model joins pieces to words that do not exist.

The list lies in the model's folder. A word is judged whole, in small letters; a hashtag or mention with its sign and as it was
spelled, for its capitals are its words. Numbers and what a request asks for always pass. Large models carry no list: what they
make up is Spanish.
"""

import gzip
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import torch

from inference.rules.characters import unfinished
from politico.control.words import SIGNS, WORD
from politico.errors import FileFormatError

FILE = "words.txt.gz"
NEVER = 100.0
"""What is taken from the logit of a token that leads to no word: no ban, for a ban could leave nothing to say."""

_HEAD = re.compile(r"\w*")
_MIXED = re.compile("[a-záéíóúüñ][A-ZÁÉÍÓÚÜÑ]")
_OPEN = re.compile(r"[@#]?\w*\Z")
_CONTINUING = frozenset(bytes([one]) for one in range(0x80, 0xC0))
"""Bytes that stand inside a character."""
_SIGNS_LEAD = (0xE2, 0xEF, 0xF0)
"""First bytes of dashes, quotation marks, arrows, variation selectors and emoji: what a Spanish tweet has besides letters."""
_REMEMBERED = 4_000
"""Beginnings of words whose following tokens are kept: 16 MB for a vocabulary of 4,096."""
_LOOKED_BACK = 24
"""A word and its sign stand in so many tokens."""


def words_in(text: str) -> list[str]:
    """The words of a text as the list has them. Accents count."""
    return [_folded(word) for word in WORD.findall(text) if not word.isdigit()]


def _folded(word: str) -> str:
    return word if word[:1] in SIGNS else word.casefold()


def write_words(folder: Path, words: Iterable[str]) -> None:
    """Leave the list in a model's folder; the same words give the same bytes."""
    body = "\n".join(sorted(set(words))).encode()
    (folder / FILE).write_bytes(gzip.compress(body, mtime=0))


def read_words(folder: Path) -> frozenset[str]:
    """The list of a model's folder; empty where it has none. Raises FileFormatError for a torn one."""
    path = folder / FILE
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(gzip.decompress(path.read_bytes()).decode().split("\n"))
    except (OSError, EOFError, ValueError) as error:
        raise FileFormatError(f"{path} is no list of words: {error}") from error


@dataclass(frozen=True)
class _Piece:
    """What a token does to the words around it."""

    head: str
    """What it adds to the word before it."""
    closes: bool
    """Whether that word ends in it."""
    inner: tuple[str, ...]
    """Words that stand whole in it."""
    opened: str
    """The beginning of a word that it leaves open."""
    head_as_spelled: str
    """The same with its capitals, for hashtags and mentions."""
    capital: bool
    """Whether what it adds to the word before it has a capital letter."""
    mixed: bool
    """Whether a capital letter follows a small one in it, as in no word but a hashtag or a foreign name."""
    goes_on: bool
    """Whether it begins in the middle of a character."""
    may_break: bool
    """Whether, if it ends in the middle of a character, that can be a sign or an emoji, and no letter."""

    @classmethod
    def of(cls, spelled: bytes) -> "_Piece":
        text = spelled.decode(errors="replace")
        found = _HEAD.match(text)
        assert found is not None  # it matches nothing, too
        head, rest = found.group(), text[found.end() :]
        opened = _OPEN.search(rest)
        assert opened is not None
        begun = unfinished(spelled)
        return cls(
            head=head.casefold(),
            head_as_spelled=head,
            closes=bool(rest),
            inner=tuple(map(_folded, WORD.findall(rest[: opened.start()]))),
            opened=_folded(opened.group()) if rest else "",
            capital=head != head.lower(),
            mixed=_MIXED.search(text) is not None,
            goes_on=spelled[:1] in _CONTINUING,
            may_break=not begun or begun[0] in _SIGNS_LEAD,
        )


class _Heads:
    """What the tokens of a vocabulary add to the word before them, each once."""

    def __init__(self, heads: Sequence[str]) -> None:
        self._numbers = {head: number for number, head in enumerate(dict.fromkeys(["", *heads]))}
        self._of_token = torch.tensor([self._numbers[head] for head in heads], dtype=torch.int64)
        self._digits = torch.tensor([head.isdigit() for head in self._numbers])

    def tokens(self, *wanted: Set[str], nothing: bool, digits: bool) -> torch.Tensor:
        """V: the tokens that add one of these; `nothing` and `digits` say whether to add nothing, or a number, will do."""
        found = self._digits.clone() if digits else torch.zeros_like(self._digits)
        for some in wanted:
            fewer, more = sorted((some, self._numbers.keys()), key=len)
            found[[self._numbers[head] for head in fewer if head in more]] = True
        found[0] = nothing
        return found[self._of_token]


class Lexicon:
    """The words over one vocabulary: which tokens may follow the beginning of a word."""

    def __init__(self, words: Set[str], spelled: Sequence[bytes]) -> None:
        """`spelled` is what each token writes, by id; nothing for tokens that stand between words, as the end does."""
        self._words, self._sorted, self.spelled = words, sorted(words), spelled
        self._pieces = [_Piece.of(one) for one in spelled]
        self.inside_character = torch.tensor([one.goes_on for one in self._pieces])
        """V: the tokens that may follow a begun character."""
        self.mixed = torch.tensor([one.mixed for one in self._pieces])
        self.capital = torch.tensor([one.capital for one in self._pieces]) | self.mixed
        """V: the tokens with a capital letter in what they add to a word: none follows a small one, but in a hashtag."""
        self._closes = torch.tensor([one.closes for one in self._pieces])
        self._whole_characters = torch.tensor([not one.goes_on and one.may_break for one in self._pieces])
        self._heads, self._spelled_heads = (
            _Heads([one.head for one in self._pieces]),
            _Heads([one.head_as_spelled for one in self._pieces]),
        )
        self._longest = max((len(one.head) for one in self._pieces), default=0)
        self._following: dict[tuple[str, frozenset[str]], torch.Tensor] = {}
        self._closable: dict[frozenset[str], torch.Tensor] = {}

    def allowed(self, beginning: str, extra: frozenset[str]) -> torch.Tensor:
        """V: whether a token may follow a word's beginning (empty: between words). `extra` are a request's own words."""
        going_on = frozenset(word for word in extra if word.startswith(beginning))
        following = _remembered(self._following, (beginning, going_on), lambda: self._judged(beginning, going_on))
        return following & _remembered(self._closable, extra, lambda: self._judged_behind(extra))

    def _judged(self, beginning: str, extra: frozenset[str]) -> torch.Tensor:
        """V: whether what a token adds to this word fits it. Of what stands behind the word nothing is said."""
        own = {word[len(beginning) :] for word in extra}
        begun, whole = self._rests(beginning)
        begun_own = _beginnings(own, self._longest)
        # No word begins so: let it end here.
        ends = self._is_word(beginning, extra) or not (begun or begun_own)
        heads = self._spelled_heads if beginning[:1] in SIGNS else self._heads
        digits = beginning.isdigit() or not beginning
        closing = heads.tokens(whole, own, nothing=ends, digits=digits)
        open_ended = heads.tokens(begun, begun_own, nothing=ends, digits=digits)
        return torch.where(self._closes, closing, open_ended) & self._whole_characters

    def _judged_behind(self, extra: frozenset[str]) -> torch.Tensor:
        """V: whether all that stands in a token behind the word that it ends are words, or the beginning of one."""
        begun = _beginnings(extra)
        return torch.tensor(
            [
                not one.closes
                or ((one.opened in begun or self._begins(one.opened)) and all(self._is_word(word, extra) for word in one.inner))
                for one in self._pieces
            ]
        )

    def _rests(self, beginning: str) -> tuple[Set[str], Set[str]]:
        """What may be added to a word's beginning so that some word still begins so, and so that one is whole."""
        if not beginning:
            return self._first_heads, self._words
        first, stop = bisect_left(self._sorted, beginning), bisect_left(self._sorted, beginning + "\U0010ffff")
        rests = {word[len(beginning) :] for word in self._sorted[first:stop]}
        return _beginnings(rests, self._longest), rests

    @cached_property
    def _first_heads(self) -> frozenset[str]:
        return frozenset(_beginnings(self._sorted, self._longest))

    def _is_word(self, word: str, extra: frozenset[str]) -> bool:
        return word in self._words or word in extra or word.isdigit() or not word

    def _begins(self, word: str) -> bool:
        if not word or word.isdigit():
            return True
        place = bisect_left(self._sorted, word)
        return place < len(self._sorted) and self._sorted[place].startswith(word)


class KnownWords:
    """A logits processor over the tweet's own ids (B, T): no word but those of the lexicon and of the request."""

    def __init__(self, lexicon: Lexicon, asked: Sequence[str], end_id: int) -> None:
        """`asked` is what each request asks for in words, whose rows stand together."""
        self._lexicon, self._end_id = lexicon, end_id
        self._asked = [(frozenset(words_in(text)), tuple(WORD.findall(text))) for text in asked]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        rows_each = len(input_ids) // len(self._asked)
        writing = [(number, row) for number, row in enumerate(input_ids.tolist()) if self._end_id not in row]
        if not writing:
            return scores
        allowed = torch.stack([self._allowed(row, *self._asked[number // rows_each]) for number, row in writing])
        scores = scores.clone()
        rows = torch.tensor([number for number, _ in writing], device=scores.device)
        scores[:, : allowed.shape[1]].index_add_(0, rows, (~allowed).to(scores), alpha=-NEVER)
        return scores

    def _allowed(self, row: Sequence[int], asked: frozenset[str], as_spelled: Sequence[str]) -> torch.Tensor:
        spelled = b"".join(self._lexicon.spelled[one] for one in row[-_LOOKED_BACK:])
        if unfinished(spelled):
            return self._lexicon.inside_character
        found = _OPEN.search(spelled.decode(errors="replace"))
        assert found is not None  # it matches nothing, too
        beginning = found.group()
        allowed = self._lexicon.allowed(_folded(beginning), asked)
        if beginning[:1] in SIGNS or _goes_on_in_capitals(beginning, as_spelled):
            return allowed
        return allowed & ~(self._lexicon.capital if beginning[-1:].islower() else self._lexicon.mixed)


_Key = TypeVar("_Key")


def _remembered(known: dict[_Key, torch.Tensor], key: _Key, find: Callable[[], torch.Tensor]) -> torch.Tensor:
    found = known.get(key)
    if found is None:
        if len(known) >= _REMEMBERED:
            known.clear()
        found = known[key] = find()
    return found


def _beginnings(words: Iterable[str], longest: int = 100) -> set[str]:
    return {word[:count] for word in words for count in range(1, min(longest, len(word)) + 1)}


def _goes_on_in_capitals(beginning: str, words: Iterable[str]) -> bool:
    """Whether some word begins so, to the letter, and has capitals further on."""
    return any(word.startswith(beginning) and _MIXED.search(word[len(beginning) - 1 :]) for word in words if beginning)
