"""Faults of the AWS services on demand: calls that fail, whose answer is lost, that wait, or that kill the function behind them.

Each is armed for calls of one kind and strikes at the edge, between the program and the service, however the call was made.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from local import wire
from politico.errors import UnknownValueError

FAIL = "fail"
"""The service refuses; the call has no effect."""
LOSE_ANSWER = "lose_answer"
"""The call has its effect; the caller is told that it failed."""
KILL_BEFORE = "kill_before"
"""The processes of a function die; the call has no effect."""
KILL_AFTER = "kill_after"
"""The call has its effect; the processes of a function die before they hear of it."""
HOLD_BEFORE = "hold_before"
"""The call waits, then has its effect."""
HOLD_AFTER = "hold_after"
"""The call has its effect at once; its answer waits."""
KINDS = (FAIL, LOSE_ANSWER, KILL_BEFORE, KILL_AFTER, HOLD_BEFORE, HOLD_AFTER)

LONGEST_HOLD_SECONDS = 60.0
_S3 = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(frozen=True)
class Call:
    """What one request asks of which service."""

    service: str
    operation: str
    """As boto3's API names it: `PutObject`, `UpdateItem`, `BatchDetectSentiment`."""
    key: str = ""
    """The object's key, or the prefix that is listed; S3 only."""


@dataclass
class AwsFault:
    """One misbehaviour on demand."""

    service: str
    operation: str
    do: str = FAIL
    """One of KINDS."""
    key: str = "*"
    """S3: only keys like this one, in a shell's patterns: `raw/*`."""
    after: int = 0
    """Calls that are let through first."""
    times: int = 1
    """Calls that are struck after that."""
    status: int = 500
    """With `fail` and `lose_answer`. boto3 itself tries again after a 500, 503 or throttling, but not after a 403."""
    code: str = "InternalError"
    function: str = ""
    """With the kills: the module of the function that dies, such as `fetch`."""
    seconds: float = LONGEST_HOLD_SECONDS
    """With the holds: at most so long; the call goes on earlier once the faults are set anew."""
    struck: int = 0
    """How often it struck."""

    def __post_init__(self) -> None:
        if self.do not in KINDS:
            raise UnknownValueError(f"unknown fault {self.do!r}; there are {', '.join(KINDS)}")

    def wants(self, call: Call) -> bool:
        return (self.service, self.operation) == (call.service, call.operation) and fnmatchcase(call.key, self.key)


@dataclass
class AwsFaults:
    """The armed faults."""

    kill: Callable[[str], None]
    """Ends the processes of a function, given its module."""
    armed: list[AwsFault] = field(default_factory=list)
    _released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, faults: Iterable[AwsFault]) -> None:
        """Arm these in place of any before; calls that were held go on."""
        with self._lock:
            self._released.set()
            self._released = threading.Event()
            self.armed = list(faults)

    def describe(self) -> list[dict[str, Any]]:
        """The armed faults, with how often each struck."""
        with self._lock:
            return [asdict(one) for one in self.armed]

    def install(self) -> None:
        """Stand before every call that moto's server is sent."""
        serve = DomainDispatcherApplication.__call__
        faults = self

        def guarded(application: DomainDispatcherApplication, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            call = read_call(environ)
            struck = faults._due(call)
            if struck is None:
                return serve(application, environ, start_response)  # type: ignore[no-any-return]
            fault, released = struck
            return faults._strike(fault, released, call, lambda *given: serve(application, *given), environ, start_response)

        DomainDispatcherApplication.__call__ = guarded

    def _due(self, call: Call) -> tuple[AwsFault, threading.Event] | None:
        with self._lock:
            for fault in self.armed:
                if fault.times and fault.wants(call):
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    fault.struck += 1
                    return fault, self._released
        return None

    def _strike(
        self,
        fault: AwsFault,
        released: threading.Event,
        call: Call,
        serve: Application,
        environ: dict[str, Any],
        start_response: Any,
    ) -> Iterable[bytes]:
        if fault.do == HOLD_BEFORE:
            released.wait(fault.seconds)
            return serve(environ, start_response)
        if fault.do == HOLD_AFTER:
            answer = serve(environ, start_response)
            released.wait(fault.seconds)
            return answer
        if fault.do in (LOSE_ANSWER, KILL_AFTER):
            b"".join(serve(environ, lambda *_given: None))
        else:  # a body that is not read would reset the connection under the answer
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if fault.do in (KILL_BEFORE, KILL_AFTER):
            self.kill(fault.function)
        return wire.refuse(environ, start_response, call.service, fault.status, fault.code, "a fault on demand")


def read_call(environ: dict[str, Any]) -> Call:
    """The call in a signed request: the signature names the service."""
    service = wire.signature(environ).service
    if service != wire.S3:
        return Call(service, str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2])
    target = wire.s3_target(environ)
    if target.key:
        return Call(service, _S3.get(environ["REQUEST_METHOD"], environ["REQUEST_METHOD"]), target.key)
    operation = "ListObjectVersions" if "versions" in target.query else "ListObjectsV2"
    return Call(service, operation, target.query.get("prefix", [""])[0])
