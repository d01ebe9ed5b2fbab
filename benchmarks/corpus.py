"""A dump to text beside wikiextractor, in turn; and what a second core brings to tokenizing.

    python -m benchmarks.corpus --dump pages.xml.bz2 [--times 8] [--rounds 3] [--write]

The dump's pages are repeated `--times` over, so that starting processes counts as it would over a real one. Both use as many
processes as there are cores; text is counted without wikiextractor's own tags. Needs `pip install wikiextractor`.
"""

import argparse
import bz2
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.processes import command_line, machine
from training.cores import cores

RESULTS = Path(__file__).parent / "results" / "corpus.json"
ROOT = Path(__file__).resolve().parents[1]
_TAGS = re.compile(rb"^</?doc\b.*>$", re.MULTILINE)
CLEAN = """
import sys
from pathlib import Path
from training.corpus.cleaning import collect
if __name__ == "__main__":
    collect([Path(sys.argv[1])], Path(sys.argv[2]), 1e9)
"""
TOKENIZE = """
import json, os, sys, time
from pathlib import Path
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[3])])  # before any thread begins
from politico.control.political import SCHEMA
from training.corpus.shards import write_shard
from training.corpus.vocabulary import end_id, train_tokenizer
texts = [json.loads(line) for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()]
tokenizer = train_tokenizer(texts[:200], 8_192, SCHEMA)
began = time.monotonic()
tokens = sum(write_shard(Path(sys.argv[2]), texts, tokenizer, end_id(tokenizer, SCHEMA)))
print(json.dumps({"seconds": time.monotonic() - began, "tokens": tokens}))
"""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--dump", type=Path, required=True, help="a MediaWiki export, .xml.bz2")
    flags.add_argument("--times", type=int, default=8, help="how often its pages are repeated")
    flags.add_argument("--rounds", type=int, default=3, help="measurements of each, in turn")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        figures = measure(given, Path(name))
    print(json.dumps(figures, indent=1))
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
        print(f"written to {RESULTS}")


def measure(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures, ready for JSON. Sizes in megabytes of XML, and of text that is kept."""
    dump = folder / "dump.xml.bz2"
    size = repeat(given.dump, dump, given.times)
    (folder / "clean.py").write_text(CLEAN)
    (folder / "write_tokens.py").write_text(TOKENIZE)
    texts, peers = folder / "texts.jsonl", folder / "wikiextractor"

    def ours() -> float:
        for path in folder.glob("texts*"):
            path.unlink()
        return timed([sys.executable, str(folder / "clean.py"), str(dump), str(texts)])

    def theirs() -> float:
        words = ["--processes", str(cores()), "-q", "-o", str(peers), str(dump)]
        return timed([sys.executable, "-m", "wikiextractor.WikiExtractor", *words])

    found = in_turn({"ours": ours, "wikiextractor": theirs}, given.rounds)
    rates = {name: [size / seconds for seconds in rounds] for name, rounds in found.items()}
    tokenizing = {
        str(threads): [tokenized(folder, texts, threads) for _ in range(given.rounds)] for threads in sorted({1, cores()})
    }
    kept = sum(len(json.loads(line).encode()) for line in texts.read_text(encoding="utf-8").splitlines())
    own = sum(len(_TAGS.sub(b"", path.read_bytes())) for path in peers.rglob("wiki_*"))
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command_line("benchmarks.corpus"),
        "machine": machine(),
        "peer": f"wikiextractor {version('wikiextractor')}",
        "dump_megabytes": round(size, 1),
        "megabytes_a_second": {name: [round(one, 2) for one in rounds] for name, rounds in rates.items()},
        "ours_to_wikiextractor": round(statistics.median(a / b for a, b in zip(*rates.values(), strict=True)), 2),
        "text_megabytes": {"ours": round(kept / 1e6, 2), "wikiextractor": round(own / 1e6, 2)},
        "tokenizing_megabytes_a_second": {name: [round(one, 2) for one in rounds] for name, rounds in tokenizing.items()},
        "all_cores_to_one": round(statistics.median(tokenizing[str(cores())]) / statistics.median(tokenizing["1"]), 2),
    }


def repeat(source: Path, target: Path, times: int) -> float:
    """A dump with the pages of another so many times over; its size in megabytes of XML."""
    whole = bz2.decompress(source.read_bytes())
    first, last = whole.index(b"<page>"), whole.rindex(b"</page>") + len(b"</page>")
    text = whole[:first] + whole[first:last] * times + whole[last:]
    target.write_bytes(bz2.compress(text))
    return len(text) / 1e6


def in_turn(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return found


def timed(words: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    return time.monotonic() - began


def tokenized(folder: Path, texts: Path, threads: int) -> float:
    """Megabytes of text a second on so many cores."""
    done = subprocess.run(
        [sys.executable, str(folder / "write_tokens.py"), str(texts), str(folder / "shard.bin"), str(threads)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAYON_NUM_THREADS": str(threads)},
    )
    size: float = texts.stat().st_size / 1e6
    return size / float(json.loads(done.stdout.splitlines()[-1])["seconds"])


if __name__ == "__main__":
    main()
