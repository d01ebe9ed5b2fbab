"""The control format: which words steer a tweet, and how a model reads them.

A sample is a row of token ids, never a joined string:

    [COALICION] Norte Unido [PARTIDO] PVA [SENTIMIENTO] POSITIVE [TWEET] text <|endoftext|>

Every piece is encoded with special tokens off and starts with one space; the markers are put in as ids. So no text that a
politician or a user types can turn into a marker. The schema is data: it is saved with a model and read back with it.
"""

import json
import unicodedata
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from politico.errors import LimitError, SchemaError, UnknownFieldError, UnknownValueError

Context = Mapping[str, tuple[str, ...]]
"""What a tweet should be like: field name to its values; an absent field steers nothing."""

SEPARATOR = ", "
MAX_VALUE_CHARACTERS = 200
MAX_ITEMS = 20


@dataclass(frozen=True)
class Field:
    """One thing that can be steered."""

    name: str
    """As requests and datasets spell it."""
    marker: str
    """The special token that opens it."""
    many: bool = False
    """A list of items, joined with `, `; otherwise one value."""
    closed: bool = False
    """Only values seen in training make sense; the schema lists them once the model is trained."""
    sign: str = ""
    """Stands in front of every item, once, whether it was given with it or without: a tweet spells its hashtags with `#`."""
    source: str = ""
    """Where a dataset row has it, as `rows.py` says; empty in models of before."""
    label: str = ""
    """What people call it; empty: its name."""


@dataclass(frozen=True)
class Schema:
    """The fields in the order they are written, the order they are cut in, and the words around them."""

    name: str
    version: int
    fields: tuple[Field, ...]
    text_marker: str
    """Opens the tweet itself."""
    end: str
    """Ends every sample."""
    drop_order: tuple[str, ...]
    """List fields that give way, item by item from their end, when a sample is too long."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What each closed field may hold; empty until a model has been trained."""

    def __post_init__(self) -> None:
        names, markers = self.names, self.markers
        if len(set(names)) != len(names) or len(set(markers)) != len(markers) or self.end in markers:
            raise SchemaError(f"schema {self.name!r} repeats a field or a marker: {names}, {markers}, {self.end!r}")
        for name in self.drop_order:
            if not self.field(name).many:
                raise SchemaError(f"schema {self.name!r} would shorten {name!r}, which is not a list")
        for name in self.values:
            if not self.field(name).closed:
                raise SchemaError(f"schema {self.name!r} lists values for {name!r}, which is open")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.fields)

    @property
    def markers(self) -> tuple[str, ...]:
        """Every marker in the order of the format, the text's own last."""
        return (*(one.marker for one in self.fields), self.text_marker)

    @property
    def spelled(self) -> bool:
        """Whether items stand in a context as the text spells them, with their signs; only the first schema's do not."""
        return (self.name, self.version) != ("political", 1)

    @property
    def sentiment(self) -> str | None:
        """The name of the field that an annotator judges instead of the words."""
        return next((one.name for one in self.fields if one.source == "sentiment"), None)

    def field(self, name: str) -> Field:
        for one in self.fields:
            if one.name == name:
                return one
        raise UnknownFieldError(f"unknown field {shown(name)}; the model knows {', '.join(self.names)}")

    def context(self, given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """What a person or a dataset row gave, checked and in the format's own shape and order.

        Accents stand in their letters (NFC), white space is folded, empty values and repeated items fall away, commas inside a
        list's item become spaces, since the comma separates items, and a field's sign stands in front of each item.

        Raises UnknownFieldError, UnknownValueError or LimitError.
        """
        for name in given:
            self.field(name)
        context = {}
        for one in self.fields:
            items = self._items(one, given.get(one.name))
            if items:
                context[one.name] = items
        return context

    def _items(self, one: Field, value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, Sequence) or not all(isinstance(item, str) for item in given):
            raise LimitError(f"{one.name} is {shown(value)}; it takes {'a list of texts' if one.many else 'one text'}")
        texts = [composed(item.replace(",", " ") if one.many else item) for item in given]
        bare = [" ".join(text.split()).lstrip(one.sign).lstrip() for text in texts]
        known = {composed(value): value for value in self.values.get(one.name, ())}
        # A model of before may know a value with its accents apart.
        items = list(dict.fromkeys(known.get(one.sign + item, one.sign + item) for item in bare if item))
        limit = MAX_ITEMS if one.many else 1
        if len(items) > limit:
            raise LimitError(f"{one.name} has {len(items)} values; at most {limit}")
        for item in items:
            check_text(one.name, item)
            length = len(item.removeprefix(one.sign))
            if length > MAX_VALUE_CHARACTERS:
                raise LimitError(f"{one.name} has a value of {length} characters; at most {MAX_VALUE_CHARACTERS}")
            if known and item not in known.values():
                raise UnknownValueError(f"unknown {one.name} {item!r}; the model knows {', '.join(known)}")
        return tuple(items)

    def with_values(self, values: Mapping[str, Sequence[str]]) -> "Schema":
        """This schema with the values that training saw in its closed fields."""
        return replace(self, values={name: tuple(sorted(values[name])) for name in self.names if name in values})

    def to_json(self) -> str:
        body = {
            "name": self.name,
            "version": self.version,
            "fields": [{name: value for name, value in vars(one).items() if value or name != "label"} for one in self.fields],
            "text_marker": self.text_marker,
            "end": self.end,
            "drop_order": self.drop_order,
            "values": self.values,
        }
        return json.dumps(body, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Schema":
        """Raises SchemaError when the text is no schema."""
        try:
            body = json.loads(text)
            return cls(
                **{name: body[name] for name in ("name", "version", "text_marker", "end")},
                fields=tuple(Field(**one) for one in body["fields"]),
                drop_order=tuple(body["drop_order"]),
                values={name: tuple(items) for name, items in body["values"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError, UnknownFieldError) as error:
            raise SchemaError(f"this is no control schema: {error!r}") from error


@dataclass(frozen=True)
class Sample:
    """One training sample."""

    ids: tuple[int, ...]
    """Token ids from the first marker to the end token."""
    loss_from: int
    """Index of the first token that training is scored on: the tweet's first, after the text marker."""
    asked: tuple[int, ...] = ()
    """Indices of the tweet's tokens that spell an item of the context, at its first mention."""


@dataclass(frozen=True)
class Codec:
    """Writes and reads samples with one tokenizer."""

    schema: Schema
    encode: Callable[[str], Sequence[int]]
    """Text to ids with special tokens off: `[TWEET]` typed in a text comes out as ordinary pieces."""
    decode: Callable[[Sequence[int]], str]
    """The inverse of `encode`."""
    ids: Mapping[str, int]
    """The id of each marker and of the end token."""

    def __post_init__(self) -> None:
        missing = [word for word in (*self.schema.markers, self.schema.end) if word not in self.ids]
        if missing:
            raise SchemaError(f"the tokenizer lacks the control tokens {', '.join(missing)}")

    def sample(self, context: Context, text: str, length: int) -> Sample:
        """The sample of at most `length` ids. Raises LimitError when not even the bare tweet fits."""
        body = [*self.piece(text), self.ids[self.schema.end]]
        fitted = self._fitted(context, length - len(body) - 1)
        if fitted is None:
            raise LimitError(f"the tweet takes {len(body) + 1} tokens with its marker and end; at most {length}")
        prefix, kept = fitted
        ids = (*prefix, self.ids[self.schema.text_marker], *body)
        start = len(prefix) + 1
        return Sample(ids, start, tuple(start + index for index in self._spelled(kept, body)))

    def prompt(self, context: Context, beginning: str, length: int) -> tuple[int, ...]:
        """What a model is given to write on from: context, text marker and the tweet's beginning, at most `length` ids."""
        body = self.piece(beginning) if beginning else ()
        fitted = self._fitted(context, length - len(body) - 1)
        if fitted is None:
            raise LimitError(f"the prompt takes {len(body) + 1} tokens with its marker; at most {length}")
        return (*fitted[0], self.ids[self.schema.text_marker], *body)

    def parse(self, ids: Sequence[int]) -> tuple[dict[str, tuple[str, ...]], str]:
        """A sample's context and text. Raises SchemaError when the markers are not in the format's order."""
        opened = {self.ids[one.marker]: one for one in self.schema.fields}
        text_id, end_id = self.ids[self.schema.text_marker], self.ids[self.schema.end]
        if list(ids).count(text_id) != 1:
            raise SchemaError(f"a sample holds {self.schema.text_marker} once; this one {list(ids).count(text_id)} times")
        split = list(ids).index(text_id)
        context: dict[str, tuple[str, ...]] = {}
        starts = [index for index in range(split) if ids[index] in opened]
        if split and starts[:1] != [0]:
            raise SchemaError("a sample with a context begins with a marker")
        for start, stop in pairwise([*starts, split]):
            one = opened[ids[start]]
            value = self._plain(ids[start + 1 : stop])
            context[one.name] = tuple(value.split(SEPARATOR)) if one.many else (value,)
        if [name for name in self.schema.names if name in context] != list(context) or len(context) != len(starts):
            raise SchemaError("the fields of a sample are out of order or repeated")
        body = list(ids[split + 1 :])
        if body and body[-1] == end_id:
            body.pop()
        return context, self._plain(body)

    def piece(self, text: str) -> Sequence[int]:
        """The ids of a text as it stands behind a marker."""
        return self.encode(" " + text)

    def _plain(self, ids: Sequence[int]) -> str:
        return self.decode(ids).removeprefix(" ")

    def _spelled(self, context: Context, body: Sequence[int]) -> list[int]:
        """Where in the body the lists' items are spelled, each at its first mention, in the tokens that the context has."""
        found: set[int] = set()
        whole = array(_IDS, body).tobytes()  # searched as bytes: this is done for every sample of every step
        for one in self.schema.fields:
            for item in context.get(one.name, ()) if one.many else ():
                piece = self.piece(item)
                start = _place(whole, array(_IDS, piece).tobytes())
                if start is not None:
                    found.update(range(start, start + len(piece)))
        return sorted(found)

    def _fitted(self, context: Context, room: int) -> tuple[list[int], Context] | None:
        """The context's ids and what they hold, shortened by the schema's drop order and then field by field from the end."""
        kept = dict(context)
        ids = self._context_ids(kept)
        for name in (*self.schema.drop_order, *reversed(self.schema.names)):
            while len(ids) > room and name in kept:
                kept[name] = kept[name][:-1]
                if not kept[name]:
                    del kept[name]
                ids = self._context_ids(kept)
        return (ids, kept) if len(ids) <= room else None

    def _context_ids(self, context: Context) -> list[int]:
        ids: list[int] = []
        for one in self.schema.fields:
            if context.get(one.name):
                ids += [self.ids[one.marker], *self.piece(SEPARATOR.join(context[one.name]))]
        return ids


_IDS = "I"
_SIZE = array(_IDS).itemsize


def _place(whole: bytes, part: bytes) -> int | None:
    """Where among the ids the others stand, first of all; None where they do not."""
    at = whole.find(part)
    while at >= 0 and at % _SIZE:  # across the border of two ids
        at = whole.find(part, at + 1)
    return at // _SIZE if at >= 0 else None


def readable(schema: Schema, context: Context) -> str:
    """The context as a person reads it, in the format's order: `partido=UDI sentimiento=POSITIVE`."""
    return " ".join(f"{name}={SEPARATOR.join(context[name])}" for name in schema.names if context.get(name))


def composed(text: str) -> str:
    """The text in the one form that all texts are brought to, in requests and before training: accents in their letters (NFC)."""
    return unicodedata.normalize("NFC", text)


def check_text(name: str, text: str) -> None:
    """Raise LimitError for a text that UTF-8 can't hold: half a surrogate pair, which JSON lets through as `\\ud800`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LimitError(f"{name} is {shown(text)}; it takes text without half surrogate pairs") from error


def shown(value: Any) -> str:
    """A value as a message shows it: short, and escaped where it can't be printed."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
