"""What would come in, or came in, of a file: for a person on the screen, and for a program as JSON."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from cli.importing.inputs import Inputs
from cli.screen import counted
from politico.tweets.kinds import ORIGINAL, QUOTE, RETWEET
from politico.tweets.tweet import Rules, parse_post

EXAMPLES = 3
SHOWN = 100
"""Characters of an example."""


@dataclass(frozen=True)
class Outcome:
    """A file's rows: read = kept + filtered + rejected."""

    read: int
    kept: int
    """After the filters of the thesis, as of the newest tweet."""
    mended: dict[str, int]
    """By what was mended, of rows that were not rejected."""
    kinds: dict[str, int]
    """Of rows that were not rejected."""
    filtered: dict[str, int]
    rejected: dict[str, int]
    examples: tuple[str, ...]
    """Texts of the first that are kept."""
    inputs: Inputs

    def to_json(self) -> dict[str, Any]:
        return {
            "read": self.read,
            "kept": self.kept,
            "mended": sum(self.mended.values()),
            "kinds": {kind: self.kinds.get(kind, 0) for kind in (ORIGINAL, RETWEET, QUOTE)},
            "filtered": self.filtered,
            "rejected": self.rejected,
            "mended_by": self.mended,
            "kinds_by": list(self.inputs.kinds_by),
            "hours_off": self.inputs.hours_off,
            "notes": list(self.inputs.notes),
        }


def outcome_of(inputs: Inputs) -> Outcome:
    """What the filters leave of the rows that were not rejected."""
    rules, filtered, kept = Rules(), Counter[str](), 0
    examples: list[str] = []
    with inputs.posts.open(encoding="utf-8") as lines:
        for line in lines:
            tweet = parse_post(json.loads(line))
            if refusal := rules.refusal(tweet, inputs.reference):
                filtered[refusal] += 1
                continue
            kept += 1
            if len(examples) < EXAMPLES:
                examples.append(" ".join(tweet.text.split())[:SHOWN])
    outcome = Outcome(
        inputs.read,
        kept,
        dict(inputs.mended),
        dict(inputs.kinds),
        dict(sorted(filtered.items())),
        dict(inputs.rejected),
        tuple(examples),
        inputs,
    )
    whole = kept + sum(filtered.values()) + sum(inputs.rejected.values())
    assert inputs.read == whole, f"counts do not reconcile: {outcome.to_json()}"
    return outcome


def write_report(outcome: Outcome, path: Path) -> None:
    """For a program."""
    path.write_text(json.dumps(outcome.to_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def show(outcome: Outcome, rejected: Path) -> None:
    """For a person."""
    console = Console()

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True)

    lost = sum(outcome.rejected.values())
    say(f"{outcome.read:,} read = {outcome.kept:,} kept + {sum(outcome.filtered.values()):,} filtered + {lost:,} rejected")
    for name, counts in (("filtered", outcome.filtered), ("rejected", outcome.rejected), ("mended", outcome.mended)):
        if counts:
            say(f"  {name}: {counted(counts)}" + (f"; see {rejected}" if name == "rejected" else ""))
    say(f"  kinds: {counted({kind: outcome.kinds.get(kind, 0) for kind in (ORIGINAL, RETWEET, QUOTE)})}")
    if outcome.inputs.hours_off:
        say(f"  times: {outcome.inputs.hours_off:+} h from those that the ids tell: name the zone, or give --times-from-ids")
    for note in outcome.inputs.notes:
        say(f"  {escape(note)}")
    for text in outcome.examples:
        say(f"  · {escape(text)}")
