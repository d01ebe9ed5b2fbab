"""What kind of thing a name stands for, by its first word, its words' lists and the word before it."""

from enum import Enum
from functools import cache, lru_cache

from local.analyzers.grammar import Part, part_of
from local.analyzers.pieces import plain
from local.analyzers.word_lists import sections, word_set

_LISTS = "names.txt"
# "Diversidad", "Ganadería": such words alone are common nouns that were given a capital out of respect.
_COMMON_ENDINGS = ("cion", "sion", "iones", "dad", "dades", "eria", "miento", "mientos", "mente", "ista", "istas")
_ARTICLES = frozenset({"el", "la", "los", "las", "del", "al", "un", "una"})
_CONNECTORS = frozenset({"de", "del", "la", "las", "los", "y", "e", "el"})


class Role(Enum):
    """What a word may do in or around a name; the values of the first are sections of the list."""

    GIVEN = "given name"
    SURNAME = "surname"
    PLACE_HEAD = "place head"
    INSTITUTION_HEAD = "institution head"
    INSTITUTION = "institution alone"
    EVENT_HEAD = "event head"
    WORK_HEAD = "work head"
    PRODUCT = "product"
    OFFICE = "office"
    PLACE_BEFORE = "place before"
    PERSON_BEFORE = "person before"
    CALENDAR = "calendar"
    NO_NAME = "no name"
    HEALTH = "health"
    COMMON = "common"
    SMALL_WORD = ""
    VERB = "-"


@lru_cache(maxsize=200_000)
def plays(word: str, role: Role) -> bool:
    """Whether a word as written in the text may play a role."""
    if role is Role.VERB:
        return part_of(word) is Part.VERB
    if role is Role.SMALL_WORD:
        return part_of(word) not in (Part.NOUN, Part.VERB)
    return bool(word_set(_LISTS, role.value).get(plain(word)))


@cache
def places() -> frozenset[tuple[str, ...]]:
    """The known places, each as its words in plain form."""
    return frozenset(tuple(line.split()) for line in sections(_LISTS)["place"])


def kind_of(words: list[str], *, before: str, after: str, office: bool, opens_sentence: bool) -> tuple[str, float] | None:
    """The type and score of a name, or None when it is none.

    `before` and `after` are the words around it, `office` says that a word such as "presidente" stands before it.
    """
    if before == "de" and list(map(plain, words)) == ["julio"]:
        # "9 de Julio" is a day, not Julius.
        return None
    if tuple(map(plain, words)) in places():
        return "LOCATION", 0.97
    own = [word for word in words if word not in _CONNECTORS]
    if len(own) == 1:
        return _kind_of_one(own[0], before=before, after=after, office=office, opens_sentence=opens_sentence)
    return _kind_of_several(words, own, before=before, office=office)


def _kind_of_one(word: str, *, before: str, after: str, office: bool, opens_sentence: bool) -> tuple[str, float] | None:
    listed = {
        Role.HEALTH: ("OTHER", 0.75),
        Role.PRODUCT: ("COMMERCIAL_ITEM", 0.88),
        Role.INSTITUTION: ("ORGANIZATION", 0.85),
        Role.GIVEN: ("PERSON", 0.9),
        Role.SURNAME: ("PERSON", 0.92),
    }
    for role, kind in listed.items():
        if plays(word, role):
            return kind
    if word.isupper():
        return "ORGANIZATION", 0.86
    if len(word) < 3 or plain(word).endswith(_COMMON_ENDINGS):
        return None
    if any(plays(word, role) for role in (Role.COMMON, Role.SMALL_WORD, Role.CALENDAR)):
        return None
    if any(plays(word, role) for role in (Role.INSTITUTION_HEAD, Role.EVENT_HEAD, Role.WORK_HEAD, Role.PLACE_HEAD)):
        return None
    if opens_sentence:
        # Its capital says nothing, and no list knows it.
        return None
    if office or plays(before, Role.PERSON_BEFORE):
        return "PERSON", 0.85
    if plays(before, Role.PLACE_BEFORE):
        return "LOCATION", 0.82
    if after and plays(after, Role.VERB):
        return "PERSON", 0.68
    if before in ("de", "a"):
        return "LOCATION", 0.62
    return "OTHER", 0.56


def _kind_of_several(words: list[str], own: list[str], *, before: str, office: bool) -> tuple[str, float] | None:
    first = own[0]
    given = plays(first, Role.GIVEN)
    heads = {
        Role.INSTITUTION_HEAD: ("ORGANIZATION", 0.93),
        Role.PLACE_HEAD: ("LOCATION", 0.92),
        Role.EVENT_HEAD: ("EVENT", 0.85),
        Role.WORK_HEAD: ("TITLE", 0.85),
    }
    for role, kind in heads.items():
        if plays(first, role) and not given and first == words[0]:
            return kind
    if given or office:
        return "PERSON", 0.97 if given else 0.9
    if all(plays(word, Role.COMMON) or plays(word, Role.SMALL_WORD) for word in own):
        return None
    if plays(own[-1], Role.SURNAME):
        return "PERSON", 0.93
    if plays(before, Role.PLACE_BEFORE):
        return "LOCATION", 0.8
    if before in _ARTICLES:
        # "el Molino Harinero": people go without an article.
        return "ORGANIZATION", 0.62
    determined = part_of(first) is Part.DETERMINER
    if determined and before == "de":
        return "LOCATION", 0.7
    if determined or any(plays(word, Role.COMMON) for word in own) or len(own) > 3 or len(words) > len(own):
        return "ORGANIZATION", 0.6
    return "PERSON", 0.7
