"""`politico detect`: which texts a model wrote, by the watermark that its endpoint draws with."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from inference.detecting import FALSE_ALARMS, Limit, Verdict, limit_in, real_limit
from inference.detecting import detect as judged
from inference.model import Model
from inference.writing.watermark import Watermark
from politico.errors import FileFormatError, LimitError
from training.dataset.folder import read_dataset
from training.folders import open_model

TEXT_COLUMNS = ("generated_text", "text")
"""Where a table has its texts: as the endpoint answers, and as the dataset has them."""
_SHOWN = 70
"""Characters of a text in the table."""


def detect(
    folder: Path, texts: Sequence[str], files: Sequence[Path], *, real: Path | None, column: str | None, as_json: bool
) -> None:
    """Say of each text whether the model wrote it. Raises InputError."""
    found = [*texts, *(text for path in files for text in read_texts(path, column))]
    if not found:
        raise LimitError("there is no text to look at; give some behind the options, or files with --file")
    model = open_model(folder)
    limit = limit_in(model.card) if real is None else _limit_by(model, real)
    verdicts = judged(model, found, limit)
    if as_json:
        for one in verdicts:
            print(json.dumps({**asdict(one), "limit": limit.chance}, ensure_ascii=False))
        return
    _show(model, verdicts, limit)


def read_texts(path: Path, column: str | None) -> list[str]:
    """The texts of a table (.csv, .tsv, .parquet, .json, .jsonl), or of a plain file (.txt), one a line; also packed with gzip.

    Raises FileFormatError.
    """
    kind = Path(path.name.lower().removesuffix(".gz")).suffix
    try:
        if kind in ("", ".txt"):
            with (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rt", encoding="utf-8-sig") as lines:
                return [text for line in lines if (text := str(line).strip())]
        if kind not in _READERS:
            raise FileFormatError(f"{path} is a {kind} file; it takes .txt, {', '.join(_READERS)}")
        table = _READERS[kind](path)
    except (OSError, EOFError, ValueError, pd.errors.ParserError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise FileFormatError(f"{path} can't be read: {' '.join(why.split())}") from error
    wanted = [column] if column else [one for one in TEXT_COLUMNS if one in table]
    if not wanted or wanted[0] not in table:
        raise FileFormatError(
            f"{path} has no column {column or ' or '.join(TEXT_COLUMNS)}; it has {', '.join(map(str, table.columns))}: "
            "name one with --column"
        )
    texts: list[str] = table[wanted[0]].tolist()
    bad = next((place for place, one in enumerate(texts, 1) if not isinstance(one, str)), None)
    if bad is not None:
        raise FileFormatError(f"{path}, row {bad}: {wanted[0]} is {texts[bad - 1]!r}; it takes a text")
    return texts


_AS_TEXT: Any = {"dtype": str, "keep_default_na": False, "encoding": "utf-8-sig"}
_READERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, **_AS_TEXT),
    ".tsv": lambda path: pd.read_csv(path, sep="\t", **_AS_TEXT),
    ".parquet": pd.read_parquet,
    ".json": lambda path: pd.read_json(path, dtype=False, convert_dates=False),
    ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False, convert_dates=False),
}


def _limit_by(model: Model, dataset: Path) -> Limit:
    texts = read_dataset(dataset)["text"].to_pylist()
    return real_limit(Watermark.of(model.network), model.codec, texts)


def _show(model: Model, verdicts: Sequence[Verdict], limit: Limit) -> None:
    console = Console(width=None if Console().is_terminal else 130)
    table = Table(box=None, header_style="bold")
    table.add_column("")
    table.add_column("tokens", justify="right")
    table.add_column("by chance", justify="right")
    table.add_column("text")
    for one in verdicts:
        words = " / ".join(one.text.splitlines())
        short = words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"
        table.add_row("marked" if one.found else "–", str(one.tokens), f"{one.chance:.2g}", short)
    console.print(table, markup=False, highlight=False)
    count = sum(one.found for one in verdicts)
    how = f"measured on {limit.real:,} real tweets" if limit.real else "by arithmetic; --real measures it on real tweets"
    console.print(
        f"\n{count:,} of {len(verdicts):,} have the watermark of {model.name}. Of tweets by people about one in "
        f"{1 / FALSE_ALARMS:.0f} would, of the shortest more ({how}).\nOf the others nothing is known: what is short, was mostly "
        "asked for word by word, or was written without the watermark shows none.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
