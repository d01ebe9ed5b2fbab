"""How each program here begins and ends: flags to settings, and one sentence for what its user can mend."""

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from politico.errors import InputError, LimitError, UnknownFieldError
from politico.settings import Dataclass, from_mapping

MAX_FAILURE_CHARACTERS = 1024
"""SageMaker shows this much of a job's failure file."""


STOPPED = 143
"""The exit code of a run that SIGTERM ended: 128 and the signal's number."""


class StoppedError(Exception):
    """The machine is being taken away. What there is to go on from has been written."""


def read_flags(words: Sequence[str], *kinds: type[Dataclass]) -> list[Any]:
    """One settings object of each kind from `--name value` pairs, as SageMaker writes hyperparameters.

    Raises UnknownFieldError for a flag that no kind has, LimitError for a value that does not fit.
    """
    given = _pairs(words)
    known = [name for kind in kinds for name in _names(kind)]
    for name in given:
        if name not in known:
            raise UnknownFieldError(f"unknown flag --{name}; there are {', '.join(f'--{one}' for one in known)}")
    return [from_mapping(kind, {name: given[name] for name in _names(kind) if name in given}) for kind in kinds]


def given_flags(words: Sequence[str], kind: type[Dataclass]) -> dict[str, str]:
    """The flags of this kind that were written out, as opposed to left at their defaults."""
    return {name: value for name, value in _pairs(words).items() if name in _names(kind)}


def run(program: Callable[[], None], failure: Path | None = None) -> int:
    """Run a program and give its exit code: 0, 2 for what its user can mend, 143 when it was stopped, 1 for the rest.

    The reason of a failure goes to stderr, and to the file that SageMaker reads it from.
    """
    try:
        program()
    except InputError as error:
        _tell(failure, str(error))
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    except StoppedError as stopped:
        print(stopped, file=sys.stderr, flush=True)
        return STOPPED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr, flush=True)
        return 130
    except Exception as error:  # the last line of defence: the job must say why it failed
        _tell(failure, f"{type(error).__name__}: {error}")
        traceback.print_exc()
        return 1
    return 0


def _pairs(words: Sequence[str]) -> dict[str, str]:
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise LimitError(f"flags come as --name value pairs; given: {' '.join(words)}")
    return {name[2:].replace("-", "_"): value for name, value in zip(words[::2], words[1::2], strict=True)}


def _names(kind: type[Dataclass]) -> list[str]:
    return [one.name for one in fields(kind)]


def _tell(failure: Path | None, reason: str) -> None:
    if failure is not None:
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(reason[:MAX_FAILURE_CHARACTERS], encoding="utf-8")
