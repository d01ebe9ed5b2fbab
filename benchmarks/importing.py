"""One table of a million tweets, imported, beside pandas' reading and filtering it: seconds and memory, in turn.

    python -m benchmarks.importing [--size 1173079] [--rounds 2] [--write]

Real tweets with new ids and days (see replay.py) in a CSV file. Ours is what `politico import` does before it starts the
workflow: every row judged, the rejects written, the posts stored as pages, in a folder instead of a bucket. The peer reads the
file with pandas, leaves out retweets, strangers and what has fewer than five words, and keeps nothing.
"""

import argparse
import csv
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks import replay
from benchmarks.curating import lake_in
from benchmarks.processes import in_turn, keep
from cli.importing.command import describe_reading, store
from cli.importing.inputs import read_files
from cli.importing.unfinished import Standing, Unfinished

RESULTS = Path(__file__).parent / "results" / "importing.json"
COLUMNS = ("id_str", "created_at", "user_id", "screen_name", "text", "in_reply_to_status_id", "is_retweet", "lang", "like_count")
PEER = r"""
import html, sys
import pandas as pd
people = pd.read_csv(f"{sys.argv[1]}/people.csv", dtype=str)
tweets = pd.read_csv(f"{sys.argv[1]}/tweets.csv", dtype=str, keep_default_na=False)
tweets["created_at"] = pd.to_datetime(tweets["created_at"], utc=True)
tweets = tweets[(tweets["is_retweet"] != "True") & ~tweets["text"].str.startswith("RT @")]
tweets = tweets.drop_duplicates("id_str").merge(people, on="user_id")
tweets["text"] = tweets["text"].map(html.unescape).str.replace(r"https?://\S+", " ", regex=True).str.split().str.join(" ")
tweets = tweets[tweets["text"].str.count(r"\w\S*") >= 5]
print(len(tweets))
"""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--size", type=int, default=replay.FULL_SIZE, help="tweets")
    flags.add_argument("--rounds", type=int, default=2, help="measurements of each, in turn")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    flags.add_argument("--import-from", type=Path, help=argparse.SUPPRESS)  # what a round of ours does, in its process
    given = flags.parse_args()
    if given.import_from:
        import_all(given.import_from)
        return
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        make_up(Path(name), given.size)
        ways = {
            "ours": [sys.executable, "-m", "benchmarks.importing", "--import-from", name],
            "pandas": [sys.executable, "-c", PEER, name],
        }
        figures = in_turn("benchmarks.importing", ways, rounds=given.rounds, tweets=given.size)
    keep(figures, RESULTS, write=given.write)


def make_up(folder: Path, size: int) -> None:
    """`tweets.csv` and `people.csv`, as another tool would have written them."""
    accounts = replay.accounts(size)
    (folder / "people.csv").write_text(replay.registry(accounts).to_csv(), encoding="utf-8")
    with (folder / "tweets.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows(itertools.chain.from_iterable(map(_rows, accounts)))


def _rows(account: replay.Account) -> Iterator[list[str]]:
    gap = timedelta(days=replay.DAYS) / account.posts
    for number, row in zip(range(account.posts), itertools.cycle(account.texts)):
        moment = replay.REFERENCE - timedelta(days=1) - gap * number
        answered, repeats = row["in_reply_to_status_id"], str(row["text"].startswith("RT @"))
        id_str = replay.id_at(account, moment)
        who = [account.user_id, f"copy{account.number}"]
        yield [id_str, f"{moment:%Y-%m-%d %H:%M:%S+00:00}", *who, row["text"], answered, repeats, "es", row["favorite_count"]]


def import_all(folder: Path) -> None:
    """As the command does before the workflow."""
    began = time.monotonic()
    posts, rejected = folder / "posts.jsonl", folder / "rejected.jsonl"
    inputs = read_files(folder / "tweets.csv", folder / "people.csv", posts, rejected, ZoneInfo("America/Santiago"))
    read = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as lake:
        services: Any = SimpleNamespace(lake=lake_in(Path(lake)), ledger=SimpleNamespace(hand_over=lambda user_id, run: None))
        progress = Standing("benchmark", replay.run_of_day(0), datetime.now(UTC).isoformat())
        stored = store(services, inputs.posts, Unfinished(folder, progress, False), inputs.reference)
    print(f"{describe_reading(inputs, rejected)}; {stored.pages:,} pages", file=sys.stderr)
    print(f"read in {read - began:.1f} s, stored in {time.monotonic() - read:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
