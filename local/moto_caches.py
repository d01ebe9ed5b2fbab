"""What moto's server works out anew with every call, worked out once: it answers the same, in about half of its processor time.

Nothing here changes what a call does; without it everything is slower and nothing else. (benchmarks/local_calls.py measures it.)
"""

import threading
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
from moto import backends
from moto.core import errors, responses
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.stepfunctions.parser.asl.utils import boto_client


def install() -> None:
    """Before the server is started."""
    _modules_are_listed_once()
    _errors_are_looked_up_once()
    responses.method_names_from_class = cache(responses.method_names_from_class)
    _clients_are_made_once()
    # Connections stay open; and an answer's head and body, which are written apart, do not wait for each other's receipt.
    MotoRequestHandler.protocol_version = "HTTP/1.1"
    MotoRequestHandler.disable_nagle_algorithm = True
    MotoRequestHandler.log_request = lambda *_: None


def _modules_are_listed_once() -> None:
    """The list is made from a folder on disk, with a look at each name, for every request."""
    listed = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: listed


def _errors_are_looked_up_once() -> None:
    """Each error builds the table of all errors of its service; S3's `NoSuchKey` and a failed condition are everyday answers."""
    factory = errors.ErrorLookupFactory()
    errors.ErrorLookupFactory = lambda: factory


def _clients_are_made_once() -> None:
    """moto's interpreter of state machines makes a client for every task; they differ by service and region only."""
    made: dict[tuple[str, str], Any] = {}
    lock = threading.Lock()

    def client(*, service_name: str, region_name: str, **more: Any) -> Any:
        with lock:
            if (service_name, region_name) not in made:
                made[service_name, region_name] = boto3.client(service_name=service_name, region_name=region_name, **more)
            return made[service_name, region_name]

    boto_client.boto3 = SimpleNamespace(client=client)
