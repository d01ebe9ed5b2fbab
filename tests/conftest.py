"""What several tests share: the template, synthesized once, one local cloud a process that runs it, and which tests are slow."""

import os
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader
from filelock import FileLock
from hypothesis import HealthCheck, settings

from cli.local_cloud import LocalCloud, started
from local import moto_caches
from local.stack import Assembly
from tests.support.template import Template, synthesis

# Whether Python leaves bytecode beside the code is the machine's affair; no claim here may hang on it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How fast examples are made says more of the machine than of the tests.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")

# Each test against moto has a session of its own, which would read botocore's descriptions anew: half of the time of a client.
moto_caches.remember()
_read = cache(partial(JSONFileLoader.load_file, JSONFileLoader()))
JSONFileLoader.load_file = lambda _loader, path: _read(path)

SLOW_FIXTURES = {"assembly", "template", "cloud", "kept_up", "demo"}
"""Those that synthesize, and those that bring a local cloud up: whoever uses one is slow."""


LONGEST = ("test_whole_path.py", "test_fault_matrix.py")
"""The files that take minutes: begun first, one in each process, so that neither is waited for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (item.path.name not in LONGEST, item.get_closest_marker("slow") is None))


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `cdk synth` would write, written once, however many processes test. Nobody changes it: copy it first."""
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    shared = tmp_path_factory.mktemp("assembly") if alone else tmp_path_factory.getbasetemp().parent
    out = shared / "cdk.out"
    with FileLock(shared / "cdk.out.lock"):
        if not (out / "manifest.json").is_file():
            done = synthesis(out)
            assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def template(assembly: Path) -> Template:
    return Template(Assembly.read(assembly))


@pytest.fixture(scope="session")
def cloud(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One local cloud for every test that needs the deployed stack; tests keep out of each other's way by names."""
    with started(assembly, log=tmp_path_factory.mktemp("cloud") / "log.txt") as running:
        yield running
