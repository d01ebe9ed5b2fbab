"""What teaches a base model to listen: passages of its corpus behind contexts made of their own words.

Whoever has learnt to say what a context asks for, on any text, does so on tweets after a few minutes of them. The contexts
are made up by plain rules: names as entities, runs of words as phrases, now and then a mention or a hashtag that is
put into the passage. Nobody speaks in them, and no sentiment: those are learnt from tweets.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from politico.control.format import Codec
from politico.control.honoured import says
from politico.errors import LimitError
from training.corpus.shards import Tokens
from training.samples.batch import Batch, bucketed, pad
from training.samples.names import swapped
from training.samples.windows import Windows

SHORTEST, LONGEST = 12, 90
"""Tokens of a passage: a short tweet's and a long one's. A passage ends with the first sentence that makes it long enough."""
ENDS = ".!?…"
NAMES_SWAPPED = 0.3
"""Share of a passage's names that are replaced by made-up ones: a novel has few, and each many times."""

_NAME = re.compile(r"(?<=[a-záéíóúñ,;] )[A-ZÁÉÍÓÚÑ][a-záéíóúñ]+(?: (?:de |del |la )*[A-ZÁÉÍÓÚÑ][a-záéíóúñ]+)*")
_LEFTOVERS = '».,;:!?…)" \n-'
"""What the sentence before may leave at a passage's beginning."""


class Passages:
    """Rows of a corpus's passages, each behind a new context each epoch."""

    def __init__(self, train: Tokens, codec: Codec, *, length: int, batch_size: int, seed: int) -> None:
        self._train, self._codec, self._length, self._seed = train, codec, length, seed
        self.batch_size = batch_size
        longest = min(LONGEST, length // 2)
        if longest <= SHORTEST:
            raise LimitError(f"positions is {length}; a share of passages takes more than {2 * SHORTEST + 1}")
        self._bounds = _bounds(train, codec, longest, seed)
        if len(self._bounds) < batch_size:
            raise LimitError(f"the corpus has {len(self._bounds)} passages; a step takes {batch_size}")
        self.batches = len(self._bounds) // batch_size
        self.identity = f"passages {len(self._bounds)} {length} {batch_size} {seed}"
        self._plan = lru_cache(maxsize=2)(self._plan_of_epoch)

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        epoch, number = divmod(step, self.batches)
        samples = []
        for index in self._plan(epoch)[number][rank::world]:
            start, stop = self._bounds[index]
            text = self._codec.decode(self._train[start:stop].tolist()).lstrip(_LEFTOVERS)
            context, said = made_up_context(" ".join(text.split()), np.random.default_rng((self._seed, epoch, int(index))))
            try:
                samples.append(self._codec.sample(context, said, self._length))
            except LimitError:  # a passage of odd bytes, longer once it is encoded anew
                samples.append(self._codec.sample({}, said[: self._length // 4], self._length))
        return pad(samples, self._codec.ids[self._codec.schema.end])

    def _plan_of_epoch(self, epoch: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
        return bucketed(self._bounds[:, 1] - self._bounds[:, 0], self.batch_size, (self._seed, epoch))


class Mixed:
    """Windows of plain text and passages by turns; the held-out text is the windows'."""

    def __init__(self, windows: Windows, passages: Passages, share: float) -> None:
        self._windows, self._passages, self._share = windows, passages, share
        self.batch_size = windows.batch_size
        self.batches = windows.batches
        self.identity = f"{windows.identity}, {share} {passages.identity}"

    def training_batch(self, step: int, rank: int, world: int) -> Batch:
        before, after = int(step * self._share), int((step + 1) * self._share)
        if after > before:
            return self._passages.training_batch(before, rank, world)
        return self._windows.training_batch(step - before, rank, world)

    def held_out_batches(self, rank: int, world: int) -> Iterator[Batch]:
        return self._windows.held_out_batches(rank, world)


def made_up_context(text: str, random: np.random.Generator) -> tuple[dict[str, tuple[str, ...]], str]:
    """A context out of the passage's own words, in the format's order, and the passage as it then stands. One in ten has none."""
    if random.random() < 0.1:
        return {}, text
    context: dict[str, tuple[str, ...]] = {}
    names = list(dict.fromkeys(one.group(0) for one in _NAME.finditer(text)))
    random.shuffle(names)
    if names and random.random() < 0.8:
        entities = names[: random.integers(1, 4)]
        if random.random() < 0.25:
            mention = "@" + re.sub(r"\W", "", entities[0].lower())
            text = re.sub(rf"\b{re.escape(entities[0])}\b", mention, text)
            entities = [mention, *(one for one in entities[1:] if one in text)]
        context["entidades"] = tuple(entities)
    if random.random() < 0.4:
        text, tags = _with_hashtags(text, random)
        if tags:
            context["hashtags"] = tags
    context["frases"] = _phrases(text, random)
    # A word that became part of a hashtag stands there no more.
    said = {name: tuple(item for item in items if says(text, item)) for name, items in context.items()}
    return swapped({name: items for name, items in said.items() if items}, text, NAMES_SWAPPED, random)


def _with_hashtags(text: str, random: np.random.Generator) -> tuple[str, tuple[str, ...]]:
    """Words of the passage run together: behind it, or where they stand."""
    words = text.split()
    if len(words) < 6:
        return text, ()
    tags: list[str] = []
    for _ in range(random.integers(1, 3)):
        start, length = int(random.integers(0, len(words) - 3)), int(random.integers(1, 4))
        run = words[start : start + length]
        tag = "#" + "".join(re.sub(r"\W", "", one).capitalize() for one in run)
        if len(tag) < 4 or any(one.startswith(("#", "@")) for one in run):
            continue
        tags.append(tag)
        words = [*words[:start], tag, *words[start + length :]] if random.random() < 0.3 else [*words, tag]
    return " ".join(words), tuple(dict.fromkeys(tags))


def _phrases(text: str, random: np.random.Generator) -> tuple[str, ...]:
    words, found = text.split(), []
    for _ in range(random.integers(0, 5)):
        length = int(random.integers(1, 6))
        start = int(random.integers(0, max(1, len(words) - length)))
        phrase = " ".join(words[start : start + length]).strip('.,;:!?¡¿()"«»—-…')
        if len(phrase) > 2 and "," not in phrase and "#" not in phrase:
            found.append(phrase)
    return tuple(dict.fromkeys(found))


def _bounds(train: Tokens, codec: Codec, longest: int, seed: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """Passages as rows of start and stop: whole sentences of one document, each about as long as was drawn for it."""
    end = codec.ids[codec.schema.end]
    ids = np.unique(train)
    closing = np.zeros(65_536, dtype=bool)
    closing[[number for number in ids.tolist() if number != end and codec.decode([number]).rstrip()[-1:] in (*ENDS,)]] = True
    closing[end] = True
    stops = np.flatnonzero(closing[train])
    lengths = np.random.default_rng(seed).integers(SHORTEST, longest, len(stops) + 1)
    bounds: list[tuple[int, int]] = []
    start = 0
    for stop, is_end in zip(stops.tolist(), (train[stops] == end).tolist(), strict=True):
        after = stop if is_end else stop + 1
        if after - start > longest:  # one sentence too long: it is no tweet's
            start = stop + 1
        elif is_end or after - start >= lengths[len(bounds)]:
            if after - start >= SHORTEST:
                bounds.append((start, after))
            start = stop + 1
    return np.array(bounds, dtype=np.int64).reshape(-1, 2)
