"""What `politico demo` leaves on the screen: a table of what was asked for and written, and what to make of it."""

from pathlib import Path
from typing import Any

from rich.table import Table

from cli.screen import Screen


def table_of(asked: list[dict[str, Any]]) -> Table:
    """One row a tweet: what was asked for, what was written, and which of it is honoured."""
    table = Table(title="Asked for, and written", show_lines=True)
    table.add_column("values", no_wrap=True)
    table.add_column("asked for", ratio=2)
    table.add_column("tweet", ratio=3)
    table.add_column("honoured", ratio=1)
    for one in sorted(asked, key=_unsaid):  # what worked first
        context = "\n".join(f"[bold]{name}[/] {_shown(value)}" for name, value in one["context"].items())
        marks = "\n".join(
            f"{'[green]✓[/]' if good else '[red]✗[/]'} {_escaped(value)}"
            for pairs in one["honoured"].values()
            for value, good in pairs
        )
        table.add_row("new" if one["new"] else "seen", context, _escaped(one["text"]), marks)
    return table


def explain(screen: Screen, results: dict[str, Any], out: Path, seconds: float) -> None:
    """How much is honoured, how far that can be trusted, and where everything lies."""
    for name, group in (("seen", False), ("new", True)):
        pairs = [
            pair for one in results["asked"] if bool(one["new"]) is group for found in one["honoured"].values() for pair in found
        ]
        if pairs:
            held = sum(1 for _value, good in pairs if good)
            screen.console.print(f"{name} values: {held} of {len(pairs)} things asked for are honoured", highlight=False)
    own = results["evaluation"]["generated"]["own_way"]
    drafts = results["parameters"]["candidates"]
    named = [own[kind]["adherence"].get("entidades") for kind in ("seen", "unseen")]
    shares = [f"{one['share']:.0%}" for one in named if one]
    screen.console.print(
        f"What is asked for is insisted on while the model writes, and of {drafts} drafts the best is "
        f"kept; in its own way it says {' and '.join(shares) or 'none'} of the known and the new names that it is asked for.\n"
        "The model is tiny and trained for minutes: its Spanish is poor. Sentiment is judged by the local stand-in for "
        "Comprehend, a word list.",
        highlight=False,
    )
    screen.console.print(
        f"\nIn {out}/: summary.html to read, dataset/ (Parquet), metrics.json, curves.png, rejected.jsonl."
        f" {seconds:.0f} s in all.",
        highlight=False,
    )


def _unsaid(one: dict[str, Any]) -> float:
    """The share of what was asked for that a tweet does not honour."""
    pairs = [good for found in one["honoured"].values() for _value, good in found]
    return 1 - sum(pairs) / len(pairs) if pairs else 0.0


def _shown(value: Any) -> str:
    return _escaped(", ".join(value) if isinstance(value, list) else str(value))


def _escaped(text: str) -> str:
    """Square brackets are markup to rich."""
    return text.replace("[", r"\[")
