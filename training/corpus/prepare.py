"""From a text collection to a tokenizer and token shards.

    python -m training.corpus.prepare --input FOLDER --output FOLDER --vocabulary_size 4096 --max_megabytes 12
    … --dataset FOLDER --cut 2024-11-01      # the tokenizer learns from the tweets before that day, too

The output holds tokenizer.json, train.bin, held_out.bin and corpus.json, whose counts reconcile: every document that was
read is in training, held out, or left out for a reason that is named.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from politico.control.political import SCHEMA
from politico.errors import FileFormatError, LimitError
from politico.flags import read_flags
from politico.models.seen import FILE as SEEN_FILE
from politico.models.seen import seen_list
from politico.models.settings import CorpusSettings
from training.corpus.cleaning import DOCUMENTS_FILE, MEGABYTE, Progress, collect, forget_documents
from training.corpus.documents import collection_files
from training.corpus.shards import HELD_OUT_FILE, STATISTICS_FILE, TOKENIZER_FILE, TRAIN_FILE, file_hashes, write_shard
from training.corpus.vocabulary import end_id, train_tokenizer
from training.dataset.folder import read_dataset
from training.dataset.split import split_at
from training.exit_codes import run

TOKENIZER_BYTES = 20_000_000
"""A tokenizer learns from documents spread over the corpus, this much text of them: more changes little."""


@dataclass(frozen=True)
class Folders:
    """Where the collection lies, and where the shards go."""

    input: str
    output: str
    dataset: str = ""
    """The folder of dt=YYYY-MM-DD/tweets.parquet, for a tokenizer that learns from its training tweets."""
    cut: str = ""
    """Where the dataset is cut, as politico.models.cut writes it: no tokenizer sees what is held out."""


@dataclass
class Text:
    """What a set of documents amounts to."""

    documents: int = 0
    characters: int = 0
    bytes: int = 0
    words: int = 0
    tokens: int = 0
    """Each document's end token included."""

    def add(self, text: str) -> None:
        self.documents += 1
        self.characters += len(text)
        self.bytes += len(text.encode())
        self.words += len(text.split())


def main(words: list[str]) -> int:
    def program() -> None:
        folders, settings = read_flags(words, Folders, CorpusSettings)
        tweets = None
        if folders.dataset and settings.learn_from_tweets:
            if not folders.cut:
                raise LimitError("--dataset needs --cut, such as the first day that no training may see")
            tweets = split_at(read_dataset(Path(folders.dataset)), folders.cut).train
        prepare_corpus(Path(folders.input), Path(folders.output), settings, tweets, folders.cut if tweets is not None else "")

    return run(program)


def prepare_corpus(
    source: Path, target: Path, settings: CorpusSettings, tweets: pa.Table | None = None, cut: str = ""
) -> dict[str, Any]:
    """Write the corpus folder and give its statistics; the tokenizer learns from `tweets`, too, which are what `cut` leaves for
    training, and the folder then names them.

    Raises FileFormatError when the source has no text to offer.
    """
    files = collection_files(source)
    target.mkdir(parents=True, exist_ok=True)
    texts = target / DOCUMENTS_FILE
    read, left_out = collect(files, texts, settings.max_megabytes)
    kept = read - sum(left_out.values())
    if kept < 2:
        forget_documents(texts)
        raise FileFormatError(f"{source} gave {kept} documents with text; it takes at least 2, one to hold out")
    held_out = _spread(kept, max(1, round(kept * settings.held_out_share)))
    train_text, held_out_text = Text(), Text()
    for number, text in enumerate(_stored(texts)):
        (held_out_text if number in held_out else train_text).add(text)

    print(f"training a tokenizer of {settings.vocabulary_size} tokens", flush=True)
    every = max(1, -(-train_text.bytes // TOKENIZER_BYTES))
    sample = islice(_some(texts, held_out, wanted=False), 0, None, every)
    tokenizer = train_tokenizer(chain(sample, _spread_texts(tweets)), settings.vocabulary_size, SCHEMA)
    tokenizer.save(str(target / TOKENIZER_FILE))
    if tweets is not None:
        (target / SEEN_FILE).write_bytes(seen_list(tweets["id_str"].to_pylist()))
    end = end_id(tokenizer, SCHEMA)
    for name, total, wanted in ((TRAIN_FILE, train_text, False), (HELD_OUT_FILE, held_out_text, True)):
        progress = Progress()
        for tokens in write_shard(target / name, _some(texts, held_out, wanted=wanted), tokenizer, end):
            total.tokens += tokens
            progress.line(f"{name} {total.tokens:,} tokens")

    together = {name: getattr(train_text, name) + getattr(held_out_text, name) for name in vars(Text())}
    bare = together["tokens"] - kept
    statistics = {
        "files": [path.name for path in files],
        "documents": {"read": read, "kept": kept, "left_out": dict(left_out)},
        "train": asdict(train_text),
        "held_out": {
            **asdict(held_out_text),
            "bytes_per_token": held_out_text.bytes / max(1, held_out_text.tokens - held_out_text.documents),
        },
        "tokenizer_tweets": 0 if tweets is None else len(tweets),
        "cut": cut,
        "vocabulary_size": tokenizer.get_vocab_size(),
        "tokens_per_word": bare / max(1, together["words"]),
        "bytes_per_token": together["bytes"] / max(1, bare),
        "settings": asdict(settings),
        "sha256": file_hashes(target),
    }
    (target / STATISTICS_FILE).write_text(json.dumps(statistics, ensure_ascii=False, indent=1), encoding="utf-8")
    forget_documents(texts)
    without = ", ".join(f"{why} {count:,}" for why, count in left_out.most_common())
    print(
        f"{kept} of {read} documents, {together['bytes'] / MEGABYTE:.1f} MB, {together['tokens']:,} tokens"
        f" ({statistics['tokens_per_word']:.2f} a word); left out: {without or 'none'}",
        flush=True,
    )
    return statistics


LABELS = ("coalition", "party", "sentiment")
"""The columns whose values a context names and a tweet hardly ever: in pieces, `POSITIVE` alone takes seven tokens."""


def _spread_texts(tweets: pa.Table | None) -> Iterator[str]:
    """Of the training tweets as much text as of the corpus, at most, spread over their days; and their labels."""
    if tweets is None:
        return iter(())
    texts = tweets["text"].to_pylist()
    size = sum(len(text.encode()) for text in texts)
    every = max(1, -(-size // TOKENIZER_BYTES))
    labels = (f" {value}" for name in LABELS for value in tweets[name].to_pylist()[::every] if value)
    return chain(texts[::every], labels)


def _stored(texts: Path) -> Iterator[str]:
    with texts.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _some(texts: Path, held_out: frozenset[int], *, wanted: bool) -> Iterator[str]:
    return (text for number, text in enumerate(_stored(texts)) if (number in held_out) == wanted)


def _spread(count: int, chosen: int) -> frozenset[int]:
    """So many of the numbers below `count`, evenly spread: a collection often goes from one kind of text to another."""
    chosen = min(chosen, count - 1)
    return frozenset(int((one + 0.5) * count / chosen) for one in range(chosen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
