import numpy as np
import pandas as pd
import pytest

from zoo.ingest.clean_table import Topic
from zoo.ingest.preparing import prepare
from zoo.ingest.splitting import split_own
from zoo.study.honest_splits import prepare_honestly, read_honestly

N = 400


def visits(n_patients=80):
    """Return rows of patients with traits of their own, and a label that depends on the patient."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(n_patients), N // n_patients)
    X = pd.DataFrame({"x": rng.normal(size=N), "patient_id": [f"P{p:03}" for p in patient]})
    return X, pd.Series(np.where(rng.normal(size=n_patients)[patient] > 0, "yes", "no"), name="y")


def test_groups_that_are_found_are_never_split_and_that_is_said_first():
    X, y = visits()
    table = prepare_honestly(X, y)
    assert list(table.X) == ["x"]
    assert table.warnings[0].text.startswith("'patient_id' seems to name groups of rows")
    assert "--split random (split='random' in Python) turns this off" in table.warnings[0].text
    for replicate in range(3):
        split = split_own(table, replicate)
        patients = X["patient_id"].to_numpy()
        assert not set(patients[split.test]) & set(patients[split.train])


def test_splits_are_random_if_the_user_says_so_or_names_other_groups():
    X, y = visits()
    plain = prepare_honestly(X, y, split="random")
    assert plain.groups is None
    assert plain.digest == prepare(X, y).digest
    assert Topic.GROUPS in {one.about for one in plain.warnings}  # the warning stays
    mine = np.arange(N) % 5
    assert list(prepare_honestly(X, y, groups=mine).groups) == [str(one) for one in mine]


def test_rows_sorted_by_date_are_tested_on_the_future():
    X, y = visits()
    X = X.drop(columns="patient_id").assign(day=pd.date_range("2024-01-01", periods=N))
    table = prepare_honestly(X, y)
    assert table.times is not None
    assert "x" in table.X
    assert table.warnings[0].text.startswith("The rows are sorted by the dates in 'day'")
    split = split_own(table, 0)
    assert split.train.max() < split.test.min()
    shuffled = X.sample(frac=1, random_state=0).reset_index(drop=True)
    assert prepare_honestly(shuffled, y).times is None


def test_a_table_without_groups_and_times_is_as_before():
    X, y = visits()
    X = X.drop(columns="patient_id")
    assert prepare_honestly(X, y).digest == prepare(X, y).digest


def test_groups_that_cannot_split_the_rows_stay_a_warning():
    X, y = visits()
    X["patient_id"] = ["P000"] * (N - 24) + [f"P{k:03}" for k in np.arange(24) // 2 + 1]
    table = prepare_honestly(X, y)
    if table.groups is not None:
        assert len(split_own(table, 0).train) > N / 4
    else:
        assert "patient_id" in table.X


def test_files_are_split_honestly_too(tmp_path):
    X, y = visits()
    X.assign(y=y).to_csv(tmp_path / "t.csv", index=False)
    table = read_honestly(tmp_path / "t.csv", target="y")
    assert table.groups is not None
    assert "patient_id" not in table.X
    assert [note.kind for note in table.columns if note.name == "patient_id"] == ["group"]
    assert read_honestly(tmp_path / "t.csv", target="y", split="random").groups is None
    assert read_honestly(tmp_path / "t.csv", target="y", group="x").groups is not None


@pytest.mark.parametrize("n_patients", [50, 100])
def test_new_patients_are_predicted_as_badly_as_the_splits_say(n_patients):
    """Their labels are coin flips: only a split of patients makes them predictable."""
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    X, y = visits(n_patients)
    X["trait"] = np.random.default_rng(1).normal(size=n_patients)[
        X["patient_id"].str[1:].astype(int)
    ]
    scores = {}
    for split_by in ("auto", "random"):
        table = prepare_honestly(X, y, split=split_by)
        split = split_own(table, 0)
        tree = DecisionTreeClassifier(random_state=0).fit(
            table.X[["trait"]].iloc[split.train], table.y.iloc[split.train]
        )
        found = tree.predict_proba(table.X[["trait"]].iloc[split.test])[:, 1]
        scores[split_by] = roc_auc_score(table.y.iloc[split.test], found)
    assert scores["random"] > 0.95
    assert scores["auto"] < 0.75


def test_a_column_that_only_agrees_with_the_target_is_warned_of_and_stays():
    X, y = visits()
    X = X.rename(columns={"patient_id": "colour"})
    table = prepare_honestly(X, y)
    assert table.groups is None
    assert "colour" in table.X
    assert Topic.GROUPS in {one.about for one in table.warnings}


def test_a_second_column_of_groups_is_named():
    X, y = visits()
    X["doctor_id"] = np.random.default_rng(2).integers(0, 30, N)
    table = prepare_honestly(X, y)
    assert len({*X.columns} - {*table.X}) == 1
    assert "may name groups too; --group chooses another column" in table.warnings[0].text


@pytest.mark.parametrize("kind", ["polars", "descending", "both", "wide ids"])
def test_groups_and_times_are_found_in_any_form(kind):
    X, y = visits()
    days = pd.Series(pd.date_range("2024-01-01", periods=N, freq="h"))
    if kind == "polars":
        X = pytest.importorskip("polars").from_pandas(X)
    elif kind == "descending":
        X = X.assign(day=days[::-1].to_numpy()).drop(columns="patient_id")
    elif kind == "both":
        X["day"] = days
        X["patient_id"] = [f"P{p:03}" for p in np.random.default_rng(0).integers(0, 60, N)]
    else:  # more values than a category has
        X = pd.concat([X] * 4, ignore_index=True)
        X["patient_id"] = [f"P{p:04}" for p in np.arange(4 * N) // 4]
        y = pd.concat([y] * 4, ignore_index=True)
    table = prepare_honestly(X, y)
    assert (table.groups is not None) == (kind != "descending")
    assert (table.times is not None) == (kind in ("descending", "both"))
    if kind == "wide ids":
        assert table.groups.nunique() == N
