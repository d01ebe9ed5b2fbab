"""Another domain than politics: messages to an invented utility's contact centre, with what steers them. Same seed, same bytes.

python -m samples FOLDER --contact
"""

import csv
import random
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from samples.country import SEED
from samples.grammar import Noun, fill, noun_phrase
from samples.posts import Mint

FROM, DAYS = datetime(2024, 6, 1, 12, tzinfo=UTC), 150
MESSAGES = 1_500
SCHEMA = Path(__file__).parent / "contact-centre.toml"
"""What steers such a message, as `politico import --schema` takes it."""


@dataclass(frozen=True)
class ContactFiles:
    """Where the sample lies."""

    messages: Path
    """CSV: id, created_at, screen_name, text, producto, motivo, lugares (parted by `;`)."""
    channels: Path
    """CSV, as a list of politicians: on which channel a message came."""
    schema: Path


def write_contact(folder: Path, seed: int = 7, messages: int = MESSAGES) -> ContactFiles:
    """Write the messages and their channels into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    words = tomllib.loads((SEED / "contact.toml").read_text(encoding="utf-8"))
    channels = [[part.strip() for part in line.split("|")] for line in words["channels"].strip().splitlines()]
    files = ContactFiles(folder / "messages.csv", folder / "channels.csv", SCHEMA)
    with files.channels.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("screen_name", "user_id", "name", "office", "coalition", "party"))
        writer.writerows((handle, 9_000 + number, *rest) for number, (handle, *rest) in enumerate(channels))
    generator = random.Random(seed)
    mint = Mint(generator)
    with files.messages.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("id", "created_at", "screen_name", "text", "producto", "motivo", "lugares"))
        for moment in sorted(FROM + timedelta(minutes=generator.randrange(DAYS * 24 * 60)) for _ in range(messages)):
            writer.writerow(
                (mint.post_id(moment), moment.isoformat(), generator.choice(channels)[0], *_message(words, generator))
            )
    return files


def _message(words: dict[str, Any], generator: random.Random) -> tuple[str, str, str, str]:
    """Text, product, motive and places."""
    product, motive = generator.choice(sorted(words["products"])), generator.choice(sorted(words["motives"]))
    _mood, _, frame = generator.choice(words["motives"][motive].strip().splitlines()).partition(" | ")
    place, place2 = generator.sample(words["places"], 2)
    values = {
        "thing": noun_phrase(generator.choice(words["products"][product])),
        "place": Noun(place),
        "place2": Noun(place2),
        "days": Noun(str(generator.randrange(2, 9))),
        "hour": Noun(f"{generator.randrange(6, 23)}:{generator.choice(('00', '15', '30'))}"),
        "month": Noun(generator.choice(words["words"]["months"])),
        "weekday": Noun(generator.choice(words["words"]["weekdays"])),
    }
    places = [place, place2] if "{place2}" in frame else [place]
    return fill(frame, values.__getitem__, generator) + ".", product, motive, ";".join(places)
