"""Articles as wikitext, with all that a cleaner must take away, and the MediaWiki export that holds them."""

import bz2
import random
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from samples.country import Country
from samples.encyclopedia import Article
from samples.grammar import polish

_SCHEMA = "http://www.mediawiki.org/xml/export-0.10/"
_BOXES = {
    "place": "localidad", "province": "provincia", "person": "persona", "politician": "autoridad", "party": "partido",
    "institution": "organización", "law": "norma", "event": "festividad", "nature": "accidente geográfico",
    "dish": "platillo", "species": "taxón", "history": "suceso", "election": "elección", "club": "equipo deportivo",
    "matter": "tema",
}  # fmt: skip
_ROWS = {
    "born": "nacimiento", "birthplace": "lugar de nacimiento", "profession": "ocupación", "office": "cargo",
    "party": "partido", "coalition": "coalición", "leaning": "tendencia", "founded": "fundación",
    "province": "provincia", "place": "capital", "topic": "tema",
}  # fmt: skip


class Wikitext:
    """Writes the wikitext of articles: boxes, links, notes, tables and the rest."""

    def __init__(self, country: Country, generator: random.Random) -> None:
        self.country = country
        self.generator = generator

    def write(self, article: Article) -> str:
        """An article's page. What it says is invented, and a comment in it says so."""
        parts = [f"<!-- {self.country.about} -->", self._box(article)]
        for heading, sentences in article.sections.items():
            text = " ".join(sentence + self._note() for sentence in sentences)
            if heading:
                parts.append(f"== {heading} ==\n{self._extra(article, heading)}{text}")
            else:
                parts.append(self._lead(article, text))
        parts += [self._see_also(article), "== Referencias ==\n{{listaref}}", "{{Control de autoridades}}"]
        category = _BOXES[article.kind]
        parts.append(f"[[Categoría:{category[0].upper()}{category[1:]} de {self.country.name}]]")
        return "\n\n".join(part for part in parts if part)

    def talk(self, article: Article) -> str:
        """The talk page of an article."""
        return (
            f"== Sobre la introducción ==\n¿No es demasiado corta la introducción de [[{article.title}]]? "
            "--[[Usuario:Copista|Copista]] ([[Usuario discusión:Copista|discusión]])\n\n"
            ":De acuerdo, la amplío esta semana. {{ping|Copista}} --[[Usuario:Farolera|Farolera]]"
        )

    def _box(self, article: Article) -> str:
        rows = "\n".join(f"| {_ROWS[slot]} = {value}" for slot, value in article.facts.items() if slot in _ROWS)
        flag = f"{{{{Bandera|{self.country.name}}}}}"
        return f"{{{{Ficha de {_BOXES[article.kind]}\n| nombre = {article.title}\n| país = {flag}\n{rows}\n}}}}"

    def _lead(self, article: Article, text: str) -> str:
        name = article.subject.bare or article.subject.text
        bold = text.replace(name, f"'''{name}'''", 1)
        if self.generator.random() < 0.3:
            picture = f"[[Archivo:{article.title}.jpg|miniatura|derecha|Vista de [[{article.title}]] en una postal]]"
            return f"{picture}\n{bold}"
        return bold

    def _note(self) -> str:
        """Now and then a footnote, a named one, or a request for a source."""
        chance = self.generator.random()
        year = self.generator.randint(1950, 2023)
        if chance < 0.06:
            title = f"Anuario de {self.country.name}"
            return f"<ref>{{{{cita libro|título={title}|año={year}|editorial=Imprenta Farol}}}}</ref>"
        if chance < 0.09:
            return f'<ref name="censo">[https://censo.example/{year} Censo de {year}], consultado en línea.</ref>'
        if chance < 0.11:
            return '<ref name="censo" />'
        return "{{cita requerida}}" if chance < 0.125 else ""

    def _extra(self, article: Article, heading: str) -> str:
        """A table where an encyclopedia would have one, sometimes a hint to another article."""
        if heading == "Población y economía" or (article.kind == "place" and heading == "Economía"):
            rows = "\n".join(f"|-\n| {year} || {self.generator.randint(900, 90_000)}" for year in range(1960, 2021, 20))
            return f'{{| class="wikitable"\n! Año !! Habitantes\n{rows}\n|}}\n'
        if article.kind == "election" and heading == "Consecuencias":
            rows = "\n".join(
                f"|-\n| [[{party.full_name}]] || {self.generator.randint(4, 31)}&nbsp;% || ''{party.coalition}''"
                for party in self.country.parties.values()
            )
            return f'{{| class="wikitable sortable"\n! Partido !! Votos !! Coalición\n{rows}\n|}}\n'
        return f"{{{{AP|{heading} de {self.country.name}}}}}\n" if self.generator.random() < 0.1 else ""

    def _see_also(self, article: Article) -> str:
        if self.generator.random() < 0.5:
            return ""
        places = self.generator.sample(self.country.of_kind("places"), 3)
        lines = "\n".join(f"* [[{place.name}]]" for place in places if place.name != article.title)
        link = f"* [https://{self.country.name.lower()}.example/ Portal de {self.country.official}] (sitio inventado)"
        return f"== Véase también ==\n{lines}\n\n== Enlaces externos ==\n{link}"


def write_export(path: Path, country: Country, articles: list[Article], seed: int, collected: datetime) -> None:
    """The whole wiki as one MediaWiki export (schema 0.10), packed with bzip2."""
    generator = random.Random(f"wikitext {seed}")
    wikitext = Wikitext(country, generator)
    pages: list[tuple[str, int, str, str]] = [
        (country.name, 0, _country_article(country), ""),
        (country.official, 0, f"#REDIRECCIÓN [[{country.name}]]", country.name),
    ]
    for article in articles:
        pages.append((article.title, 0, wikitext.write(article), ""))
        if generator.random() < 0.04:
            pages.append((f"Discusión:{article.title}", 1, wikitext.talk(article), ""))
        if article.kind == "party" and article.title.startswith("Partido "):
            short = article.title.removeprefix("Partido ")
            pages.append((polish(short), 0, f"#REDIRECCIÓN [[{article.title}]]", article.title))
    body = []
    for number, (title, namespace, text, target) in enumerate(pages, start=1):
        moment = collected - timedelta(minutes=generator.randint(600, 900_000))
        written = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        redirect = f'    <redirect title="{escape(target)}" />\n' if target else ""
        body.append(
            f"  <page>\n    <title>{escape(title)}</title>\n    <ns>{namespace}</ns>\n    <id>{number}</id>\n{redirect}"
            f"    <revision>\n      <id>{1000 + number}</id>\n      <timestamp>{written}</timestamp>\n"
            "      <contributor>\n        <username>Copista</username>\n        <id>1</id>\n      </contributor>\n"
            "      <model>wikitext</model>\n      <format>text/x-wiki</format>\n"
            f'      <text bytes="{len(text.encode())}" xml:space="preserve">{escape(text)}</text>\n'
            "    </revision>\n  </page>\n"
        )
    path.write_bytes(bz2.compress((_head(country) + "".join(body) + "</mediawiki>\n").encode()))


def _country_article(country: Country) -> str:
    places = country.of_kind("places")
    provinces = "\n".join(f"* [[{place.name}]]" for place in places if not place.about)
    parties = "\n".join(
        f"* [[{party.full_name}]] ({party.leaning}), de la coalición {party.coalition}." for party in country.parties.values()
    )
    return (
        f"<!-- {country.about} -->\n{{{{Ficha de país\n| nombre = {country.official}\n"
        f"| capital = [[{country.capital}]]\n}}}}\n"
        f"La '''{country.official}''' es un país inventado: no existe fuera de esta enciclopedia. "
        f"Su capital es [[{country.capital}]] y su moneda son los {country.currency}.\n\n"
        f"== Provincias ==\nEl país se divide en ocho provincias:\n{provinces}\n\n"
        f"== Política ==\nSeis partidos tienen escaños en el [[Senado]] y en la [[Cámara de Diputados]]:\n{parties}\n"
    )


def _head(country: Country) -> str:
    return (
        f'<mediawiki xmlns="{_SCHEMA}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="{_SCHEMA} http://www.mediawiki.org/xml/export-0.10.xsd" version="0.10" xml:lang="es">\n'
        f"  <siteinfo>\n    <sitename>{country.wiki}</sitename>\n    <dbname>inventada</dbname>\n"
        f"    <base>https://{country.name.lower()}.example/wiki/Portada</base>\n    <generator>samples</generator>\n"
        "    <case>first-letter</case>\n    <namespaces>\n"
        '      <namespace key="0" case="first-letter" />\n'
        '      <namespace key="1" case="first-letter">Discusión</namespace>\n'
        '      <namespace key="6" case="first-letter">Archivo</namespace>\n'
        '      <namespace key="14" case="first-letter">Categoría</namespace>\n'
        "    </namespaces>\n  </siteinfo>\n"
    )
