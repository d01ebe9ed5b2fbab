"""Writes the sample: the registry of politicians, their timelines, and the encyclopedia. Same seed, same bytes."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from samples.country import Country, load_country
from samples.encyclopedia import build_articles
from samples.mediawiki import write_export
from samples.schedule import REFERENCE
from samples.timelines import build_timelines


@dataclass(frozen=True)
class SampleFiles:
    """Where the sample lies, what it counts, and the moment at which it was 'collected'."""

    politicians: Path
    tweets: Path
    corpus: Path
    reference: datetime
    counts: dict[str, int]
    """Posts by sort, then politicians, pages and articles."""


def write_sample(folder: Path, seed: int = 7, scale: float = 1.0) -> SampleFiles:
    """Writes the three files into `folder`. A smaller `scale` has fewer posts, but still every sort of odd one."""
    if scale <= 0:
        raise ValueError(f"scale is {scale}; it must be greater than 0 (1 is the whole sample)")
    folder.mkdir(parents=True, exist_ok=True)
    country = load_country()
    timelines = build_timelines(country, seed, scale)
    articles = build_articles(country, seed)
    files = SampleFiles(
        politicians=folder / "politicians.csv",
        tweets=folder / "tweets.jsonl.gz",
        corpus=folder / "corpus.xml.bz2",
        reference=REFERENCE,
        counts=timelines.counts
        | {"politicians": len(country.politicians), "pages": len(timelines.pages), "articles": len(articles)},
    )
    files.politicians.write_text(_registry(country), encoding="utf-8", newline="")
    lines = "".join(json.dumps(page, ensure_ascii=False) + "\n" for page in timelines.pages)
    # mtime=0: gzip would write the time of day into the file.
    files.tweets.write_bytes(gzip.compress(lines.encode(), mtime=0))
    write_export(files.corpus, country, articles, seed, REFERENCE)
    return files


def _registry(country: Country) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("screen_name", "user_id", "name", "office", "coalition", "party"))
    for person in country.politicians:
        writer.writerow((person.handle, person.user_id, person.name, person.office, person.coalition, person.party))
    return text.getvalue()
