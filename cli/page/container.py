"""A model's folder behind the endpoint's own program, asked as boto3's client for `sagemaker-runtime` is."""

import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from subprocess import DEVNULL, STDOUT
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, EventStreamError

from local.processes import children
from local.processes.ports import HOST, free_port
from local.processes.readiness import came_up
from politico.errors import JobError
from training.folders import open_model, unpacked

STARTUP_SECONDS = 120.0
PART_BYTES = 64 * 1024


class ContainerRuntime:
    """The two calls that the page makes; their names and answers are boto3's."""

    def __init__(self, port: int) -> None:
        self._address = f"http://{HOST}:{port}/invocations"

    def invoke_endpoint(self, **asked: Any) -> dict[str, Any]:
        return {"Body": self._open(asked)}

    def invoke_endpoint_with_response_stream(self, **asked: Any) -> dict[str, Any]:
        return {"Body": _parts(self._open(asked))}

    def _open(self, asked: dict[str, Any]) -> Any:
        headers = {"Content-Type": asked["ContentType"], "Accept": asked.get("Accept", "application/json")}
        request = urllib.request.Request(self._address, data=asked["Body"], headers=headers)
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            said = {"OriginalStatusCode": error.code, "OriginalMessage": error.read().decode(errors="replace")}
            raise ClientError({"Error": {"Code": "ModelError", "Message": ""}, **said}, "InvokeEndpoint") from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=self._address) from error


def _parts(answer: Any) -> Iterator[dict[str, Any]]:
    with answer:
        try:
            while part := answer.read1(PART_BYTES):
                yield {"PayloadPart": {"Bytes": part}}
        except (OSError, HTTPException) as error:
            said = {"Error": {"Code": "ModelStreamError", "Message": "the model's program broke off"}}
            raise EventStreamError(said, "InvokeEndpointWithResponseStream") from error


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[ContainerRuntime]:
    """The program on a model's folder, packed or not, for as long as the block lasts. Raises InputError for what is no model."""
    open_model(folder)  # what can't be served is told in words, not in a log
    with unpacked(folder) as files:
        port = free_port()
        environment = {
            **os.environ,
            "SM_MODEL_DIR": str(files),
            "BIND_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "HF_HUB_OFFLINE": "1",
        }
        process = children.start(
            [sys.executable, "-m", "inference.server"], environment=environment, stdout=DEVNULL, stderr=STDOUT
        )
        try:
            if not came_up(process, port, STARTUP_SECONDS):
                raise JobError(f"the endpoint's program did not come up on {folder}")
            yield ContainerRuntime(port)
        finally:
            children.stop(process)
