"""Accounts that only look like the politician's: parodies, fans, clubs and news, told by the words they use."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from politico.x.users import Account

_EVERYWHERE = ("name", "screen_name", "description")
_NAMED = ("name", "screen_name")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True)
class Mark:
    """Words, in Spanish and English, that say the account is somebody else's."""

    kind: str
    words: tuple[str, ...]
    """Without accents, in lower case. Several words must follow each other."""
    places: tuple[str, ...] = _EVERYWHERE


MARKS = (
    Mark(
        "parody",
        (
            *("parodia", "parody", "satira", "satirica", "satirico", "satire", "humor", "humoristica", "humour", "fake", "falso"),
            *("falsa", "meme", "memes", "troll", "trol", "impostor", "impostora", "ficticia", "ficticio", "imitacion", "bot"),
        ),
    ),
    Mark(
        "unofficial",
        (
            *("no oficial", "no es oficial", "no es la cuenta oficial", "no es cuenta oficial", "extraoficial", "unofficial"),
            *("not official", "not the official", "not affiliated", "nooficial", "no soy el", "no soy la", "not the real"),
        ),
    ),
    Mark(
        "fan",
        (
            *("fan", "fans", "fanpage", "fanclub", "fan club", "club de", "apoyo a", "apoyamos a", "seguidores de", "amigos de"),
            *("admiradores de", "simpatizantes de", "comando de", "todos con", "supporter", "supporters", "homenaje a"),
        ),
    ),
    # In a description these are a politician's own: "contacto de prensa", "columnist of the news".
    Mark("news", ("noticias", "noticiero", "news", "informativo", "diario", "portal"), _NAMED),
)


def flags_of(account: Account, searched: str = "") -> list[str]:
    """What says that the account is not the politician's, such as `fan: fans (screen_name)`; a hint for whoever reviews.

    Words that stand in the name searched for say nothing.
    """
    own = set(plain_words(searched))
    texts = {
        "name": plain_words(account.name),
        "screen_name": _handle_words(account.screen_name, searched),
        "description": plain_words(account.description),
    }
    return [
        f"{mark.kind}: {word} ({place})"
        for mark in MARKS
        for word in mark.words
        for place in mark.places
        if not set(word.split()) & own and _holds(texts[place], word.split())
    ]


def plain_words(text: str) -> list[str]:
    """Words in lower case without accents, decorations and emoji: `𝐃𝐢𝐩. José Ñuñez 🌻` gives dip, jose, nunez."""
    folded = "".join(one for one in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(one))
    return "".join(one if one.isalnum() else " " for one in folded).split()


def _handle_words(screen_name: str, searched: str) -> list[str]:
    """The pieces of a handle: at capitals, digits and `_`, and whatever is left beside the name searched for."""
    pieces = [piece.casefold() for piece in _PIECE.findall(screen_name)]
    rest = screen_name.casefold()
    for word in sorted(plain_words(searched), key=len, reverse=True):
        rest = rest.replace(word, " ", 1) if len(word) > 2 else rest
    return [*pieces, "", *_PIECE.findall(rest)]


def _holds(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(list(words[start : start + len(wanted)]) == list(wanted) for start in range(len(words) - len(wanted) + 1))
