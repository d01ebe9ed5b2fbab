"""An AWS request on its way to moto, and the services' own ways to refuse one."""

import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

S3 = "s3"
_QUERY_PROTOCOL = ("sns", "sts", "iam", "cloudformation")


@dataclass(frozen=True)
class Signature:
    """Who sent a request, and to which service; empty where it is not signed."""

    key: str
    """The access key's id."""
    service: str
    """As signatures name it: `states` for Step Functions, `monitoring` for CloudWatch."""


@dataclass(frozen=True)
class S3Target:
    """What a request to S3 is about."""

    bucket: str
    key: str
    """Empty for a request to the bucket itself."""
    query: dict[str, list[str]]


def signature(environ: dict[str, Any]) -> Signature:
    scope = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].split(",")[0].split("/")
    return Signature(scope[0], scope[3]) if len(scope) == 5 else Signature("", "")


def s3_target(environ: dict[str, Any]) -> S3Target:
    """Bucket and key, whether the bucket stands in the host's name or in the path."""
    query = parse_qs(str(environ.get("QUERY_STRING", "")), keep_blank_values=True)
    path = unquote(str(environ.get("PATH_INFO", ""))).lstrip("/")
    host = str(environ.get("HTTP_HOST", ""))
    if host.startswith(("localhost", "127.0.0.1")):
        bucket, _, key = path.partition("/")
        return S3Target(bucket, key, query)
    return S3Target(host.partition(".")[0], path, query)


def body_of(environ: dict[str, Any]) -> bytes:
    """The request's body; who reads it next finds it whole."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def refuse(environ: dict[str, Any], start_response: Any, service: str, status: int, code: str, message: str) -> Iterable[bytes]:
    """Answer as the service does when it refuses. `status` is HTTP's; with JSON services it is theirs to choose."""
    if service == S3:
        kind = "application/xml"
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    elif service in _QUERY_PROTOCOL:
        kind = "text/xml"
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        body = f"<ErrorResponse>{error}</ErrorResponse>"
    else:
        kind = "application/x-amz-json-1.1"
        body = json.dumps({"__type": code, "message": message})
    sent = b"" if environ["REQUEST_METHOD"] == "HEAD" else body.encode()
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(sent))),
        ("x-amzn-RequestId", f"{time.time_ns():x}"),
        ("x-amzn-ErrorType", code),
    ]
    start_response(f"{status} Refused", headers)
    return [sent]
