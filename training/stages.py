"""The stages of a model: a base learns Spanish from a corpus; a casual model writes tweets, a control model does so on demand."""

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from inference.detecting import real_limit, to_card
from inference.model import SMALL_NETWORK, WEIGHTS_FILE, Model, codec_for, load_model, open_tokenizer, save_model
from inference.model import TOKENIZER_FILE as MODEL_TOKENIZER
from inference.offered import FILE as OFFERED_FILE
from inference.offered import Offered, most_named
from inference.offered import to_json as offered_json
from inference.rules.lexicon import words_in
from inference.rules.novelty import Shingles
from inference.writing.watermark import Watermark
from politico.control.format import Codec, Schema
from politico.control.political import SCHEMA, known_schema
from politico.control.rows import columns_of
from politico.errors import FileFormatError, LimitError
from politico.lake.places import CHECKPOINT
from politico.models.cut import holds_out
from politico.models.seen import FILE as SEEN_FILE
from politico.models.seen import Seen, seen_list
from politico.models.settings import (
    BaseSettings,
    CasualSettings,
    ControlSettings,
    LearningSettings,
    NetworkSettings,
    TweetSettings,
)
from training.corpus.merges import learn_merges
from training.corpus.shards import HELD_OUT_FILE, STATISTICS_FILE, TOKENIZER_FILE, TRAIN_FILE, Tokens, hashes_of, read_shard
from training.corpus.vocabulary import byte_lengths
from training.dataset.folder import DAY, identity_of, read_dataset, schema_of
from training.dataset.split import Split, cut_for, of_parties, split_at
from training.evaluation.metrics import Loss
from training.folders import unpacked
from training.history import History
from training.loop.loop import DATASET, Learned, learn
from training.loop.network import add_rows, build_network, count_parameters, fill_up_rows, keep_rows
from training.loop.processes import Processes
from training.loop.rows import BARE, cut_of_run, rows_of_run
from training.markers import take_in_markers
from training.model_card import model_card
from training.samples.batch import Data
from training.samples.control_samples import ControlSamples, Counts, joined, no_context
from training.samples.passages import Mixed, Passages
from training.samples.windows import Windows
from training.trying import tries

SUMMARY_FILE = "summary.json"
MODEL_CARD_FILE = "README.md"

NOTHING_SEEN = Seen(b"")
LOOKED_AT_FOR_COPIES = 5_000
"""Held-out tweets that are looked at for near copies of training tweets, so that it is known how often real ones are."""
DECODED_TOKENS = 200_000
"""So many tokens of a corpus are read for words at once."""
CPU_HELD_OUT_TOKENS, GPU_HELD_OUT_TOKENS = 16_384, 262_144
"""About so much held-out text is looked at each time, always the same."""


@dataclass(frozen=True)
class Run:
    """What a stage's model is called, where it goes, and when the stage began."""

    stage: str
    name: str
    model: Path
    output: Path
    checkpoints: Path
    started: datetime

    @property
    def checkpoint(self) -> Path:
        return self.checkpoints / f"{self.stage}{CHECKPOINT}"

    @property
    def rows(self) -> Path:
        """The list of the rows that the run began with."""
        return self.checkpoints / f"{self.stage}.rows"

    @property
    def seen(self) -> Path:
        """The list of the tweets that this try and those before it learn from."""
        return self.checkpoints / f"{self.stage}.{SEEN_FILE}"


@dataclass(frozen=True)
class _Parts:
    """What is saved beside the network, and said of it."""

    tokenizer: Tokenizer
    schema: Schema
    tokens: int
    """Scored tokens of the held-out text that is looked at."""
    bytes: int
    """Its UTF-8 bytes."""
    facts: dict[str, Any]
    """Data counts and settings, for the card."""
    words: Set[str]
    """The words that it learns from, itself or through its base; none for a large model, nor where it is not known."""
    learnt_from: Mapping[str, str]
    """Hashes of what it learns from, by name: with other data it is another run."""
    seen: Seen = NOTHING_SEEN
    """The list of the tweets that it learns from, itself or through its tokenizer; empty for none."""
    offered: Offered = field(default_factory=dict)
    """What is asked for most often, for whoever asks; empty for a model that can't be asked."""
    tweets: Sequence[str] = ()
    """What it learns to write like, and is not to write again; none for a base."""
    held_out: Sequence[str] = ()
    """Tweets that it does not learn from: some of them repeat others, too."""


def train_base(corpus: Path, shape: NetworkSettings, settings: BaseSettings, run: Run, processes: Processes) -> None:
    """A new GPT-2 from a corpus folder. Raises InputError for a folder or settings that can't be used."""
    hashes = hashes_of(corpus)
    tokenizer = open_tokenizer(corpus / TOKENIZER_FILE)
    train, codec = read_shard(corpus / TRAIN_FILE), codec_for(tokenizer, SCHEMA)
    windows = Windows(
        train,
        read_shard(corpus / HELD_OUT_FILE),
        positions=_window(settings, shape),
        batch_size=settings.batch_size,
        seed=settings.seed,
        held_out_tokens=_held_out_tokens(processes),
        hidden=codec.ids[SCHEMA.end] if settings.hidden_documents else None,
    )
    data: Data = windows
    if settings.passages_share:
        listened = Passages(train, codec, length=shape.positions, batch_size=settings.batch_size, seed=settings.seed)
        data = Mixed(windows, listened, settings.passages_share)
    network = build_network(shape, tokenizer.get_vocab_size(), codec.ids[SCHEMA.end], settings.seed)
    targets = windows.held_out[:, 1:]
    parts = _Parts(
        tokenizer,
        SCHEMA,
        tokens=int(targets.size),
        bytes=int(byte_lengths(tokenizer)[targets].sum()),
        facts={
            "data": _corpus_counts(corpus / STATISTICS_FILE),
            "settings": {"network": asdict(shape), "learning": asdict(settings)},
        },
        words=_words_of_shard(train, tokenizer) if processes.first and _is_small(network) else frozenset(),
        learnt_from=hashes,
        seen=_seen_of_corpus(corpus / SEEN_FILE),
    )
    _train(network, data, settings, run, processes, parts)


def train_on_tweets(
    dataset: Path,
    base: Path,
    shape: Mapping[str, str],
    settings: CasualSettings | ControlSettings,
    run: Run,
    processes: Processes,
    *,
    cut: str = "",
) -> None:
    """A casual or a control model from a base model and a dataset folder; `shape` is what was said of the network, if anything.

    The dataset is cut at `cut`, or else as the settings say.

    Raises InputError for folders or settings that can't be used, among them a shape that is not the base model's.
    """
    with unpacked(base) as folder:
        model, tokenizer = load_model(folder), open_tokenizer(folder / MODEL_TOKENIZER)
        weights = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    known_schema(model.codec.schema)
    schema = schema_of(dataset)  # of another domain than the base's, its markers are new to it
    own = _shape(model.network)
    for name, value in shape.items():
        if value != str(getattr(own, name)):
            raise LimitError(f"{name} is {value}, but the base model's is {getattr(own, name)}; leave the flag out")
    table = read_dataset(dataset)
    # Of all the tweets: models of several parties are judged on the same days.
    cut = cut or cut_of_run(run.rows, lambda: cut_for(table, settings), processes)
    free = isinstance(settings, CasualSettings)
    if isinstance(settings, CasualSettings):
        table = of_parties(table, settings.party_list)
    sides = split_at(table, cut)
    columns = BARE if free else (*BARE, *columns_of(schema.fields))
    train, rows = rows_of_run(sides.train, columns, cut, run.rows, processes)
    sides = replace(sides, train=train)
    if processes.first:
        _tell_of_leaks(model, sides)
    texts = sides.train["text"].to_pylist()
    taken_in = take_in_markers(tokenizer, model.network, schema)
    if taken_in and processes.first:
        print(f"the base takes in {len(taken_in)} markers of {schema.name}", flush=True)
    if settings.new_tokens:
        tokenizer, made_of = learn_merges(tokenizer, texts, settings.new_tokens)
        add_rows(model.network, made_of)
        if processes.first:
            print(f"the tokenizer takes in {len(made_of):,} tokens from the training tweets", flush=True)
    if processes.device.type == "cuda":
        fill_up_rows(model.network)
    learnt = _samples(sides, codec_for(tokenizer, schema), settings, model.length, tokenizer, processes)
    parts = _Parts(
        tokenizer,
        schema.with_values(learnt.values),
        tokens=learnt.scored,
        bytes=learnt.bytes,
        facts={
            "base": model.card.get("name"),
            "dataset": identity_of(dataset),
            "data": {**asdict(learnt.counts), "cut": sides.cut},
            "settings": {"network": asdict(own), **_by_part(settings, run.stage)},
        },
        # Without its base's list it would be held to the tweets' words alone.
        words=_words_with(model.words, texts) if model.words else frozenset(),
        learnt_from={DATASET: rows, "the base's weights": weights},
        seen=Seen(seen_list(sides.train["id_str"].to_pylist())),
        offered=learnt.offered,
        tweets=texts,
        held_out=sides.held_out["text"].to_pylist()[:LOOKED_AT_FOR_COPIES],
    )
    _train(model.network, learnt.data, settings, run, processes, parts)


def _tell_of_leaks(base: Model, sides: Split) -> None:
    """Say where the base's tokenizer has learnt from tweets that are held out here."""
    cut = base.card.get("data", {}).get("cut") if isinstance(base.card.get("data"), dict) else None
    if not cut:
        return
    columns = (sides.held_out[name].to_pylist() for name in (DAY, "id_str", "screen_name"))
    known = sum(not holds_out(cut, *row) for row in zip(*columns, strict=True))
    if known:
        print(
            f"the base's tokenizer has learnt from {known:,} of {len(sides.held_out):,} held-out tweets; its cut is {cut}",
            flush=True,
        )


@dataclass(frozen=True)
class _Samples:
    """What a stage learns from, and what is said of it."""

    data: Data
    counts: Counts
    values: Mapping[str, tuple[str, ...]]
    """Of the closed fields, those that training saw."""
    offered: Offered
    """Of the lists, what training saw most often."""
    scored: int
    """Tokens of the held-out text that is looked at."""
    bytes: int
    """Its UTF-8 bytes."""


def _samples(
    sides: Split,
    codec: Codec,
    settings: CasualSettings | ControlSettings,
    length: int,
    tokenizer: Tokenizer,
    processes: Processes,
) -> _Samples:
    """Tweets behind their contexts, or behind none: each a row of its own, or joined to whole sequences."""
    free = isinstance(settings, CasualSettings)
    samples = ControlSamples(
        sides,
        codec,
        _without_contexts(settings) if isinstance(settings, CasualSettings) else settings,
        length=length,
        held_out_tokens=_held_out_tokens(processes),
        context_of=no_context if free else None,
        tokenizer=hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:8],
        packed=processes.device.type == "cuda",
    )
    if isinstance(settings, CasualSettings) and settings.joined:
        train, held_out = (joined(samples.ids_of(side), settings.seed) for side in (samples.train, samples.held_out))
        windows = Windows(
            train,
            held_out,
            positions=min(length, len(train) - 1),
            batch_size=settings.batch_size,
            seed=settings.seed,
            held_out_tokens=_held_out_tokens(processes),
        )
        targets = windows.held_out[:, 1:]
        return _Samples(windows, samples.counts, {}, {}, int(targets.size), int(byte_lengths(tokenizer)[targets].sum()))
    looked_at = sum(len(text.encode()) for _, text in samples.looked_at)
    values, offered = ({}, {}) if free else (samples.values, most_named((row.context for row in samples.train), codec.schema))
    return _Samples(samples, samples.counts, values, offered, samples.looked_at_scored, looked_at)


def _without_contexts(settings: CasualSettings) -> ControlSettings:
    shared = {one.name: getattr(settings, one.name) for one in fields(TweetSettings)}
    return ControlSettings(**shared, field_dropout=0.0, context_dropout=0.0, name_swap=0.0)


def _seen_by_all_tries(run: Run, now: Seen) -> Seen:
    """With the tweets that earlier tries of the run learnt from, though it began anew since. Kept beside the checkpoint.

    Raises FileFormatError for a torn list.
    """
    together = Seen.read(run.seen.read_bytes()).with_those_of(now) if run.seen.is_file() else now
    if len(together):
        run.checkpoints.mkdir(parents=True, exist_ok=True)
        run.seen.write_bytes(together.fingerprints)
    return together


def _seen_of_corpus(path: Path) -> Seen:
    """The tweets that the corpus's tokenizer learnt from. Raises FileFormatError for a torn list."""
    return Seen.read(path.read_bytes()) if path.is_file() else NOTHING_SEEN


def _is_small(network: GPT2LMHeadModel) -> bool:
    """Whether it is apt to write words that do not exist, and is given a list of those that do."""
    return count_parameters(network) < SMALL_NETWORK


def _words_of_shard(tokens: Tokens, tokenizer: Tokenizer) -> Set[str]:
    found: set[str] = set()
    for first in range(0, len(tokens), DECODED_TOKENS):
        # A word that the cut goes through is two: neither is worth a second look.
        found.update(words_in(tokenizer.decode(tokens[first : first + DECODED_TOKENS].tolist(), skip_special_tokens=True)))
    return found


def _words_with(known: Set[str], texts: Sequence[str]) -> Set[str]:
    return {*known, *(word for text in texts for word in words_in(text))}


def _by_part(settings: LearningSettings, stage: str) -> dict[str, dict[str, Any]]:
    """The settings as a model's card tells them: what every stage has, and what this one adds."""
    own = asdict(settings)
    return {"learning": {one.name: own.pop(one.name) for one in fields(LearningSettings)}, stage: own}


def _train(
    network: GPT2LMHeadModel,
    data: Data,
    settings: LearningSettings,
    run: Run,
    processes: Processes,
    parts: _Parts,
) -> None:
    if data.batch_size < processes.world:
        raise LimitError(f"batch_size is {data.batch_size}; with {processes.world} processes it takes one row for each")
    processes.use_threads(count_parameters(network))
    if processes.first:
        print(f"{count_parameters(network):,} parameters, {data.identity}", flush=True)
        parts = replace(parts, seen=_seen_by_all_tries(run, parts.seen))
    history = History(run.output)
    learned = learn(
        network,
        data,
        settings,
        processes,
        run.checkpoint,
        learnt_from=parts.learnt_from,
        record=history.write,
        tried=tries(network, parts.tokenizer, parts.schema, run.stage),
    )
    history.close()
    if processes.first:
        keep_rows(network, max(parts.tokenizer.get_vocab().values()) + 1)
        summary = _summary(network, learned, run, parts)
        card = {**summary, **parts.facts}
        shingles = Shingles.of(parts.tweets) if parts.tweets else None
        if shingles is not None:
            card["near_copies_among_held_out"] = sum(map(shingles.is_near_copy, parts.held_out)) / max(1, len(parts.held_out))
            codec = codec_for(parts.tokenizer, parts.schema)
            card |= to_card(real_limit(Watermark.of(network), codec, parts.held_out))
        # The model comes last: where it lies, all that is said of it does.
        (run.output / SUMMARY_FILE).write_text(_json(card), encoding="utf-8")
        if len(parts.seen):
            (run.output / SEEN_FILE).write_bytes(parts.seen.fingerprints)
        pages = {MODEL_CARD_FILE: model_card(card)}
        if parts.offered:
            pages[OFFERED_FILE] = offered_json(parts.offered)
        save_model(run.model, network, parts.tokenizer, parts.schema, card, parts.words, pages, shingles)
        # What follows is a new run, not the rest of this one.
        run.checkpoint.unlink(missing_ok=True)
        run.seen.unlink(missing_ok=True)
        run.rows.unlink(missing_ok=True)
        print(f"model in {run.model}, figures in {run.output}", flush=True)
    processes.wait()


def _summary(network: GPT2LMHeadModel, learned: Learned, run: Run, parts: _Parts) -> dict[str, Any]:
    """What the card and summary.json have in common. `figures` are of the held-out text that is looked at."""
    before, after = (Loss(loss * parts.tokens, parts.tokens, parts.bytes).figures() for loss in (learned.before, learned.after))
    return {
        "name": run.name,
        "stage": run.stage,
        "created": run.started.astimezone(UTC).isoformat(timespec="seconds"),
        "parameters": count_parameters(network),
        "steps": learned.progress.step,
        "tokens": learned.progress.tokens,
        "seconds": round(learned.progress.seconds, 3),
        "figures": after,
        "before": before,
        "libraries": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
    }


def _window(settings: BaseSettings, shape: NetworkSettings) -> int:
    if settings.window > shape.positions:
        raise LimitError(f"window is {settings.window}; the network has {shape.positions} positions")
    return settings.window or shape.positions


def _held_out_tokens(processes: Processes) -> int:
    return GPU_HELD_OUT_TOKENS if processes.device.type == "cuda" else CPU_HELD_OUT_TOKENS


def _shape(network: GPT2LMHeadModel) -> NetworkSettings:
    config = network.config
    return NetworkSettings(layers=config.n_layer, width=config.n_embd, heads=config.n_head, positions=config.n_positions)


def _corpus_counts(path: Path) -> dict[str, Any]:
    try:
        statistics = json.loads(path.read_text(encoding="utf-8"))
        return {**{name: statistics[name] for name in ("documents", "train", "held_out")}, "cut": statistics.get("cut", "")}
    except (OSError, ValueError, KeyError) as error:
        raise FileFormatError(f"{path} is no corpus statistics; it is written by training.corpus") from error


def _json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, indent=1)
