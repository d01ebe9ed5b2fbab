"""What a call to the local cloud's AWS services takes, beside moto's server as it comes: `local/moto_caches.py` is why.

Run: python -m benchmarks.local_calls [--calls 200] [--rounds 5] [--write]

Both servers are up at once, each in a process of its own, and are asked in turn. `--write` keeps the figures in
benchmarks/results/local_calls.json.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3

from benchmarks.processes import machine, served
from local.account import client, environment
from local.processes.ports import HOST, free_port

RESULTS = Path(__file__).parent / "results" / "local_calls.json"
BUCKET, TABLE = "benchmark", "benchmark"
_WITH_CACHES = "from local import moto_caches; moto_caches.install(); from moto.server import main; main(['-p', '{port}'])"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=200, help="of each kind, in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.parent.name}/{RESULTS.name}")
    given = parser.parse_args()
    os.environ["NO_PROXY"] = "*"
    with ExitStack() as stack:
        ports = {"moto": free_port(), "ours": free_port()}
        os.environ |= environment(ports["ours"])
        addresses = {name: f"http://{HOST}:{port}/moto-api/" for name, port in ports.items()}
        stack.enter_context(served("-m", "moto.server", "-p", ports["moto"], address=addresses["moto"]))
        stack.enter_context(served("-c", _WITH_CACHES.format(port=ports["ours"]), address=addresses["ours"]))
        calls = {name: _calls(port) for name, port in ports.items()}
        taken: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in ports} for kind in calls["moto"]}
        for _ in range(given.rounds):
            for kind, by_server in taken.items():
                for name, found in by_server.items():
                    found.append(_milliseconds(calls[name][kind], given.calls))
    medians = {kind: {name: statistics.median(found) for name, found in one.items()} for kind, one in taken.items()}
    figures = {"calls": given.calls, "milliseconds": medians, "rounds": taken, "machine": machine()}
    for kind, one in medians.items():
        print(f"{kind:24}moto {one['moto']:6.2f} ms   ours {one['ours']:6.2f} ms   {one['ours'] / one['moto']:.2f} of moto's")
    if given.write:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def _calls(port: int) -> dict[str, Callable[[], Any]]:
    """One call of each everyday kind, everything for it in place."""
    s3 = client("s3", port)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="a/b", Body=b"x" * 1000)
    client("dynamodb", port).create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table = boto3.resource("dynamodb", endpoint_url=f"http://localhost:{port}").Table(TABLE)

    def missing() -> None:
        try:
            s3.get_object(Bucket=BUCKET, Key="a/none")
        except s3.exceptions.NoSuchKey:
            return

    return {
        "S3 get": lambda: s3.get_object(Bucket=BUCKET, Key="a/b")["Body"].read(),
        "S3 put": lambda: s3.put_object(Bucket=BUCKET, Key="a/c", Body=b"x" * 1000),
        "S3 list": lambda: s3.list_objects_v2(Bucket=BUCKET, Prefix="a/"),
        "S3 get, none there": missing,
        "DynamoDB get": lambda: table.get_item(Key={"key": "a"}),
        "DynamoDB update": lambda: table.update_item(
            Key={"key": "a"}, UpdateExpression="ADD posts :n", ExpressionAttributeValues={":n": 1}
        ),
    }


def _milliseconds(call: Callable[[], Any], times: int) -> float:
    """The median of so many calls."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    raise SystemExit(main())
