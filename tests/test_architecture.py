import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "zoo"

# What each room may import of the others; `errors`, `canonical`, `definitions` and `metrics` serve all.
ALLOWED = {
    "cli": {"study", "ingest", "report", "curves", "bench", "data", "registry", "export", "saving"},
    "study": {"ingest", "report", "curves", "bench", "data", "registry", "saving"},
    "report": {"curves", "bench.store"},
    "curves": {"bench.store"},
    "bench": {"data", "registry"},
    "export": {"training", "encoding", "saving"},
    "models": {"training", "encoding", "saving"},
    "ingest": {"data", "encoding"},
    "data": set(),
    "saving": {"encoding", "registry"},
    "training": set(),
    "encoding": set(),
    "registry": set(),
    "metrics": set(),
    "definitions": set(),
}
FOR_ALL = {"errors", "canonical", "definitions", "metrics"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "zoo":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.removeprefix("zoo.") if node.module.startswith("zoo.") else ""
            yield "framework:" + node.module.split(".")[0]
        elif isinstance(node, ast.Import):
            yield from ("framework:" + alias.name.split(".")[0] for alias in node.names)


FILES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent != ROOT or path.stem in ALLOWED]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports(path):
        if name.startswith("framework:") or not name:
            continue
        is_own = name.split(".")[0] == room
        known = any(
            name == target or name.startswith(target + ".") for target in ALLOWED[room] | FOR_ALL
        )
        is_registry_view = (
            room == "models" and name == "registry"
        )  # zoo.models() lists the registry
        assert is_own or known or is_registry_view, f"{path} imports zoo.{name}"


@pytest.mark.parametrize("room", ["report", "curves"])
def test_reports_and_curves_know_no_model_and_no_framework(room):
    frameworks = {"tensorflow", "keras", "xgboost", "lightgbm", "sklearn"}
    for path in (ROOT / room).rglob("*.py"):
        found = {name.removeprefix("framework:") for name in imports(path)}
        assert not found & (frameworks | {"registry", "models"})


def test_no_file_outgrows_its_idea():
    long = {
        path.name: n
        for path in ROOT.rglob("*.py")
        if (n := len(path.read_text().splitlines())) > 400
    }
    assert not long
