"""Does `fetch` keep X's connection busy? Its pages a second beside a bare loop of requests, the stand-in's own pace.

Run: python -m benchmarks.fetch [--pages 32] [--rounds 5] [--latency 0.1] [--write]

One run, in turn: the bare loop, `fetch` (through the real ledger and lake, on moto's server), and `fetch` that asks for a page
only when the one before is noted. Stand-in and moto are processes of their own. Each reads the timelines of the same size anew.
`--write` keeps the figures in benchmarks/results/fetch.json.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from benchmarks.processes import machine, served
from local.account import REGION, X_TOKEN, environment
from local.processes.ports import HOST, free_port
from politico.tweets.tweet import write_time

RESULTS = Path(__file__).parent / "results" / "fetch.json"
TARGET = 0.9
"""`fetch` is to reach this share of the bare loop's pace."""
NOW = datetime(2024, 5, 3, 12, tzinfo=UTC)
BUCKET, TABLE, RUN = "benchmark-lake", "benchmark-ledger", "20240503-120000-00000001"
_TEXT = "Seguimos trabajando junto a las vecinas y los vecinos de la costa, con el nuevo muelle y más horas de consulta #Estuario"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pages", type=int, default=32, help="pages of 100 posts an account; X shows at most 32")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds that each answer of the stand-in takes")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.parent.name}/{RESULTS.name}")
    parser.add_argument("--serve-x", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve_x:
        _serve_x(given.serve_x, given.pages, 3 * given.rounds, given.latency)
        return 0
    os.environ["NO_PROXY"] = "*"
    with ExitStack() as stack:
        x, moto = free_port(), free_port()
        os.environ |= environment(moto)
        options = ["--pages", given.pages, "--rounds", given.rounds, "--latency", given.latency]
        stack.enter_context(served("-m", "benchmarks.fetch", "--serve-x", x, *options, address=f"http://{HOST}:{x}/local/x"))
        stack.enter_context(served("-m", "moto.server", "-p", moto, address=f"http://{HOST}:{moto}/moto-api/"))
        figures = _measure(f"http://{HOST}:{x}", given.pages, given.rounds)
    figures |= {"latency_seconds": given.latency, "machine": machine()}
    _show(figures)
    if given.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def _measure(x: str, pages: int, rounds: int) -> dict[str, Any]:
    """Pages a second of each reader, round by round; every reading has an account of its own."""
    import boto3

    from politico.ingest.fetching import Fetch
    from politico.lake.bucket import Lake
    from politico.ledger.table import KEY, Ledger
    from politico.x.timelines import Timeline

    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    table = boto3.resource("dynamodb", region_name=REGION).create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    timeline = Timeline(X_TOKEN, x)

    def fetch(user_id: str, *, ahead: bool) -> int:
        work = Fetch(
            lake=Lake(s3, BUCKET),
            ledger=Ledger(table),
            timeline=timeline,
            monthly_cap=10**9,
            reference=NOW,
            now=lambda: datetime.now(UTC),
            ahead=ahead,
        )
        assert work.account(RUN, user_id, lambda: True), "there was time enough"
        return work.pages

    session = requests.Session()
    readers: dict[str, Callable[[str], int]] = {
        "bare": lambda user_id: _read_bare(session, x, user_id),
        "fetch": lambda user_id: fetch(user_id, ahead=True),
        "one_by_one": lambda user_id: fetch(user_id, ahead=False),
    }
    paces: dict[str, list[float]] = {name: [] for name in readers}
    accounts = iter(range(1, 3 * rounds + 1))
    for _ in range(rounds):
        for name, read in readers.items():
            user_id = str(next(accounts))
            began = time.perf_counter()
            assert read(user_id) == pages, f"{name} read another number of pages"
            paces[name].append(pages / (time.perf_counter() - began))
    medians = {name: statistics.median(paces[name]) for name in readers}
    return {
        "pages": pages,
        "pages_a_second": medians,
        "rounds": paces,
        "fetch_of_bare": statistics.median(one / other for one, other in zip(paces["fetch"], paces["bare"], strict=True)),
        "one_by_one_of_bare": statistics.median(
            one / other for one, other in zip(paces["one_by_one"], paces["bare"], strict=True)
        ),
    }


def _read_bare(session: requests.Session, x: str, user_id: str) -> int:
    """The plainest loop over the same pages: nothing is kept but the oldest id, which the next question needs."""
    from politico.x.timelines import PAGE_SIZE, POST_FIELDS

    asked = {"max_results": str(PAGE_SIZE), "tweet.fields": POST_FIELDS}
    for page in range(1, 1000):
        answer = session.get(f"{x}/2/users/{user_id}/tweets", params=asked, headers={"Authorization": f"Bearer {X_TOKEN}"})
        body = answer.json()
        if "next_token" not in body["meta"]:
            return page
        asked["until_id"] = body["meta"]["oldest_id"]
    raise AssertionError("a timeline ends")


def _serve_x(port: int, pages: int, accounts: int, latency: float) -> None:
    """Be the stand-in for X, with so many accounts of so many pages."""
    import uvicorn
    from starlette.applications import Starlette

    from local.x.api import XApi
    from politico.x.timelines import PAGE_SIZE

    api = XApi(latency_seconds=latency)
    users = [{"id": str(number), "username": f"cuenta{number}", "name": f"Cuenta {number}"} for number in range(1, accounts + 1)]
    api.load((_post(user["id"], number) for user in users for number in range(pages * PAGE_SIZE)), users)
    uvicorn.run(Starlette(routes=api.routes()), host=HOST, port=port, log_level="error", lifespan="off")


def _post(user_id: str, number: int) -> dict[str, Any]:
    """A post with all that the project asks X for; about as many bytes as a real one."""
    id_str = str(1_700_000_000_000_000_000 + int(user_id) * 10**12 + number * 10**6)
    written = NOW - timedelta(days=400) + timedelta(hours=number)
    return {
        "id": id_str,
        "author_id": user_id,
        "created_at": write_time(written),
        "text": f"{_TEXT} {number} https://t.co/{number:010}",
        "lang": "es",
        "edit_history_tweet_ids": [id_str],
        "edit_controls": {
            "edits_remaining": 5,
            "is_edit_eligible": True,
            "editable_until": write_time(written + timedelta(hours=1)),
        },
        "public_metrics": {"retweet_count": 3, "reply_count": 1, "like_count": 14, "quote_count": 0, "impression_count": 950},
        "entities": {
            "hashtags": [{"start": 111, "end": 120, "tag": "Estuario"}],
            "urls": [
                {"start": 125, "end": 148, "url": f"https://t.co/{number:010}", "expanded_url": f"https://ejemplo.test/{number}"}
            ],
        },
    }


def _show(figures: dict[str, Any]) -> None:
    machine = figures["machine"]
    print(
        f"{figures['pages']} pages of 100 posts, {figures['latency_seconds'] * 1000:.0f} ms an answer; medians of "
        f"{len(figures['rounds']['fetch'])} rounds in turn; {machine['cores']} cores, Python {machine['python']}, "
        f"load {machine['load_at_the_end']}"
    )
    for name, said in (("bare", "a bare loop of requests"), ("fetch", "fetch"), ("one_by_one", "fetch, one page after another")):
        share = figures.get(f"{name}_of_bare")
        print(
            f"  {said:32}{figures['pages_a_second'][name]:6.2f} pages/s" + (f"  {share:6.1%} of the bare loop" if share else "")
        )
    reached = "reached" if figures["fetch_of_bare"] >= TARGET else "missed"
    print(f"  at least {TARGET:.0%} is wanted: {reached}")


if __name__ == "__main__":
    raise SystemExit(main())
