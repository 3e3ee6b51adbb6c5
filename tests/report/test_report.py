import itertools
import re

import numpy as np
import pytest

from tests.curves.test_aggregate import cell
from zoo.bench.store import CellWriter, pack
from zoo.errors import StoreError
from zoo.report import write_report
from zoo.report.labels import spread

KEY = {"dataset_revision": 1, "model_version": 1, "params": {}, "protocol": "nested-holdout/1"}


def make_folder(folder):
    rng = np.random.default_rng(0)
    writer = CellWriter(folder)
    models = [("dummy", "baseline", 0.5), ("logistic", "classical", 0.3), ("mlp", "mlp", 0.25)]
    for model, family, level in models:
        for n in (10, 100):
            for r in range(3):
                row = cell("d", model, family, n, r, level + 0.5 / n + 0.01 * rng.random())
                writer.write({**row, "key": {**row["key"], **KEY}})
    row = cell("d", "<b>&", "deep", 10, 0, None, status="failed")
    writer.write({**row, "key": {**row["key"], **KEY}, "reason": "<script>alert(1)</script>"})
    writer.close()
    pack(folder)
    return folder


def test_a_report_has_tables_figures_and_both_pages(tmp_path):
    page = write_report(make_folder(tmp_path / "out"))
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


def test_the_page_is_self_contained_and_escapes_its_text(tmp_path):
    text = write_report(make_folder(tmp_path / "out")).read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_same_cells_give_the_same_report_to_the_byte(tmp_path):
    page = write_report(make_folder(tmp_path / "out"))
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    write_report(page.parent)
    assert {path: path.read_bytes() for path in before} == before


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


def test_the_markdown_has_a_blank_line_around_every_heading_figure_and_table(tmp_path):
    folder = write_report(make_folder(tmp_path / "out")).parent
    lines = (folder / "REPORT.md").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if line.startswith(("#", "![")):
            assert before == "", line
        if line.startswith("|"):
            assert before == "" or before.startswith("|"), line
    assert not any(a == b == "" for a, b in itertools.pairwise(lines))
