"""The entities of a Spanish text in the shape of Comprehend's DetectEntities: names, mentions, dates and quantities.

Stands in for the service in shape only: capitals, small words and word lists decide, nothing is known about the world.
"""

from collections.abc import Iterator
from typing import TypedDict

from local.analyzers.amounts import amounts
from local.analyzers.names import names
from local.analyzers.pieces import Piece, pieces


class Entity(TypedDict):
    """One entity in the service's shape."""

    Score: float
    Type: str
    Text: str
    BeginOffset: int
    EndOffset: int


def entities(text: str) -> list[Entity]:
    """The text's entities from left to right, none overlapping another. Hashtags and web addresses are none."""
    cut = pieces(text)
    named = names(text, cut)
    taken = {index for span in named for index in range(span.first, span.end)}
    found = list(_mentions_and_emails(text, cut))
    for span in [*named, *amounts(text, cut, taken)]:
        begin, end = cut[span.first].begin, cut[span.end - 1].end
        found.append(_entity(text, begin, end, span.kind, span.score))
    return sorted(found, key=lambda entity: entity["BeginOffset"])


def _mentions_and_emails(text: str, cut: tuple[Piece, ...]) -> Iterator[Entity]:
    for piece in cut:
        if piece.kind == "mention":
            # The service leaves the sign out.
            yield _entity(text, piece.begin + 1, piece.end, "PERSON", 0.9)
        elif piece.kind == "email":
            yield _entity(text, piece.begin, piece.end, "OTHER", 0.99)


def _entity(text: str, begin: int, end: int, kind: str, score: float) -> Entity:
    return {"Score": score, "Type": kind, "Text": text[begin:end], "BeginOffset": begin, "EndOffset": end}
