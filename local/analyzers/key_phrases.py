"""The noun phrases of a Spanish text, as Comprehend's DetectKeyPhrases gives them: "la nueva ley de pensiones".

Stands in for the service in shape only: small words, endings and capitals decide, there is no parser behind it.
"""

from typing import NamedTuple, TypedDict

from local.analyzers.grammar import Part, part_of
from local.analyzers.pieces import Piece, adjoining, pieces

_MOST_PHRASES = 6
_MOST_NOUNS = 4
"""Nouns and adjectives in a row before a phrase is cut: more is a list or a run of unknown words."""

# A bare word with such an ending is a noun beyond doubt and may make a phrase alone: "Educación", not "Respeto".
_NOUN_ENDINGS = ("ción", "sión", "iones", "dad", "dades", "miento", "mientos", "ismo", "tud", "encia", "ancia")

_COUNTS = frozenset({"miles", "millones", "cientos", "decenas"})


class KeyPhrase(TypedDict):
    """One phrase in the service's shape."""

    Score: float
    Text: str
    BeginOffset: int
    EndOffset: int


class _Sentence(NamedTuple):
    """A text's pieces, the part each plays, and whether each follows the one before it closely enough."""

    cut: tuple[Piece, ...]
    parts: list[Part]
    joined: list[bool]


def key_phrases(text: str) -> list[KeyPhrase]:
    """The text's surest noun phrases, at most six, in the order in which they stand."""
    cut = pieces(text)
    sentence = _Sentence(
        cut,
        parts=[_part(cut, index) for index in range(len(cut))],
        joined=[index > 0 and adjoining(text, cut[index - 1], piece) for index, piece in enumerate(cut)],
    )
    found: list[KeyPhrase] = []
    index = 0
    while index < len(cut):
        end, score = _phrase(sentence, index)
        if score:
            begin_offset, end_offset = cut[index].begin, cut[end - 1].end
            found.append(
                {
                    "Score": score,
                    "Text": text[begin_offset:end_offset],
                    "BeginOffset": begin_offset,
                    "EndOffset": end_offset,
                }
            )
        index = max(end, index + 1)
    surest = sorted(found, key=lambda phrase: -phrase["Score"])[:_MOST_PHRASES]
    return sorted(surest, key=lambda phrase: phrase["BeginOffset"])


def _phrase(sentence: _Sentence, start: int) -> tuple[int, float]:
    """Where the phrase that begins at a piece ends, and its score; a score of 0 means that there is none."""
    index = start
    determined = False
    while (
        index < len(sentence.cut)
        and sentence.parts[index] in (Part.WHOLE, Part.DETERMINER)
        and (index <= start or sentence.joined[index])
    ):
        determined = True
        index += 1
    end = _nouns(sentence, start, index)
    if end == index:
        # Step over what was read, but never over a word that could open the next phrase.
        return max(start + 1, index), 0.0
    nouns = end - index
    complemented = _complement(sentence, end)
    if complemented == end and not _stands_alone(sentence, start, index, end, determined):
        return end, 0.0
    last = sentence.cut[complemented - 1].text
    if complemented > end and (last[0].isupper() or last in _COUNTS):
        # A second complement belongs to a name or a count: "el empleo de miles de jóvenes".
        complemented = max(complemented, _complement(sentence, complemented))
    words = complemented - start
    certainty = 0.80 + 0.08 * determined + 0.02 * min(words, 4) + 0.03 * (complemented > end) - 0.03 * (nouns > 3)
    return complemented, round(min(certainty, 0.99), 4)


def _nouns(sentence: _Sentence, start: int, index: int) -> int:
    """Where the run of numbers, adjectives and nouns that begins at a piece ends."""
    begin = index
    while index < len(sentence.cut) and index - begin < _MOST_NOUNS and (index <= start or sentence.joined[index]):
        part = sentence.parts[index]
        nominal = part in (Part.NOUN, Part.FRONT_ADJECTIVE, Part.NUMBER)
        if part is Part.VERB and index == begin and start < index:
            # After "el" an infinitive is a noun ("su accionar"); other forms follow a pronoun: "los roban".
            nominal = sentence.cut[index].text.endswith("r") and sentence.parts[index - 1] is Part.DETERMINER
        if not nominal:
            break
        index += 1
    # "20" says nothing without its noun, but after a name it is part of it: "la Ley 27.551".
    while index > begin and sentence.parts[index - 1] is Part.NUMBER and not _numbers_a_name(sentence, begin, index - 1):
        index -= 1
    return index


def _numbers_a_name(sentence: _Sentence, begin: int, index: int) -> bool:
    return index > begin and sentence.cut[index].kind == "number" and sentence.cut[index - 1].text[0].isupper()


def _complement(sentence: _Sentence, end: int) -> int:
    """Where the phrase ends when "de ..." follows it; where it ended, when none does."""
    if end >= len(sentence.cut) or sentence.parts[end] is not Part.OF or not sentence.joined[end]:
        return end
    index = end + 1
    while (
        index < len(sentence.cut)
        and sentence.parts[index] in (Part.DETERMINER, Part.WHOLE)
        and (index <= end or sentence.joined[index])
    ):
        index += 1
    complement = _nouns(sentence, end, index)
    return complement if complement > index else end


def _stands_alone(sentence: _Sentence, start: int, index: int, end: int, determined: bool) -> bool:
    """Whether nouns and adjectives make a phrase: with a determiner, or by being more than one doubtful word."""
    nouns = [sentence.cut[position] for position in range(index, end) if sentence.parts[position] is not Part.FRONT_ADJECTIVE]
    if not nouns or (len(nouns) == 1 and len(nouns[0].text) < 3):
        return False
    if determined or len(nouns) > 1 or end - index > 1:
        return True
    word = nouns[0].text
    after_preposition = start > 0 and sentence.parts[start - 1] in (Part.PREPOSITION, Part.OF)
    return word.lower().endswith(_NOUN_ENDINGS) or (after_preposition and len(word) > 4)


def _part(cut: tuple[Piece, ...], index: int) -> Part:
    piece = cut[index]
    if piece.kind == "word":
        part = part_of(piece.text)
        if part is Part.VERB and piece.text[0].isupper() and index and cut[index - 1].kind == "word":
            # A capital inside a sentence: the surname "Salazar" is no infinitive. In shouted text endings still count.
            return part if piece.text.isupper() else Part.NOUN
        return part
    if piece.kind == "number":
        # "el 45% de los chicos": a share stands for what it is a share of.
        return Part.NOUN if "%" in piece.text else Part.NUMBER
    return Part.BREAK
