"""How much an account's names are like a person's: accents, case, order, middle names, titles and emoji do not count."""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from politico.accounts.lookalikes import plain_words
from politico.x.users import Account

_TITLES = frozenset(
    (
        *("dip", "diputado", "diputada", "diputade", "sen", "senador", "senadora", "alcalde", "alcaldesa"),
        *("concejal", "concejala", "intendente", "intendenta", "gobernador", "gobernadora", "ministro", "ministra"),
        *("presidente", "presidenta", "candidato", "candidata", "dr", "dra", "doctor", "doctora", "ing", "lic"),
        *("prof", "abogado", "abogada", "don", "dona", "sr", "sra", "h", "honorable", "oficial", "official", "mp"),
        *("mep", "deputy", "representative", "congresista", "core", "seremi"),
    )
)
"""What stands around names in politics, and says nothing of who it is."""
_PARTICLES = frozenset(("de", "del", "la", "las", "los", "y", "e", "van", "von", "da", "dos"))
_SET_WEIGHT = 0.75
"""The rest goes to the measure for which a word too many or too few counts."""
_HANDLE_WEIGHT = 0.95
"""A handle alone, under a name that says nothing, is a little less sure."""
_SHORT_HANDLE_WEIGHT = 0.75
"""`jrojas` may be Juana or José."""
_NO_LETTER = re.compile(r"[\W\d_]+")


def likeness(name: str, account: Account) -> int:
    """0 to 100: the better of the account's name and its handle."""
    words = _bare(plain_words(name))
    if not words:
        return 0
    return round(max(_of_names(words, _bare(plain_words(account.name))), _of_handle(words, account.screen_name)))


def _bare(words: Sequence[str]) -> list[str]:
    """Without titles, unless nothing else is there."""
    return [word for word in words if word not in _TITLES] or list(words)


def _of_names(words: Sequence[str], other: Sequence[str]) -> float:
    if not other:
        return 0.0
    one, two = " ".join(words), " ".join(other)
    ordered = fuzz.token_sort_ratio(one, two)
    # Of `Juana` alone everybody called so would be a perfect subset.
    if min(_counting(words), _counting(other)) < min(2, _counting(words)):
        return ordered
    return _SET_WEIGHT * fuzz.token_set_ratio(one, two) + (1 - _SET_WEIGHT) * ordered


def _of_handle(words: Sequence[str], screen_name: str) -> float:
    handle = _NO_LETTER.sub("", screen_name.casefold())
    for title in sorted(_TITLES, key=len, reverse=True):
        if len(title) > 1 and handle.startswith(title) and len(handle) > len(title) + 4:
            handle = handle.removeprefix(title)
            break
    counting = [word for word in words if word not in _PARTICLES] or list(words)
    if len(counting) < 2:
        return _HANDLE_WEIGHT * fuzz.ratio(words[0], handle)
    whole = {"".join(words), "".join(reversed(words))}
    for surname in counting[1:]:
        whole |= {counting[0] + surname, surname + counting[0]}
    short = {counting[0][0] + surname for surname in counting[1:]}
    best_whole = max(fuzz.ratio(form, handle) for form in whole)
    best_short = max(fuzz.ratio(form, handle) for form in short)
    return max(_HANDLE_WEIGHT * best_whole, _SHORT_HANDLE_WEIGHT * best_short)


def _counting(words: Sequence[str]) -> int:
    return sum(word not in _PARTICLES for word in words)
