"""Ten thousand requests that nobody would send, to the endpoint's own program: no 500, no hang, memory flat.

    python -m benchmarks.fuzzing --model run/control [--requests 10000] [--schemathesis PROGRAM] [--write]

Bodies are made by hypothesis: bytes, any JSON, requests with values inside and outside their limits, cut ones, lines of them.
With --schemathesis (a program of its own environment, and no dependency) a fifth of the requests are those that it makes of
/openapi.json.
"""

import argparse
import http.client
import json
import re
import subprocess
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.processes import command_line, keep, machine
from benchmarks.serving import gigabytes, server
from inference.model import SCHEMA_FILE
from politico.control.format import Schema
from politico.control.request import Parameters

RESULTS = Path(__file__).parent / "results" / "fuzzing.json"
ALLOWED = {200, 400, 409, 413, 415}
SLOWEST = 60.0
"""Seconds after which SageMaker gives up."""
LINES = "application/jsonlines"
WARM = 2_000
"""Requests after which the memory should stay as it is: lists of what may follow a word's beginning are full by then, mostly."""
LOOKED_AT = 500
GROWN = 1.1

texts = st.text(max_size=40)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--model", type=Path, required=True, help="a model's folder; a small one, or it takes long")
    flags.add_argument("--requests", type=int, default=10_000)
    flags.add_argument("--schemathesis", help="its program, where it is installed")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    told = flags.parse_args()
    schema = Schema.from_json((told.model / SCHEMA_FILE).read_bytes())
    with server(told.model) as (port, _seconds, process):
        found = fuzzed(port, process.pid, schema, told.requests - (told.requests // 5 if told.schemathesis else 0))
        if told.schemathesis:
            found["schemathesis"] = by_schemathesis(told.schemathesis, port, told.requests // 5)
        memory = found["gigabytes"]
        memory["at the end"] = gigabytes(process.pid)
        warm = next((told for count, told in memory.items() if count == str(WARM)), memory["at the end"])
        assert memory["at the end"] <= GROWN * warm, memory
        assert process.poll() is None, "the server ended"
    about = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "command": command_line("benchmarks.fuzzing"), "machine": machine()}
    keep({**about, **found}, RESULTS, write=told.write)


def fuzzed(port: int, process: int, schema: Schema, count: int) -> dict[str, Any]:
    """Statuses, the slowest answer, and memory along the way. Raises AssertionError for what may not happen."""
    statuses: Counter[int] = Counter()
    memory: dict[str, float] = {}
    slowest, began = 0.0, time.monotonic()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(body=bodies(schema), kind=kinds, accept=st.sampled_from(["", "*/*", "application/json", LINES, "text/html"]))
    def ask(body: bytes, kind: str, accept: str) -> None:
        nonlocal slowest
        status, said, seconds = post(port, body, kind, accept)
        statuses[status] += 1
        slowest = max(slowest, seconds)
        assert status in ALLOWED, (status, body, kind, said[:500])
        assert seconds < SLOWEST, (seconds, body)
        check(status, said, body, kind, accept, schema)
        if statuses.total() % LOOKED_AT == 0:
            memory[str(statuses.total())] = gigabytes(process)
            print(statuses.total(), dict(statuses), round(slowest, 2), memory[str(statuses.total())], flush=True)

    ask()
    return {
        "requests": statuses.total(),
        "statuses": {str(status): number for status, number in sorted(statuses.items())},
        "slowest_seconds": round(slowest, 2),
        "seconds": round(time.monotonic() - began),
        "gigabytes": memory,
    }


kinds = st.one_of(
    st.just("application/json"),
    st.just("application/json"),
    st.sampled_from(["application/json; charset=utf-8", "APPLICATION/JSON", LINES, LINES, "text/csv", "", "application/json;;"]),
)


def bodies(schema: Schema) -> st.SearchStrategy[bytes]:
    """What is sent: most of it looks like a request."""
    asked = st.one_of(good_requests(schema), requests(schema)).map(lambda one: json.dumps(one).encode())
    broken = st.tuples(asked, st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]])
    raw = st.binary(max_size=200)
    deep = st.integers(1, 30_000).map(lambda count: b"[" * count + b"]" * count)
    json_of_any = anything.map(lambda one: json.dumps(one).encode())
    lines = st.lists(asked | raw | json_of_any, max_size=5).map(b"\n".join)
    large = st.integers(60_000, 70_000).map(lambda count: json.dumps({"inputs": "a" * count}).encode())
    return st.one_of(asked, asked, asked, broken, raw, deep, json_of_any, lines, lines, large)


def good_requests(schema: Schema) -> st.SearchStrategy[Any]:
    """Requests most of which can be met."""
    words = st.text('abcdeñáé ¿?!()«»"#@.,:1😀', max_size=12).map(lambda text: f"a{text}b")
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for one in schema.fields:
        values = schema.values.get(one.name)
        if one.many:
            fields[one.name] = st.lists(words, max_size=3)
        elif values:
            fields[one.name] = st.sampled_from(values)
    inputs = st.fixed_dictionaries({}, optional={**fields, "prompt": words}) | words
    how: dict[str, st.SearchStrategy[Any]] = {
        "num_return_sequences": st.integers(1, 3),
        "candidates": st.integers(1, 3),
        "temperature": st.floats(0.05, 5.0),
        "top_k": st.integers(0, 1000),
        "top_p": st.floats(0.01, 1.0),
        "repetition_penalty": st.floats(0.5, 5.0),
        "no_repeat_ngram_size": st.integers(0, 10),
        "guidance_scale": st.floats(1.0, 10.0),
        "insistence": st.floats(0.0, 1.0),
        "max_characters": st.integers(0, 60),
        "known_words": st.booleans(),
        "seed": st.integers(0, 2**32 - 1),
        "bad_words": st.lists(words, max_size=2),
    }
    beams = {"num_beams": st.integers(2, 10), "length_penalty": st.floats(-5.0, 5.0), "do_sample": st.booleans()}
    length = {"max_new_tokens": st.integers(1, 24)}
    drawn, searched = st.fixed_dictionaries(length, optional=how), st.fixed_dictionaries({**length, **beams})
    return st.fixed_dictionaries({"inputs": inputs, "parameters": drawn | drawn | searched})


def requests(schema: Schema) -> st.SearchStrategy[Any]:
    """Requests, some of which can be met."""
    named: dict[str, st.SearchStrategy[Any]] = {}
    for one in schema.fields:
        items = texts | st.sampled_from(["la salud", "#Chile", "@alguien", "  ", "[TWEET]", "e\u0301", "\ud83d"])
        known = st.sampled_from(schema.values[one.name]) if schema.values.get(one.name) else items
        named[one.name] = (st.lists(items, max_size=4) if one.many else known) | anything
    inputs = st.fixed_dictionaries({}, optional={**named, "prompt": texts | anything}) | texts | anything
    return st.fixed_dictionaries({"inputs": inputs}, optional={"parameters": parameters() | anything, "more": anything})


def parameters() -> st.SearchStrategy[Any]:
    """Each near its limits, on both sides; few tokens, for ten thousand requests take long enough."""
    small = {"max_new_tokens": st.integers(-1, 24), "num_return_sequences": st.integers(0, 4), "candidates": st.integers(0, 3)}
    given_ones: dict[str, st.SearchStrategy[Any]] = {}
    for name, one in Parameters.__dataclass_fields__.items():
        low, high = one.metadata.get("low"), one.metadata.get("high")
        if name in small:
            given_ones[name] = small[name]
        elif name == "bad_words":
            given_ones[name] = st.lists(texts, max_size=3)
        elif low is None:
            given_ones[name] = st.booleans() | st.none()
        elif isinstance(one.default, float):
            given_ones[name] = st.floats(low, high) | st.floats()
        elif high is not None:
            given_ones[name] = st.integers(low, min(high, 64)) | st.sampled_from([low - 1, high, high + 1]) | st.none()
    given_ones["preset"] = st.sampled_from(["casual", "control", "other"])
    length = {"max_new_tokens": given_ones.pop("max_new_tokens")}
    picked = st.fixed_dictionaries(length, optional=given_ones)
    return picked | st.dictionaries(st.sampled_from(list(given_ones)), anything, max_size=3)


def post(port: int, body: bytes, kind: str, accept: str) -> tuple[int, bytes, float]:
    """The status, the answer, and after how many seconds it was there."""
    began, connection = time.perf_counter(), http.client.HTTPConnection("127.0.0.1", port, timeout=SLOWEST + 10)
    try:
        headers = {"Content-Type": kind, **({"Accept": accept} if accept else {})}
        connection.request("POST", "/invocations", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), time.perf_counter() - began
    finally:
        connection.close()


def check(status: int, said: bytes, body: bytes, kind: str, accept: str, schema: Schema) -> None:
    """What is said is what the description says."""
    if status != 200:
        told = json.loads(said)
        assert told["error"], (body, told)
        assert told["message"], (body, told)
        return
    if kind == LINES:
        answers = [json.loads(line) for line in said.splitlines()]
        assert len(answers) == sum(bool(line.strip()) for line in body.split(b"\n")), (body, said)
    elif accept == LINES and b"describe" not in body:
        events = [json.loads(line) for line in said.splitlines()]
        assert events[-1]["event"] in ("tweet", "failed"), (body, said)
        assert events[-1].get("status") != 500, (body, said)
        answers = [[one["tweet"] for one in events if one["event"] == "tweet"]]
    else:
        answers = [json.loads(said)]
    for tweet in (one for answer in answers if isinstance(answer, list) for one in answer):
        text = tweet["generated_text"]
        assert tweet["synthetic"] is True
        assert "\N{REPLACEMENT CHARACTER}" not in text or b"\\ufffd" in body.lower(), (body, text)
        given_markers = [marker for marker in (*schema.markers, schema.end) if marker.encode() in body]
        assert not any(marker in text for marker in (*schema.markers, schema.end) if marker not in given_markers), (body, text)
    assert not any(isinstance(one, dict) and one.get("error") == "ServiceError" for one in answers), (body, said)


def by_schemathesis(program: str, port: int, count: int) -> dict[str, Any]:
    """What it says of so many requests."""
    with tempfile.TemporaryDirectory() as folder:
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        command = [program, "run", f"http://127.0.0.1:{port}/openapi.json", "-n", str(count), "--checks", checks]
        command += ["--request-timeout", "70", "--generation-database", "none", "--seed", "7", "--workers", "4"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    last = [line.strip() for line in done.stdout.splitlines() if line.strip()][-14:]
    print(*last, sep="\n", flush=True)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
    (cases,) = re.findall(r"(\d+) generated", done.stdout)[-1:]
    assert int(cases) >= count, done.stdout[-3_000:]
    return {"requests": int(cases), "failures": 0}


if __name__ == "__main__":
    main()
