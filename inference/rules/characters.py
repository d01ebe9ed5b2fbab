"""Whole characters only: a token that can't go on with the bytes written so far, as UTF-8 has them, is not drawn."""

import codecs
from collections.abc import Sequence

import torch

_LOOKED_BACK = 4
"""Tokens in which an unfinished character stands: it has at most four bytes."""


class Characters:
    """Which tokens of a vocabulary may follow an unfinished character, or a whole one."""

    def __init__(self, spelled: Sequence[bytes], end_id: int) -> None:
        """`spelled` is what each token writes, by id; nothing for special tokens, of which the end is one."""
        self.spelled, self._end_id = spelled, end_id
        self._barred: dict[bytes, torch.Tensor] = {}

    def barred(self, begun: bytes) -> torch.Tensor:
        """V: the tokens that may not follow these bytes of a character that is not whole yet; none of them for whole ones."""
        found = self._barred.get(begun)
        if found is None:
            fitting = torch.tensor([bool(one or not begun) and _goes_on(begun + one) for one in self.spelled])
            fitting[self._end_id] = not begun
            # Where nothing fits, a vocabulary without single bytes, nothing is barred: something must be written.
            found = self._barred[begun] = ~fitting if bool(fitting.any()) else torch.zeros_like(fitting)
        return found


class WholeCharacters:
    """A logits processor over the tweet's own ids (B, T)."""

    def __init__(self, characters: Characters) -> None:
        self._characters = characters

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        barred = [self._characters.barred(unfinished(self._spelled(row))) for row in input_ids[:, -_LOOKED_BACK:].tolist()]
        return scores.masked_fill(torch.stack(barred).to(scores.device), -torch.inf)

    def _spelled(self, row: Sequence[int]) -> bytes:
        return b"".join(self._characters.spelled[one] for one in row)


def unfinished(spelled: bytes) -> bytes:
    """The bytes of the character in whose middle a text ends; none where it ends with a whole one."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(spelled)
    return decoder.getstate()[0]


def _goes_on(spelled: bytes) -> bool:
    """Whether it is UTF-8, but for an end that may still become a character."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        decoder.decode(spelled)
    except UnicodeDecodeError:
        return False
    rest = decoder.getstate()[0]
    return not rest or any(_is_utf8((rest + first).ljust(length, b"\x80")) for first in _FIRST for length in (2, 3, 4))


_FIRST = (b"", b"\x80", b"\x90", b"\xa0")
"""Bytes of which one goes on with every character that is begun, if any does: python waits for halves of surrogate pairs, too."""


def _is_utf8(spelled: bytes) -> bool:
    try:
        return len(spelled.decode()) == 1
    except UnicodeDecodeError:
        return False
