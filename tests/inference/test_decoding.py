"""The decoding loop: transformers' own `generate` is its judge, and no draft feels the others."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from cli.openapi import describe
from inference.writing.decoding import Writer
from inference.writing.drawing import Manner, Rule, candidates
from inference.writing.network import BF16, FP32, INT8, PRECISIONS, Network, fitting_precision
from inference.writing.under_way import Draft
from politico.control.request import Parameters

END, WORDS = 0, 300
LENGTH = 96


@pytest.fixture(scope="module")
def trained() -> GPT2LMHeadModel:
    """Random weights, but large enough that the likeliest token is clearly so."""
    torch.set_num_threads(1)
    with torch.random.fork_rng([]):
        torch.manual_seed(4)
        config = GPT2Config(vocab_size=WORDS, n_positions=LENGTH, n_embd=64, n_layer=3, n_head=4, initializer_range=0.2)
        return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module", params=[FP32, INT8])
def writer(trained: GPT2LMHeadModel, request: pytest.FixtureRequest) -> Writer:
    return Writer(Network(trained, request.param))


def draft(
    beginning: Sequence[int] = (5, 6, 7),
    seed: int = 1,
    banned: Sequence[Sequence[int]] = (),
    rules: Sequence[Rule] = (),
    **parameters: Any,
) -> Draft:
    given_parameters = Parameters(**{"max_new_tokens": 20, "min_new_tokens": 20, "insistence": 0.0, **parameters})
    return Draft(Manner(tuple(beginning), tuple(beginning[-2:]), given_parameters, END, seed, rules=rules, banned=banned))


def written(writer: Writer, drafts: Sequence[Draft]) -> list[list[int]]:
    writer.write(drafts)
    return [one.ids for one in drafts]


# What it writes


@torch.no_grad()
def by_transformers(network: GPT2LMHeadModel, beginning: Sequence[int], **settings_: Any) -> list[int]:
    ids = torch.tensor([list(beginning)])
    how: dict[str, Any] = {"max_new_tokens": 20, "eos_token_id": END, "pad_token_id": END, "do_sample": False, **settings_}
    rows = network.generate(ids, attention_mask=torch.ones_like(ids), **how)
    found: list[int] = rows[0, len(beginning) :].tolist()
    return found


@settings(deadline=None, max_examples=25)
@given(beginning=st.lists(st.integers(1, WORDS - 1), min_size=2, max_size=30), least=st.integers(0, 20))
def test_greedily_it_writes_what_transformers_writes(trained: GPT2LMHeadModel, beginning: list[int], least: int) -> None:
    (found,) = written(Writer(Network(trained, FP32)), [draft(beginning, do_sample=False, min_new_tokens=least)])
    assert found == by_transformers(trained, beginning, min_new_tokens=least)


def test_runs_of_tokens_that_are_banned_stay_out_as_transformers_keeps_them(trained: GPT2LMHeadModel) -> None:
    free = by_transformers(trained, (5, 6, 7), min_new_tokens=20)
    banned = [free[:1], free[3:5], [7, free[0], 9]]
    (found,) = written(Writer(Network(trained, FP32)), [draft(do_sample=False, banned=banned)])
    assert found == by_transformers(trained, (5, 6, 7), min_new_tokens=20, bad_words_ids=banned)
    assert found != free


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_is_near_the_trained_network(trained: GPT2LMHeadModel, precision: str) -> None:
    network, ids = Network(trained, precision), [[5, 6, 7, 8, 9], [100, 3]]
    with torch.no_grad():
        wanted = [trained(torch.tensor([row])).logits[0] for row in ids]
    close = {FP32: 1e-5, BF16: 0.05, INT8: 0.05}[precision]
    for row, logits in zip(ids, wanted, strict=True):
        found = network.read(row, network.cache(10), last=len(row))
        assert float((found - logits).std() / logits.std()) < close
        cache = network.cache(10)
        network.read(row[:-1], cache)
        (after,) = network.step([row[-1]], [cache], [len(row) - 1])
        assert float((after - logits[-1]).std() / logits.std()) < close


def test_a_network_with_other_scales_is_worked_out_as_it_was_trained() -> None:
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=50, n_positions=16, n_embd=32, n_layer=3, n_head=2, initializer_range=0.3)
    config.scale_attn_by_inverse_layer_idx, config.activation_function = True, "relu"
    trained = GPT2LMHeadModel(config).eval()
    network = Network(trained, FP32)
    with torch.no_grad():
        wanted = trained(torch.tensor([[3, 4, 5]])).logits[0]
    assert torch.allclose(network.read([3, 4, 5], network.cache(3), last=3), wanted, atol=1e-5)


# Nobody feels the others

asked_for = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "beginning": st.lists(st.integers(1, WORDS - 1), min_size=2, max_size=24).map(tuple),
        "max_new_tokens": st.integers(1, 24),
        "min_new_tokens": st.just(0),
        "temperature": st.sampled_from([0.5, 1.0, 3.0]),
        "top_k": st.sampled_from([0, 3, 50]),
        "top_p": st.sampled_from([0.5, 0.9, 1.0]),
        "guidance_scale": st.sampled_from([1.0, 1.0, 2.5]),
    }
)


@settings(deadline=None, max_examples=30)
@given(wishes=st.lists(asked_for, min_size=2, max_size=30), most=st.sampled_from([3, 8, 48]))
def test_a_draft_is_the_same_alone_and_among_thirty_others(
    trained: GPT2LMHeadModel, wishes: list[dict[str, Any]], most: int
) -> None:
    """In int8 to the last bit: whole numbers sum to the same in any order."""
    network = Network(trained, INT8)
    alone = [written(Writer(network), [draft(**wish)])[0] for wish in wishes]
    assert written(Writer(network, most), [draft(**wish) for wish in wishes]) == alone


@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(st.integers(1, 40), st.integers(1, WORDS - 1)), min_size=2, max_size=20),
    threads=st.sampled_from([1, 2]),
)
def test_a_rows_numbers_are_equal_bit_for_bit_whoever_stands_beside_it(
    trained: GPT2LMHeadModel, rows: list[tuple[int, int]], threads: int
) -> None:
    network = Network(trained, INT8)
    torch.set_num_threads(threads)
    try:
        caches = []
        for length, token in rows:
            caches.append(network.cache(64))
            network.read([(token + place) % WORDS for place in range(length)], caches[-1])
        together = network.step([token for _, token in rows], [one.clone() for one in caches], [length for length, _ in rows])
        for row, (cache, (length, token)) in enumerate(zip(caches, rows, strict=True)):
            assert torch.equal(network.step([token], [cache], [length])[0], together[row])
    finally:
        torch.set_num_threads(1)


def test_in_fp32_a_rows_numbers_differ_by_less_than_a_millionth_of_their_spread(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, FP32)
    caches = [network.cache(30) for _ in range(20)]
    for number, cache in enumerate(caches):
        network.read([number + 1] * 20, cache)
    together = network.step([9] * 20, [one.clone() for one in caches], [20] * 20)
    for row, cache in enumerate(caches):
        alone = network.step([9], [cache], [20])[0]
        assert float((alone - together[row]).std() / alone.std()) < 1e-6


# Drawing


def test_draws_come_as_often_as_their_probability_says() -> None:
    scores = torch.tensor([2.0, 1.0, 0.0, -1.0, -9.0])
    random = torch.Generator().manual_seed(3)
    for parameters, allowed in (
        (Parameters(top_k=0, top_p=1.0, temperature=1.0), 5),
        (Parameters(top_k=3, top_p=1.0, temperature=2.0), 3),
        (Parameters(top_k=0, top_p=0.8, temperature=1.0), 2),
        (Parameters(top_k=2, top_p=0.01, temperature=1.0), 1),
    ):
        manner = Manner((0,), (0,), parameters, END, 0)
        found = Counter(manner.drawn(scores, [], random) for _ in range(4_000))
        shares = (scores / parameters.temperature)[:allowed].softmax(0)
        assert set(found) <= set(range(allowed))
        for token in range(allowed):
            assert found[token] / 4_000 == pytest.approx(float(shares[token]), abs=0.03)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), flat=st.floats(0.001, 3.0), top_p=st.floats(0.05, 0.999))
def test_the_nucleus_is_the_smallest_that_holds_the_share_also_where_it_is_wide(seed: int, flat: float, top_p: float) -> None:
    """Of a flat distribution over 3,000 tokens more than a thousand may be needed."""
    scores = torch.randn(3_000, generator=torch.Generator().manual_seed(seed)) * flat
    parameters = Parameters(top_k=0, top_p=top_p, temperature=1.0)
    ordered, places = scores.double().softmax(0).sort(descending=True)
    before = ordered.cumsum(0) - ordered

    def nucleus(share: float) -> set[int]:
        return set(places[before < share].tolist())

    tokens, _values, shares = candidates(scores, parameters)
    assert nucleus(top_p - 1e-5) <= set(tokens.tolist()) <= nucleus(top_p + 1e-5), "but for the last digits of float32"
    assert torch.allclose(shares.double() / shares.sum(), ordered[: len(tokens)] / ordered[: len(tokens)].sum(), rtol=1e-3)


# Coming and going


@contextmanager
def slow(network: Network, seconds: float) -> Iterator[list[int]]:
    """Every step takes so long; how many rows each had."""
    steps: list[int] = []
    original = network.step

    def step(*given_: Any) -> torch.Tensor:
        time.sleep(seconds)
        steps.append(len(given_[0]))
        return original(*given_)

    network.step = step  # type: ignore[method-assign,assignment]
    try:
        yield steps
    finally:
        del network.step


def test_who_comes_later_is_written_beside_who_was_there_and_leaves_first(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, FP32)
    writer, ended = Writer(network), []

    def write(name: str, count: int) -> None:
        writer.write([draft(max_new_tokens=count, min_new_tokens=count)])
        ended.append(name)

    with slow(network, 0.01) as steps:
        long = threading.Thread(target=write, args=("long", 60))
        long.start()
        while len(steps) < 5:
            time.sleep(0.001)
        write("short", 5)
        long.join()
    assert ended == ["short", "long"]
    assert set(steps) == {1, 2}
    assert len(steps) < 66, "they were written in the same steps"


def test_no_more_rows_than_there_is_room_for_and_partners_count(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, FP32)
    writer = Writer(network, 4)
    drafts = [draft((number + 1, 2), guidance_scale=2.0 if number % 2 else 1.0) for number in range(9)]
    with slow(network, 0.0) as steps:
        writer.write(drafts)
    assert all(len(one.ids) == 20 for one in drafts)
    assert max(steps) == 4
    (lonely,) = (draft(guidance_scale=2.0),)
    Writer(network, 1).write([lonely])
    assert len(lonely.ids) == 20, "who needs more room than there is gets all of it"


def test_who_gives_up_leaves_the_batch_at_once(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, FP32)
    writer, looks = Writer(network), []

    def look() -> None:
        looks.append(0)
        if len(looks) > 3:
            raise InterruptedError

    with slow(network, 0.005) as steps:
        with pytest.raises(InterruptedError):
            writer.write([draft() for _ in range(7)], look)
        before = len(steps)
        writer.write([draft(seed=2)])
    assert set(steps[before + 1 :]) == {1}
    assert before < 15


def test_what_goes_wrong_with_one_draft_is_its_own(trained: GPT2LMHeadModel) -> None:
    def broken(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if ids.shape[1] > 4:
            raise ArithmeticError("no")
        return scores

    writer = Writer(Network(trained, FP32))
    bad, good = draft(rules=[broken]), draft(seed=5)
    results: list[object] = []

    def write_bad() -> None:
        try:
            writer.write([bad])
        except ArithmeticError as error:
            results.append(error)

    thread = threading.Thread(target=write_bad)
    thread.start()
    writer.write([good])
    thread.join()
    assert len(results) == 1
    assert len(good.ids) == 20


def test_a_network_that_fails_fails_who_waits_and_writes_again(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, FP32)
    writer = Writer(network)

    def fail(*_given: Any) -> torch.Tensor:
        raise MemoryError

    network.step = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(MemoryError):
        writer.write([draft()])
    del network.step
    assert len(written(writer, [draft()])[0]) == 20


def test_who_came_in_while_the_network_failed_is_told_too(trained: GPT2LMHeadModel) -> None:
    """They were in no list then, and waited for ever."""
    network = Network(trained, FP32)
    writer, told = Writer(network), []
    first, second = draft(), draft(seed=2)

    def fail(*_given: Any) -> torch.Tensor:
        with writer._moved:
            if second not in writer._waiting and second.ids == []:
                writer._waiting.append(second)
                return torch.zeros(1, WORDS)
        raise MemoryError

    def write(one: Draft) -> None:
        try:
            writer.write([one])
        except MemoryError as error:
            told.append(error)

    network.step = fail  # type: ignore[method-assign,assignment]
    threads = [threading.Thread(target=write, args=(one,), daemon=True) for one in (first,)]
    for thread in threads:
        thread.start()
        thread.join(10)
    assert len(told) == 1
    assert (first.done, second.done, type(second.error)) == (True, True, MemoryError)


def test_what_is_for_later_leaves_half_of_the_rows_and_stands_behind_the_others(trained: GPT2LMHeadModel) -> None:
    network = Network(trained, FP32)
    writer, ended = Writer(network, 8), []
    many = [draft(seed=number, max_new_tokens=40, min_new_tokens=40) for number in range(30)]
    for one in many:
        one.later = True

    def write_many() -> None:
        writer.write(many)
        ended.append("many")

    with slow(network, 0.005) as steps:
        thread = threading.Thread(target=write_many)
        thread.start()
        while len(steps) < 3:
            time.sleep(0.001)
        before = len(steps)
        writer.write([draft(max_new_tokens=5, min_new_tokens=5)])
        ended.append("one")
        assert len(steps) - before < 15
        thread.join()
    assert ended == ["one", "many"]
    assert max(steps) == 5


def test_a_task_that_nobody_waits_for_is_not_begun(trained: GPT2LMHeadModel) -> None:
    writer, begun, go_on = Writer(Network(trained, FP32)), [], threading.Event()

    def gone() -> None:
        raise InterruptedError

    first = threading.Thread(target=writer.run, args=(go_on.wait,))
    first.start()
    with pytest.raises(InterruptedError):
        writer.run(lambda: begun.append(1), gone)
    go_on.set()
    first.join()
    assert writer.run(lambda: "done") == "done"
    assert begun == []


def test_what_else_is_to_be_done_is_done_between_two_tokens(writer: Writer) -> None:
    assert writer.run(lambda: threading.current_thread().name) == "decoding"
    with pytest.raises(ZeroDivisionError):
        writer.run(lambda: 1 // 0)


# Which numbers


def test_the_endpoints_description_names_them_all() -> None:
    told = describe()["components"]["schemas"]["Tweet"]["properties"]["precision"]["enum"]
    assert told == list(PRECISIONS)


def test_the_numbers_are_chosen_by_size_and_processor_and_never_by_a_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    for able in (True, False):
        monkeypatch.setattr("inference.writing.network._sums_whole_numbers", lambda able=able: able)
        assert fitting_precision(True, torch.device("cpu")) == (INT8 if able else FP32)
        assert fitting_precision(False, torch.device("cpu")) == FP32
        assert fitting_precision(False, torch.device("cuda")) == BF16
