import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from zoo.ingest.groups import names_group
from zoo.ingest.made_from import Formula, find_lags, find_origins
from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.repeats import count_repeats

N = 400


def rng():
    return np.random.default_rng(0)


def coin(n=N):
    return np.where(np.random.default_rng(1).random(n) < 0.5, "yes", "no")


def noise(**columns):
    made = rng()
    return pd.DataFrame({"x": made.normal(size=N), "z": made.integers(0, 9, N)} | columns)


def about(table, topic):
    return [warning for warning in table.warnings if warning.about == topic]


def kinds(table):
    return {note.name: note.kind for note in table.columns}


ROWS = np.arange(N)
IDS = {
    "index of a data frame": ("Unnamed: 0", ROWS),
    "numbers from 1": ("index", ROWS + 1),
    "shuffled numbers": ("ref", rng().permutation(N)),
    "numbers of rows that were filtered": ("position", np.flatnonzero(rng().random(700) < 0.6)[:N]),
    "numbers of which some are missing": ("row", np.where(ROWS % 97 == 5, np.nan, ROWS)),
    "numbers of which a few are repeated": ("row", np.where(ROWS % 50 == 5, ROWS - 1, ROWS)),
    "large numbers": ("key", ROWS + 2**60),
    "texts": ("case", [f"P{i:04}" for i in range(N)]),
    "hashes": ("uid", [f"{i * 2654435761 % 2**32:08x}-4fa1" for i in range(N)]),
}


@pytest.mark.parametrize("what", IDS)
@pytest.mark.parametrize("has_missing_targets", [False, True])
def test_identifiers_are_left_out_also_if_rows_have_no_target(what, has_missing_targets):
    name, values = IDS[what]
    y = pd.Series(coin(), dtype=object)
    if has_missing_targets:
        y[rng().random(N) < 0.3] = None
    table = prepare(noise(**{name: values}), y)
    assert kinds(table)[name] == "id"
    assert name not in table.X


def test_the_nameless_index_of_a_file_is_an_identifier(tmp_path):
    noise().assign(y=pd.Series(coin()).where(ROWS % 3 > 0)).to_csv(tmp_path / "t.csv")
    table = read_own(tmp_path / "t.csv", target="y")
    assert [*table.X] == ["x", "z"]
    assert len(table.X) < N


@pytest.mark.parametrize(
    "values",
    [
        rng().integers(0, 500, N),
        rng().integers(18, 90, N),
        np.sort(rng().integers(0, 500, N)),
        rng().integers(20_000, 90_000, N),
        ROWS * 10 + 3,
    ],
)
def test_measured_whole_numbers_are_no_identifiers(values):
    assert kinds(prepare(noise(amount=values), coin()))["amount"] == "number"


@pytest.mark.parametrize(
    "name",
    ["patient", "School", "customer_id", "CustomerID", "subject_id", "household", "user",
     "deviceId", "store", "site", "session", "Kunde", "KundenNr", "Patientennummer", "Schule",
     "Haushalt", "Gerät-ID", "élève", "id_patient", "cliente", "sesión", "id_hogar", "Praxis"],
)  # fmt: skip
def test_common_names_of_groups_are_known(name):
    assert names_group(name)
    values = rng().integers(0, 60, N)
    (warning,) = about(prepare(noise(**{name: values}), coin()), "groups")
    assert f"add --group '{name}'" in warning.text


@pytest.mark.parametrize(
    "name",
    ["user_rating", "store_type", "age", "plan", "visits", "customers", "machine_hours", "species",
     "site_area", "userscore", "color", "schooling", "n_patients"],
)  # fmt: skip
def test_names_of_properties_name_no_groups(name):
    assert not names_group(name)
    assert not about(prepare(noise(**{name: rng().integers(0, 60, N)}), coin()), "groups")


def test_groups_with_few_repeats_or_a_missing_value_are_suspected():
    values = np.where(ROWS < 320, ROWS, ROWS - 320).astype(float)  # 80% distinct
    values[17] = np.nan
    for column in (values, pd.Series(values).map("S{:.0f}".format, na_action="ignore")):
        (warning,) = about(prepare(noise(subject_id=column), coin()), "groups")
        assert warning.columns == ("subject_id",)


def test_a_column_whose_rows_are_alike_is_suspected_whatever_its_name():
    made = rng()
    who = made.integers(0, 70, N)
    age, height = made.integers(20, 90, 70)[who], made.normal(170, 9, 70)[who]
    columns = {"who": [f"{code * 7919 % 9973}x" for code in who], "age": age, "height": height}
    (warning,) = about(prepare(noise(**columns), coin()), "groups")
    assert warning.columns[0] == "who"
    below = prepare(noise(block=np.repeat(np.arange(80), 5)), coin())
    assert about(below, "groups")[0].columns == ("block",)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_clean_tables_give_no_warning_of_groups_leaks_or_duplicates(name):
    data = getattr(datasets, f"load_{name}")(as_frame=True)
    table = prepare(data.data, data.target)
    assert not [one for one in table.warnings if one.severity == "serious"]
    assert not about(table, "groups") + about(table, "leak") + about(table, "id")


def test_a_value_that_separates_two_of_three_classes_is_a_leak():
    made = rng()
    y = made.choice(["healthy", "hypo", "hyper"], N, p=[0.7, 0.15, 0.15])
    tsh = np.where(y == "hypo", made.lognormal(3.5, 0.4, N), made.lognormal(0.2, 0.4, N))
    code = np.where(y == "hyper", "E05", made.choice(["A01", "B02", "C03"], N))
    dose = np.where(y == "hyper", made.normal(size=N), np.nan)
    for name, values in (("TSH", tsh), ("code", code), ("dose", dose)):
        (leak,) = about(prepare(noise(**{name: values}, age=made.integers(9, 90, N)), y), "leak")
        assert leak.columns == (name,)
        assert leak.severity == "serious"
        assert "alone separates the classes" in leak.text


def parts():
    made = rng()
    return made.gamma(3, 5, N), made.gamma(2, 7, N)


LOW, MORE = parts()
ORIGINS = {
    "the mean of two": (LOW, LOW + MORE, (LOW + LOW + MORE) / 2),
    "their rounded mean": (LOW, LOW + MORE, (LOW + MORE / 2).round(1)),
    "their difference": (LOW, MORE, LOW - MORE),
    "their weighted sum": (LOW, MORE, 3 * LOW - 2 * MORE - 9),
    "their product": (LOW, MORE, LOW * MORE),
    "their ratio": (LOW, MORE, LOW / MORE),
    "their mean with missing values": (
        np.where(ROWS % 9 == 1, np.nan, LOW), LOW + MORE, LOW + MORE / 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ORIGINS)
def test_a_target_made_from_two_columns_gives_a_warning_that_names_them(what):
    first, second, target = ORIGINS[what]
    table = prepare(noise(first=first, second=second), target)
    (leak,) = about(table, "leak")
    assert {*leak.columns} == {"first", "second"}
    assert "together give the target almost exactly" in leak.text


def test_a_sum_of_several_columns_is_found_and_a_good_model_is_none():
    made = rng()
    X = pd.DataFrame(made.gamma(2, 5, (N, 6)), columns=[*"abcdef"])
    (found,) = find_origins(X, X[[*"abcd"]].sum(axis=1))
    assert found.formula is Formula.SUM
    assert sorted(found.columns) == [*"abcd"]
    assert not [*find_origins(X, X[[*"abcd"]].sum(axis=1) + made.normal(0, 2, N))]


def test_a_column_that_holds_the_target_of_another_row_gives_a_warning():
    y = pd.Series(rng().normal(size=N).cumsum())
    X = pd.DataFrame({"before": y.shift(1), "week": y.shift(7), "below": y.shift(-1)})
    assert find_lags(X, y, "regression") == {"before": 1, "week": 7, "below": -1}
    texts = [one.text for one in about(prepare(X.assign(x=noise()["x"]), y), "leak")]
    assert any("'below' holds the target of the row that is 1 row below" in one for one in texts)
    label = pd.Series(coin())
    assert find_lags(pd.DataFrame({"n": label.shift(1) == "no"}), label, "classification") == {
        "n": 1
    }
    assert not find_lags(pd.DataFrame({"n": coin()[::-1]}), label, "classification")


TARGETS = [
    ("visits", np.minimum(rng().negative_binomial(1, 0.3, N), 9), "regression", False),
    ("y", rng().poisson(1.5, N).clip(0, 9), "regression", False),
    ("n_children", rng().poisson(1.2, N).clip(0, 4), "regression", False),
    ("y", rng().geometric(0.4, N).clip(1, 9), "regression", False),
    ("digit", rng().integers(0, 10, N), "classification", False),
    ("cover", rng().choice([1, 2, 3, 4, 5, 6, 7], N, p=[0.3, 0.3, 0.02, 0.1, 0.02, 0.06, 0.2]),
     "classification", False),
    ("quality", rng().binomial(6, 0.5, N) + 3, "classification", True),
    ("y", rng().integers(0, 3, N), "classification", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "y", "task", "is_unsure"), TARGETS)
def test_counts_are_amounts_codes_are_classes_and_doubt_is_said(name, y, task, is_unsure):
    table = prepare(noise(), pd.Series(y, name=name))
    assert table.task == task
    other = "classification" if task == "regression" else "regression"
    assert f"--task {other}" in table.task_reason
    warned = about(table, "task")
    assert bool(warned) == is_unsure
    if is_unsure:
        assert table.warnings[0] == warned[0]
        assert "add --task regression" in warned[0].text
        assert not about(prepare(noise(), y, task="classification"), "task")


def test_repeated_rows_that_are_expected_by_chance_are_taken_off():
    made = rng()
    X = pd.DataFrame(
        {name: made.integers(0, k, 3000) for name, k in zip("abcd", (2, 3, 5, 7), strict=True)}
    )
    y = pd.Series(made.choice(["yes", "no"], 3000))
    n_same, by_chance = count_repeats(X, y)
    assert n_same > 2500
    assert abs(n_same - by_chance) < 30
    assert not about(prepare(X, y), "duplicates")
    table = prepare(X.assign(x=np.tile(made.normal(size=1500), 2), a=0.5), y)
    assert not about(table, "duplicates")
    copies = X.assign(x=made.normal(size=3000)).iloc[[*range(2700), *range(300)]]
    (warning,) = about(prepare(copies, y.iloc[[*range(2700), *range(300)]]), "duplicates")
    assert warning.text.startswith("300 rows (10.0%) repeat another row")
    assert warning.severity == "serious"


def test_a_wide_table_is_read_as_the_same_columns_one_by_one():
    made = rng()
    wide = pd.DataFrame(made.normal(size=(64, 300)).round(2)).add_prefix("g")
    wide["g7"], wide["g8"], wide["g9"] = np.nan, 1.0, made.integers(0, 2, 64)
    wide["g10"] = made.integers(0, 2, 64)
    y = np.array([*"ab"] * 32)
    together = kinds(prepare(wide, y))
    for name in ("g7", "g8", "g9", "g10"):
        assert kinds(prepare(wide[["g0", name]], y))[name] == together[name]
    texts = wide.astype(object).map(lambda value: None if pd.isna(value) else str(value))
    pd.testing.assert_frame_equal(
        prepare(texts[["g0", "g1"]], y).X, prepare(wide[["g0", "g1"]], y).X
    )
