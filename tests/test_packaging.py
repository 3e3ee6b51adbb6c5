import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import zoo

ROOT = Path(__file__).parents[1]
LIST = (
    "from zoo.data import datasets; from zoo.bench.suite import suites; print(datasets(), suites())"
)


def build(source, target, kind):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (path,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return path


def definitions_seen(folder, *, code=LIST):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def unpack_wheel(path, target):
    with zipfile.ZipFile(path) as archive:
        archive.extractall(target)
    return target


def test_the_wheel_contains_the_definitions_and_no_other_package(tmp_path):
    site = unpack_wheel(build(ROOT, tmp_path, "wheel"), tmp_path / "site")
    seen = definitions_seen(site)
    assert "'thyroid'" in seen
    assert "'quick'" in seen
    assert {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")} == {"zoo"}
    assert not list((site / "zoo" / "_definitions").rglob("*.py"))
    assert (site / "zoo" / "py.typed").exists()


def test_the_sdist_builds_a_wheel_that_finds_the_definitions(tmp_path):
    with tarfile.open(build(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    site = unpack_wheel(build(source, tmp_path / "wheel", "wheel"), tmp_path / "site")
    assert "'thyroid'" in definitions_seen(site)


def test_an_editable_install_finds_the_definitions_in_the_checkout(tmp_path):
    build_it = f"import hatchling.build; hatchling.build.build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build_it], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = unpack_wheel(wheel, tmp_path / "site")
    code = f"import site; site.addsitedir({str(site)!r}); {LIST}"
    assert "'thyroid'" in definitions_seen(tmp_path / "nothing", code=code)


def test_the_citation_has_the_version_of_the_package():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {zoo.__version__}\n" in citation


@pytest.mark.parametrize("folder", ["datasets", "benchmarks"])
def test_folders_of_definitions_are_not_packages(folder):
    assert not list((ROOT / folder).rglob("__init__.py"))
