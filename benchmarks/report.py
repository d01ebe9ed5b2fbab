"""The report of a large dataset beside reading it with pandas: seconds and memory, each in a process of its own, in turn.

    python -m benchmarks.report [--size 1173079] [--rounds 2] [--write]

The dataset is made up: so many tweets of 355 people over 1,000 days, in a Parquet file a day, as curation writes them. The peer
reads the same columns with `pandas.read_parquet` and counts by hour and person: the least that one of the figures takes.
"""

import argparse
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.processes import in_turn, keep

RESULTS = Path(__file__).parent / "results" / "report.json"
PEOPLE, PARTIES, DAYS, WORDS = 355, 20, 1_000, 3_000
MOODS = ("POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED")
PEER = """
import sys
from pathlib import Path
import pandas as pd
columns = ["created_at", "screen_name", "name", "party", "coalition", "sentiment", "text", "hashtags", "entities"]
tweets = pd.concat([pd.read_parquet(path, columns=columns) for path in sorted(Path(sys.argv[1]).glob("dt=*/tweets.parquet"))])
print(tweets.groupby(["screen_name", tweets["created_at"].dt.hour]).size().unstack(fill_value=0).mean().to_dict())
"""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--size", type=int, default=1_173_079, help="tweets")
    flags.add_argument("--rounds", type=int, default=2, help="measurements of each, in turn")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    given = flags.parse_args()
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        dataset = make_up(Path(name) / "dataset", given.size)
        ways = {
            "ours": [sys.executable, "-m", "cli.main", "report", "--dataset", str(dataset), "--out", f"{name}/report"],
            "pandas": [sys.executable, "-c", PEER, str(dataset)],
        }
        figures = in_turn("benchmarks.report", ways, rounds=given.rounds, tweets=given.size)
    keep(figures, RESULTS, write=given.write)


def make_up(folder: Path, size: int) -> Path:
    """So many tweets of words that do not exist."""
    random = np.random.default_rng(1)
    words = np.array(["".join(random.choice(list("aeiourstlnmp"), random.integers(2, 9))) for _ in range(WORDS)])
    first = date(2022, 1, 1)
    for day, count in enumerate(np.full(DAYS, size // DAYS) + (np.arange(DAYS) < size % DAYS)):
        who = random.zipf(1.4, count) % PEOPLE
        moments = np.datetime64(first + timedelta(days=day), "ms") + random.integers(3 * 3600, 26 * 3600, count) * 1000
        texts = [" ".join(words[random.zipf(1.3, random.integers(5, 35)) % WORDS]) for _ in range(count)]
        named = [[{"text": words[one].capitalize(), "type": "PERSON", "score": 0.9}] for one in random.integers(0, WORDS, count)]
        table = pa.table(
            {
                "id_str": [f"{day:05}{one:06}" for one in range(count)],
                "created_at": pa.array(moments, pa.timestamp("ms")).cast(pa.timestamp("ms", tz="UTC")),
                "screen_name": [f"persona{one}" for one in who],
                "name": [f"Persona {one}" for one in who],
                "coalition": [f"C{one % 4}" for one in who],
                "party": [f"P{one % PARTIES}" for one in who],
                "text": texts,
                "hashtags": [[words[one]] if one % 3 == 0 else [] for one in random.integers(0, WORDS, count)],
                "entities": named,
                "sentiment": [MOODS[one] for one in random.integers(0, 4, count)],
            }
        )
        path = folder / f"dt={first + timedelta(days=day)}" / "tweets.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(table, path)
    return folder


if __name__ == "__main__":
    main()
