"""One post as the X API v2 gives it: its id, its entities with their offsets, its references, its edit controls."""

import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from samples.country import Country, Person

Post = dict[str, Any]

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
EDITABLE_FOR = timedelta(hours=1)
ACCOUNT_NOTE = "Cuenta inventada: esta persona y este país no existen."

_HASHTAG = re.compile(r"(?<!\w)#(\w+)(?!\w|…)")
_MENTION = re.compile(r"(?<!\w)@(\w+)(?!\w|…)")
_LINK = re.compile(r"https://t\.co/\w{10}")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass
class Mint:
    """Makes ids and short links. Never the same twice, always the same for the same seed."""

    generator: random.Random

    def post_id(self, moment: datetime) -> str:
        """A snowflake: milliseconds since X's epoch, then 22 bits that tell apart posts of the same millisecond."""
        milliseconds = int(moment.timestamp()) * 1000 + self.generator.randrange(1000)
        return str((milliseconds - SNOWFLAKE_EPOCH_MS) << 22 | self.generator.getrandbits(22))

    def link(self) -> str:
        """A shortened address, 23 characters as X counts them."""
        return "https://t.co/" + "".join(self.generator.choices(_LETTERS, k=10))


def timestamp(moment: datetime) -> str:
    """As X writes times: UTC, whole seconds, three zeros."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def weighted_length(text: str) -> int:
    """Length as X counts it: links 23, most scripts' characters one, emoji two (docs: counting characters)."""
    bare = _LINK.sub("x" * 23, text)
    return sum(1 if ord(letter) <= 0x10FF or 0x2010 <= ord(letter) <= 0x201F else 2 for letter in bare)


def entities(text: str, country: Country, targets: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Hashtags, mentions and links of a text, offsets in code points. `targets` tells where short links lead.

    A hashtag or mention that a cut ("…") has shortened is none, as on X. Kinds without a find are left out.
    """
    accounts = country.accounts
    found: dict[str, list[dict[str, Any]]] = {
        "hashtags": [{"start": match.start(), "end": match.end(), "tag": match[1]} for match in _HASHTAG.finditer(text)],
        "mentions": [
            {"start": match.start(), "end": match.end(), "username": match[1], "id": accounts[match[1]].user_id}
            for match in _MENTION.finditer(text)
            if match[1] in accounts
        ],
        "urls": [
            {
                "start": match.start(),
                "end": match.end(),
                "url": match[0],
                "expanded_url": targets[match[0]],
                "display_url": targets[match[0]].removeprefix("https://"),
            }
            for match in _LINK.finditer(text)
        ],
    }
    return {kind: values for kind, values in found.items() if values}


def post(
    *,
    country: Country,
    generator: random.Random,
    mint: Mint,
    author: Person,
    text: str,
    moment: datetime,
    targets: dict[str, str],
    reference: tuple[str, Post] | None = None,
    edited: bool = False,
) -> Post:
    """A post object. `reference` is the relation (retweeted, quoted, replied_to) and the post it is to."""
    post_id = mint.post_id(moment)
    first_moment = moment - timedelta(minutes=generator.randint(3, 25)) if edited else moment
    relation, other = reference or ("", {})
    result: Post = {
        "id": post_id,
        "text": text,
        "author_id": author.user_id,
        "created_at": timestamp(moment),
        # X gives no language to posts without words.
        "lang": "es" if re.search(r"(?<![#@\w])[^\W\d_]", _LINK.sub("", text)) else "zxx",
        "edit_history_tweet_ids": [mint.post_id(first_moment), post_id] if edited else [post_id],
        "edit_controls": {
            "edits_remaining": 4 if edited else 5,
            "is_edit_eligible": relation not in ("retweeted", "replied_to"),
            "editable_until": timestamp(first_moment + EDITABLE_FOR),
        },
        "public_metrics": _metrics(generator, relation),
    }
    if weighted_length(text) > 280:
        _fold(result, country, mint, author, targets)
    found = entities(result["text"], country, targets)
    if found:
        result["entities"] = found
    if other:
        result["referenced_tweets"] = [{"type": relation, "id": other["id"]}]
    if relation == "replied_to":
        result["in_reply_to_user_id"] = other["author_id"]
    return result


def _fold(result: Post, country: Country, mint: Mint, author: Person, targets: dict[str, str]) -> None:
    """Moves a long text into `note_tweet` and leaves its beginning and a link to the whole, as X does."""
    whole = result["text"]
    result["note_tweet"] = {"text": whole}
    found = entities(whole, country, targets)
    if found:
        result["note_tweet"]["entities"] = found
    link = mint.link()
    targets[link] = f"https://x.com/{author.handle}/status/{result['id']}"
    beginning = whole[:250]  # 280, less the link and room for emoji, which count twice
    result["text"] = f"{beginning[: beginning.rindex(' ')]}… {link}"


def _metrics(generator: random.Random, relation: str) -> dict[str, int]:
    likes = 0 if relation == "retweeted" else int(generator.paretovariate(1.1) * 6)
    shares = likes // 4
    return {
        "retweet_count": shares,
        "reply_count": likes // 7,
        "like_count": likes,
        "quote_count": likes // 15,
        "bookmark_count": likes // 20,
        "impression_count": 0 if relation == "retweeted" else likes * 37 + generator.randint(40, 400),
    }


def user(person: Person, tweet_count: int) -> dict[str, Any]:
    """The account of somebody, as `includes.users` shows it. Numbers depend on nothing but the account's id."""
    generator = random.Random(person.user_id)
    created = datetime(2011, 1, 1, tzinfo=UTC) + timedelta(days=generator.randint(0, 3000))
    role = person.office or person.role.capitalize()
    return {
        "id": person.user_id,
        "name": person.name,
        "username": person.handle,
        "created_at": timestamp(created),
        "description": f"{role}. {ACCOUNT_NOTE}",
        "public_metrics": {
            "followers_count": generator.randint(900, 90_000),
            "following_count": generator.randint(80, 1500),
            "tweet_count": tweet_count,
            "listed_count": generator.randint(2, 300),
        },
    }
