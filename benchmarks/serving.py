"""Tokens a second of the endpoint, beside transformers and CTranslate2; many callers; and half an hour of too many.

    python -m benchmarks.serving [--rounds 3] [--write]              the loop, the server, the cold start
    python -m benchmarks.serving --minutes 30 [--write]              at capacity, then half as long at twice capacity

The thesis's network (12 layers, 768 wide, 50,264 pieces) with random weights: what it writes is no language, how long it takes is
the same. A prompt of 48 tokens, 60 more, of the 50 likeliest those that hold 0.9 of the probability. Needs `pip install
ctranslate2`, a peer and no dependency.
"""

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.processes import command_line, machine
from inference.model import WEIGHTS_FILE, load_model, save_model
from inference.writing.decoding import Writer
from inference.writing.drawing import Manner
from inference.writing.network import BF16, FP32, INT8, Network
from inference.writing.under_way import Draft
from local.processes.ports import free_port
from politico.control.political import SCHEMA
from politico.control.request import Parameters

RESULTS = Path(__file__).parent / "results" / "serving.json"
VOCABULARY, PROMPT, NEW = 50_264, 48, 60
HOW: dict[str, Any] = {"top_k": 50, "top_p": 0.9, "temperature": 1.0, "min_new_tokens": NEW, "max_new_tokens": NEW}
BATCHES, CALLERS = (1, 8, 32), (1, 8, 32)
WHOLE = 4
"""A round of a batch is so many batches for the small ones, so that none is over in a moment."""

Write = Callable[[int], None]
"""So many tweets at once."""


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--rounds", type=int, default=3, help="measurements of each, in turn")
    flags.add_argument("--minutes", type=float, default=0, help="of load at capacity; half as many follow at twice capacity")
    flags.add_argument("--write", action="store_true", help=f"store the figures in {RESULTS}")
    flags.add_argument("--way", nargs=2, metavar=("NAME", "MODEL"), help=argparse.SUPPRESS)  # what writes, in its process
    given = flags.parse_args()
    if given.way:
        serve_way(given.way[0], Path(given.way[1]))
        return
    with tempfile.TemporaryDirectory(prefix="politico-benchmark-") as name:
        folder = make_model(Path(name) / "model")
        found = {"load": under_load(folder, given.minutes)} if given.minutes else measured(folder, given.rounds)
    told = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "command": command_line("benchmarks.serving"), "machine": machine()}
    print(json.dumps(found, indent=1))
    if given.write:
        kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        kept["load" if given.minutes else "speed"] = {**told, **found}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


def make_model(folder: Path) -> Path:
    """A model folder of the thesis's size, with random weights and made-up pieces."""
    torch.manual_seed(0)
    network = GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=512)).eval()
    save_model(folder, network, _tokenizer(), SCHEMA, {"name": "of the thesis's size, untrained", "kind": "benchmark"})
    return folder


def _tokenizer() -> Tokenizer:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = [*SCHEMA.markers, SCHEMA.end]
    small = [chr(number) for number in range(ord("a"), ord("z") + 1)]
    pairs = ["".join(pair) for pair in product(small, small)]
    merges = [(pair[0], pair[1]) for pair in pairs] + list(product(pairs, pairs))
    merges = merges[: VOCABULARY - len(letters) - len(special)]
    words = [*special, *letters, *("".join(merge) for merge in merges)]
    tokenizer = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special)
    return tokenizer


# The loop, beside its peers


WAYS = ("transformers fp32", "transformers bf16", "CTranslate2 int8", f"ours {FP32}", f"ours {BF16}", f"ours {INT8}")


def measured(folder: Path, rounds: int) -> dict[str, Any]:
    """All but the load."""
    found: dict[str, dict[str, list[float]]] = {name: {str(batch): [] for batch in BATCHES} for name in WAYS}
    with ExitStack() as open_ways:
        ways = {name: open_ways.enter_context(_way(name, folder)) for name in WAYS}
        for batch in BATCHES:
            for turn in range(rounds + 1):
                for name, seconds in ways.items():
                    times = WHOLE if batch == 1 else 1
                    took = sum(seconds(batch) for _ in range(times))
                    if turn:  # the first is for warming up
                        found[name][str(batch)].append(round(times * batch * NEW / took, 1))
                print(batch, {name: rows[str(batch)][-1:] for name, rows in found.items()}, flush=True)
    return {
        "libraries": {name: version(name) for name in ("torch", "transformers", "ctranslate2")},
        "tokens_a_second": found,
        "medians": {name: {batch: statistics.median(rows) for batch, rows in by.items()} for name, by in found.items()},
        "server": _served(folder, rounds),
        "cold_start_seconds": _cold_start(folder, rounds),
    }


@contextmanager
def _way(name: str, folder: Path) -> Iterator[Callable[[int], float]]:
    """A process of its own, for threads that wait awake for one way are in another's; how many seconds a batch takes it."""
    command = [sys.executable, "-m", "benchmarks.serving", "--way", name, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ask, hear = process.stdin, process.stdout
    assert ask is not None, "it is started with a pipe"
    assert hear is not None, "it is started with a pipe"

    def seconds(batch: int) -> float:
        print(batch, file=ask, flush=True)
        return float(hear.readline())

    try:
        yield seconds
    finally:
        ask.close()
        process.wait(60)


def serve_way(name: str, folder: Path) -> None:
    """Write a batch of each size that comes in, and say how many seconds it took."""
    ids = torch.randint(300, VOCABULARY, (max(BATCHES), PROMPT), generator=torch.Generator().manual_seed(1)).tolist()
    library, precision = name.split()
    if library == "transformers":
        dtype = torch.bfloat16 if precision == BF16 else torch.float32
        write = _transformers(GPT2LMHeadModel.from_pretrained(folder, dtype=dtype).eval(), ids)
    else:
        write = _ctranslate2(folder, ids) if library == "CTranslate2" else _ours(folder, precision, ids)
    for line in sys.stdin:
        began = time.perf_counter()
        write(int(line))
        print(time.perf_counter() - began, flush=True)


def _transformers(network: GPT2LMHeadModel, ids: Sequence[Sequence[int]]) -> Write:
    @torch.no_grad()
    def write(batch: int) -> None:
        given = torch.tensor(ids[:batch])
        rows = network.generate(
            given, attention_mask=torch.ones_like(given), do_sample=True, eos_token_id=0, pad_token_id=0, bos_token_id=0, **HOW
        )
        assert rows.shape == (batch, PROMPT + NEW)

    return write


def _ctranslate2(folder: Path, ids: Sequence[Sequence[int]]) -> Write:
    import ctranslate2

    converted = folder.with_name("converted")
    ctranslate2.converters.TransformersConverter(str(folder)).convert(str(converted), quantization="int8", force=True)
    generator = ctranslate2.Generator(str(converted), compute_type="int8", inter_threads=1, intra_threads=torch.get_num_threads())
    pieces = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokens = [[pieces.id_to_token(one) for one in row] for row in ids]

    def write(batch: int) -> None:
        how = {"max_length": NEW, "min_length": NEW, "sampling_topk": 50, "sampling_topp": 0.9}
        rows = generator.generate_batch(tokens[:batch], include_prompt_in_result=False, max_batch_size=batch, **how)
        assert {len(row.sequences_ids[0]) for row in rows} == {NEW}

    return write


def _ours(folder: Path, precision: str, ids: Sequence[Sequence[int]]) -> Write:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the server does
    writer = Writer(Network(load_model(folder).network, precision), threads=threads)
    parameters = Parameters(insistence=0, **HOW)

    def write(batch: int) -> None:
        drafts = [Draft(Manner(tuple(row), (row[-1],), parameters, 0, seed)) for seed, row in enumerate(ids[:batch])]
        writer.write(drafts)
        assert {len(one.ids) for one in drafts} == {NEW}

    return write


# The server


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, float, "subprocess.Popen[bytes]"]]:
    """Its port, how many seconds it took to be ready, and its process."""
    port, began = free_port(), time.perf_counter()
    environment = {**os.environ, "SM_MODEL_DIR": str(folder), "BIND_HOST": "127.0.0.1", "SAGEMAKER_BIND_TO_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "inference.server"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _pings(port):
            assert process.poll() is None, "the server ended before it served"
            time.sleep(0.05)
        yield port, time.perf_counter() - began, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _pings(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _asked(number: int) -> bytes:
    """A request whose prompt is 48 tokens long with its marker."""
    words = ["abcd"] * (PROMPT - 1)
    parameters = {**HOW, "seed": number, "max_characters": 0, "insistence": 0}
    return json.dumps({"inputs": "".join(words), "parameters": parameters}).encode()


def _post(port: int, body: bytes) -> tuple[int, float]:
    """The status, and after how many seconds it came."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    try:
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - began
    finally:
        connection.close()


def _served(folder: Path, rounds: int) -> dict[str, Any]:
    """Tokens a second and seconds a tweet, with so many callers who each ask again at once."""
    found: dict[str, list[dict[str, float]]] = {str(callers): [] for callers in CALLERS}
    with server(folder) as (port, _seconds, _process):
        for turn in range(rounds + 1):
            for callers in CALLERS:
                with ThreadPoolExecutor(callers) as pool:
                    began, count = time.perf_counter(), max(16, 3 * callers)
                    answers = list(pool.map(lambda number: _post(port, _asked(number)), range(count)))
                    seconds = time.perf_counter() - began
                assert {status for status, _ in answers} == {200}, Counter(status for status, _ in answers)
                if turn:
                    each = sorted(took for _, took in answers)
                    row = {"tokens_a_second": count * NEW / seconds, "p50": _at(each, 0.5), "p95": _at(each, 0.95)}
                    found[str(callers)].append({name: round(value, 3) for name, value in row.items()})
            print({callers: rows[-1:] for callers, rows in found.items()}, flush=True)
    return found


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cold_start(folder: Path, rounds: int) -> dict[str, list[float]]:
    """From a process's start to its first ping, beside the reading of the weights alone in a process that has torch."""
    starts, reads = [], []
    for _ in range(rounds):
        with server(folder) as (_port, seconds, _process):
            starts.append(round(seconds, 2))
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", READ, str(folder / WEIGHTS_FILE)], check=True)
        reads.append(round(time.perf_counter() - began, 2))
    return {"server": starts, "transformers reads the model": reads}


READ = """
import sys
from pathlib import Path
from transformers import GPT2LMHeadModel
GPT2LMHeadModel.from_pretrained(Path(sys.argv[1]).parent)
"""


# Load


def under_load(folder: Path, minutes: float) -> dict[str, Any]:
    """As many callers as there are places, then twice as many: statuses, and the memory at the end of both."""
    from inference.callers import MOST_CALLERS

    found: dict[str, Any] = {}
    with server(folder) as (port, _seconds, process):
        _all_ask(port, MOST_CALLERS, 0.5)
        before = gigabytes(process.pid)
        for name, callers, long in (
            ("at capacity", MOST_CALLERS, minutes),
            ("at twice capacity", 2 * MOST_CALLERS, minutes / 2),
        ):
            answers = _all_ask(port, callers, long)
            each = sorted(took for status, took in answers if status == 200)
            found[name] = {
                "callers": callers,
                "statuses": dict(Counter(status for status, _ in answers)),
                "minutes": long,
                "tokens_a_second": round(len(each) * NEW / (long * 60), 1),
                "p50": round(_at(each, 0.5), 2),
                "p95": round(_at(each, 0.95), 2),
                "gigabytes": gigabytes(process.pid),
            }
            print(name, found[name], flush=True)
        found["gigabytes after half a minute"] = before
    return found


def _all_ask(port: int, callers: int, minutes: float) -> list[tuple[int, float]]:
    """Each asks again as soon as it is answered, or after a second where it is turned away."""
    until, answers, lock = time.monotonic() + 60 * minutes, [], threading.Lock()

    def ask(number: int) -> None:
        while time.monotonic() < until:
            answer = _post(port, _asked(number))
            with lock:
                answers.append(answer)
            if answer[0] != 200:
                time.sleep(1)

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(ask, range(callers)))
    return answers


def gigabytes(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return round(int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1e6, 3)


if __name__ == "__main__":
    main()
