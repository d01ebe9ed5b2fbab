"""What becomes of a template in running text: those that hold numbers, units, dates or words stay as what they show.

Names are those of the Spanish and the English Wikipedia. A template that is not named here is a box, a note, a source or a
navigation bar far more often than a word, and is left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import wikitextparser

Shown = Callable[[Sequence[str], Mapping[str, str]], str]
"""Positional arguments, and named ones, to the text that a reader sees."""

MONTHS = (
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
)
MOST_ARGUMENTS = 9
_POWERS = {"2": "²", "3": "³"}
_BETWEEN = ("to", "a", "and", "y", "or", "o", "x", "-", "–")
_NUMBER = re.compile(r"[-−+]?\d[\d .,]*")


def _argument(number: int) -> Shown:
    return lambda given, _named: given[number] if len(given) > number else ""


def _joined(given: Sequence[str], _named: Mapping[str, str]) -> str:
    return " ".join(one for one in given if one)


def _unit(given: Sequence[str], named: Mapping[str, str]) -> str:
    """`{{unidad|5|km|2}}`: 5 km²."""
    if not given or "e" in named:  # times a power of ten that would be lost
        return ""
    power = _POWERS.get(given[2], "") if len(given) > 2 else ""
    unit = given[1] if len(given) > 1 else named.get("u", "")
    return f"{given[0]} {unit}{power}".strip()


def _converted(given: Sequence[str], _named: Mapping[str, str]) -> str:
    """`{{convertir|5|km|mi}}`: 5 km, and `{{convert|2|to|5|km|mi}}`: 2 to 5 km. The other unit is the reader's to know. Nothing
    for what is made of several numbers in another way."""
    numbers = [bool(_NUMBER.fullmatch(one)) for one in given[:4]]
    if numbers[:3] == [True, False, True] and len(given) > 3 and given[1] in _BETWEEN:
        return " ".join(given[:4])
    return " ".join(given[:2]) if numbers[:2] == [True, False] and numbers[2:3] != [True] else ""


def _date(given: Sequence[str], _named: Mapping[str, str]) -> str:
    """`{{fecha|12|5|1810}}`, day first, or year first: 12 de mayo de 1810."""
    numbers = [one for one in given if one]
    if len(numbers) >= 3 and all(one.isdigit() for one in numbers[:3]):
        first, month, last = numbers[:3]
        day, year = (last, first) if len(first) == 4 else (first, last)
        if 1 <= int(month) <= 12:
            return f"{int(day)} de {MONTHS[int(month) - 1]} de {year}"
    return " de ".join(numbers[:3])


def _century(given: Sequence[str], _named: Mapping[str, str]) -> str:
    """`{{siglo|XIX||s}}`: siglo XIX, and `{{siglo|V|a}}`: siglo V a. C."""
    if not given:
        return ""
    era = f" {given[1][0]}. C." if len(given) > 1 and given[1][:1] in ("a", "d") else ""
    return f"siglo {given[0]}{era}"


SHOWN: Mapping[str, Shown] = {
    **dict.fromkeys(
        ("nowrap", "nobr", "nobreak", "esd", "versalita", "sc", "smallcaps", "small", "pequeño", "big", "negrita"), _argument(0)
    ),
    **dict.fromkeys(
        ("formatnum", "num", "nts", "número", "rp2", "unicode", "cursiva", "resaltar", "abbr", "abreviatura"), _argument(0)
    ),
    **dict.fromkeys(("lang", "idioma", "lenguaje"), _argument(1)),
    **dict.fromkeys(("cita", "quote", "cita textual"), _argument(0)),
    **dict.fromkeys(("unidad", "unit", "ud", "val"), _unit),
    **dict.fromkeys(("convertir", "convert", "cvt"), _converted),
    **dict.fromkeys(("fecha", "start date", "fecha de inicio", "date"), _date),
    **dict.fromkeys(("siglo", "s"), _century),
    **dict.fromkeys(("·", "•", "mdash", "ndash"), lambda _given, _named: "–"),
}
"""By name, in small letters."""

DISAMBIGUATIONS = frozenset(
    (
        "desambiguación",
        "desambiguacion",
        "desambig",
        "des",
        "disambiguation",
        "disambig",
        "dab",
        "hndis",
        "geodis",
        "surname",
        "apellido",
    )
)
"""A page with one of these is a list of other pages."""
LISTS = re.compile(r"(Anexo:|(Lista|Listado|Cronología|Anexo) de |(List|Lists|Outline|Index|Timeline) of )")
"""How the title of a page begins that is a list."""


def name_of(template: wikitextparser.Template) -> str:
    """In small letters, without `Plantilla:` and the colon of a parser function."""
    return _plain_name(template.name)


def _plain_name(written: str) -> str:
    name = " ".join(written.replace("_", " ").split())
    return name.casefold().removeprefix("plantilla:").removeprefix("template:")


_INNERMOST = re.compile(r"\{\{([^{}|]*)(?:\|[^{}]*)?\}\}")
"""A template, or a function of the parser, that holds no other."""
DEEPEST = 100
"""Templates in each other. A page has ten, one that somebody spoilt thousands, and each is a pass."""
_NUMBER_FUNCTION = "formatnum:"


class DisambiguationError(Exception):
    """A page that is no text but a list of others: found out only by whoever reads its markup."""


def without_templates(text: str, plain: Callable[[str], str]) -> str:
    """The text with what a reader sees of each template in its place. `plain` is what becomes of an argument's own markup.

    The innermost first, until there is none: most of a page's markup goes so, before a parser has to read it. What has loose
    braces stays, for the parser. Raises DisambiguationError, or ValueError for a page that is spoilt.
    """

    def shown(found: re.Match[str]) -> str:
        name = _plain_name(found[1])
        if name in DISAMBIGUATIONS:
            raise DisambiguationError
        if name.startswith(_NUMBER_FUNCTION):
            return plain(found[1].partition(":")[2]).strip()
        return shown_template(wikitextparser.Template(found[0]), plain) if name in SHOWN else ""

    for _ in range(DEEPEST):
        text, count = _INNERMOST.subn(shown, text)
        if not count:
            return text
    raise ValueError(f"templates in each other, more than {DEEPEST} deep")


def shown_template(template: wikitextparser.Template, plain: Callable[[str], str]) -> str:
    """What a reader sees of it; nothing of one that is not known. `plain` is what becomes of an argument's own markup."""
    shown = SHOWN.get(name_of(template))
    if shown is None:
        return ""
    given = [plain(one.value).strip() for one in template.arguments if one.positional]
    named = {one.name.strip(): plain(one.value).strip() for one in template.arguments if not one.positional}
    for key in sorted((one for one in named if one.isdigit()), key=int):  # `2=` is the second, also where it stands alone
        given += [""] * (int(key) - len(given)) if int(key) <= MOST_ARGUMENTS else []
        if int(key) <= MOST_ARGUMENTS:
            given[int(key) - 1] = named[key]
    return shown(given, named)


def shown_function(function: wikitextparser.ParserFunction, plain: Callable[[str], str]) -> str:
    """The number of `{{formatnum:…}}`; what other functions show, only a wiki knows."""
    name = function.name.strip().lstrip("#").casefold()
    values = [argument.value for argument in function.arguments]
    return plain(values[0]).strip() if name == "formatnum" and values else ""


def is_disambiguation(parsed: wikitextparser.WikiText) -> bool:
    """Whether the page only leads to others."""
    return any(name_of(one) in DISAMBIGUATIONS for one in parsed.templates)
