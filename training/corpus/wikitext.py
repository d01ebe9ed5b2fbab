"""Wikipedia's markup: the pages of a MediaWiki export, and their wikitext as plain text.

The export is read with the standard library and not with mwxml, which refuses a page that has an element it does not know
(each new version of the format) and brings seven packages. The wikitext itself is wikitextparser's work: of the parsers
tried it alone tells image links from others in Spanish, and it is the faster one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import IO
from xml.etree import ElementTree

import wikitextparser

from politico.errors import FileFormatError
from training.corpus.templates import DisambiguationError, is_disambiguation, shown_function, shown_template, without_templates

_FILE, _CATEGORY = "6", "14"
_CANONICAL = frozenset({"file", "image", "media", "category", "archivo", "imagen", "categoría"})
"""What every wiki in Spanish understands, whatever its export says of its own words."""


@dataclass(frozen=True)
class Markup:
    """What of a wiki's language the cleaning must know."""

    hidden_namespaces: frozenset[str] = _CANONICAL
    """Links into these show no text: files and categories, in lower case."""


@dataclass(frozen=True)
class Page:
    """One page of an export, in its newest revision."""

    title: str
    namespace: int
    redirect: bool
    text: str
    markup: Markup


def read_pages(stream: IO[bytes]) -> Iterator[Page]:
    """The pages of a MediaWiki export, in a memory of one page. Raises FileFormatError, or ElementTree's ParseError."""
    events = ElementTree.iterparse(stream, events=("start", "end"))
    _, root = next(events)
    if _tag(root) != "mediawiki":
        raise FileFormatError(f"is no MediaWiki export: it begins with <{_tag(root)}>, not <mediawiki>")
    markup, title, namespace, redirect, text = Markup(), "", 0, False, ""
    for event, element in events:
        if event == "start":
            continue
        match _tag(element):
            case "siteinfo":
                markup = _markup(element)
            case "title":
                title = element.text or ""
            case "ns":
                namespace = int(element.text or 0)
            case "redirect":
                redirect = True
            case "text":
                text = element.text or ""
            case "revision":
                element.clear()  # a full history would not fit in memory
            case "page":
                yield Page(title, namespace, redirect, text, markup)
                title, namespace, redirect, text = "", 0, False, ""
                root.clear()


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _markup(site: ElementTree.Element) -> Markup:
    named = {one.get("key"): one.text or "" for one in site.iter() if _tag(one) == "namespace"}
    own = {named[key].casefold() for key in (_FILE, _CATEGORY) if key in named}
    return Markup(_CANONICAL | own)


# MediaWiki takes what stands in these tags as it is, up to the first closing tag: so does the pattern.
_NO_PROSE = (
    "ce|chem|gallery|graph|hiero|imagemap|inputbox|mapframe|maplink|math|pre|ref|references|score|section|source"
    "|syntaxhighlight|templatedata|templatestyles|timeline"
)
_HIDDEN = re.compile(rf"<!--.*?-->|<({_NO_PROSE})\b[^<>]*/>|<({_NO_PROSE})\b[^<>]*>.*?</\2\s*>", re.DOTALL | re.IGNORECASE)
_HEADING = re.compile(r"(={1,6})(?!=)\s*(.*?)\s*\1")
_QUOTES = re.compile(r"('{2,})")
_LINK = re.compile(r"\[\[([^\[\]|<>{}]+)(?:\|([^\[\]]*))?\]\]")
_SCHEME = (
    r"(?:(?:https?|s?ftps?|ircs?|gopher|telnet|nntp|git|svn|ssh|mms|xmpp):|(?:mailto|news|tel|sms|urn|geo|magnet|sips?):|//)"
)
"""What MediaWiki takes for the beginning of an address."""
_EXTERNAL = re.compile(rf"\[{_SCHEME}[^\s\[\]<>]*\s*([^\[\]]*)\]", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:abbr|b|bdi|big|center|cite|code|em|font|i|ins|kbd|nowiki|s|samp|small|span|strong|sub|sup|tt|u|var)\b[^<>]*>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"</?(?:blockquote|br|dd|div|dl|dt|hr|li|ol|p|poem|ul)\b[^<>]*>", re.IGNORECASE)
"""Tags that part what stands on either side."""
_LEFT = re.compile(rf"\[\[|\{{\{{|\{{\||</?[a-zA-Z]|\[{_SCHEME}", re.IGNORECASE)
"""Markup that only the parser can read."""
_TABLE, _TABLE_END = re.compile(r"[ :]*\{\|"), re.compile(r"\s*\|\}(?!\})")
_MARKUP = re.compile(r"[\[{<&]")
_SWITCH = re.compile(r"__[A-ZÁÉÍÓÚÑ]+__")
_LIST_MARK = re.compile(r"^[*#:;]+\s*")
_TORN = re.compile(r"^\s*[|!]|\{\||\|\}|\{\{|\}\}|\[\[|\]\]|<[/a-zA-Z]")
"""A line of a table, template, link or tag that was never closed: no prose."""
_REPAIRS = (
    # what a template left behind when it went: `(en alemán: Berlin, )`, `( )`, `palabra , otra`
    (re.compile(r"([(«]) *[,;:]+ *"), r"\1"),
    (re.compile(r" {0,8}[,;:]{0,8} {0,8}\)"), ")"),
    (re.compile(r" *\( *\)"), ""),
    (re.compile(r" +([,;.)])"), r"\1"),
)
_TO_REPAIR = re.compile(r"[(«] *[,;:]|[,;:( ]\)| [,;.]")


def clean_wikitext(text: str, markup: Markup) -> str:
    """The prose of a page, a line a paragraph. Tables, references, files and categories are out, and all templates but those that
    show a number, a date or a word (training/corpus/templates.py); so are headings that nothing follows. Of a link its label
    stays. Raises DisambiguationError for a page that only leads to others.
    """
    source = without_templates(_HIDDEN.sub("", text), _value)
    source = _hidden_links(markup.hidden_namespaces).sub("", "\n".join(_without_tables(source.split("\n"))))
    lines = (_without_quotes(line) if "''" in line else line for line in source.split("\n"))
    plain = _shown("\n".join(lines))
    kept: list[str] = []
    headings: list[tuple[int, str]] = []
    for line in plain.splitlines():
        words = " ".join((_SWITCH.sub("", line) if "__" in line else line).split())
        heading = _HEADING.fullmatch(words)
        if heading:
            depth = len(heading[1])
            headings = [*((level, title) for level, title in headings if level < depth), (depth, heading[2])]
        elif not _TORN.search(words) and (words := _repaired(_LIST_MARK.sub("", words))):
            kept += [title for _, title in headings] + [words]
            headings = []
    return "\n".join(kept)


def _shown(source: str) -> str:
    """What is left of a page, as plain text. Links and tags that hold no others are most of it, and go without a parser."""
    source = _TAG.sub("", _BREAK.sub("\n", _EXTERNAL.sub(r"\1", _LINK.sub(_label, source))))
    if not _LEFT.search(source):
        return unescape(source)
    parsed = wikitextparser.parse(source)
    if is_disambiguation(parsed):
        raise DisambiguationError
    return _plain(parsed)


def _label(link: re.Match[str]) -> str:
    return link[1].removeprefix(":") if link[2] is None else link[2]


def _plain(parsed: wikitextparser.WikiText) -> str:
    """In one pass: to change a page template by template takes time that grows with the square of their number."""
    plain: str = parsed.plain_text(
        replace_templates=lambda one: shown_template(one, _value),
        replace_parser_functions=lambda one: shown_function(one, _value),
        replace_tables=lambda table: "",
        replace_bolds_and_italics=False,  # they are out, and to find them takes as long as all the rest
    )
    return plain


def _without_tables(lines: list[str]) -> list[str]:
    """The lines that stand in no table; those of one that is never closed stay, for the parser."""
    kept: list[str] = []
    opened: list[int] = []
    for line in lines:
        kept.append(line)
        if _TABLE.match(line):
            opened.append(len(kept) - 1)
        elif opened and _TABLE_END.match(line):
            del kept[opened.pop() :]
            if rest := _TABLE_END.sub("", line):
                kept.append(rest)
    return kept


def _value(text: str) -> str:
    """An argument of a template, which may have markup of its own."""
    return _plain(wikitextparser.parse(text)) if _MARKUP.search(text) else text


def _without_quotes(line: str) -> str:
    """A line without bold and italics, by MediaWiki's own rule: of four or more than five quotes the first are said; where both
    kinds are left open, one bold's first quote is an apostrophe: after a word of one letter, else after a longer one, else after
    a blank."""
    pieces = _QUOTES.split(line)
    before, quotes = pieces[::2], [len(one) for one in pieces[1::2]]
    said = [1 if one == 4 else max(0, one - 5) for one in quotes]
    marks = [one - more for one, more in zip(quotes, said, strict=True)]
    bold = [place for place, one in enumerate(marks) if one == 3]
    if bold and sum(one in (3, 5) for one in marks) % 2 and sum(one in (2, 5) for one in marks) % 2:
        said[min(bold, key=lambda place: _ends_like(before[place]))] += 1
    return "".join(text + "'" * more for text, more in zip(before, [*said, 0], strict=True))


def _ends_like(text: str) -> int:
    if text[-1:] in ("", " "):
        return 2
    return 0 if text[-2:-1] == " " else 1


@lru_cache
def _hidden_links(namespaces: frozenset[str]) -> re.Pattern[str]:
    """Links into these namespaces, with what links their captions hold, and bare links to other languages."""
    named = "|".join(sorted(r"[ _]".join(map(re.escape, re.split(r"[ _]", one))) for one in namespaces))
    inner = r"(?:[^\[\]]|\[\[[^\[\]]*\]\]|\[[^\[\]]*\])*"
    language = r"[a-z]{2,3}(?:-[a-z]+)*"
    return re.compile(rf"\[\[[ _]*(?:(?i:{named})[ _]*:{inner}|{language}[ _]*:[^\[\]|]*)\]\]")


def _repaired(line: str) -> str:
    if _TO_REPAIR.search(line):  # few lines are
        for pattern, replacement in _REPAIRS:
            line = pattern.sub(replacement, line)
    return line if any(character.isalnum() for character in line) else ""
