"""How each program here ends: an exit code, one sentence for what its user can mend, and the reason where SageMaker reads it."""

import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from politico.errors import InputError
from politico.flags import HelpAskedError

REASON_FILE = "REASON_FILE"
"""The environment variable that names the file where SageMaker looks for a failed job's reason; on a laptop there is none."""
GPUS = "MACHINE_GPUS"
"""The environment variable that says how many GPUs the machine has, as its driver lists them; on a laptop there is none."""
OWN_THREADS = "TRAINING_OWN_THREADS"
"""The environment variable that says that nobody asked for a number of threads: torchrun sets OMP_NUM_THREADS by itself."""
MAX_REASON_BYTES = 1024
"""SageMaker shows this much of it."""

STOPPED = 143
"""The exit code of a run that SIGTERM ended: 128 and the signal's number."""


class StoppedError(Exception):
    """The machine is being taken away. What there is to go on from has been written."""


def run(program: Callable[[], None]) -> int:
    """Run a program and give its exit code: 0, 2 for what its user can mend, 143 when it was stopped, 1 for the rest.

    The reason of a failure goes to stderr, and to where SageMaker reads it.
    """
    try:
        program()
    except HelpAskedError as asked:
        print(f"{sys.modules['__main__'].__doc__ or ''}\nThe flags, with their defaults:\n\n{asked}", flush=True)
    except InputError as error:
        return _mendable(str(error))
    except StoppedError as stopped:
        print(stopped, file=sys.stderr, flush=True)
        return STOPPED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr, flush=True)
        return 130
    except Exception as error:  # the last line of defence: the job must say why it failed
        if told := _of_the_machine(error):
            return _mendable(told)
        leave_reason(f"{type(error).__name__}: {error}")
        traceback.print_exc()
        return 1
    return 0


def _mendable(told: str) -> int:
    leave_reason(told)
    print(f"error: {told}", file=sys.stderr, flush=True)
    return 2


def _of_the_machine(error: Exception) -> str | None:
    """What to do where the machine's memory or disk is used up; None for anything else."""
    said = str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in said:
        first = said.partition("\n")[0] or type(error).__name__
        return f"memory is used up ({first}); take a smaller batch_size, a smaller network or a larger machine"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" that {error.filename} lies on" if error.filename else ""
        return f"the disk{where} is full; make room and run it again: it goes on from its last checkpoint"
    return None


def leave_reason(reason: str) -> None:
    """Write why the job failed to where SageMaker reads it. Whoever comes first is right: when one of several processes fails,
    the others fail of that."""
    named = os.environ.get(REASON_FILE)
    if not named:
        return
    path = Path(named)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as out:
            out.write(reason.encode()[:MAX_REASON_BYTES])
    except FileExistsError:
        pass
