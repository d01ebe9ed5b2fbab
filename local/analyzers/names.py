"""Names in a Spanish text: runs of capitalised words, "Ministerio de Aguas", cut apart and told from common words."""

from collections.abc import Iterator
from functools import cache

from local.analyzers.name_kinds import Role, kind_of, places, plays
from local.analyzers.pieces import Piece, Span, adjoining, plain

_CONNECTORS = frozenset({"de", "del", "la", "las", "los", "y", "e", "el"})
_LINKS = frozenset({"y", "e"})
_MOST_CONNECTORS = 2
_LONGEST_ACRONYM = 5
# A text mostly in capitals, or with several long words in capitals, is shouted: its acronyms cannot be told.
_SHOUTED_SHARE = 0.6
_MANY_SHOUTS = 2


def names(text: str, cut: tuple[Piece, ...]) -> list[Span]:
    """The names among the pieces, from left to right."""
    capital = _capitals(text, cut)
    found: list[Span] = []
    index = 0
    while index < len(cut):
        if capital[index]:
            end = _run_end(text, cut, capital, index)
            found += _names_of_run(text, cut, index, end)
            index = end
        else:
            index += 1
    return found


def _capitals(text: str, cut: tuple[Piece, ...]) -> list[bool]:
    """For each piece, whether it is a word that may be part of a name."""
    written = [piece.text for piece in cut if piece.kind == "word"]
    shouts = [word for word in written if _shouts(word)]
    shouted = sum(map(len, shouts)) > _SHOUTED_SHARE * sum(map(len, written))
    shouted = shouted or sum(len(word) > _LONGEST_ACRONYM for word in shouts) >= _MANY_SHOUTS
    return [piece.kind == "word" and _capital(text, cut, index, shouted) for index, piece in enumerate(cut)]


def _capital(text: str, cut: tuple[Piece, ...], index: int, shouted: bool) -> bool:
    word = cut[index].text
    if len(word) < 2 or not word[0].isupper():
        return False
    if not word.isupper():
        return True
    if shouted or len(word) > _LONGEST_ACRONYM or plays(word, Role.NO_NAME) or plays(word, Role.SMALL_WORD):
        return False
    neighbours = [other for other in (index - 1, index + 1) if 0 <= other < len(cut)]
    return not any(cut[other].kind == "word" and _shouts(cut[other].text) for other in neighbours)


def _shouts(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _run_end(text: str, cut: tuple[Piece, ...], capital: list[bool], start: int) -> int:
    """Where the run of capitalised words that begins at a piece ends; small words within it belong to it."""
    end = index = start + 1
    headed = _takes_a_number(cut[start].text)
    while index < len(cut) and adjoining(text, cut[index - 1], cut[index]):
        word = cut[index].text
        if capital[index]:
            headed = headed or _takes_a_number(word)
            end = index + 1
        elif cut[index].kind == "number" and word.replace(".", "").isdecimal() and headed and index == end:
            # "Ruta 7", "Ley 27.551", "Avenida 9 de Julio", "Elecciones 2019".
            end = index + 1
        elif word not in _CONNECTORS or index - end >= _MOST_CONNECTORS:
            break
        index += 1
    return end


def _takes_a_number(word: str) -> bool:
    return any(plays(word, role) for role in (Role.PLACE_HEAD, Role.WORK_HEAD, Role.EVENT_HEAD))


def _names_of_run(text: str, cut: tuple[Piece, ...], start: int, end: int) -> Iterator[Span]:
    """The names in a run, which may begin with common words and hold several names."""
    # "el Dr. Ríos": the point belongs to the title.
    titled = start > 1 and cut[start - 1].text == "." and plays(cut[start - 2].text, Role.OFFICE)
    opens = _opens_sentence(text, cut, start) and not titled
    sheds = opens  # whether common words at the head are left out
    before = "" if opens else plain(cut[start - 1 - titled].text)
    office = bool(before) and plays(before, Role.OFFICE)
    while start < end:
        word = cut[start].text
        if word in _CONNECTORS:
            before = word if word not in _LINKS else before
            start += 1
            continue
        if plays(word, Role.OFFICE) and not _given_name_with_more(cut, start, end):
            # "Presidente de la Nación Ana Ríos" names Ana Ríos.
            office, opens, sheds, before = True, False, True, plain(word)
            start += 1
            continue
        if sheds and _is_common(cut, start, end, opens):
            opens, before = False, plain(word)
            start += 1
            continue
        split = _first_name_end(cut, start, end)
        words = [piece.text for piece in cut[start:split]]
        after = cut[split].text if split < len(cut) and adjoining(text, cut[split - 1], cut[split]) else ""
        kind = kind_of(words, before=before, after=after, office=office, opens_sentence=opens)
        if kind:
            yield Span(start, split, *kind)
        start, opens, sheds, office = split, False, False, False


def _is_common(cut: tuple[Piece, ...], start: int, end: int, opens: bool) -> bool:
    """Whether the word at the head of a run only has its capital from the sentence and is to be left out."""
    word = cut[start].text
    if _place_end(cut, start, end) or _given_name_with_more(cut, start, end):
        return False
    roles = (Role.INSTITUTION_HEAD, Role.PLACE_HEAD, Role.EVENT_HEAD, Role.WORK_HEAD)
    if end - start > 1 and any(plays(word, role) for role in roles):
        return False
    return plays(word, Role.COMMON) or plays(word, Role.SMALL_WORD) or (opens and plays(word, Role.VERB))


def _first_name_end(cut: tuple[Piece, ...], start: int, end: int) -> int:
    """Where a run's first name ends: "Ana Ríos y Luis Paz" are two, "Ministerio de Salud y Deporte" is one."""
    place = _place_end(cut, start, end)
    person = _given_name_with_more(cut, start, end)
    if place and not person and (place == end or cut[place].text in _LINKS or plays(cut[place].text, Role.GIVEN)):
        return place
    official = any(plays(cut[start].text, role) for role in (Role.INSTITUTION_HEAD, Role.WORK_HEAD, Role.EVENT_HEAD))
    for index in range(start + 1, end - 1):
        word, following = cut[index].text, cut[index + 1].text
        if word not in _CONNECTORS:
            continue
        joined = official and (plays(following, Role.COMMON) or _names_nobody(cut, index + 1, end))
        if word in _LINKS and not joined:
            return index
        elsewhere = _place_end(cut, index + 1, end) or plays(following, Role.INSTITUTION_HEAD)
        if person and elsewhere:
            return index
    return end


def _names_nobody(cut: tuple[Piece, ...], start: int, end: int) -> bool:
    """Whether what is left of a run is one unknown word: the "Bosques" of "Ministerio de Aguas y Bosques"."""
    word = cut[start].text
    known = _place_end(cut, start, end) or plays(word, Role.GIVEN) or plays(word, Role.INSTITUTION)
    return start + 1 == end and not known and not word.isupper()


def _given_name_with_more(cut: tuple[Piece, ...], start: int, end: int) -> bool:
    return start + 1 < end and plays(cut[start].text, Role.GIVEN) and cut[start + 1].text not in _LINKS


def _place_end(cut: tuple[Piece, ...], start: int, end: int) -> int:
    """Where the longest known place that begins at a piece ends, or 0."""
    for length in range(min(end - start, _longest_place()), 0, -1):
        if tuple(plain(piece.text) for piece in cut[start : start + length]) in places():
            return start + length
    return 0


@cache
def _longest_place() -> int:
    return max(map(len, places()))


def _opens_sentence(text: str, cut: tuple[Piece, ...], index: int) -> bool:
    """Whether a word has its capital perhaps only from its place: after a mark, a new line, an emoji or a hashtag."""
    if index == 0:
        return True
    before = cut[index - 1]
    if "\n" in text[before.end : cut[index].begin]:
        return True
    return before.kind not in ("word", "number") and before.text != ","
