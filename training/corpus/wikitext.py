"""Wikipedia's markup: the pages of a MediaWiki export, and their wikitext as plain text.

The export is read with the standard library and not with mwxml, which refuses a page that has an element it does not know
(each new version of the format) and brings seven packages. The wikitext itself is wikitextparser's work: of the parsers
tried it alone tells image links from others in Spanish, and it is the faster one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO
from xml.etree import ElementTree

import wikitextparser

from politico.errors import FileFormatError
from training.corpus.templates import is_disambiguation, show_templates

_FILE, _CATEGORY = "6", "14"
_CANONICAL = frozenset({"file", "image", "media", "category", "archivo", "imagen", "categoría"})
"""What every wiki in Spanish understands, whatever its export says of its own words."""


class DisambiguationError(Exception):
    """A page that is no text but a list of others: found out only by whoever reads its markup."""


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
_HEADING = re.compile(r"(=+)\s*(.*?)\s*\1")
_OTHER_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_SWITCH = re.compile(r"__[A-ZÁÉÍÓÚÑ]+__")
_LIST_MARK = re.compile(r"^[*#:;]+\s*")
_TORN = re.compile(r"^\s*[|!]|\{\||\|\}|\{\{|\}\}|\[\[|\]\]|<[/a-zA-Z]")
"""A line of a table, template, link or tag that was never closed: no prose."""
_REPAIRS = (
    # what a template left behind when it went: `(en alemán: Berlin, )`, `( )`, `palabra , otra`
    (re.compile(r"([(«]) *[,;:]+ *"), r"\1"),
    (re.compile(r" *[,;:]* *\)"), ")"),
    (re.compile(r" *\( *\)"), ""),
    (re.compile(r" +([,;.)])"), r"\1"),
)


def clean_wikitext(text: str, markup: Markup) -> str:
    """The prose of a page, a line a paragraph. Tables, references, files and categories are out, and all templates but those that
    show a number, a date or a word (training/corpus/templates.py); so are headings that nothing follows. Of a link its label
    stays. Raises DisambiguationError for a page that only leads to others.
    """
    parsed = wikitextparser.parse(_HIDDEN.sub("", text))
    if is_disambiguation(parsed):
        raise DisambiguationError
    show_templates(parsed)
    parsed = wikitextparser.parse(parsed.string)  # where a template stood the parser would still see one
    for link in reversed(parsed.wikilinks):
        namespace, colon, _ = link.title.partition(":")
        namespace = namespace.strip()
        if colon and (
            namespace.casefold() in markup.hidden_namespaces or (link.text is None and _OTHER_LANGUAGE.fullmatch(namespace))
        ):
            link.string = ""
    plain = parsed.plain_text(replace_tables=lambda table: "")
    kept: list[str] = []
    headings: list[tuple[int, str]] = []
    for line in plain.splitlines():
        words = " ".join(_SWITCH.sub("", line).split())
        heading = _HEADING.fullmatch(words)
        if heading:
            depth = len(heading[1])
            headings = [*((level, title) for level, title in headings if level < depth), (depth, heading[2])]
        elif not _TORN.search(words) and (words := _repaired(_LIST_MARK.sub("", words))):
            kept += [title for _, title in headings] + [words]
            headings = []
    return "\n".join(kept)


def _repaired(line: str) -> str:
    for pattern, replacement in _REPAIRS:
        line = pattern.sub(replacement, line)
    return line if any(character.isalnum() for character in line) else ""
