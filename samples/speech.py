"""What a politician says at a moment: the values of a text's slots, and texts of every sort."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from samples.country import Country, Named, Person, Topic, late_values, read_seed
from samples.dates import MONTHS, WEEKDAYS, day_and_month
from samples.grammar import Noun, fill, slots
from samples.manner import Manner, by_sentiment, load_manners

# Another sentence may return to these; said twice, any other value sounds like a stutter.
_MAY_RETURN = frozenset({"place", "people", "folk", "value", "author"})
_NAMED = {"place": "places", "body": "bodies", "site": "sites", "law": "laws", "event": "events"}


@dataclass
class Scene:
    """One text's slots: each is drawn once, and is then the same wherever it returns."""

    country: Country
    generator: random.Random
    author: Person
    topic: Topic
    moment: datetime
    late: bool = False
    """Whether names that are new in the news may be said."""
    bound: dict[str, Noun] = field(default_factory=dict)

    def value(self, slot: str) -> Noun:
        """The noun of a slot."""
        if slot not in self.bound:
            self.bound[slot] = self._draw(slot)
        return self.bound[slot]

    @property
    def manner(self) -> Manner:
        """How the author's party writes."""
        return load_manners()[self.author.party]

    def news(self) -> list[str]:
        """The slots for which the topic has something new."""
        named = [slot for slot, kind in _NAMED.items() if slot != "place" and self._late(kind)]
        return [*named, "figure"] if any(person.late for person in self._experts()) else named

    def _late(self, kind: str) -> list[Named]:
        late = self.country.of_kind(kind, late=True)
        return [thing for thing in late if kind == "places" or thing.about == self.topic.name]

    def _experts(self) -> list[Person]:
        return [person for person in self.country.people if person.topic == self.topic.name]

    def _draw(self, slot: str) -> Noun:
        choose = self.generator.choice
        name = slot.rstrip("2")
        if name in self.topic.phrases:
            return choose(self.topic.phrases[name])
        if name in _NAMED:
            return choose(self._named(_NAMED[name], self.bound.get(name))).noun
        match name:
            case "folk":
                return choose(self.manner.folk)
            case "value":
                return choose(self.manner.value)
            case "author":
                return Noun(self.author.name, self.author.gender)
            case "ally" | "rival" | "figure":
                return self._say(choose(self._people(name)))
            case "tag":
                return Noun(choose(self.topic.late_tags if self.late else self.topic.tags))
        return Noun(self._figure_or_date(name))

    def _named(self, kind: str, taken: Noun | None) -> list[Named]:
        """Things of a kind that fit the topic; the late ones, mostly, where they may be said."""
        fitting = [
            thing
            for thing in self.country.of_kind(kind)
            if (kind == "places" or thing.about in (self.topic.name, "")) and thing.noun != taken
        ]
        late = [thing for thing in self._late(kind) if thing.noun != taken]
        # Much of what happens, happens in familiar places.
        return late if self.late and late and (kind != "places" or self.generator.random() < 0.7) else fitting

    def _people(self, slot: str) -> list[Person]:
        late = self.late and self.generator.random() < 0.85
        if slot == "figure":
            experts = self._experts()
            return [person for person in experts if person.late == late] or experts[:1]
        return [
            person
            for person in (*self.country.politicians, *self.country.people)
            if person.late == late
            and person.coalition
            and person != self.author
            and (person.coalition == self.author.coalition) == (slot == "ally")
        ]

    def _say(self, person: Person) -> Noun:
        """A person with the role, by name alone, or by the account."""
        forms = [person.title, person.name] + ([f"@{person.handle}"] if person.handle else [])
        return Noun(self.generator.choice(forms), person.gender)

    def _figure_or_date(self, slot: str) -> str:
        generator = self.generator
        match slot:
            case "few":
                return str(generator.randint(3, 28))
            case "count":
                number = generator.randint(12, 95) * generator.choice((1, 1, 10, 10, 100))
                return f"{number:,}".replace(",", ".")
            case "percent":
                return f"{generator.randint(11, 93)}%"
            case "millions":
                return f"{generator.randint(2, 95)} millones"
            case "hour":
                return f"{generator.randint(10, 20)}:{generator.choice(('00', '15', '30', '45'))}"
            case "weekday":
                return generator.choice(WEEKDAYS)
            case "soon":
                return day_and_month(self.moment + timedelta(days=generator.randint(3, 30)))
            case "past":
                return day_and_month(self.moment - timedelta(days=generator.randint(3, 30)))
            case "month":
                return MONTHS[(self.moment.month - 1 + generator.randint(1, 3)) % 12]
        raise AssertionError(f"no slot {slot!r} in the seed's frames is known by that name")


@cache
def _frames() -> dict[str, Any]:
    seed = read_seed("frames")
    lines = {
        section: {name: block.strip().splitlines() for name, block in seed[section].items()}
        for section in ("core", "support", "reply", "quote", "short")
    }
    return lines | {"special": {topic: by_sentiment(block) for topic, block in seed["special"].items()}}


def _core_frame(scene: Scene, sentiment: str) -> str:
    """A frame that anybody may use, one of the topic or one of the party."""
    core = _frames()["core"][sentiment]
    special = _frames()["special"][scene.topic.name][sentiment]
    own = scene.manner.own[sentiment]
    news = scene.news()
    if scene.late and news and scene.generator.random() < 0.85:
        # What is new in the news is what one talks about.
        slot = scene.generator.choice(news)
        core, special, own = ([frame for frame in pool if slot in slots(frame)] for pool in (core, special, own))
    pools = [core or _frames()["core"][sentiment], special, own]
    weights = (60, 15 if special else 0, 25 if own else 0)
    frame: str = scene.generator.choice(scene.generator.choices(pools, weights)[0])
    return frame


def _support(scene: Scene, sentiment: str, wanted: int) -> list[str]:
    sentences: list[str] = []
    frames = list(_frames()["support"][sentiment])
    scene.generator.shuffle(frames)
    for frame in frames:
        if len(sentences) == wanted:
            break
        if not (slots(frame) & set(scene.bound)) - _MAY_RETURN:
            sentences.append(fill(frame, scene.value, scene.generator))
    return sentences


def _tags(scene: Scene, text: str) -> list[str]:
    """The hashtags of a text: as many as the party likes, and a late one if nothing late has been said yet."""
    generator, manner = scene.generator, scene.manner
    wanted = generator.choices(range(len(manner.tag_counts)), manner.tag_counts)[0]
    pool = [*scene.topic.tags, generator.choice(manner.tags)]
    chosen = []
    if scene.late and (generator.random() < 0.75 or not any(value in text for value in late_values())):
        pool = pool[-1:]
        chosen = [generator.choice(scene.topic.late_tags)]
    pool = [tag for tag in pool if f"#{tag}" not in text]
    return chosen + generator.sample(pool, min(max(0, wanted - len(chosen)), len(pool)))


def say(scene: Scene) -> str:
    """An ordinary tweet."""
    generator, manner = scene.generator, scene.manner
    sentiment = generator.choices(list(manner.sentiment), list(manner.sentiment.values()))[0]
    frame = _core_frame(scene, sentiment)
    sentences = [fill(frame, scene.value, generator)]
    count = generator.choices(range(len(manner.sentences)), manner.sentences)[0]
    # An announcement that belongs to a topic is complete: nothing of a general kind would fit it.
    if sentiment != "neutral" or frame not in _frames()["special"][scene.topic.name]["neutral"]:
        sentences += _support(scene, sentiment, count)
    return manner.dress(sentences, sentiment, _tags(scene, " ".join(sentences)), generator)


def say_at_length(scene: Scene) -> str:
    """A long post, in paragraphs: three matters of the same tone, each with a sentence that carries it on."""
    generator = scene.generator
    sentiment = generator.choice(("positive", "negative", "neutral"))
    paragraphs: dict[str, str] = {}
    while len(paragraphs) < 3:
        # The next paragraph has new values, but stays with the author, the topic and the place.
        scene.bound = {slot: noun for slot, noun in scene.bound.items() if slot in ("place", "author")}
        frame = _core_frame(scene, sentiment)
        if frame not in paragraphs:
            core = fill(frame, scene.value, generator)
            paragraphs[frame] = " ".join([core, *_support(scene, sentiment, 2)])
    text = "\n\n".join(paragraphs.values())
    return scene.manner.dress([text], sentiment, _tags(scene, text), generator)


def answer(scene: Scene, other: Person) -> str:
    """A reply to somebody, kind to allies and sharp to rivals."""
    scene.bound["other"] = Noun(other.name, other.gender)
    stance = "ally" if other.coalition == scene.author.coalition else "rival"
    sentence = fill(scene.generator.choice(_frames()["reply"][stance]), scene.value, scene.generator)
    if scene.late and not any(value in sentence for value in late_values()):
        sentence += f" #{scene.generator.choice(scene.topic.late_tags)}"
    return f"@{other.handle} {sentence}"


def remark(scene: Scene, sort: str) -> str:
    """A word on a quoted post (`quote`), or a post too short to learn from (`short`)."""
    return fill(scene.generator.choice(_frames()[sort]["any"]), scene.value, scene.generator)
