"""The house: floors, one place for each literal, and what the packages may bring."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from politico.control.political import SCHEMA
from politico.lake import places
from tests.support.paths import ROOT
from tests.support.template import Template

# Who may import whom. Each floor stands on those below it, but takes only what its package holds: the Lambda zip has
# functions/ and politico/, the serving image inference/ and politico/, the training code those two and training/.
# Three things that look like exceptions are the design: training stands on inference (it evaluates by generating); samples
# stands alone, and only the command line reads it; the tests may import everything, as they are no floor.
FLOORS = {
    "politico": set(),
    "functions": {"politico"},
    "inference": {"politico"},
    "training": {"politico", "inference"},
    "infra": {"politico", "functions", "inference", "training"},
    "local": {"politico", "functions", "inference", "training", "infra"},
    "cli": {"politico", "functions", "inference", "training", "infra", "local", "samples"},
    "samples": set(),
}
ROOMS = (
    *(
        "page",
        "forgetting",
        "ingest",
        "dataset",
        "accounts",
        "cost",
        "models",
        "ledger",
        "archives",
        "x",
        "lake",
        "tweets",
        "annotation",
    ),
    *("control", "flags", "runs", "errors"),
)
"""Of politico/, from the top: each room imports only from itself and from those behind it."""
MODULES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
SHOWN = [str(path.relative_to(ROOT)) for path in MODULES]

REASON = re.compile(r'^\s*"(?P<package>[^"]+)",\s+#\s+\S.{3,}$')
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.!+]+)$")
LAKE_PREFIX = re.compile(r"(?:^|/)(?:raw|annotated|dataset|tombstones|runs|models|corpora|registry)/")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Line and top-level package of every import, those inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name.partition(".")[0]) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, package if node.level else (node.module or "").partition(".")[0]


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and value of every string constant, f-strings' parts too; bare strings (docstrings) left out."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node that runs when the module is imported: not the insides of functions, nor of `if __name__ == …`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *(one for one in node.args.kw_defaults if one)]
        elif isinstance(node, ast.Lambda) or (isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)):
            continue
        else:
            waiting += ast.iter_child_nodes(node)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonical(pin["name"]): pin["version"] for line in lines if (pin := PIN.match(line))}


def required(path: Path) -> dict[str, str]:
    """What a requirements file asks for: version, or nothing, by package."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    pairs = (line.partition("==") for line in lines if line)
    return {canonical(name): version for name, _equals, version in pairs}


@pytest.mark.parametrize("path", MODULES, ids=SHOWN)
def test_nothing_imports_upwards_or_sideways(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for line, name in imported(parsed(path), floor)
        if name in {*FLOORS, "tests", "benchmarks"} and name != floor and name not in FLOORS[floor]
    ]
    assert not wrong


def room_of(module: str) -> tuple[str, str]:
    """Floor and room of a dotted name: the package or the module right below the floor; the floor's own `__init__` is none."""
    floor, _, rest = module.partition(".")
    return floor, rest.partition(".")[0]


def rooms_imported(path: Path) -> set[tuple[str, str]]:
    """The other rooms of its own floor that a module imports from."""
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{one.name}" for one in node.names}
    own = room_of(dotted)
    return {room for room in map(room_of, names) if room[0] == own[0] and room[1] and room != own}


def test_the_rooms_of_politico_are_all_in_the_order_and_no_arrow_runs_upwards() -> None:
    there = {room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))[1] for path in (ROOT / "politico").rglob("*.py")}
    assert there - {"__init__"} == set(ROOMS)
    wrong = [
        f"{path.relative_to(ROOT)} imports from {room}"
        for path in (ROOT / "politico").rglob("*.py")
        for _floor, room in rooms_imported(path)
        if ROOMS.index(room) < ROOMS.index(path.relative_to(ROOT / "politico").with_suffix("").parts[0])
    ]
    assert not wrong


@pytest.mark.parametrize("floor", FLOORS)
def test_no_two_rooms_of_a_floor_need_each_other(floor: str) -> None:
    needs: dict[str, set[str]] = {}
    for path in (ROOT / floor).rglob("*.py"):
        room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))[1]
        needs.setdefault(room, set()).update(other for _floor, other in rooms_imported(path))
    TopologicalSorter(needs).prepare()  # raises CycleError, which names the circle


def test_functions_of_one_workflow_know_nothing_of_anothers() -> None:
    shared = {"environment", "telemetry"}
    wrong = [
        f"{path.relative_to(ROOT)} imports from {room}"
        for path in (ROOT / "functions").glob("*/*.py")
        for _floor, room in rooms_imported(path)
        if room not in shared
    ]
    assert not wrong


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=lambda path: path.parent.name)
def test_a_room_says_in_one_line_what_it_is_for_and_exports_nothing(path: Path) -> None:
    (only,) = parsed(path).body
    assert isinstance(only, ast.Expr)
    assert isinstance(only.value, ast.Constant)
    assert "\n" not in str(only.value.value)


def test_no_folder_has_more_than_fifteen_modules() -> None:
    counts = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > 15} == {}


def test_an_import_inside_a_function_counts() -> None:
    tree = ast.parse("def f():\n    from local.x.api import XApi\n    import cli.main\n")
    assert [name for _line, name in imported(tree, "politico")] == ["local", "cli"]


@pytest.mark.parametrize("path", MODULES, ids=SHOWN)
def test_no_module_reads_the_environment_at_import(path: Path) -> None:
    reads = [
        node.lineno
        for node in at_import(parsed(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"))
        or (isinstance(node, ast.ImportFrom) and {one.name for one in node.names} & {"environ", "getenv"})
    ]
    assert not reads


def test_reading_the_environment_for_a_default_or_a_class_counts_as_import() -> None:
    for source in ("def f(a=os.environ['A']): ...", "class C:\n    a = os.getenv('A')", "A = os.environ.get('A')"):
        assert any(isinstance(node, ast.Attribute) for node in at_import(ast.parse(source)) if getattr(node, "attr", "") != "get")
    inside = "def f():\n    return os.environ\nif __name__ == '__main__':\n    os.environ\n"
    assert not any(isinstance(node, ast.Attribute) for node in at_import(ast.parse(inside)))


def test_every_package_is_installed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    there = {".".join(path.parent.relative_to(ROOT).parts) for floor in FLOORS for path in (ROOT / floor).rglob("__init__.py")}
    assert listed == there
    homeless = {path.parent.name for path in ROOT.glob("*/__init__.py")} - set(FLOORS) - {"tests", "benchmarks"}
    assert not homeless, "a package that belongs to no floor"


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    named = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    explained = [found["package"] for line in text.splitlines() if (found := REASON.match(line))]
    assert not Counter(named) - Counter(explained)


def test_control_markers_are_spelled_once() -> None:
    markers = {*SCHEMA.markers, SCHEMA.text_marker}
    assert len(markers) == 7
    strays = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in MODULES
        if path != ROOT / "politico" / "control" / "political.py"
        for line, text in texts(parsed(path))
        if any(marker in text for marker in markers)
    ]
    assert not strays


def test_lake_prefixes_are_spelled_once() -> None:
    strays = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path in MODULES
        if path != ROOT / "politico" / "lake" / "places.py"
        for line, text in texts(parsed(path))
        if LAKE_PREFIX.search(text)
    ]
    assert not strays


def test_the_scan_for_lake_prefixes_knows_those_of_the_lake() -> None:
    prefixes = (
        places.RAW,
        places.ANNOTATED,
        places.DATASET,
        places.TOMBSTONES,
        places.MODELS,
        places.CORPORA,
        places.report("RUN"),
    )
    assert all(LAKE_PREFIX.search(one) for one in prefixes)
    inside_a_format = ast.parse('key = f"{bucket}/raw/{run}"')
    assert [text for _line, text in texts(inside_a_format) if LAKE_PREFIX.search(text)] == ["/raw/"]


def test_constraints_are_exact_versions_and_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not PIN.match(line)] == []


@pytest.mark.parametrize("floor", ["inference", "training"])
def test_what_images_install_is_what_is_tested_here(floor: str) -> None:
    asked, pinned = required(ROOT / floor / "requirements.txt"), constraints()
    assert asked
    assert {name: version or "any" for name, version in asked.items()} == {name: pinned.get(name) for name in asked}


def test_training_never_replaces_the_images_torch() -> None:
    assert "torch" not in required(ROOT / "training" / "requirements.txt")


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [*project["dependencies"], *(one for group in project["optional-dependencies"].values() for one in group)]
    assert {canonical(one.partition("[")[0]) for one in named} <= set(constraints())


def test_the_functions_layer_is_pure_python_in_the_pinned_versions(template: Template) -> None:
    layer = template.asset(template.one("AWS::Lambda::LayerVersion")["Content"]["S3Key"]) / "python"
    native = [path.name for path in layer.rglob("*") if path.suffix in (".so", ".pyd", ".dylib")]
    assert not native
    brought = {
        canonical(name): version
        for name, version in (path.name.removesuffix(".dist-info").rsplit("-", 1) for path in layer.glob("*.dist-info"))
    }
    assert set(required(ROOT / "functions" / "requirements.txt")) <= set(brought)
    assert brought == {name: constraints().get(name) for name in brought}
