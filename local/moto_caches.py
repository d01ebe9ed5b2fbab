"""What moto works out anew with every call, worked out once: it answers the same, and sooner.

Nothing here changes what a call does. `python -m benchmarks.local_calls` measures it beside moto as it comes.
"""

from functools import cache
from typing import Any

from moto import backends
from moto.core import errors, responses
from moto.core.base_backend import BaseBackend
from moto.moto_server.werkzeug_app import MotoRequestHandler


def install() -> None:
    """Before the server is started."""
    remember()
    MotoRequestHandler.log_request = lambda *_: None  # nobody reads a line for every call


def remember() -> None:
    """What moto looks up, wherever it runs: in a server, or in a test's own process."""
    _modules_are_listed_once()
    _errors_are_looked_up_once()
    _addresses_are_built_once()
    responses.method_names_from_class = cache(responses.method_names_from_class)


def _modules_are_listed_once() -> None:
    """The list is made from a folder on disk, with a look at each name, for every request."""
    listed = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: listed


def _errors_are_looked_up_once() -> None:
    """Each error builds the table of all errors of its service; S3's `NoSuchKey` and a failed condition are everyday answers."""
    factory = errors.ErrorLookupFactory()
    errors.ErrorLookupFactory = lambda: factory


def _addresses_are_built_once() -> None:
    """Each call builds all addresses of its service; for S3 it even reads a module anew. Only the environment changes them."""
    build = BaseBackend.urls.fget
    built: dict[type, Any] = {}

    def urls(backend: Any) -> Any:
        if type(backend) not in built:
            built[type(backend)] = build(backend)
        return built[type(backend)]

    BaseBackend.urls = property(urls)
