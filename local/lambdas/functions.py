"""Lambda: each function in worker processes of its own, from the very zip that would be deployed."""

import contextlib
import hashlib
import io
import json
import os
import queue
import signal
import sys
import sysconfig
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.core.exceptions import JsonRESTError

from local.account import child_environment
from local.iam.guard import Guard
from local.lambdas import worker
from local.processes import children

EVENT_RETRIES = 2
"""How often Lambda runs a function again that failed on an event nobody waits for, unless it was told otherwise."""
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
"""Packages that Lambda's Python runtime brings."""
PUBLIC_LAYERS: Mapping[str, tuple[str, ...]] = {
    "AWSSDKPandas": ("pandas", "pyarrow", "numpy", "pytz"),
    "AWSLambdaPowertoolsPythonV3": ("aws_lambda_powertools", "aws_xray_sdk", "wrapt", "typing_extensions"),
}
"""Packages of AWS's public layers, by the beginning of the layer's name; here they come from the environment."""
MOST_BYTES = 6 * 1024 * 1024
"""Of an event; of answers moto sees to it."""
WORKERS = 2
"""Sandboxes a function may have at once; more would only fight for the same two cores."""

_OUR_STDERR = 2
"""What functions print goes to the local cloud's own log."""


class Functions:
    """Runs the functions that moto's Lambda holds."""

    def __init__(self, folder: Path, port: int, guard: Guard, extra: Mapping[str, str]) -> None:
        """`folder` is where zips are unpacked; `extra` what every function's environment also has."""
        self._folder, self._port, self._guard, self._extra = folder, port, guard, extra
        self._layers: dict[str, tuple[list[Path], list[str]]] = {}
        self._retries: dict[str, int] = {}
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._lock = threading.Lock()

    def install(self) -> None:
        """Make moto's Lambda run functions here."""
        functions = self

        def invoke(
            _backend: LambdaSimpleBackend,
            function_name: str,
            qualifier: str | None,
            body: Any,
            headers: Any,
            response_headers: Any,
        ) -> bytes:
            function = _backend.get_function(function_name, qualifier)
            if headers.get("X-Amz-Invocation-Type") == "Event":
                threading.Thread(target=functions._run_event, args=(function, body), daemon=True).start()
                return b""
            answer = functions._invoke(function, body)
            if "error" in answer:
                response_headers["x-amz-function-error"] = "Unhandled"
            return str(answer.get("error", answer.get("result"))).encode()

        LambdaSimpleBackend.invoke = invoke

    def kill(self, module: str) -> None:
        """End every process of a function at once, whatever it is doing; `module` is the handler's, such as `fetch`."""
        with self._lock:
            pools = [pool for pool in self._pools.values() if pool.module == module]
        for pool in pools:
            pool.kill()

    def set_layers(self, function_name: str, own: Sequence[bytes], public: Sequence[str]) -> None:
        """Say which layers a function has: zips of ours, and public ones by name. (moto forgets them.)"""
        provided = [
            name for layer in public for known, names in PUBLIC_LAYERS.items() if layer.startswith(known) for name in names
        ]
        self._layers[function_name] = ([self._unpacked(content) for content in own], provided)

    def set_retries(self, function_name: str, times: int) -> None:
        """Say how often a function is run again on an event that it failed on."""
        self._retries[function_name] = times

    def _run_event(self, function: Any, body: Any) -> None:
        """Nobody waits for it: what becomes of it stands in the function's log."""
        for _ in range(1 + self._retries.get(function.function_name, EVENT_RETRIES)):
            if "error" not in self._invoke(function, body):
                return

    def _invoke(self, function: Any, body: Any) -> dict[str, str]:
        if len(body or "") > MOST_BYTES:
            raise JsonRESTError("RequestTooLargeException", f"Request must be smaller than {MOST_BYTES} bytes")
        key = (function.function_name, function.code_sha_256)
        with self._lock:
            if key not in self._pools:
                module = str(function.handler).rpartition(".")[0].rpartition(".")[2]
                self._pools[key] = _Pool(module, lambda: self._start(function))
        event = json.loads(body) if body else {}
        return self._pools[key].run(event, function.function_arn, float(function.timeout))

    def _start(self, function: Any) -> "_Sandbox":
        name = function.function_name
        layers, provided = self._layers.get(name, ([], []))
        setup = {
            "task": str(self._unpacked(function.code_bytes)),
            "layers": [str(layer / "python") for layer in layers],
            "handler": function.handler,
            "provided_in": sysconfig.get_paths()["purelib"],
            "provided": [*RUNTIME, *provided],
        }
        environment = child_environment(
            self._port,
            self._guard.key_of(function.role, "lambda.amazonaws.com"),
            {
                **self._extra,
                **function.environment_vars,
                "AWS_LAMBDA_FUNCTION_NAME": name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            },
        )
        return _Sandbox([sys.executable, "-I", "-S", worker.__file__, json.dumps(setup)], environment)

    def _unpacked(self, content: bytes) -> Path:
        folder = self._folder / hashlib.sha256(content).hexdigest()[:16]
        if not folder.exists():
            fresh = folder.with_suffix(f".{uuid.uuid4().hex}")
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                archive.extractall(fresh)
            with contextlib.suppress(OSError):  # another thread was quicker
                fresh.rename(folder)
        return folder


class _Pool:
    """A function's sandboxes: started when needed, kept warm, each running one event at a time."""

    def __init__(self, module: str, start: Any) -> None:
        self.module = module
        self._start = start
        self._started: list[_Sandbox] = []
        self._idle: queue.LifoQueue[_Sandbox | None] = queue.LifoQueue()
        for _ in range(WORKERS):
            self._idle.put(None)  # a place not taken yet

    def run(self, event: Any, arn: str, timeout: float) -> dict[str, str]:
        sandbox = self._idle.get()
        try:
            if sandbox is None or not sandbox.alive:
                sandbox = self._start()
                self._started.append(sandbox)
            return sandbox.run(event, arn, timeout)
        finally:
            self._idle.put(sandbox)

    def kill(self) -> None:
        for sandbox in list(self._started):
            if sandbox.alive:
                sandbox.kill()


class _Sandbox:
    """One worker process."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        answers_read, answers_write = os.pipe()
        self._process: Popen[bytes] = children.start(
            [*command, str(answers_write)],
            environment=environment,
            stdin=PIPE,
            stdout=_OUR_STDERR,
            stderr=_OUR_STDERR,
            pass_descriptors=[answers_write],
        )
        os.close(answers_write)
        self._answers = os.fdopen(answers_read, encoding="utf-8")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def run(self, event: Any, arn: str, timeout: float) -> dict[str, str]:
        invocation = {"event": event, "request_id": str(uuid.uuid4()), "arn": arn, "deadline": time.time() + timeout}
        killer = threading.Timer(timeout, children.stop, [self._process, 0.1])
        killer.daemon = True
        killer.start()
        try:
            assert self._process.stdin is not None, "workers are started with a pipe"
            self._process.stdin.write(json.dumps(invocation).encode() + b"\n")
            self._process.stdin.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = ""
        finally:
            killer.cancel()
        if line:
            answer: dict[str, str] = json.loads(line)
            return answer
        children.stop(self._process, 0.5)  # it may still be ending: nothing else is to be sent its way
        timed_out = time.time() >= invocation["deadline"]
        kind = "Sandbox.Timedout" if timed_out else "Runtime.ExitError"
        message = f"Task timed out after {timeout:.2f} seconds" if timed_out else "the function's process ended"
        return {"error": json.dumps({"errorType": kind, "errorMessage": message})}
