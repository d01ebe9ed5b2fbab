"""Flags: settings as frozen dataclasses, from words (flags, hyperparameters, overrides) to checked fields, and back."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, ClassVar, Protocol, TypeVar

from politico.errors import LimitError, UnknownFieldError


class Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


Settings = TypeVar("Settings", bound=Dataclass)

_WORDS = {"true": True, "false": False}
_HELP = ("--help", "-h")


class HelpAskedError(Exception):
    """Somebody asked for the flags; the text has them, with their defaults."""


def asks_for_help(words: Sequence[str]) -> bool:
    return any(word in _HELP for word in words)


def describe_flags(*kinds: type[Dataclass]) -> str:
    """A line a flag: its name, and its default, or that it must be given; two where the kinds differ."""
    found: dict[str, list[str]] = {}
    for one in (one for kind in kinds for one in fields(kind)):
        default = "must be given" if one.default is MISSING else repr(one.default) + _limits(one.metadata)
        if default not in found.setdefault(one.name, []):
            found[one.name].append(default)
    width = max(map(len, found))
    return "\n".join(f"  --{name:{width}}  {' or '.join(defaults)}" for name, defaults in found.items())


def _limits(metadata: Mapping[str, Any]) -> str:
    """A setting's limits, where they stand beside it."""
    if "limits" not in metadata:
        return ""
    low, high = metadata["limits"]
    return f"  ({low:,} to {high:,})"


def from_mapping(kind: type[Settings], given: Mapping[str, Any]) -> Settings:
    """Settings of this kind from names to values; texts are read as the field's type.

    Raises UnknownFieldError for a name that the kind lacks, LimitError for a value that does not fit or is missing.
    """
    hints = typing.get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for name in given:
        if name not in known:
            raise UnknownFieldError(f"unknown setting {name!r}; {kind.__name__} knows {', '.join(known)}")
    missing = [name for name, one in known.items() if one.default is MISSING and name not in given]
    if missing:
        raise LimitError(f"{kind.__name__} needs {', '.join(missing)}")
    return kind(**{name: _read(name, value, hints[name]) for name, value in given.items()})


def read_flags(words: Sequence[str], *kinds: type[Dataclass]) -> list[Any]:
    """One settings object of each kind from flags: `--max_steps 100` or `--max-steps 100`, as SageMaker writes hyperparameters.

    Raises UnknownFieldError for a flag that no kind has, LimitError for a value that does not fit, HelpAskedError for `--help`.
    """
    if asks_for_help(words):
        raise HelpAskedError(describe_flags(*kinds))
    given = _pairs(words)
    known = [name for kind in kinds for name in _names(kind)]
    for name in given:
        if name not in known:
            raise UnknownFieldError(f"unknown flag --{name}; there are {', '.join(f'--{one}' for one in known)}")
    return [from_mapping(kind, {name: given[name] for name in _names(kind) if name in given}) for kind in kinds]


def given_flags(words: Sequence[str], kind: type[Dataclass]) -> dict[str, str]:
    """The flags of this kind that were written out, as opposed to left at their defaults."""
    return {name: value for name, value in _pairs(words).items() if name in _names(kind)}


def to_flags(settings: Dataclass) -> list[str]:
    """Every field as a flag that `read_flags` reads back."""
    return [word for name, value in to_words(settings).items() for word in (f"--{name}", value)]


def to_words(settings: Dataclass) -> dict[str, str]:
    """Every field as a text that `from_mapping` reads back: the form of SageMaker's hyperparameters."""
    named = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in named.items()}


def _pairs(words: Sequence[str]) -> dict[str, str]:
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise LimitError(f"flags come as --name value pairs; given: {' '.join(words)}")
    return {name[2:].replace("-", "_"): value for name, value in zip(words[::2], words[1::2], strict=True)}


def _names(kind: type[Dataclass]) -> list[str]:
    return [one.name for one in fields(kind)]


def _read(name: str, value: Any, hint: Any) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value in (None, "None") and type(None) in options:
        return None
    kind = next(option for option in options if option is not type(None))
    try:
        if kind is bool:
            return _WORDS[str(value).lower()]
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError("a fraction")
        return kind(value)
    except (ValueError, KeyError, TypeError) as error:
        raise LimitError(f"{name} is {value!r}; it takes a value of type {kind.__name__}") from error
