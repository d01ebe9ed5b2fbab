"""What the encyclopedia can name: lives, rivers, dishes, battles and years, made up from the seed's word lists."""

import random
from collections.abc import Sequence

from samples.country import Country, Person, Topic
from samples.dates import MONTHS, WEEKDAYS
from samples.grammar import Noun, noun_phrase
from samples.manner import load_manners

_YEARS = {"year": (1850, 1940), "year2": (1945, 2006), "recent": (2008, 2023), "old": (1620, 1890)}
_NAMED = {"place": "places", "body": "bodies", "site": "sites", "law": "laws", "event": "events"}


class Facts:
    """The country's things by slot, each drawn as a noun that carries its wiki link."""

    def __init__(self, country: Country, generator: random.Random, words: dict[str, list[str]]) -> None:
        self.country = country
        self.generator = generator
        self.words = words
        self.natures = self._made("nature", "wild", "{} {}", 60)
        self.dishes = [_lower(noun) for noun in self._made("dish", "food", "{} de {}", 34)]
        self.creatures = [_lower(noun) for noun in self._made("creature", "colour", "{} {}", 26)]
        self.plants = [_lower(noun) for noun in self._made("plant", "colour", "{} {}", 18)]
        self.towns = [thing.name for thing in country.of_kind("places") if thing.about]
        self.histories = self._made("upheaval", self.towns, "{} de {}", 44)
        self.clubs = self._made("club", self.towns, "{} {}", 26)
        self.invented_people = [self._somebody() for _ in range(90)]

    def draw(self, slot: str, topic: Topic, taken: set[str], coalition: str = "") -> Noun:
        """A noun for a slot, linked if it has an article, and none of those already taken.

        `coalition` is that of the article's politician: allies belong to it, rivals do not.
        """
        if slot in _YEARS:
            return Noun(str(self.generator.randint(*_YEARS[slot])))
        slot = slot.rstrip("2")
        if slot in _NAMED:
            things = self.country.of_kind(_NAMED[slot])
            fitting = [thing for thing in things if slot == "place" or thing.about in (topic.name, "")]
            free = [thing.noun for thing in fitting or things if thing.name not in taken]
            return self.linked(self.generator.choice(free or [thing.noun for thing in things]))
        made = {
            "nature": self.natures,
            "dish": self.dishes,
            "creature": self.creatures,
            "plant": self.plants,
            "historic": self.histories,
            "club": self.clubs,
        }
        if slot in made:
            return self.linked(self._choose(made[slot], taken))
        if slot in topic.phrases:
            return self._choose(topic.phrases[slot], taken)
        if slot in self.words and slot != "school":
            return self._choose([noun_phrase(text) for text in self.words[slot]], taken)
        match slot:
            case "country":
                return Noun(self.country.name)
            case "currency":
                return Noun(self.country.currency)
            case "province":
                return self.province(taken)
            case "school":
                return self.linked(self._choose([noun_phrase(text) for text in self.words["school"]], taken))
            case "party":
                parties = [noun_phrase(party.full_name) for party in self.country.parties.values()]
                return self.linked(self._choose([_with_article(noun) for noun in parties], taken))
            case "person" | "politician" | "ally" | "rival":
                return self._person(slot, taken, coalition)
            case "value":
                manner = self.generator.choice(list(load_manners().values()))
                return self._choose(manner.value, taken)
        return Noun(self._number_or_date(slot))

    def linked(self, noun: Noun) -> Noun:
        """The noun with a wiki link around its name, most of the time."""
        if self.generator.random() < 0.3:
            return noun
        target = noun.bare[0].upper() + noun.bare[1:]
        link = f"[[{noun.bare}]]" if target == noun.bare else f"[[{target}|{noun.bare}]]"
        return Noun(noun.text.removesuffix(noun.bare) + link, noun.gender, noun.plural, bare=noun.bare)

    def topic(self, name: str) -> Topic:
        """The topic of that name; any, without one."""
        return self.country.topics[name] if name else self.generator.choice(list(self.country.topics.values()))

    def province(self, taken: set[str] | None = None) -> Noun:
        """One of the provinces."""
        provinces = [thing.noun for thing in self.country.of_kind("places") if not thing.about]
        return self.linked(self._choose(provinces, taken or set()))

    def life(self, person: Person) -> dict[str, Noun]:
        """The years of a life in their order, a birthplace and a calling."""
        calling = person.role if not person.office else "política"
        born = self.generator.randint(1950, 1980) if person.role else self.generator.randint(1820, 1960)
        middle = born + self.generator.randint(20, 30)
        later = middle + self.generator.randint(6, 12)
        return {
            "born": Noun(str(born)),
            "middle": Noun(str(middle)),
            "later": Noun(str(later)),
            "later2": Noun(str(later + self.generator.randint(2, 8))),
            "birthplace": self.linked(self._choose([noun_phrase(town) for town in self.towns], set())),
            "profession": Noun(f"{'una' if person.gender == 'f' else 'un'} {calling or self._profession(person)}"),
        }

    def _profession(self, person: Person) -> str:
        return self.generator.choice(self.words[f"profession_{person.gender}"])

    def _choose(self, nouns: Sequence[Noun], taken: set[str]) -> Noun:
        return self.generator.choice([noun for noun in nouns if noun.bare not in taken] or nouns)

    def _person(self, slot: str, taken: set[str], coalition: str) -> Noun:
        known = list(self.country.politicians)
        if coalition and slot in ("ally", "rival"):
            known = [person for person in known if (person.coalition == coalition) == (slot == "ally")]
        if slot == "person":
            known = [person for person in self.country.people if not person.late] + self.invented_people
        person = self.generator.choice([person for person in known if person.name not in taken])
        if self.generator.random() < 0.2:
            return Noun(f"[[{person.name}|{person.name.split(' ', 1)[1]}]]", person.gender, bare=person.name)
        return self.linked(Noun(person.name, person.gender, bare=person.name))

    def _somebody(self) -> Person:
        gender = self.generator.choice("fm")
        first, second = self.generator.sample(self.words["family"], 2)
        name = f"{self.generator.choice(self.words[f'given_{gender}'])} {first}"
        return Person(name if self.generator.random() < 0.5 else f"{name} {second}", gender, role="")

    def _made(self, heads: str, tails: str | list[str], pattern: str, number: int) -> list[Noun]:
        """Names of two parts, each pair once."""
        rest = self.words[tails] if isinstance(tails, str) else tails
        pairs = [(head, tail) for head in self.words[heads] for tail in rest]
        return [noun_phrase(pattern.format(*pair)) for pair in self.generator.sample(pairs, min(number, len(pairs)))]

    def _number_or_date(self, slot: str) -> str:
        generator = self.generator
        match slot:
            case "few":
                return str(generator.randint(3, 48))
            case "siblings":
                return generator.choice(("dos", "tres", "cuatro", "cinco", "seis", "siete"))
            case "count":
                return f"{generator.randint(12, 95) * generator.choice((10, 10, 100, 1000)):,}".replace(",", ".")
            case "percent":
                return f"{generator.randint(4, 96)}%"
            case "millions":
                return f"{generator.randint(2, 95)} millones"
            case "century":
                return generator.choice(("XVII", "XVIII", "XIX", "XX"))
            case "month":
                return generator.choice(MONTHS)
            case "weekday":
                return generator.choice(WEEKDAYS)
        raise AssertionError(f"no slot {slot!r} in the encyclopedia's sentences is known by that name")


def _lower(noun: Noun) -> Noun:
    """A dish or a bird is no proper name: only what follows it may be one."""
    bare = noun.bare[0].lower() + noun.bare[1:]
    return Noun(noun.text.removesuffix(noun.bare) + bare, noun.gender, noun.plural, bare=bare)


def _with_article(noun: Noun) -> Noun:
    """Parties are spoken of with their article."""
    head = noun.text.split()[0]
    articles = {"Partido": "el ", "Movimiento": "el ", "Unión": "la ", "Liga": "la "}
    return Noun(articles.get(head, "") + noun.text, "m" if articles.get(head) == "el " else "f", bare=noun.bare)
