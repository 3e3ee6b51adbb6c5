"""Rooms, imports and words of the package, read from its files."""

import ast
import importlib.util
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "zoo"

# What each room imports of the others, besides the shared files of draw.SHARED.
ALLOWED = {
    "cli": {"study", "ingest", "report", "bench", "data", "registry", "export", "saving"},
    "study": {"ingest", "report", "curves", "bench", "data", "registry", "saving"},
    "report": {"curves", "bench"},
    "curves": {"bench"},
    "bench": {"data", "registry"},
    "ingest": {"data", "encoding"},
    "models": {"training", "encoding", "saving", "registry"},
    "export": {"training", "encoding"},
    "saving": {"encoding", "registry"},
    "data": set(),
    "registry": set(),
    "encoding": set(),
    "training": set(),
}
# Narrower than a room: of `bench`, curves and reports read stored cells only.
ONLY_FILES = {("curves", "bench"): {"zoo.bench.store"}, ("report", "bench"): {"zoo.bench.store"}}
FRAMEWORKS = {"tensorflow", "keras", "torch", "jax", "xgboost", "lightgbm", "sklearn"}

BANNED = [
    r"\bwhence\b",
    r"by heart",
    r"told apart",
    r"\bgo(?:es)? on where",
    r"must be beaten",
    r"\bdraws? of rows",
    r"follow into memory",
    r"ordinary twins",
    r"outputs lose",
    r"person who decides",
    r"the telling first",
    r"reading hands to",
    r"judged by its neighbours",
    r"training rows answer",
    r"drawn anew",
    r"a value of its own",
    r"gain from none",
    r"cheap to call",
    r"not within the data",
    r"\bgravest\b",
    r"\bpictures?\b",
    r"\blanes?\b",
    r"\bwaves?\b",
]


def load_script():
    path = ROOT / "benchmarks" / "structure" / "draw.py"
    spec = importlib.util.spec_from_file_location("draw_structure", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw = load_script()
IMPORTS = draw.read_imports()
ROOMS = draw.room_imports(IMPORTS)
FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("room", sorted(ROOMS.keys() | ALLOWED.keys()))
def test_a_room_imports_exactly_the_rooms_listed_here(room):
    assert set(ROOMS[room]) == ALLOWED[room]


@pytest.mark.parametrize(("room", "target"), ONLY_FILES)
def test_curves_and_reports_read_stored_cells_only(room, target):
    found = {
        name
        for module, names in IMPORTS.items()
        if draw.room_of(module) == room
        for name in names
        if draw.room_of(name) == target
    }
    assert found <= ONLY_FILES[room, target]


def test_shared_files_import_no_room():
    for name in draw.SHARED:
        assert {draw.room_of(target) for target in IMPORTS[f"zoo.{name}"]} <= set(draw.SHARED)


def test_no_file_uses_the_public_surface():
    found = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "zoo":
                found |= {name.name for name in node.names if f"zoo.{name.name}" not in IMPORTS}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found |= {node.attr} if node.value.id == "zoo" else set()
    assert found <= {"__version__", "__file__"}


def circles(graph):
    """Return the strongly connected components of two modules or more (Tarjan 1972)."""
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            position = stack.index(node)
            component = sorted(stack[position:])
            del stack[position:]
            if len(component) > 1:
                found.append(component)

    for node in sorted(graph):
        if node not in number:
            visit(node)
    return found


def test_circles_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a", "e"}}
    assert circles(graph) == [["d", "e"], ["b", "c"]]


def test_no_files_import_each_other_in_a_circle():
    assert circles(IMPORTS) == []


def test_every_file_name_occurs_once():
    places = defaultdict(list)
    for path in FILES:
        if path.stem not in ("__init__", "__main__"):
            places[path.name].append(str(path.relative_to(PACKAGE)))
    assert not {name: found for name, found in places.items() if len(found) > 1}


@pytest.mark.parametrize("room", ["curves", "report"])
def test_curves_and_reports_import_no_framework(room):
    for path in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not {name.split(".")[0] for name in names} & FRAMEWORKS, path


def test_no_file_is_longer_than_400_lines():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {str(path): length for path, length in lengths.items() if length > 400}


def test_the_table_of_rooms_matches_the_code():
    page = draw.PAGE.read_text(encoding="utf-8")
    table = page.partition(draw.MARKERS["rooms"][0])[2].partition(draw.MARKERS["rooms"][1])[0]
    rows = [line.split("|") for line in table.strip().splitlines()[2:]]
    listed = {row[1].strip(" `"): sorted(re.findall(r"`(\w+)`", row[4])) for row in rows}
    assert listed == ROOMS, f"run {draw.__file__}"


def test_the_drawing_of_rooms_matches_the_code():
    drawing = draw.DRAWING.read_text(encoding="utf-8")
    arrows = re.findall(r"<title>(\w+) imports (\w+)</title>", drawing)
    assert sorted(arrows) == sorted(draw.routes(ROOMS)), f"run {draw.__file__}"


PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md")
    ),
    *sorted((ROOT / "docs").glob("*.md")),
    *FILES,
    *sorted(PACKAGE.rglob("*.jinja")),
]


def test_code_and_pages_use_the_terms_of_the_field():
    found = {}
    for path in PAGES:
        text = " ".join(path.read_text(encoding="utf-8").split())
        phrases = {match[0] for match in re.finditer("|".join(BANNED), text, re.IGNORECASE)}
        if phrases:
            found[str(path.relative_to(ROOT))] = sorted(phrases)
    assert not found
