"""The invented country: its parties, politicians, people, places and institutions, as the seed files list them."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samples.grammar import Noun, noun_phrase

SEED = Path(__file__).parent / "seed"

# X gives its users snowflakes: these lie so far in the future that no real account can have one of them.
_FIRST_USER_ID = 9_000_000_000_000_000_001


@dataclass(frozen=True)
class Party:
    """A party, and the coalition it stands in."""

    name: str
    full_name: str
    coalition: str
    leaning: str
    founded: int


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist. Politicians have a party and an account; others may have neither."""

    name: str
    gender: str
    role: str
    topic: str = ""
    coalition: str = ""
    handle: str = ""
    user_id: str = ""
    office: str = ""
    party: str = ""
    late: bool = False

    @property
    def title(self) -> str:
        """The person with the role: `la ministra Rosalba Inostrán`."""
        return f"{'la' if self.gender == 'f' else 'el'} {self.role} {self.name}"


@dataclass(frozen=True)
class Named:
    """A place, an institution, a law or an event; `noun` has its article, `name` has not."""

    name: str
    noun: Noun
    kind: str
    about: str
    """Its topic; of a place, its province. Empty: any topic, or a province."""
    late: bool = False


@dataclass(frozen=True)
class Topic:
    """What is talked about: phrases for each slot, and hashtags."""

    name: str
    phrases: dict[str, tuple[Noun, ...]]
    tags: tuple[str, ...]
    late_tags: tuple[str, ...]


@dataclass(frozen=True)
class Country:
    """Everything the seed says of the country."""

    about: str
    name: str
    official: str
    capital: str
    wiki: str
    currency: str
    parties: dict[str, Party]
    politicians: tuple[Person, ...]
    people: tuple[Person, ...]
    named: tuple[Named, ...]
    topics: dict[str, Topic]

    def of_kind(self, kind: str, *, late: bool = False) -> list[Named]:
        """Familiar (or late) places, bodies, sites, laws or events, in the seed's order."""
        return [thing for thing in self.named if thing.kind == kind and thing.late == late]

    @property
    def accounts(self) -> dict[str, Person]:
        """Everybody who can be mentioned, by handle."""
        return {person.handle: person for person in (*self.politicians, *self.people) if person.handle}


def rows(block: str) -> Iterator[list[str]]:
    """A block of the seed: one entry a line, columns cut at `|`."""
    for line in block.strip().splitlines():
        yield [cell.strip() for cell in line.split("|")]


def read_seed(name: str) -> dict[str, Any]:
    """One file of the seed."""
    return tomllib.loads((SEED / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def load_country() -> Country:
    """The country of the seed. Read once."""
    seed = read_seed("country")
    parties = {
        name: Party(name, full_name, coalition, leaning, int(founded))
        for name, full_name, coalition, leaning, founded in rows(seed["parties"])
    }
    politicians = [
        Person(name, gender, office.split()[0].lower(), "", parties[party].coalition, handle,
               str(_FIRST_USER_ID + 17 * position), office, party)
        for position, (handle, name, gender, office, party) in enumerate(rows(seed["politicians"]))
    ]  # fmt: skip
    people: list[Person] = []
    named: list[Named] = []
    for section, late in ((seed["familiar"], False), (seed["late"], True)):
        for name, gender, role, topic, coalition, handle in rows(section["people"]):
            user_id = str(_FIRST_USER_ID + 17 * (100 + len(people))) if handle else ""
            people.append(Person(name, gender, role, topic, coalition, handle, user_id, late=late))
        for kind in ("places", "bodies", "sites", "laws", "events"):
            for text, about in rows(section[kind]):
                # A place's "La" or "Las" belongs to its name; the others' article does not.
                noun = Noun(text, bare=text) if kind == "places" else noun_phrase(text)
                named.append(Named(noun.bare, noun, kind, about, late))
    return Country(
        about=seed["about"],
        name=seed["name"],
        official=seed["official"],
        capital=seed["capital"],
        wiki=seed["wiki"],
        currency=seed["currency"],
        parties=parties,
        politicians=tuple(politicians),
        people=tuple(people),
        named=tuple(named),
        topics={name: _topic(name, entry) for name, entry in read_seed("topics").items()},
    )


def _topic(name: str, entry: dict[str, list[str]]) -> Topic:
    phrases = {
        slot: tuple(noun_phrase(text) for text in texts) for slot, texts in entry.items() if slot not in ("tags", "late_tags")
    }
    return Topic(name, phrases, tuple(entry["tags"]), tuple(entry["late_tags"]))


@cache
def late_values() -> frozenset[str]:
    """Names, account names and hashtags (without @ and #) that are used only in the newest 8 % of original tweets."""
    country = load_country()
    late_people = [person for person in country.people if person.late]
    return frozenset(
        {person.name for person in late_people}
        | {person.handle for person in late_people if person.handle}
        | {thing.name for thing in country.named if thing.late}
        | {tag for topic in country.topics.values() for tag in topic.late_tags}
    )


@cache
def all_values() -> frozenset[str]:
    """Every name, account name and hashtag (without @ and #) that a tweet may use, the late ones included."""
    country = load_country()
    everybody = (*country.politicians, *country.people)
    party_tags = {tag for manner in read_seed("manners").values() for tag in manner["tags"]}
    return frozenset(
        {person.name for person in everybody}
        | set(country.accounts)
        | {thing.name for thing in country.named}
        | {tag for topic in country.topics.values() for tag in topic.tags}
        | party_tags
        | late_values()
    )
