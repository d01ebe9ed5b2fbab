"""The card of a model as a page to read: README.md in its folder, in the hub's form, written from the run's own facts."""

from collections.abc import Mapping
from typing import Any

KINDS = {
    "base": "A base model: it goes on with Spanish text, and knows nothing of tweets.",
    "casual": "It writes tweets freely: behind the marker of a text and nothing else.",
    "control": "It writes tweets on demand: who speaks, in which mood and about what stands before the text.",
}
SMALL = 20_000_000
"""With fewer parameters no Spanish is to be expected that hangs together for more than a few words."""


def model_card(card: Mapping[str, Any]) -> str:
    """Markdown, from what card.json holds."""
    figures, before = card["figures"], card["before"]
    lines = [
        "---",
        "language: es",
        "pipeline_tag: text-generation",
        "---",
        "",
        f"# {card['name']}",
        "",
        KINDS[card["stage"]],
        "",
        "What it writes is synthetic. Nobody said it, whoever's words it has learnt from; show it as such.",
        *(["", "It is a small model: its Spanish is poor."] if card["parameters"] < SMALL else []),
        "",
        "| | |",
        "|---|---|",
        f"| made | {card['created']}, in {card['seconds'] / 60:,.1f} minutes of learning |",
        f"| parameters | {card['parameters']:,} |",
        f"| steps, token positions | {card['steps']:,}, {card['tokens']:,} |",
        f"| begun with | {card.get('base') or 'random weights'} |",
        *_learnt_from(card),
        f"| bits per byte, held out | {figures['bits_per_byte']:.4f} ({before['bits_per_byte']:.4f} before) |",
        f"| nats a token, held out | {figures['loss_per_token']:.4f} ({before['loss_per_token']:.4f} before) |",
        f"| held-out tokens, bytes | {figures['tokens']:,}, {figures['bytes']:,} |",
        f"| libraries | {', '.join(f'{name} {version}' for name, version in card['libraries'].items())} |",
        "",
        "## Settings",
        "",
        *(line for part, settings in card["settings"].items() for line in _settings(part, settings)),
        "",
        "`control.json` says how what is asked for is written; `card.json` has the same facts for programs.",
        "",
    ]
    return "\n".join(lines)


def _learnt_from(card: Mapping[str, Any]) -> list[str]:
    data = card["data"]
    if card["stage"] == "base":
        train, held_out = data["train"], data["held_out"]
        return [
            f"| learnt from | {train['documents']:,} documents, {train['bytes']:,} bytes; held out: {held_out['documents']:,} |"
        ]
    left_out = f"{data['duplicates']:,} held-out duplicates, {data['too_long']:,} too long"
    return [
        f"| learnt from | {data['train']:,} of {data['rows']:,} tweets; {left_out} |",
        f"| held out | {data['held_out']:,} tweets, cut at {data['cut']} |",
        f"| the dataset's hash | {card['dataset']['sha256']} |",
    ]


def _settings(part: str, settings: Mapping[str, Any]) -> list[str]:
    told = ", ".join(f"{name} {value}" for name, value in settings.items() if value != "")
    return [f"- {part}: {told}"]
