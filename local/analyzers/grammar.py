"""What part of speech a Spanish word most likely is, from a list of small words and from its ending.

A guess per word, without its sentence: enough to cut a text into noun phrases, far from a tagger.
"""

from enum import Enum, auto
from functools import cache, lru_cache

from local.analyzers.pieces import plain
from local.analyzers.word_lists import words

_LISTS = "grammar.txt"


class Part(Enum):
    """What a word does in a noun phrase."""

    DETERMINER = auto()
    """"la", "nuestros": may open a phrase."""
    WHOLE = auto()
    """"todos": may stand before a determiner."""
    NUMBER = auto()
    OF = auto()
    """"de", "del": ties a phrase to its complement."""
    FRONT_ADJECTIVE = auto()
    """"gran", "primera": stands before its noun, seldom alone."""
    NOUN = auto()
    """A noun or an adjective: whatever is none of the others."""
    VERB = auto()
    PREPOSITION = auto()
    BREAK = auto()
    """Conjunctions, pronouns, adverbs: a phrase ends before them."""


# Later sections win: "al" and "del" are both determiner and preposition, and end a phrase or tie it.
_SECTIONS = {
    "not a verb": Part.NOUN,
    "determiner": Part.DETERMINER,
    "adjective before": Part.FRONT_ADJECTIVE,
    "whole": Part.WHOLE,
    "number": Part.NUMBER,
    "verb": Part.VERB,
    "preposition": Part.PREPOSITION,
    "break": Part.BREAK,
    "of": Part.OF,
}

_ADVERB_ENDING = "mente"
_NOT_ADVERBS = frozenset({"mente", "vehemente", "clemente", "demente"})


@lru_cache(maxsize=100_000)
def part_of(word: str) -> Part:
    """The part of speech of a word as written in the text."""
    lowered = word.lower()
    listed = _listed().get(lowered) or _listed_plain().get(lowered)
    if listed:
        return listed
    if lowered.endswith(_ADVERB_ENDING) and lowered not in _NOT_ADVERBS:
        return Part.BREAK
    if len(lowered) > 3 and lowered.endswith(_endings("verb")) and not lowered.endswith(_endings("noun")):
        return Part.VERB
    return Part.NOUN


@cache
def _endings(of: str) -> tuple[str, ...]:
    return tuple(words(_LISTS, f"{of} ending"))


@cache
def _listed() -> dict[str, Part]:
    return {word: part for section, part in _SECTIONS.items() for word in words(_LISTS, section)}


@cache
def _listed_plain() -> dict[str, Part]:
    """The same without accents, for those who write none; what is written with none keeps its own entry."""
    return {plain(word): part for word, part in _listed().items() if plain(word) not in _listed()}
