import itertools
import re
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.curves.test_aggregate import cell
from zoo.bench.store import CellWriter, pack
from zoo.errors import StoreError
from zoo.report import write_report
from zoo.report.labels import spread

KEY = {"dataset_revision": 1, "model_version": 1, "params": {}, "protocol": "nested-holdout/1"}


def make_folder(folder, dataset="d", mlp="mlp", title="d", reason="<script>alert(1)</script>"):
    rng = np.random.default_rng(0)
    writer = CellWriter(folder)
    models = [("dummy", "baseline", 0.5), ("logistic", "classical", 0.3), (mlp, "mlp", 0.25)]
    for model, family, level in models:
        for n in (10, 100):
            for r in range(3):
                row = cell(dataset, model, family, n, r, level + 0.5 / n + 0.01 * rng.random())
                row["facts"]["title"] = title
                writer.write({**row, "key": {**row["key"], **KEY}})
    row = cell(dataset, "<b>&", "deep", 10, 0, None, status="failed")
    writer.write({**row, "key": {**row["key"], **KEY}, "reason": reason})
    writer.close()
    pack(folder)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return a page that no test changes."""
    return write_report(make_folder(tmp_path_factory.mktemp("report") / "out"))


def test_a_report_has_tables_figures_and_both_pages(page):
    names = {
        str(path.relative_to(page.parent)) for path in page.parent.rglob("*") if path.is_file()
    }
    assert {
        "tables/cells.csv", "tables/curves.csv", "tables/ranks.csv", "tables/forecast.csv",
        "tables/crossovers.csv", "tables/comparisons.csv", "tables/verdicts.csv",
        "tables/cost.csv", "figures/d-forecast.png", "figures/d-cost.svg", "figures/ranks.png",
        "figures/critical-difference.png", "figures/d.png",
        "figures/d.svg", "figures/families.png", "REPORT.md", "report.html",
    } <= names  # fmt: skip


def test_the_page_is_self_contained_and_escapes_its_text(page):
    text = page.read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_a_report_is_the_same_to_the_byte_and_replaces_the_one_that_is_being_read(page, tmp_path):
    folder = shutil.copytree(page.parent, tmp_path / "out")
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".jsonl"]
    numbers = {path: path.stat().st_ino for path in paths}
    open_files = [path.open("rb") for path in paths]
    write_report(folder)
    for path, file in zip(paths, open_files, strict=True):
        with file:
            assert path.stat().st_ino != numbers[path]  # a new file, not the old one rewritten
            assert file.read() == path.read_bytes()


def test_a_folder_without_a_score_is_refused_with_the_first_reason(tmp_path):
    writer = CellWriter(tmp_path / "out")
    row = cell("d", "mlp", "mlp", 10, 0, None, status="failed")
    writer.write({**row, "key": {**row["key"], **KEY}})
    writer.close()
    with pytest.raises(StoreError, match=r"no cell has a score.*why"):
        write_report(tmp_path / "out")


def test_labels_keep_their_distance_and_order():
    placed = spread([0.5, 0.5, 0.52, 0.9], distance=0.1, low=0.0, high=1.0)
    assert all(b - a >= 0.1 - 1e-12 for a, b in itertools.pairwise(placed))
    assert placed[3] == 0.9
    assert spread([0.2, 0.1], distance=0.05, low=0, high=1) == [0.2, 0.1]
    assert spread([0.0] * 30, distance=0.1, low=0, high=1) == pytest.approx(np.linspace(0, 1, 30))


def test_the_markdown_has_a_blank_line_around_every_heading_figure_and_table(page):
    lines = (page.parent / "REPORT.md").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if line.startswith(("#", "![")):
            assert before == "", line
        if line.startswith("|"):
            assert before == "" or before.startswith("|"), line
    assert not any(a == b == "" for a, b in itertools.pairwise(lines))


EVIL = (
    "<img src=x onerror=alert(1)> ](javascript:alert(1)) | `a` **b** \n# c \x1b[2J\u202e $\\frac{"
)


def test_names_from_files_are_text_on_both_pages_and_in_the_figures(tmp_path):
    name = EVIL.replace("\n", "").replace("\x1b", "")  # the store refuses these in names
    folder = make_folder(
        tmp_path / "out", dataset=2 * name, mlp=f"_{name}_", title=4 * EVIL, reason=EVIL
    )
    page = write_report(folder)
    html, markdown = page.read_text(), (page.parent / "REPORT.md").read_text()
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    for text in (html, markdown):
        assert "<img src=x" not in text
        assert "<script" not in text
        assert all(line.isprintable() for line in text.split("\n"))
    assert r"\](javascript:alert(1)) \| \`a\` \*\*b\*\*" in markdown
    assert not re.search(r"^# c", markdown, re.MULTILINE)
    for block in markdown.split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    suffixes = {path.suffix for path in page.parent.rglob("*") if path.is_file()}
    assert suffixes == {".csv", ".svg", ".png", ".md", ".html", ".jsonl"}


def test_the_page_forbids_scripts_and_everything_from_elsewhere(page):
    text = page.read_text()
    (policy,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', text)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert text.index("Content-Security-Policy") < text.index("<style>")


def refusal(folder):
    with pytest.raises(StoreError) as refused:
        write_report(folder)
    assert str(refused.value).isprintable()
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]
    return str(refused.value)


def test_a_report_that_cannot_be_written_is_one_line_and_leaves_the_old_files(tmp_path):
    folder = make_folder(tmp_path / "out")
    (folder / "tables").write_text("in the way")
    assert refusal(folder) == f"'{folder / 'tables'}' cannot be written (File exists)"
    (folder / "tables").unlink()
    table = folder / "tables" / "cells.csv"
    table.parent.mkdir()
    table.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))  # as a full disk
    try:
        said = refusal(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said == f"'{table}' cannot be written (File too large)"
    assert table.read_text() == "old"


def test_a_folder_that_is_removed_while_its_report_is_written_is_one_line(tmp_path, monkeypatch):
    from zoo.report import write

    folder = make_folder(tmp_path / "out")
    draw = write.draw_families

    def remove_and_draw(families):
        shutil.rmtree(folder)
        return draw(families)

    monkeypatch.setattr(write, "draw_families", remove_and_draw)
    with pytest.raises(StoreError, match=r"cannot be written \(No such file or directory\)"):
        write_report(folder)
    assert not folder.exists()


@pytest.mark.slow
def test_two_reports_of_one_folder_may_be_written_at_once(tmp_path):
    folder = make_folder(tmp_path / "out")
    command = [sys.executable, "-m", "zoo.cli", "report", str(folder)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[1] for process in both] == [""] * 3
    made = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_report(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == made
