"""What is buried, out of everything the lake holds: pages, annotated tweets, dataset, run notes, registry, evaluations, corpora.

A sweep is cut into parts that can run side by side and any number of times. Nothing that the sweep itself writes names what it
looks for, and no part is told a key, for keys hold ids: a part takes the keys whose checksum falls to its number.
"""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO

import pyarrow.parquet as pq

from politico.dataset.days import curate
from politico.errors import RegistryError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.lake.redaction import names_buried, redact_line, redact_page, scrub
from politico.lake.registry import open_registry, registry_text_if_any
from politico.lake.tombstones import Tombstones, bury, fingerprint_of_text, read_tombstones
from politico.tweets.politician import Politician, Registry, read_entries
from politico.tweets.tweet import clean, count_words

POSTS = "posts"
RECORDS = "records"
CORPORA = "corpora"
PHASES = (POSTS, RECORDS, CORPORA)
"""In this order: what buried users wrote, and the other versions of buried tweets, are looked for by their ids in all records,
and what those said in all corpora."""
KEYS_A_PART = 1_000
"""Some seconds to a minute of a function's time."""
FEWEST_WORDS = 5
"""A shorter text says nothing of who wrote it, and may stand in any book."""

_OPENERS: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


@dataclass
class Sweep:
    """One part of a sweep."""

    lake: Lake
    part: int
    of: int
    now: Callable[[], datetime]
    removed: Counter[str] = field(default_factory=Counter)
    """What went: posts, annotated tweets, dataset rows, notes, registry rows, examples, corpus texts, old versions."""
    buried: Tombstones = field(default_factory=Tombstones)

    def run(self, phase: str) -> None:
        """Sweep this part's keys."""
        self.buried = read_tombstones(self.lake)
        if phase == POSTS:
            for key in self.lake.keys(places.RAW):
                if self._mine(key):
                    self._learn(key)
            return
        if phase == CORPORA:
            self._each(places.CORPORA, self._corpus)
            return
        self._each(places.RAW, self._raw)
        self._each(places.ANNOTATED, self._annotated)
        self._dataset()
        self._each(places.RUNS, self._note)
        self._each(places.REGISTRY_FOLDER, self._registry)
        self._each(places.MODELS, self._evaluation)

    def _each(self, prefix: str, sweep: Callable[[str], None]) -> None:
        """Sweep the keys of a prefix, then purge the old versions of all of them, with one listing."""
        try:
            for key in self.lake.keys(prefix):
                if self._mine(key):
                    sweep(key)
        finally:  # one object that can't be read keeps no other's old versions
            # A model's weights hold no tweet to be read, and their versions are not ours to drop.
            if prefix != places.MODELS:
                self.removed["versions"] += self.lake.purge_old(prefix, self._mine)

    def _mine(self, key: str) -> bool:
        return zlib.crc32(key.encode()) % self.of == self.part

    def _learn(self, key: str) -> None:
        """Bury one by one what a page holds of buried users and of buried tweets' other versions; it goes with the records."""
        _run, user_id = places.run_and_user(key)
        text = self.lake.read_text(key)
        if self.buried.user(user_id) or names_buried(text, self.buried):
            self._remember(_tweets_of(json.loads(line) for line in text.split("\n") if line))

    def _raw(self, key: str) -> None:
        run, user_id = places.run_and_user(key)
        text = self.lake.read_text(key)
        if not self.buried.user(user_id) and not names_buried(text, self.buried):
            return
        pages = [json.loads(line) for line in text.split("\n") if line]
        self._remember(_tweets_of(pages))
        kept = [] if self.buried.user(user_id) else [redact_page(page, self.buried) for page in pages]
        left = [page for page in kept if page is not None]
        posts = [post for page in left for post in page["data"]]
        self.removed["posts"] += sum(len(page.get("data") or ()) for page in pages) - len(posts)
        ids = sorted((post["id"] for post in _posts(posts) if str(post.get("id")).isdigit()), key=int) or ["0"]
        renamed = places.raw_page(run, user_id, newest=ids[-1], oldest=ids[0])
        if left:
            self.lake.write_lines(renamed, left)
            if renamed != key:  # perhaps another part's, which has purged already
                self.lake.purge(renamed)
        if not left or renamed != key:
            self.lake.delete(key)

    def _annotated(self, key: str) -> None:
        text = self.lake.read_text(key)
        if not names_buried(text, self.buried):
            return
        lines = [json.loads(line) for line in text.split("\n") if line]
        self._remember(
            (line["id_str"], line["author_id"], line["previous_ids"], line["text"]) for line in lines if "id_str" in line
        )
        left = [kept for line in lines if (kept := redact_line(line, self.buried)) is not None]
        if left == lines:
            return  # a number in a text that happens to be an id
        self.removed["annotated_tweets"] += len(lines) - len(left)
        if left:
            self.lake.write_lines(key, left)
        else:
            self.lake.delete(key)

    def _dataset(self) -> None:
        """Rebuild the days of this part's keys that hold what must go, by now known by its id whoever wrote it."""
        days = [places.day_of(key) for key in self.lake.keys(places.DATASET) if self._mine(key) and self._holds_buried(key)]
        if days:
            try:
                registry, _zone = open_registry(self.lake)
            except RegistryError:  # a list that can't be used must not empty the days, nor keep in them what has to go
                registry = self._registry_before()
            before = sum(map(self._rows, days))
            curate(days, self.lake, registry)
            self.removed["dataset_rows"] += before - sum(map(self._rows, days))
        # The manifest is every part's: whoever writes it last purges what all wrote.
        self.removed["versions"] += self.lake.purge_old(
            places.DATASET, lambda key: key == places.DATASET_MANIFEST or self._mine(key)
        )

    def _holds_buried(self, key: str) -> bool:
        if not places.is_dataset_day(key):
            return False
        ids = pq.read_table(io.BytesIO(self.lake.read(key)), columns=["id_str"])["id_str"].to_pylist()
        return any(map(self.buried.tweet, ids))

    def _registry_before(self) -> Registry:
        """Nobody, when the list holds nobody any more; or else the list that the days were last joined with. Raises
        RegistryError when there is none."""
        text = registry_text_if_any(self.lake)
        with contextlib.suppress(RegistryError):
            if text is not None and not read_entries(text):
                return Registry([])
        before = self.lake.read_json_if_any(places.REGISTRY_CURATED)
        if before is None:
            raise RegistryError(f"{places.REGISTRY} can't be used, and there is none before it: mend it, and sweep again")
        return Registry(Politician(**one) for one in before if not self.buried.user(one["user_id"]))

    def _rows(self, day: date) -> int:
        found = self.lake.read_if_any(places.dataset_day(day))
        return pq.read_metadata(io.BytesIO(found[0])).num_rows if found else 0

    def _note(self, key: str) -> None:
        """Manifests, counts, rejects and reports of runs: they name ids, never texts."""
        text = self.lake.read_text(key)
        if not names_buried(text, self.buried):
            return
        if key.endswith(".jsonl"):
            self.lake.write_lines(key, [scrub(json.loads(line), self.buried) for line in text.split("\n") if line])
        else:
            self.lake.write_json(key, scrub(json.loads(text), self.buried))
        self.removed["notes"] += 1

    def _registry(self, key: str) -> None:
        if key.endswith(".json"):
            self._note(key)
        if not key.endswith(".csv") or not names_buried(text := self.lake.read_text(key), self.buried):
            return
        reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
        rows = list(reader)
        left = [row for row in rows if not self.buried.user((row.get("user_id") or "").strip())]
        out = io.StringIO()
        writer = csv.DictWriter(out, list(reader.fieldnames or ()), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(left)
        self.removed["registry_rows"] += len(rows) - len(left)
        self.lake.write(key, out.getvalue().encode())

    def _evaluation(self, key: str) -> None:
        """The examples of an evaluation show what held-out tweets named."""
        if not places.is_evaluation(key):
            return
        figures = self.lake.read_json(key)
        examples = figures.get("generated", {}).get("examples", [])
        left = [one for one in examples if one.get("mark") not in self.buried.tweets]
        if len(left) < len(examples):
            figures["generated"]["examples"] = left
            self.removed["examples"] += len(examples) - len(left)
            self.lake.write_json(key, figures)
        self.removed["versions"] += self.lake.purge_old(key, lambda one: one == key)

    def _corpus(self, key: str) -> None:
        """Plain text: a paragraph or a line that is what a buried tweet said goes. (Encyclopedias, .xml, are none of ours.)"""
        name = Path(key)
        opener = _OPENERS.get(name.suffix, open)
        if not self.buried.texts or not places.is_corpus_source(key) or ".txt" not in name.suffixes:
            return
        with tempfile.TemporaryDirectory() as folder:
            old, new = Path(folder) / f"old{name.suffix}", Path(folder) / f"new{name.suffix}"
            self.lake.s3.download_file(self.lake.bucket, key, str(old))
            with (
                opener(old, "rt", encoding="utf-8", errors="surrogateescape") as source,
                opener(new, "wt", encoding="utf-8", errors="surrogateescape") as target,
            ):
                gone = _without(source, target, self.buried.texts)
            if gone:
                # First, and kept until the models are named: a sweep that ends here finds nothing in the corpus the next time.
                self.lake.write_json(places.changed_corpus(places.corpus_name(key)), {})
                self.lake.s3.upload_file(str(new), self.lake.bucket, key)
                self.removed["corpus_texts"] += gone

    def _remember(self, tweets: Iterable[tuple[str, str, Iterable[str], str]]) -> None:
        """Before it goes: bury the tweets of a buried user, which then are known when no page names their author any more,
        and what every buried tweet said, which a corpus may hold without an id."""
        ids: dict[str, str] = {}
        texts: dict[str, str] = {}
        for id_str, author_id, other_ids, text in tweets:
            if not self.buried.covers(id_str, author_id, other_ids):
                continue
            for version in (id_str, *other_ids):  # a marker of replaced versions names them without their author
                if not self.buried.tweet(version):
                    ids[version] = "with_user" if self.buried.user(author_id) else "with_its_version"
            for said in {text, clean(text)}:
                if count_words(said) >= FEWEST_WORDS and fingerprint_of_text(said) not in self.buried.texts:
                    texts[said] = "said"
        if ids or texts:
            bury(self.lake, tweets=ids, texts=texts, now=self.now())
            self.buried = read_tombstones(self.lake, self.buried)


def _without(source: TextIO, target: TextIO, texts: frozenset[str]) -> int:
    """Copy what is not buried; how many paragraphs and lines were."""
    gone = 0
    for paragraph in _paragraphs(source):
        if fingerprint_of_text("".join(paragraph)) in texts:
            gone += 1
            continue
        left = [line for line in paragraph if fingerprint_of_text(line) not in texts]
        gone += len(paragraph) - len(left)
        target.writelines(left)
    return gone


def _paragraphs(lines: Iterable[str]) -> Iterator[list[str]]:
    """Lines up to and with the next empty one."""
    paragraph: list[str] = []
    for line in lines:
        paragraph.append(line)
        if not line.strip():
            yield paragraph
            paragraph = []
    if paragraph:
        yield paragraph


def _tweets_of(pages: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, list[str], str]]:
    """Id, author, other versions' ids and text of all posts of raw pages, those that came along too."""
    for page in pages:
        for post in [*_posts(page.get("data")), *_posts((page.get("includes") or {}).get("tweets"))]:
            yield str(post.get("id")), str(post.get("author_id")), _other_ids(post), _text(post)


def _posts(posts: Any) -> list[Mapping[str, Any]]:
    return [post for post in posts or () if isinstance(post, Mapping)]


def _other_ids(post: Mapping[str, Any]) -> list[str]:
    return [str(one) for one in post.get("edit_history_tweet_ids") or ()]


def _text(post: Mapping[str, Any]) -> str:
    note = post.get("note_tweet") or {}
    return str(note.get("text") or post.get("text") or "")
