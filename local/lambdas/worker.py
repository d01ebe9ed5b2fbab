"""One Lambda sandbox: runs a handler from an unpacked zip, one event a line, seeing only the zip, its layers and the runtime.

Started by local/lambdas/functions.py as `python -I -S worker.py`, so that neither the environment's site-packages nor our own
folder can fill in for what the zip lacks. Uses the standard library only.
"""

import importlib
import importlib.machinery
import json
import os
import sys
import time
import traceback
from typing import Any


class ProvidedByAws:
    """Finds the packages that Lambda's runtime and AWS's public layers bring, and no others, in the environment."""

    def __init__(self, folder: str, names: frozenset[str]) -> None:
        self._folder, self._names = folder, names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if path is None and name.partition(".")[0] in self._names:
            return importlib.machinery.PathFinder.find_spec(name, [self._folder], target)
        return None


class Context:
    """What Lambda tells a handler about its invocation."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id = invocation["request_id"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = invocation["arn"]
        self._deadline = invocation["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


def main() -> None:
    setup = json.loads(sys.argv[1])
    sys.path[:0] = [setup["task"], *setup["layers"]]
    sys.meta_path.append(ProvidedByAws(setup["provided_in"], frozenset(setup["provided"])))
    # Answers have a descriptor of their own: stdout is the function's log.
    answers = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
    for line in sys.stdin:
        invocation = json.loads(line)
        try:
            answer = {"result": json.dumps(_handler(setup["handler"])(invocation["event"], Context(invocation)))}
        except BaseException as error:  # whatever a handler raises is an answer, as in Lambda
            answer = {"error": json.dumps(_described(error))}
            traceback.print_exc()
        if (used := _most_megabytes()) > (limit := int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])):
            told = {"errorType": "Runtime.OutOfMemory", "errorMessage": f"the function used {used} MB, and has {limit}"}
            answer = {"error": json.dumps(told)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        sys.stdout.flush()


def _most_megabytes() -> int:
    """What this process has held at its most; 0 where the system does not tell. Looked at afterwards: a limit on its addresses
    would end it for what it never touches."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0
    return kilobytes // 1024


def _handler(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module), function)


def _described(error: BaseException) -> dict[str, Any]:
    kind = "Runtime.ImportModuleError" if isinstance(error, ImportError) else type(error).__name__
    frames = traceback.format_tb(error.__traceback__)
    return {"errorMessage": str(error), "errorType": kind, "stackTrace": frames}


if __name__ == "__main__":
    main()
