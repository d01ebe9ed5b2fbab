"""The gate before every service: whose key signed a call, and whether that role may do what it asks.

Each role has an access key of its own here; `local` is the operator's, who may do everything. Whoever runs a workload gives
it its role's key, so that a right that is missing from the template is missing here, too.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from local import wire
from local.account import ACCOUNT, OPERATOR
from local.iam.calls import Request, read_request
from local.iam.managed import MANAGED
from local.iam.policies import Need, Statement, allowed, read_policy
from politico.errors import JobError, UnknownValueError


@dataclass(frozen=True)
class Role:
    """What a role may do, and who may act as it."""

    arn: str
    trusted: frozenset[str]
    """Services, as `lambda.amazonaws.com`."""
    statements: tuple[Statement, ...]

    @property
    def key(self) -> str:
        """The access key of those who act as this role."""
        return f"ASIA{hashlib.sha256(self.arn.encode()).hexdigest()[:16].upper()}"


@dataclass
class Guard:
    """The roles of the stack, and what was asked of them."""

    roles: dict[str, Role] = field(default_factory=dict)
    """By ARN."""
    buckets: tuple[Statement, ...] = ()
    """The buckets' own policies."""
    judged: dict[tuple[str, Need], bool] = field(default_factory=dict)
    """Every right that a role was asked for, and whether it had it."""
    _by_key: dict[str, Role] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, managed: Mapping[str, Iterable[str]], buckets: Iterable[Mapping[str, Any]]) -> None:
        """Take over the roles that moto holds, once the stack is made. `managed` names the AWS policies that a role has, by the
        role's name; `buckets` are the buckets' policy documents.

        Raises FileFormatError for a policy that can't be judged here, JobError for one of AWS's that is not known here.
        """
        self.buckets = tuple(statement for document in buckets for statement in read_policy(document))
        for role in iam_backends[ACCOUNT]["aws"].roles.values():
            documents = [json.loads(text) for text in role.policies.values()]
            for name in managed.get(role.name, ()):
                if name not in MANAGED:
                    raise JobError(f"role {role.name} has AWS's policy {name}, which local/iam/managed.py does not have")
                documents.append(MANAGED[name])
            self.add(Role(role.arn, _trusted(role), tuple(one for document in documents for one in read_policy(document))))

    def add(self, role: Role) -> None:
        self.roles[role.arn] = role
        self._by_key[role.key] = role

    def key_of(self, role_arn: str, service: str) -> str:
        """The access key for a service that acts as a role. Raises JobError when the role does not trust it."""
        role = self.roles.get(role_arn)
        if role is None:
            raise JobError(f"there is no role {role_arn}")
        if service not in role.trusted:
            raise JobError(f"{service} is not authorized to assume the role {role_arn}: its trust policy does not name it")
        return role.key

    def named(self, name: str) -> str:
        """The ARN of a role. Raises JobError."""
        found = [arn for arn in self.roles if arn.rpartition("/")[2] == name]
        if len(found) != 1:
            raise JobError(f"there are {len(found)} roles named {name}")
        return found[0]

    def require(self, role_arn: str, *needs: Need) -> None:
        """For what a service does in a role's name without a call that the gate would see. Raises JobError."""
        refused = self._refused(self.roles[role_arn], needs)
        if refused is not None:
            raise JobError(f"AccessDenied: {_message(self.roles[role_arn], refused)}")

    def install(self) -> None:
        """Stand before every call that moto's server is sent."""
        serve = DomainDispatcherApplication.__call__
        guard = self

        def guarded(application: DomainDispatcherApplication, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            return guard._gate(environ, start_response, lambda *given: serve(application, *given))

        DomainDispatcherApplication.__call__ = guarded

    def _gate(self, environ: dict[str, Any], start_response: Any, serve: Callable[..., Iterable[bytes]]) -> Iterable[bytes]:
        signed = wire.signature(environ)
        if signed.key == OPERATOR:
            return serve(environ, start_response)
        role = self._by_key.get(signed.key)
        if role is None:
            wire.body_of(environ)
            code = "InvalidAccessKeyId" if signed.service == wire.S3 else "UnrecognizedClientException"
            message = "The security token included in the request is invalid, or there is none."
            return wire.refuse(environ, start_response, signed.service, 403, code, message)
        try:
            request = read_request(environ)
        except UnknownValueError as error:
            wire.body_of(environ)
            return _denied(environ, start_response, signed.service, str(error))
        refused = self._refused(role, request.needs)
        if refused is not None:
            wire.body_of(environ)  # a body that is not read would reset the connection under the answer
            return _denied(environ, start_response, signed.service, _message(role, refused))
        if request.if_missing is not None:
            return self._tell_missing(role, request, environ, start_response, serve)
        return serve(environ, start_response)

    def _tell_missing(
        self, role: Role, request: Request, environ: dict[str, Any], start_response: Any, serve: Callable[..., Iterable[bytes]]
    ) -> Iterable[bytes]:
        """Who may not list a bucket is not told that an object is not there."""
        said: list[Any] = []
        answer = serve(environ, lambda *given: said.append(given))
        assert said, "the service begins its answer before it gives it"
        if str(said[0][0]).startswith("404") and request.if_missing is not None:
            refused = self._refused(role, (request.if_missing,))
            if refused is not None:
                return _denied(environ, start_response, request.service, _message(role, refused))
        start_response(*said[0])
        return answer

    def _refused(self, role: Role, needs: Iterable[Need]) -> Need | None:
        """The first right that the role lacks."""
        for need in needs:
            known = self.judged.get((role.arn, need))
            if known is None:
                # A bucket's policy speaks of its own; ours only denies.
                known = allowed((*role.statements, *self.buckets), need)
                with self._lock:
                    self.judged[role.arn, need] = known
            if not known:
                return need
        return None


def _trusted(role: Any) -> frozenset[str]:
    document = json.loads(role.assume_role_policy_document)
    allowing = [statement for statement in document["Statement"] if statement["Effect"] == "Allow"]
    services = [statement["Principal"].get("Service", []) for statement in allowing]
    return frozenset(one for found in services for one in ([found] if isinstance(found, str) else found))


def _message(role: Role, need: Need) -> str:
    name = role.arn.rpartition("/")[2]
    user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/local"
    return f"User: {user} is not authorized to perform: {need} because no identity-based policy allows the {need.action} action"


def _denied(environ: dict[str, Any], start_response: Any, service: str, message: str) -> Iterable[bytes]:
    code, status = ("AccessDenied", 403) if service == wire.S3 else ("AccessDeniedException", 400)
    return wire.refuse(environ, start_response, service, status, code, message)
