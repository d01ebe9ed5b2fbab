"""The encyclopedia of the invented country: which articles it has, and the sentences they are made of."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from samples.country import Country, read_seed
from samples.facts import Facts
from samples.grammar import Noun, fill, noun_phrase


@dataclass
class Article:
    """One article before it becomes wikitext: sections of sentences that already hold their links."""

    title: str
    kind: str
    subject: Noun
    sections: dict[str, list[str]] = field(default_factory=dict)
    """Heading to sentences; the lead has the empty heading."""
    facts: dict[str, str] = field(default_factory=dict)
    """What is fixed for the whole article, by slot."""


def build_articles(country: Country, seed: int) -> list[Article]:
    """Every article, in a fixed order: what the seed names first, then what its word lists make up."""
    generator = random.Random(f"encyclopedia {seed}")
    frames = read_seed("encyclopedia")
    facts = Facts(country, generator, frames["words"])
    articles: dict[str, Article] = {}
    for kind, title, subject, fixed in _subjects(country, facts, generator):
        if title not in articles:
            articles[title] = _article(kind, title, subject, fixed, frames[kind], facts, generator)
    return list(articles.values())


def _article(
    kind: str,
    title: str,
    subject: Noun,
    fixed: dict[str, Noun],
    frames: dict[str, str],
    facts: Facts,
    generator: random.Random,
) -> Article:
    article = Article(title, kind, subject, facts={slot: noun.text for slot, noun in fixed.items()})
    for heading, block in frames.items():
        lines = block.strip().splitlines()
        # One sentence leads. A section takes most of its sentences, in the seed's order, for that tells the story.
        number = 1 if heading == "lead" else max(2, round(len(lines) * generator.uniform(0.55, 0.95)))
        chosen = sorted(generator.sample(range(len(lines)), min(number, len(lines))))
        article.sections["" if heading == "lead" else heading] = [
            fill(lines[position], _values(title, subject, fixed, facts), generator) for position in chosen
        ]
    return article


def _values(title: str, subject: Noun, fixed: dict[str, Noun], facts: Facts) -> Callable[[str], Noun]:
    """The slots of one sentence: the article's own values, and new ones for the rest."""
    bound = {"name": subject} | fixed
    topic = facts.topic(fixed["matter"].text if "matter" in fixed else "")
    coalition = fixed["coalition"].text if "coalition" in fixed else ""

    def value(slot: str) -> Noun:
        if slot not in bound:
            # What the sentence has said already is not said again, nor is the article's own name.
            taken = {noun.bare for noun in bound.values()} | {title}
            bound[slot] = facts.draw(slot, topic, taken, coalition)
        return bound[slot]

    return value


_KINDS = {"bodies": "institution", "sites": "institution", "laws": "law", "events": "event"}
_Subject = tuple[str, str, Noun, dict[str, Noun]]


def _subjects(country: Country, facts: Facts, generator: random.Random) -> Iterator[_Subject]:
    """Kind, title, subject and fixed values of every article."""
    yield from _seed_subjects(country, facts)
    for person in facts.invented_people:
        yield "person", person.name, Noun(person.name, person.gender, bare=person.name), facts.life(person)
    for kind, nouns in (
        ("nature", facts.natures),
        ("dish", facts.dishes),
        ("species", facts.creatures + facts.plants),
        ("history", facts.histories),
        ("club", facts.clubs),
    ):
        for noun in nouns:
            yield kind, noun.bare[0].upper() + noun.bare[1:], noun, {"province": facts.province()}
    for year in range(1950, 2023, 4):
        yield "election", f"Elecciones generales de {year}", noun_phrase(f"las elecciones generales de {year}"), {}
    for topic in country.topics.values():
        for place in [None, *country.of_kind("places")[:8]]:
            about = generator.choice(topic.phrases["topic"])
            where = Noun(place.name if place else country.name)
            title = f"{about.bare[0].upper()}{about.bare[1:]} en {where.text}"
            yield "matter", title, where, {"matter": Noun(topic.name), "topic": about}


def _seed_subjects(country: Country, facts: Facts) -> Iterator[_Subject]:
    for thing in country.of_kind("places"):
        if thing.about:
            yield "place", thing.name, thing.noun, {"province": Noun(thing.about)}
        else:
            towns = [town for town in country.of_kind("places") if town.about == thing.name]
            yield "province", thing.name, thing.noun, {"place": Noun(towns[0].name)}
    for party in country.parties.values():
        subject = noun_phrase(party.full_name)
        yield "party", party.full_name, subject, {
            "leaning": Noun(party.leaning),
            "founded": Noun(str(party.founded)),
            "coalition": Noun(party.coalition),
        }  # fmt: skip
    for person in country.politicians:
        party = country.parties[person.party]
        fixed = facts.life(person) | {
            "party": noun_phrase(party.full_name),
            "coalition": Noun(party.coalition),
            "office": Noun(person.office[0].lower() + person.office[1:]),
        }
        yield "politician", person.name, Noun(person.name, person.gender, bare=person.name), fixed
    for person in country.people:
        if not person.late:
            yield "person", person.name, Noun(person.name, person.gender, bare=person.name), facts.life(person)
    for kinds, article_kind in _KINDS.items():
        for thing in country.of_kind(kinds):
            matter: dict[str, Noun] = {"matter": Noun(thing.about)} if thing.about else {}
            yield article_kind, thing.name, thing.noun, matter
