"""Whether a Spanish text sounds glad, angry, both or neither: a word list, negation, emoji and exclamation.

Stands in for Comprehend's DetectSentiment in shape only; it knows nothing of irony, context or facts.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from math import exp

from local.analyzers.pieces import pieces, plain
from local.analyzers.word_lists import WordTable, sections, word_set, words

_LISTS = "lexicon.txt"
_CLAUSE_END = "."
_CLAUSE_MARKS = frozenset('.,;:!?¡¿…()"“”\n')
# "#FelizLunes" is read as two words; "#LaRioja2019" keeps its number out.
_HASHTAG_WORD = re.compile(r"[A-ZÁÉÍÓÚÑ]?[a-záéíóúñü]+|[A-ZÁÉÍÓÚÑ]+")

_NEGATION_REACH = 3
"""How many words after a "no" it still denies."""
_RELIEF_REACH = 4
"""How many words after "bajar" or "contra" a bad word still counts as the thing fought."""

# The four classes are softmax(logit); these constants were set by reading real tweets with their labels.
_NEUTRAL_LOGIT = 1.65
# Politicians complain in fewer charged words than they congratulate.
_SOBER_COMPLAINT = 1.25
_SATURATION = 4.0
_FULL = 5.0
_MIXED_PENALTY = 1.3


def sentiment(text: str) -> tuple[str, dict[str, float]]:
    """The text's label (POSITIVE, NEGATIVE, NEUTRAL or MIXED) and the four scores, which sum to 1."""
    good, bad = _evidence(text)
    good, bad = _saturated(good), _saturated(bad)
    weaker, stronger = sorted((good, bad))
    logits = {
        "Positive": good - 0.6 * bad,
        "Negative": bad - 0.6 * good,
        "Neutral": _NEUTRAL_LOGIT,
        # Both sides must be strong: one bad word in a glad text does not make it mixed.
        "Mixed": 1.6 * weaker - _MIXED_PENALTY + 0.1 * stronger,
    }
    odds = {name: exp(1.6 * logit) for name, logit in logits.items()}
    total = sum(odds.values())
    scores = {name: value / total for name, value in odds.items()}
    return max(scores, key=scores.__getitem__).upper(), scores


def _saturated(evidence: float) -> float:
    # The tenth glad word says less than the first: long texts must not always end up certain.
    return _FULL * (1 - exp(-evidence / _SATURATION))


def _evidence(text: str) -> tuple[float, float]:
    """How much speaks for a glad text and how much for an angry one, both from 0 up."""
    good = bad = 0.0
    for weight in _weights(list(_read(text))):
        if weight > 0:
            good += weight
        else:
            bad -= _SOBER_COMPLAINT * weight
    # Exclamation strengthens what is felt, and a bare "¡Vamos!" leans to the glad side.
    cries = min(text.count("!"), 3)
    if cries and good >= bad:
        good = good * (1 + 0.08 * cries) + 0.3
    elif cries:
        bad *= 1 + 0.08 * cries
    return good, bad


def _read(text: str) -> Iterator[str]:
    """The text's words in plain form, its emoji, and a full stop for each end of a clause."""
    for piece in pieces(text):
        if piece.kind == "word":
            yield plain(piece.text)
        elif piece.kind == "hashtag":
            yield _CLAUSE_END
            yield from map(plain, _HASHTAG_WORD.findall(piece.text))
            yield _CLAUSE_END
        elif piece.kind == "mark":
            yield _CLAUSE_END if piece.text in _CLAUSE_MARKS else piece.text


def _weights(read: list[str]) -> Iterator[float]:
    """What each word, emoji or phrase weighs where it stands."""
    phrases, emoji = _phrases(), _emoji()
    denied = relieved = 0
    factor = 1.0
    position = 0
    while position < len(read):
        word = read[position]
        for phrase, weight in phrases.get(word, ()):
            if tuple(read[position : position + len(phrase)]) == phrase:
                position += len(phrase)
                if weight:
                    denied = relieved = 0
                    yield weight
                break
        else:
            position += 1
            if word in emoji:
                yield emoji[word]
                continue
            if word == _CLAUSE_END or word in _turns():
                denied = relieved = 0
                factor = 1.0
                continue
            role, weight = _word(word)
            if weight and denied:
                # "no es un logro" accuses; "no hay violencia" only reassures.
                weight *= -0.9 if weight > 0 else -0.3
                denied = 0
            elif weight < 0 and relieved:
                weight = 0.2
                relieved = 0
            if weight:
                yield weight * factor
            factor = 1.5 if role == "stronger" else 1.0
            denied = _NEGATION_REACH if role == "negation" else max(0, denied - 1)
            relieved = _RELIEF_REACH if role == "relief" else max(0, relieved - 1)


@lru_cache(maxsize=50_000)
def _word(word: str) -> tuple[str, float]:
    """What a word does to the words after it, and its own weight."""
    for role in ("negation", "stronger", "relief"):
        if word_set(_LISTS, role).get(word):
            return role, 0.0 if role == "negation" else (_lexicon().get(word) or 0.0)
    return "", _lexicon().get(word) or 0.0


@cache
def _lexicon() -> WordTable[float]:
    return WordTable(
        (word, float(section)) for section in ("+2", "+1", "+0.5", "-2", "-1", "-0.5", "0") for word in words(_LISTS, section)
    )


@cache
def _emoji() -> dict[str, float]:
    return {sign: float(section.split()[1]) for section in ("emoji +1", "emoji -1") for sign in words(_LISTS, section)}


@cache
def _turns() -> frozenset[str]:
    return frozenset(words(_LISTS, "turn"))


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """The phrases by their first word, the longest first."""
    found: dict[str, list[tuple[tuple[str, ...], float]]] = {}
    for line in sections(_LISTS)["phrase"]:
        phrase, _, weight = line.partition("=")
        found.setdefault(phrase.split()[0], []).append((tuple(phrase.split()), float(weight)))
    for several in found.values():
        several.sort(key=lambda entry: -len(entry[0]))
    return found
