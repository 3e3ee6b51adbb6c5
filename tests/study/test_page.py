import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import pandas as pd
import pytest

from tests.study.browser import BROWSER, visit
from tests.study.tables import churn, measured_folder
from zoo.errors import StoreError
from zoo.report import write_report
from zoo.study.page import advice_of, write_page

EVIL = '<script>alert(1)</script>$\\frac{1}{0}$--><b>"&\x1b[31m'


def evil_table():
    """Return a table whose column names, categories and labels are HTML and control characters."""
    X, y = churn(300)
    X = X.rename(columns={"a": EVIL, "b": "</table>", "d": "x" * 300})
    X["plan"] = X["plan"].replace("gold", "<img src=x onerror=alert(2)>")
    y = y.replace("yes", EVIL).rename("<script>alert(3)</script> $y$")
    return X, y


class Outline(HTMLParser):
    """Records tags and text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def of(self, *names):
        return [(tag, attrs) for tag, attrs in self.tags if tag in names]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evil")
    measured_folder(folder, *evil_table())
    state = {
        "command": ["zoo", "curve", "my file's <b>.csv", "--target", EVIL],
        "budget_s": 60.0, "spent_s": 12.0, "was_stopped": False, "saved": None,
        "left_out": [
            {"model": "mlp", "sizes": [100], "reason": "no time", "detail": "<i>about</i> 9 s"},
            {"model": "knn", "sizes": [100], "reason": "failed", "detail": "listed by its cells"},
        ],
    }  # fmt: skip
    (folder / "curve.json").write_text(json.dumps(state))
    write_page(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def outline(page):
    outline = Outline()
    outline.feed(page)
    return outline


def test_text_of_the_file_is_shown_and_never_interpreted(page, outline):
    assert not outline.of("script", "i", "iframe", "object", "form")
    assert not [attrs for _, attrs in outline.tags if any(name.startswith("on") for name in attrs)]
    assert len(outline.of("table")) == page.count("</table>")
    shown = "".join(outline.text)
    for text in ("<script>alert(1)</script>", "</table>", "<script>alert(3)</script> $y$"):
        assert text in shown
    assert "\x1b" not in page


def test_the_page_requests_nothing_from_outside(page, outline):
    for _, attrs in outline.tags:
        for name in ("src", "href", "action", "data", "srcset"):
            value = attrs.get(name, "")
            assert value.startswith(("data:image/png", "#")) or not value, value
    assert "url(" not in page
    assert "@import" not in page
    policy = [a["content"] for _, a in outline.of("meta") if "http-equiv" in a]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_the_page_can_be_read_with_a_keyboard_and_a_screen_reader(page, outline):
    assert outline.of("html")[0][1]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in outline.of("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(len(attrs["alt"]) > 40 for _, attrs in outline.of("img"))
    assert all(attrs.get("scope") in ("col", "row") for _, attrs in outline.of("th"))
    assert len(outline.of("caption")) == len(outline.of("table"))
    ids = {attrs["id"] for _, attrs in outline.tags if "id" in attrs}
    targets = {a["href"][1:] for _, a in outline.of("a")}
    assert targets <= ids
    assert "@media print" in page
    assert ":focus" in page


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    lin = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * lin[0] + 0.7152 * lin[1] + 0.0722 * lin[2]


def test_every_text_colour_contrasts_with_every_background(page):
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    texts = set(re.findall(r"[{; ]color: (#[0-9a-f]{3,6})", style))
    grounds = set(re.findall(r"background: (#[0-9a-f]{3,6})", style))
    assert len(texts) >= 4
    assert len(grounds) >= 3
    for text in texts:
        for ground in grounds:
            high, low = sorted((luminance(text), luminance(ground)), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_the_page_has_answers_warnings_curves_costs_models_left_out_and_commands(outline):
    shown = " ".join(" ".join(outline.text).split())
    for words in (
        "Best model", "How sure", "Twice the data", "Ten times the data", "Deep learning",
        "What to do next", "Warnings and notes", "Learning curves", "Forecast", "Costs",
        "no time: <i>about</i> 9 s", "Columns of the file", "zoo curve 'my file'",
    ):  # fmt: skip
        assert words in shown, words
    assert "listed by its cells" not in shown


def test_the_folder_is_an_ordinary_results_folder(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    general = write_report(copy).read_text(encoding="utf-8")
    assert "<script>" not in general
    assert "decision_tree" in general


def test_a_folder_without_a_table_or_a_score_is_refused(tmp_path):
    with pytest.raises(StoreError, match="holds no table"):
        write_page(tmp_path)
    with pytest.raises(StoreError):
        advice_of(tmp_path)


needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="there is no Chromium or Chrome on this machine"
)


@pytest.mark.slow
@needs_browser
def test_a_browser_shows_the_page_without_an_error_or_a_request(folder, tmp_path):
    console, outside, title, image = visit(folder / "report.html", tmp_path)
    assert console == []
    assert outside == []
    assert title.endswith("which model, and would more data help?")
    assert len(image) > 20_000


@pytest.mark.slow
@needs_browser
def test_the_browser_check_finds_an_error_and_a_request(tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text("<script>console.error('wrong')</script><img src='http://192.0.2.1/x.png'>")
    console, outside, _, _ = visit(bad, tmp_path)
    assert any("wrong" in line for line in console)
    assert outside == ["http://192.0.2.1/x.png"]


def test_the_numbers_are_in_tables_beside_the_page(folder):
    curves = pd.read_csv(folder / "tables" / "curves.csv")
    assert set(curves["model"]) == {"dummy", "logistic", "decision_tree"}
