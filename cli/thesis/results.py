"""`politico table 9`: the thesis's figures beside those of the runs at hand, and what is not comparable about them.

The thesis's figures are facts of its published notebooks (`cli.thesis.asked` says where); what is said of them here is the
project's reading.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from inference.model import CARD_FILE
from politico.errors import FileFormatError
from politico.models.experiment import BASE, CASUAL, CONTROL
from training.evaluation.evaluate import EVALUATION_FILE

KINDS = (BASE, CASUAL, CONTROL)


@dataclass(frozen=True)
class Result:
    """A row: of one model, what was measured. Losses in nats a token."""

    kind: str
    model: str
    loss: float | None
    perplexity: float | None
    """For each token."""
    per_word: float | None
    bits_per_byte: float | None
    notes: str = ""
    """Letters of the footnotes."""


NOTES: Mapping[str, str] = {
    "a": "Of training batches: nothing was held out.",
    "b": "The loss that the training loop logged for its evaluation; a token is one of the English tokenizer's, of which the "
    "same Spanish text has about 1.4 times as many. exp(1.1227) = 3.07 is no perplexity of a test set.",
    "c": "Logged in the same way, by tokens of the Spanish tokenizer. Measured on the same test set afterwards, this model's "
    "perplexity was 18.02, whose logarithm is 2.89: the logged loss can't be this model's. The loop dropped its last batch and, "
    "in the library's version of that day, seems to have counted its places as losses of -100.",
    "d": "The row 1.615 is of a network with 48 heads, this one has 16. Perplexity over windows of 512, in all likelihood with "
    "dropout on.",
    "e": "A training loss: no evaluation was asked for in that run.",
    "f": "The mean of batch means over a random 10 % of the tweets, after 80,000 of 114,957 steps, by tokens of the English "
    "tokenizer, and behind the whole context: its phrases are pieces of the very text.",
    "g": "Of held-out documents of the corpus, not of tweets.",
    "h": "Of tweets that no training saw, near copies left out.",
    "i": "Behind the whole context, as the thesis measured it: an upper bound.",
}
THESIS = (
    Result(BASE, "Spanish, 16 heads, Wikipedia", 3.2834, 26.67, None, None, "a"),
    Result(CASUAL, "right, on the English base", 1.1227, None, None, None, "b"),
    Result(CASUAL, "right, on the Spanish base of 48 heads", 1.6150, 18.02, None, None, "c"),
    Result(CASUAL, "right, on the Spanish base of 16 heads", 1.6212, 18.37, None, None, "cd"),
    Result(CASUAL, "left, on the Spanish base of 16 heads", 1.5534, None, None, None, "e"),
    Result(CONTROL, "on the English base", 1.3132, 3.7182, None, None, "f"),
)


def show_results(runs: Sequence[Path], *, as_json: bool) -> None:
    """Print the table. Raises InputError for a folder that is no run's."""
    ours = [row for run in runs for row in results_of(run)]
    shown = NOTES.keys() & {letter for row in (*THESIS, *ours) for letter in row.notes}
    notes = {letter: words for letter, words in NOTES.items() if letter in shown}
    if as_json:
        told = {"thesis": list(map(asdict, THESIS)), "ours": list(map(asdict, ours)), "notes": notes}
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    console = Console(width=None if Console().is_terminal else 130)
    headers = ("", "whose", "model", "nats a token", "perplexity a token", "a word", "bits per byte", "")
    table = Table(*headers, title="Table 9: what the models came to", title_justify="left")
    for kind in KINDS:
        for whose, rows in (("thesis", THESIS), ("ours", ours)):
            for row in rows:
                if row.kind == kind:
                    figures = (row.loss, row.perplexity, row.per_word, row.bits_per_byte)
                    written = [_written(figure, places) for figure, places in zip(figures, (4, 2, 1, 3), strict=True)]
                    table.add_row(kind, whose, row.model, *written, ", ".join(row.notes))
    console.print(table)
    console.print("Figures a token do not compare across tokenizers; bits per byte and perplexity a word do.", highlight=False)
    for letter, words in notes.items():
        console.print(f"{letter}  {words}", highlight=False, markup=False, soft_wrap=True)


def results_of(run: Path) -> list[Result]:
    """What the run in a folder of `politico train` came to. Raises FileFormatError for another folder."""
    try:
        return _results_of(run)
    except (KeyError, TypeError) as error:  # a base from elsewhere has no figures
        raise FileFormatError(f"the run in {run} lacks {error}: it comes from elsewhere or from another version") from error


def _results_of(run: Path) -> list[Result]:
    found = []
    for kind in KINDS:
        card = _read(run / kind / CARD_FILE)
        if card is None:
            continue
        if kind == BASE:
            found.append(_result(kind, f"{card['name']}, {_size(card)}", card["figures"], "g"))
            continue
        evaluation = _read(run / "evaluation" / EVALUATION_FILE)
        if evaluation is None:
            raise FileFormatError(f"{run} has a {kind} model and no evaluation; the command that trained it goes on there")
        found += _of_tweets(kind, card, evaluation)
    if not found:
        raise FileFormatError(f"{run} is no folder of a run; `politico train` writes one, and its --out says where")
    return found


def _of_tweets(kind: str, card: Mapping[str, Any], evaluation: Mapping[str, Any]) -> list[Result]:
    own = evaluation["candidate"]
    of_whom = f" ({', '.join(own['parties'])})" if own.get("parties") else ""
    named = f"{card['name']}{of_whom}, {_size(card)}"
    if kind == CASUAL:
        return [_result(kind, named, own, "h")]
    return [
        _result(kind, f"{named}, nothing asked", own["null_context"], "h"),
        _result(kind, f"{named}, who speaks and the mood", own["labels_only"], "h"),
        _result(kind, f"{named}, the whole context", own, "hi"),
    ]


def _size(card: Mapping[str, Any]) -> str:
    return f"{card['parameters'] / 1e6:.1f}M"


def _result(kind: str, model: str, figures: Mapping[str, Any], notes: str) -> Result:
    return Result(
        kind,
        model,
        figures["loss_per_token"],
        figures["perplexity_per_token"],
        figures.get("perplexity_per_word"),
        figures["bits_per_byte"],
        notes,
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise FileFormatError(f"{path} is no object")
    return found


def _written(figure: float | None, places: int) -> str:
    return "–" if figure is None else f"{figure:,.{places}f}"
