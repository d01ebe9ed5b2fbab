"""Reaching a local cloud: one that is up already, or one of our own that ends with us."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.services import Services
from cli.settings import stack_name
from local.processes.ports import free_port, require_free
from politico.errors import InputError, JobError, MissingToolError

STATE = Path(".politico/cloud.json")
"""Where `politico up` says how its cloud is reached, under the folder it was started in."""


@dataclass(frozen=True)
class LocalCloud:
    """How a running local cloud is reached."""

    environment: Mapping[str, str]
    """What any AWS program needs in its environment."""
    side: str
    """The address of what only the local cloud can be asked."""
    outputs: Mapping[str, str]
    """The stack's outputs."""
    stack: str = ""
    """Its name; empty where nothing is deployed."""
    api_key: str = ""
    """What its REST API takes for `x-api-key`."""

    def services(self) -> Services:
        return Services.local(self.environment, self.outputs, self.stack)

    def ask(self, what: str, body: Mapping[str, Any] | None = None) -> Any:
        """One of the local cloud's own questions, such as `timelines`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.side}/local/{what}", data=data, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)


def synthesize(out: Path) -> None:
    """Write the template into `out`, in a process of its own. Raises MissingToolError with that process's own words."""
    environment = {**os.environ, "CDK_OUTDIR": str(out.resolve())}
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-m", "infra.app"], env=environment, capture_output=True, text=True, cwd=root)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise MissingToolError(said[-1].removeprefix("error: "))


def running() -> LocalCloud | None:
    """The cloud that `politico up` keeps, if it answers."""
    try:
        state = json.loads(STATE.read_text())
        with urllib.request.urlopen(f"{state['side']}/local/status", timeout=2) as answer:
            return LocalCloud(**json.load(answer))
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return None


@contextlib.contextmanager
def started(assembly: Path | None, port: int | None = None, log: Path | None = None) -> Iterator[LocalCloud]:
    """A cloud of our own, with nothing deployed where no assembly is given; it and all that it started is gone when the block is
    left. Raises PortInUseError, JobError."""
    if port is not None:
        require_free(port)
    with tempfile.TemporaryDirectory(prefix="politico-", ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as files:
        errors: Any = files.enter_context(log.open("ab")) if log else subprocess.DEVNULL
        command = [sys.executable, "-m", "local.server", "--port", str(port or free_port())]
        process = subprocess.Popen(
            [*command, *(("--assembly", str(assembly)) if assembly else ()), "--folder", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is ours to pass on, once and in order
        )
        try:
            assert process.stdout is not None, "the process is started with a pipe"
            line = process.stdout.readline()
            said = json.loads(line) if line else {"error": f"the local cloud ended before it was up; see {log or 'its log'}"}
            if "error" in said:
                raise JobError(said["error"])
            yield LocalCloud(**said)
        finally:
            assert process.stdin is not None, "the process is started with a pipe"
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def stack(*, local: bool) -> Services:
    """The stack that `politico up` keeps, or the one that the environment names and reaches. Raises InputError."""
    if not local:
        return Services.deployed(stack_name())
    cloud = running()
    if cloud is None:
        raise InputError("no local cloud is up in this folder; start one with `politico up`")
    return cloud.services()
