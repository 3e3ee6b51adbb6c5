"""Words such as NA, - or None in targets, groups and categories."""

import numpy as np
import pandas as pd
import pytest

from zoo.errors import DataError
from zoo.ingest.clean_table import Severity
from zoo.ingest.label_words import label_words
from zoo.ingest.preparing import prepare, read_own

N = 120


def written(path, **columns):
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=N)})
    for name, values in columns.items():
        frame[name] = [values[i % len(values)] for i in range(N)]
    frame.to_csv(path, index=False)
    return path


def texts(table, about):
    return [one.text for one in table.warnings if one.about == about]


LABELS = {
    "continents": ["NA", "EU", "AS", "SA"],
    "countries": ["NA", "DE", "ZA", "FR"],
    "regions of trade": ["NA", "EMEA", "APAC"],
    "airports": ["NAN", "JFK", "FRA", "TXL", "LAX", "SFO"],
    "genes": ["nan", "per", "tim", "clk", "cyc", "cry", "jet", "pdf", "vri"],
    "surnames": ["Null", "Smith", "Jones", "Brown", "Evans", "Khan", "Lopez", "Meyer", "Nowak"],
    "none, mild, severe": ["None", "Mild", "Severe"],
    "plus and minus": ["-", "+"],
    "grades of plus": ["-", "+", "++"],
}


@pytest.mark.parametrize("what", LABELS)
def test_words_for_missing_values_that_look_like_the_other_labels_are_labels(tmp_path, what):
    values = LABELS[what]
    table = read_own(written(tmp_path / "a.csv", y=values), target="y")
    assert {*table.y} == {*values}
    assert len(table.y) == N
    (said,) = texts(table, "read")
    assert f"In the target 'y' '{values[0]}'" in said
    assert "was taken as a class" in said


def test_labels_of_groups_and_categories_are_kept_too(tmp_path):
    path = written(
        tmp_path / "a.csv", y=["u", "v"], site=LABELS["countries"], region=["NA", "EMEA", "APAC"]
    )
    table = read_own(path, target="y", group="site")
    assert {*table.groups} == {*LABELS["countries"]}
    assert table.X["region"].cat.categories.tolist() == ["APAC", "EMEA", "NA"]
    assert any("In 'region' 'NA' was taken as a category" in one for one in texts(table, "read"))


MISSING = {
    "NA": ["yes", "no", "no", "NA"],
    "n/a": ["low", "high", "n/a"],
    "nan": ["cat", "dog", "nan"],
    "?": ["a", "b", "?"],
    "-": ["a", "a", "b", "-"],
    "null": ["a", "b", "null"],
}


@pytest.mark.parametrize("word", MISSING)
def test_rows_dropped_for_a_word_are_named_at_the_top_with_their_share(tmp_path, word):
    values = MISSING[word]
    table = read_own(written(tmp_path / "a.csv", y=values), target="y")
    n_lost = N // len(values)
    assert len(table.y) == N - n_lost
    first = table.warnings[0]
    assert first.severity is Severity.SERIOUS
    share = f"{n_lost} of {N} ({n_lost / N:.1%}); 'y' holds there: '{word}' ({n_lost})"
    assert share in first.text


def test_a_dash_that_is_the_commonest_class_is_a_class_and_the_first_warning_says_so(tmp_path):
    values = ["-"] * 6 + ["hypothyroid", "hyperthyroid"]
    table = read_own(written(tmp_path / "a.csv", y=values), target="y")
    assert len(table.y) == N
    first = table.warnings[0]
    assert first.severity is Severity.SERIOUS
    assert "'-' (90) was taken as a class: 90 of 120 rows (75.0%)" in first.text


def test_a_word_beside_one_other_label_is_a_class(tmp_path):
    table = read_own(written(tmp_path / "a.csv", y=["n/a", "sick", "n/a"]), target="y")
    assert table.y.value_counts().to_dict() == {"n/a": 80, "sick": 40}
    assert table.warnings[0].severity is Severity.SERIOUS


def test_words_among_the_numbers_of_a_target_are_named(tmp_path):
    values = [1.5, 2.25, 3.5, "-", 5.25, "NA", 7.75, 8.5, 9.5, 10.5, 11.25, 12.5]
    table = read_own(written(tmp_path / "a.csv", y=values), target="y")
    assert table.task == "regression"
    assert "20 of 120 (16.7%); 'y' holds there: '-' (10), 'NA' (10)" in table.warnings[0].text


def test_in_memory_none_is_missing_and_the_text_na_is_a_class():
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=N)})
    table = prepare(X, [["NA", "a", "b", None][i % 4] for i in range(N)])
    assert table.y.value_counts().to_dict() == {"NA": 30, "a": 30, "b": 30}
    first, second = table.warnings[:2]
    assert "30 of 120 (25.0%); 'target' is empty there" in first.text + second.text
    assert "'NA' (30) was taken as a class" in first.text + second.text


def test_in_memory_a_missing_value_that_was_made_text_is_no_class():
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=N)})
    y = pd.Series([["a", "b", np.nan][i % 3] for i in range(N)], dtype=object).map(str)
    table = prepare(X, y)
    assert {*table.y} == {"a", "b"}
    assert "'nan' (40)" in table.warnings[0].text


def test_a_refusal_names_the_words_that_were_taken_as_missing(tmp_path):
    path = written(tmp_path / "a.csv", y=["?", "?", "a"])
    with pytest.raises(DataError, match=r"is 'a' in each row that has one \(.*'\?' \(80\)"):
        read_own(path, target="y")
    path = written(tmp_path / "b.csv", y=["?"] * 29 + ["a", "b", "?"] + ["?"] * 28)
    with pytest.raises(DataError, match=r"4 rows can be used; .*116 of 120 .*'\?' \(116\)"):
        read_own(path, target="y")


def test_words_beside_other_forms_of_labels_are_missing_values():
    for values in (
        ["NA", "M", "F"],
        ["NA", "YES", "NO"],
        ["NA", "Male", "Female"],
        ["Null", "Low", "Mid", "High"],
        ["nan", "mon", "tue", "wed", "thu", "fri"],
    ):
        words = label_words(pd.Series(values * 3, dtype="str"), is_target=True)
        assert not words.kept
        assert words.dropped == {values[0]: 3}
