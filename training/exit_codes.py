"""How each program here ends: an exit code, one sentence for what its user can mend, and the reason where SageMaker reads it."""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from politico.errors import InputError
from politico.flags import HelpAskedError

MAX_FAILURE_CHARACTERS = 1024
"""SageMaker shows this much of a job's failure file."""


STOPPED = 143
"""The exit code of a run that SIGTERM ended: 128 and the signal's number."""


class StoppedError(Exception):
    """The machine is being taken away. What there is to go on from has been written."""


def run(program: Callable[[], None], failure: Path | None = None) -> int:
    """Run a program and give its exit code: 0, 2 for what its user can mend, 143 when it was stopped, 1 for the rest.

    The reason of a failure goes to stderr, and to the file that SageMaker reads it from.
    """
    try:
        program()
    except HelpAskedError as asked:
        print(f"{sys.modules['__main__'].__doc__ or ''}\nThe flags, with their defaults:\n\n{asked}", flush=True)
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


def _tell(failure: Path | None, reason: str) -> None:
    if failure is not None:
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(reason[:MAX_FAILURE_CHARACTERS], encoding="utf-8")
