"""From a frame to a Spanish sentence: choices, slots that agree in gender and number, contractions, capitals."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

_CHOICE = re.compile(r"<([^<>]*)>")
_SLOT = re.compile(r"\{([a-z_]+\d?)(\.[a-z]+)?(=[^{}]*|/[^{}]*)?\}")
_DETERMINERS = {
    "el": ("m", False), "un": ("m", False), "nuestro": ("m", False), "lo": ("m", False),
    "la": ("f", False), "una": ("f", False), "nuestra": ("f", False),
    "los": ("m", True), "unos": ("m", True), "nuestros": ("m", True), "todos": ("m", True), "todas": ("m", True),
    "las": ("f", True), "unas": ("f", True), "nuestras": ("f", True),
}  # fmt: skip


@dataclass(frozen=True)
class Noun:
    """What fills a slot: its words, and what the words around it must agree with."""

    text: str
    gender: str = "m"
    plural: bool = False
    bare: str = ""
    """The same words without the determiner."""


def noun_phrase(text: str) -> Noun:
    """A phrase as a noun. The determiner tells gender and number; without one it is masculine singular."""
    head, _, rest = text.partition(" ")
    if rest and head in _DETERMINERS:
        gender, plural = _DETERMINERS[head]
        # "las y los vecinos": the first article is not the whole determiner.
        return Noun(text, "m" if " y los " in text else gender, plural, bare=rest)
    return Noun(text, bare=text)


def slots(frame: str) -> frozenset[str]:
    """The names of the slots in a frame, those inside choices included."""
    return frozenset(match[1] for match in _SLOT.finditer(frame))


def fill(frame: str, value: Callable[[str], Noun], generator: random.Random) -> str:
    """One sentence of a frame. `value` gives the noun of a slot, the same one whenever it is asked again."""
    chosen = _CHOICE.sub(lambda match: generator.choice(match[1].split("|")), frame)

    def replace(match: re.Match[str]) -> str:
        noun, part, endings = value(match[1]), match[2], match[3]
        if endings is None:
            return noun.bare if part == ".bare" else noun.text
        options = endings[1:].split("," if endings[0] == "=" else "/")
        if endings[0] == "=":
            assert len(options) == 2, f"{match[0]} needs a singular and a plural"
            return options[noun.plural]
        return options[(noun.gender == "f") + (2 if noun.plural and len(options) == 4 else 0)]

    return polish(_SLOT.sub(replace, chosen))


def polish(text: str) -> str:
    """Contracts `de el` and `a el`, turns `y` into `e` before the same sound, and gives sentences their capitals."""
    text = re.sub(r"\b([Dd])e el\b", r"\1el", text)
    text = re.sub(r"\b([Aa]) el\b", r"\1l", text)
    text = re.sub(r"\by (?=[iíIÍ]|[hH]i(?!e))", "e ", text)
    # After a stop, and across opening marks; never into a hashtag or a mention, which keep their spelling.
    return re.sub(r"(^|[.!?]\s+|\n)([^\w#@.]*)(\w)", lambda match: match[1] + match[2] + match[3].upper(), text)
