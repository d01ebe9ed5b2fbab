"""How long a tweet is as X counts it, and cutting one back to what X takes, at a whole word.

The weights are those of X's twitter-text, version 3: a letter of Latin and its neighbours is one, others two, an emoji two
however many characters make it up, an address 23.
"""

import regex

from politico.control.format import composed
from politico.tweets.tweet import COMMON_ENDS

_ADDRESS, _LABEL = 23, 63
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points, both ends counted, that weigh one."""
_ADDRESSES = regex.compile(
    rf"https?://[^\s/?#]+\.\S*[\w/#=&~-]|(?<![\w@#$./-])(?:[\w-]+\.)+(?:{COMMON_ENDS})(?![\w.-]*\w)(?:/\S*)?", regex.IGNORECASE
)
_EMOJI = regex.compile(
    r"\p{Regional_Indicator}{2}"
    r"|[0-9#*]\uFE0F?\u20E3"
    r"|(?![©®](?!\uFE0F))\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?)*"
    r"(?:[\U000E0020-\U000E007E]+\U000E007F)?"
)
_LAST_WORD = regex.compile(r"\s+\S*\Z")


def weighted_length(text: str) -> int:
    """Characters as X counts them."""
    text = composed(text)
    addresses = [one.span() for one in _ADDRESSES.finditer(text) if _has_sound_host(one.group())]
    rest = text
    for start, stop in reversed(addresses):
        rest = rest[:start] + rest[stop:]
    emoji = len(_EMOJI.findall(rest))
    return _ADDRESS * len(addresses) + 2 * emoji + sum(map(_weight, _EMOJI.sub("", rest)))


def shortened(text: str, longest: int, *, keep: int = 0) -> str:
    """The text without its last words, as many as it takes; its first `keep` characters stay, however long they are.

    A first word that is too long alone stays, too.
    """
    while weighted_length(text) > longest:
        cut = _LAST_WORD.sub("", text)
        if len(cut) < max(keep, 1) or cut == text:
            break
        text = cut
    return text


def _has_sound_host(address: str) -> bool:
    """Whether each label of its host is as short as labels may be, as they are sent: 63 letters."""
    host = regex.split(r"[/?#]", address.partition("://")[2] or address, maxsplit=1)[0]
    return all(len(_sent(label)) <= _LABEL for label in host.split("."))


def _sent(label: str) -> bytes:
    return label.encode() if label.isascii() else b"xn--" + label.encode("punycode")


def _weight(character: str) -> int:
    return 1 if any(first <= ord(character) <= last for first, last in _LIGHT) else 2
