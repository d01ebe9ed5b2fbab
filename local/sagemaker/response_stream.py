"""A container's answer as `InvokeEndpointWithResponseStream` hands it on: AWS's event stream, a message a part as it comes.

The form is that of the AWS SDKs: two lengths and their checksum, headers, payload, and a checksum over all of it.
"""

import json
import struct
from binascii import crc32
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sagemakerruntime import urls
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

MEDIA_TYPE = "application/vnd.amazon.eventstream"
PART_BYTES = 64 * 1024
PATH = "invocations-response-stream"
_TEXT = 7
"""The kind of a header's value."""


def install() -> None:
    """Have moto find the way to the runtime: it knows the paths of answers at once alone."""
    urls.url_paths[f"{{0}}/endpoints/(?P<name>[^/]+)/{PATH}$"] = SageMakerRuntimeResponse.dispatch
    infer = DomainDispatcherApplication.infer_service_region_host

    def infer_service_region_host(app: Any, environ: dict[str, Any], path: str) -> Any:
        asked = str(environ.get("PATH_INFO", ""))
        as_at_once = {**environ, "PATH_INFO": asked.removesuffix("-response-stream")} if asked.endswith(PATH) else environ
        return infer(app, as_at_once, path)

    DomainDispatcherApplication.infer_service_region_host = infer_service_region_host


def parts(answer: HTTPResponse) -> Iterator[bytes]:
    """The messages of an answer that is still coming; the connection to the container is closed when nobody reads on."""
    with answer:
        try:
            while part := answer.read1(PART_BYTES):
                yield message({":message-type": "event", ":event-type": "PayloadPart"}, part)
        except (OSError, HTTPException) as error:
            told = {
                "Message": f"The model's stream broke off: {type(error).__name__}",
                "ErrorCode": "ModelInvocationTimeExceeded",
            }
            headers = {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"}
            yield message(headers, json.dumps(told).encode())


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of an event stream."""
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    whole = prelude + struct.pack("!I", crc32(prelude)) + head + payload
    return whole + struct.pack("!I", crc32(whole))


def _header(name: bytes, value: bytes) -> bytes:
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", _TEXT, len(value)) + value
