"""Settings as frozen dataclasses: from words (flags, hyperparameters, overrides) to checked fields, and back."""

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


def from_arguments(kind: type[Settings], words: Sequence[str]) -> Settings:
    """Settings from command-line flags: `--max_steps 100` or `--max-steps 100`, as SageMaker writes hyperparameters."""
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise LimitError(f"flags come as --name value pairs; given: {' '.join(words)}")
    pairs = zip(words[::2], words[1::2], strict=True)
    return from_mapping(kind, {name[2:].replace("-", "_"): value for name, value in pairs})


def to_words(settings: Dataclass) -> dict[str, str]:
    """Every field as a text that `from_mapping` reads back: the form of SageMaker's hyperparameters."""
    named = {one.name: getattr(settings, one.name) for one in fields(settings)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in named.items()}


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
