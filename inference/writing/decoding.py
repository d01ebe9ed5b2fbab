"""Writing many drafts at once, token by token: each comes and goes when it wants, and none feels the others.

    waiting drafts ──► their beginning is read, once for drafts that begin alike
                         └──► one token of every draft under way ──► the end, the longest length, or nobody waits ──► out
                                         ▲───────────────────────────────┘

A draft has its own caches, rules, settings and stream of randomness (under_way.py): what it says hangs on these alone. One thread
works; whoever wants drafts waits for theirs.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import torch

from inference.writing.network import Cache, Network
from inference.writing.under_way import Begin, Draft, Line, Row, Search

MOST_ROWS = 48
"""Rows under way, partners and beams counted: each holds its keys and values, 9 MB for 128 tokens of the thesis's network."""
IDLE_SECONDS = 5.0
"""After which the thread ends; the next draft starts another."""
LOOKS_EVERY = 0.1
"""Seconds after which a waiting thread looks whether it still has to, where no token came meanwhile."""


class Writer:
    """Writes drafts with one network. Safe to call from several threads, and in a process forked while nobody writes."""

    def __init__(self, network: Network, most_rows: int = MOST_ROWS, threads: int = 0) -> None:
        """`threads` share the sums; 0: as many as torch has.

        Where they are to be several, no other thread of the process should have summed with helpers: OpenMP lets helpers wait
        awake only while there are no more threads than cores, and a step takes twice as long where they fall asleep.
        """
        self._network, self._most_rows, self._threads = network, most_rows, threads
        self._moved = threading.Condition()
        self._waiting: list[Draft] = []
        self._tasks: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._under_way: list[Line | Search] = []
        self._thread: threading.Thread | None = None

    @property
    def rows(self) -> int:
        """Under way just now."""
        return sum(one.draft.rows for one in self._under_way)

    def write(self, drafts: Sequence[Draft], look: Callable[[], None] | None = None) -> None:
        """Write them all; `look` is called whenever they have moved on, and what it raises ends them.

        Raises what the network or a rule raised.
        """
        with self._moved:
            self._waiting += drafts
            self._waiting.sort(key=lambda one: one.later)  # the others stay in the order they came in
            self._see_to_it()
        try:
            done = False
            while not done:
                done = self._all_done(drafts)
                if look is not None:
                    look()
        except BaseException:
            for one in drafts:
                one.gone = True
            raise
        for one in drafts:
            if one.error is not None:
                raise one.error

    def _all_done(self, drafts: Sequence[Draft]) -> bool:
        """Whether they are; else they have moved on, or nothing has for a while."""
        with self._moved:
            if not all(one.done for one in drafts):
                self._moved.wait(LOOKS_EVERY)
            return all(one.done for one in drafts)

    def run(self, task: Callable[[], Any], look: Callable[[], None] | None = None) -> Any:
        """Do something else with the processor between two tokens; what it gives or raises. One thread does all the sums:
        several would each have helpers, which wait for each other. `look` is called now and then; what it raises ends the wait,
        and the task where it has not begun."""
        future: Future[Any] = Future()
        with self._moved:
            self._tasks.append((future, task))
            self._see_to_it()
        try:
            while True:
                try:
                    return future.result(LOOKS_EVERY)
                except TimeoutError:
                    if future.done():  # it was the task's own
                        raise
                    if look is not None:
                        look()
        except BaseException:
            future.cancel()
            raise

    def _see_to_it(self) -> None:
        """Wake the thread, or start one; under the lock."""
        if self._thread is None or not self._thread.is_alive():  # in a forked process it is not
            self._thread = threading.Thread(target=self._work, name="decoding", daemon=True)
            self._thread.start()
        self._moved.notify_all()

    def _work(self) -> None:
        if self._threads:
            torch.set_num_threads(self._threads)
        while True:
            with self._moved:
                while not (self._waiting or self._under_way or self._tasks):
                    if not self._moved.wait(IDLE_SECONDS) and not (self._waiting or self._tasks):
                        self._thread = None  # whoever holds the writer may be gone, too
                        return
                task = self._tasks.pop(0) if self._tasks else None
            if task is not None:  # one, and then a token for everybody
                _done(*task)
            try:
                self._step()
            except BaseException as error:  # no draft may wait for ever
                self._fail(error)
            with self._moved:
                self._moved.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._moved:
            for draft in [*self._waiting, *(one.draft for one in self._under_way)]:
                draft.error, draft.done = error, True
            self._waiting, self._under_way = [], []

    @torch.inference_mode()
    def _step(self) -> None:
        """One token for every draft under way, and the first for those that come in."""
        here = [one for one in self._under_way if not one.draft.gone]
        self._under_way = here
        came = self._admitted()
        self._under_way = [*here, *came]  # whoever came in is not forgotten where the step fails
        if here:
            reads = [one.reads() for one in here]
            flat: list[tuple[int, Row]] = [pair for pairs in reads for pair in pairs]
            tokens, rows = [token for token, _ in flat], [row for _, row in flat]
            scores = self._network.step(tokens, [row.cache for row in rows], [row.length for row in rows])
            for one, own in zip(here, torch.split(scores, [len(pairs) for pairs in reads]), strict=True):
                try:
                    one.take(own)
                except Exception as error:  # what is wrong with one is no reason for the others
                    one.draft.error, one.draft.done = error, True
        self._under_way = [one for one in (*here, *came) if not one.draft.done]

    def _admitted(self) -> list[Line | Search]:
        """Those that wait and have room: their beginnings are read, and their first tokens written."""
        room = self._most_rows - self.rows
        for_later = self._most_rows // 2 - sum(one.draft.rows for one in self._under_way if one.draft.later)
        with self._moved:
            self._waiting = [one for one in self._waiting if not one.gone]
            taken: list[Draft] = []
            while self._waiting:
                first = self._waiting[0]
                fits = first.rows <= (min(room, for_later) if first.later else room)
                if not fits and (taken or self._under_way):
                    break
                room -= first.rows
                for_later -= first.rows * first.later
                taken.append(self._waiting.pop(0))
        begin, found = self._reader(), []
        for draft in taken:
            try:
                random = torch.Generator(self._network.device).manual_seed(draft.manner.seed)
                found.append(draft.begin(begin, random))
            except Exception as error:
                draft.error, draft.done = error, True
        return found

    def _reader(self) -> Begin:
        """Reads beginnings; of those that are alike, and may become as long, one for all."""
        read: dict[tuple[tuple[int, ...], int], tuple[Cache, torch.Tensor]] = {}

        def begin(ids: Sequence[int], longest: int) -> tuple[Cache, torch.Tensor]:
            key = (tuple(ids), longest)
            if key in read:
                cache, scores = read[key]
                return cache.clone(), scores
            cache = self._network.cache(len(ids) + longest)
            read[key] = (cache, self._network.read(ids, cache)[0])
            return read[key]

        return begin


def _done(future: Future[Any], task: Callable[[], Any]) -> None:
    """Do the task, unless nobody waits for it any more."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(task())
    except BaseException as error:  # whoever waits for it is to know
        future.set_exception(error)
