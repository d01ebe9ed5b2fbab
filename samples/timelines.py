"""The politicians' timelines: the planned posts written one after the other, and the pages X serves of them."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from samples.country import Country, Person, Topic, late_values
from samples.manner import load_manners
from samples.posts import Mint, Post, post, user, weighted_length
from samples.schedule import ORIGINAL, SORTS, Plan, news_boundary, plan_posts
from samples.speech import Scene, answer, remark, say, say_at_length

_REPEATED = 3


@dataclass(frozen=True)
class Timelines:
    """All pages, user after user, and how many posts of each sort they hold."""

    pages: list[dict[str, Any]]
    counts: dict[str, int]


def build_timelines(country: Country, seed: int, scale: float) -> Timelines:
    """The timelines of every politician. Written in the order of time, so that a post can answer an older one."""
    generator = random.Random(f"timelines {seed}")
    writer = _Writer(country, generator, Mint(generator))
    plans = plan_posts(country, generator, scale)
    news_from = news_boundary(plans)
    for plan in plans:
        writer.write(plan, in_the_news=plan.moment >= news_from)
    counts = {sort: sum(plan.sort == sort for plan in plans) for sort in (*SORTS, "editable")}
    # Small samples have small pages, so that every timeline still has several.
    page_size = max(5, min(100, round(100 * scale)))
    pages = []
    long_ones = [handle for handle, posts in writer.timelines.items() if len(posts) > page_size]
    repeat_in = generator.sample(long_ones, _REPEATED)
    for person in country.politicians:
        pages += _pages(person, writer, page_size, repeat=person.handle in repeat_in)
    return Timelines(pages, counts | {"repeated": _REPEATED})


class _Writer:
    """Writes posts one after the other and remembers them, for those that answer or pass them on."""

    def __init__(self, country: Country, generator: random.Random, mint: Mint) -> None:
        self.country = country
        self.generator = generator
        self.mint = mint
        self.timelines: dict[str, list[Post]] = {person.handle: [] for person in country.politicians}
        self.by_id: dict[str, Post] = {}
        self.authors = {person.user_id: person for person in country.politicians}
        self._texts: set[str] = set()
        self._recent: list[tuple[Post, Topic, str]] = []

    def write(self, plan: Plan, *, in_the_news: bool) -> None:
        """The post of a plan, at the head of its author's timeline."""
        generator = self.generator
        targets: dict[str, str] = {}
        reference = None
        topic = self._topic(plan.moment)
        if plan.sort in ("reply", "retweet", "quote"):
            other, topic, other_text = self._somebody_elses(plan.author)
            reference = ({"reply": "replied_to", "retweet": "retweeted", "quote": "quoted"}[plan.sort], other)
        if plan.sort == "retweet":
            assert reference is not None, "a retweet is of something"
            text = whole = self._retweet(reference[1], other_text)
        else:
            late = in_the_news and generator.random() < 0.52
            text = whole = self._new_text(plan, topic, late, reference[1] if reference else None)
            link = self._link(plan, reference[1] if reference else None, targets)
            if link:
                text += f" {link}"
        result = post(
            country=self.country,
            generator=generator,
            mint=self.mint,
            author=plan.author,
            text=text,
            moment=plan.moment,
            targets=targets | self._targets_of(reference),
            reference=reference,
            edited=plan.sort == "edited",
        )
        self.timelines[plan.author.handle].append(result)
        self.by_id[result["id"]] = result
        if plan.sort in ORIGINAL or plan.sort == "old":
            self._recent = [*self._recent[-299:], (result, topic, whole)]

    def _topic(self, moment: datetime) -> Topic:
        """A topic; the national holidays are talked about around October, and little for the rest of the year."""
        holidays = 2.0 if moment.month in (9, 10, 11) else 0.3
        weights = [holidays if name == "fiestas" else 1.0 for name in self.country.topics]
        return self.generator.choices(list(self.country.topics.values()), weights)[0]

    def _somebody_elses(self, author: Person) -> tuple[Post, Topic, str]:
        return self.generator.choice([entry for entry in self._recent if entry[0]["author_id"] != author.user_id])

    def _retweet(self, other: Post, text: str) -> str:
        """What X leaves of a retweet: the first 140 characters."""
        link = other["text"].rsplit(" ", 1)[-1]
        if "note_tweet" not in other and link.startswith("https://t.co/"):
            text = f"{text} {link}"
        whole = f"RT @{self.authors[other['author_id']].handle}: {text}"
        # A cut through a link would leave an address that leads nowhere: X drops it.
        return whole if len(whole) <= 140 else whole[:139].split(" https://")[0].rstrip() + "…"

    def _targets_of(self, reference: tuple[str, Post] | None) -> dict[str, str]:
        if reference is None or reference[0] != "retweeted":
            return {}
        return {url["url"]: url["expanded_url"] for url in reference[1].get("entities", {}).get("urls", [])}

    def _new_text(self, plan: Plan, topic: Topic, late: bool, other: Post | None) -> str:
        """A text of the plan's sort that nobody has written yet and that has its sort's length."""
        while True:
            scene = Scene(self.country, self.generator, plan.author, topic, plan.moment, late)
            match plan.sort:
                case "short":
                    text = remark(scene, "short")
                    if len(text.split()) < 5:
                        return text
                    continue
                case "quote":
                    return remark(scene, "quote")
                case "reply":
                    assert other is not None, "a reply is to somebody"
                    text = answer(scene, self.authors[other["author_id"]])
                case "long":
                    text = say_at_length(scene)
                case _:
                    text = say(scene)
            # 24 characters stay free for a link. Hashtags and mentions are not words enough to learn from.
            right_length = weighted_length(text) > 300 if plan.sort == "long" else weighted_length(text) <= 256
            words = [word for word in text.split() if word[0] not in "#@"]
            said = not late or any(value in text for value in late_values())
            if right_length and len(words) >= 7 and said and text not in self._texts:
                self._texts.add(text)
                return text

    def _link(self, plan: Plan, other: Post | None, targets: dict[str, str]) -> str:
        """A quote ends in a link to what it quotes; ordinary posts sometimes in one to the news."""
        link = self.mint.link()
        if plan.sort == "quote":
            assert other is not None, "a quote is of something"
            targets[link] = f"https://x.com/{self.authors[other['author_id']].handle}/status/{other['id']}"
            return link
        link_rate = load_manners()[plan.author.party].link_rate
        if plan.sort in ("short", "reply", "long") or self.generator.random() >= link_rate:
            return ""
        # .example leads nowhere by standard (RFC 2606).
        targets[link] = f"https://noticias.example/nota/{self.generator.randint(1000, 99999)}"
        return link


def _pages(person: Person, writer: _Writer, page_size: int, *, repeat: bool) -> list[dict[str, Any]]:
    """A timeline cut into X's answers, newest first."""
    posts = sorted(writer.timelines[person.handle], key=lambda item: int(item["id"]), reverse=True)
    if repeat:
        # While somebody posts, pages shift: the last of a page comes again as the first of the next.
        posts.insert(page_size, posts[page_size - 1])
    pages = []
    for start in range(0, len(posts), page_size):
        data = posts[start : start + page_size]
        references = [link["id"] for item in data for link in item.get("referenced_tweets", [])]
        included = [writer.by_id[post_id] for post_id in dict.fromkeys(references)]
        people = dict.fromkeys([person, *(writer.authors[item["author_id"]] for item in included)])
        pages.append(
            {
                "data": data,
                "includes": {
                    "users": [user(somebody, 1000 + len(writer.timelines[somebody.handle])) for somebody in people],
                    "tweets": included,
                },
                "meta": {"result_count": len(data), "newest_id": data[0]["id"], "oldest_id": data[-1]["id"]},
            }
        )
    return pages
