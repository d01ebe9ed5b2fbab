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
    name = " ".join(template.name.replace("_", " ").split())
    return name.casefold().removeprefix("plantilla:").removeprefix("template:")


def show_templates(parsed: wikitextparser.WikiText) -> None:
    """Put in each template's place what a reader sees of it, the innermost first; nothing for those that are not known."""
    for function in reversed(parsed.parser_functions):
        name = function.name.strip().lstrip("#").casefold()
        values = [argument.value.strip() for argument in function.arguments]
        function.string = values[0] if name == "formatnum" and values else ""
    for template in reversed(parsed.templates):
        shown = SHOWN.get(name_of(template))
        if shown is None:
            template.string = ""
            continue
        given = [one.value.strip() for one in template.arguments if one.positional]
        named = {one.name.strip(): one.value.strip() for one in template.arguments if not one.positional}
        for key in sorted((one for one in named if one.isdigit()), key=int):  # `2=` is the second, also where it stands alone
            given += [""] * (int(key) - len(given)) if int(key) <= MOST_ARGUMENTS else []
            if int(key) <= MOST_ARGUMENTS:
                given[int(key) - 1] = named[key]
        template.string = shown(given, named)


def is_disambiguation(parsed: wikitextparser.WikiText) -> bool:
    """Whether the page only leads to others."""
    return any(name_of(one) in DISAMBIGUATIONS for one in parsed.templates)
