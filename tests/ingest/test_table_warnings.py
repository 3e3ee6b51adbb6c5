import numpy as np
import pandas as pd
import pytest

from zoo.errors import DataError
from zoo.ingest.clean_table import Severity
from zoo.ingest.leaks import is_copy, lone_score
from zoo.ingest.preparing import prepare, read_own
from zoo.ingest.roles import choose_metric

N = 400
RNG = np.random.default_rng(0)


def frame(**columns):
    return pd.DataFrame({"x": RNG.normal(size=N), "z": RNG.integers(0, 9, N)} | columns)


def coin(fraction=0.5, n=N):
    return np.where(RNG.permutation(n) < fraction * n, "yes", "no")


def about(table, topic):
    return [warning for warning in table.warnings if warning.about == topic]


def test_a_column_that_is_filled_after_the_outcome_is_a_leak():
    y = coin(0.3)
    reason = np.where(y == "yes", RNG.choice(["price", "service", "moved"], N), None)
    date = pd.Series(pd.Timestamp("2024-01-01"), index=range(N)) + pd.to_timedelta(
        RNG.integers(0, 90, N), unit="D"
    )
    table = prepare(frame(reason=reason, left=date.where(y == "yes")), y)
    (leak,) = about(table, "leak")
    assert leak.severity is Severity.SERIOUS
    assert {*leak.columns} == {"reason", "left"}
    assert table.warnings[0] == leak


def test_a_number_made_from_the_target_is_a_leak_and_a_good_column_is_not():
    y = RNG.normal(100, 20, N)
    columns = {"taxed": (y * 1.19).round(1), "good": y + RNG.normal(0, 6, N)}
    (leak,) = about(prepare(frame(**columns), y), "leak")
    assert leak.columns == ("taxed",)


def test_noise_in_a_wide_small_table_is_no_leak():
    X = pd.DataFrame(RNG.normal(size=(90, 400)))
    assert not about(prepare(X, coin(n=90)), "leak")


def test_scores_of_single_columns_are_between_chance_and_perfection():
    y = pd.Series(coin(0.1))
    exact = pd.Series(np.where(y == "yes", 1.0, 0.0) + RNG.uniform(0, 0.5, N))
    assert lone_score(exact, y, "classification") == 1.0
    assert abs(lone_score(pd.Series(RNG.normal(size=N)), y, "classification")) < 0.3
    categories = pd.Series(np.where(y == "yes", "a", "b"), dtype="category")
    assert lone_score(categories, y, "classification") == 1.0
    numbers = pd.Series(RNG.normal(size=N))
    assert lone_score(numbers.round(3), numbers, "regression") > 0.97
    assert lone_score(numbers, pd.Series(np.zeros(N)), "regression") == 0.0


def test_copies_of_the_target_are_recognised_under_other_values():
    y = pd.Series(coin())
    assert is_copy(y.map({"yes": 1, "no": 0}), y, "classification")
    assert not is_copy(y.map({"yes": 1, "no": None}), y, "classification")
    assert not is_copy(pd.Series(coin()), y, "classification")
    numbers = pd.Series(RNG.normal(size=N))
    assert is_copy(5 - 3 * numbers, numbers, "regression")
    assert not is_copy(numbers.round(2), numbers, "regression")


def test_groups_are_suspected_by_name_and_by_equal_labels():
    sensor = np.repeat(np.arange(80), 5)
    y = np.repeat(coin(n=80), 5)
    table = prepare(frame(sensor=sensor, user_id=RNG.integers(0, 50, N), age=sensor % 7), y)
    (groups,) = about(table, "groups")
    assert {*groups.columns} == {"sensor", "user_id"}
    assert groups.severity is Severity.SERIOUS


def test_rows_in_the_order_of_a_date_give_a_warning():
    table = prepare(frame(day=pd.date_range("2024-01-01", periods=N)), coin())
    (time,) = about(table, "time")
    assert "by which the rows are sorted" in time.text


def test_repeated_rows_are_counted():
    X = pd.concat([frame().iloc[:-4], frame().iloc[:4]], ignore_index=True)
    X.iloc[-4:] = X.iloc[:4].to_numpy()
    y = coin()
    y[-4:] = y[:4]
    (same,) = about(prepare(X, y), "duplicates")
    assert same.text.startswith("4 rows (1.0%) repeat another row")
    assert same.severity is Severity.MINOR


def test_a_class_of_one_row_is_named_and_kept():
    y = coin().astype(object)
    y[7] = "maybe"
    table = prepare(frame(), y)
    assert "'maybe' has a single row" in about(table, "imbalance")[0].text
    assert (table.y == "maybe").sum() == 1


def test_labels_that_differ_in_capital_letters_give_a_warning():
    table = prepare(frame(), ["Yes", "yes ", "no", "no"] * (N // 4))
    assert {*table.y} == {"Yes", "yes", "no"}
    assert "'Yes' and 'yes' differ in capital letters only" in about(table, "imbalance")[0].text


TASKS = [
    (coin, None, "classification", "roc_auc"),
    (lambda: coin(0.05), None, "classification", "average_precision"),
    (lambda: RNG.integers(0, 2, N), None, "classification", "roc_auc"),
    (lambda: coin() == "yes", None, "classification", "roc_auc"),
    (lambda: RNG.choice(["a", "b", "c"], N), None, "classification", "error_rate"),
    (lambda: RNG.choice(["a", "b", "c"], N, p=[0.6, 0.38, 0.02]), None, "classification",
     "balanced_accuracy"),
    (lambda: RNG.integers(1, 6, N), None, "classification", "error_rate"),
    (lambda: RNG.integers(1, 6, N), "regression", "regression", "rmse"),
    (lambda: RNG.integers(0, 99, N), None, "regression", "rmse"),
    (lambda: RNG.normal(size=N), None, "regression", "rmse"),
    (lambda: [f"{v:.3f}".replace(".", ",") for v in RNG.normal(size=N)], None, "regression",
     "rmse"),
    (lambda: RNG.permutation(N) * 7 + 3, None, "regression", "rmse"),
    (lambda: RNG.integers(0, 30, N).astype(str), "classification", "classification",
     "error_rate"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "declared", "task", "metric"), TASKS)
def test_the_task_and_its_metric_are_inferred_and_explained(make, declared, task, metric):
    table = prepare(frame(), make(), task=declared)
    assert (table.task, table.metric) == (task, metric)
    assert table.task_reason.startswith(task)
    assert len(table.metric_reason) > 20
    if declared is not None:
        assert table.task_reason == f"{task}, as you said"


def test_a_target_of_times_of_day_is_predicted_in_seconds():
    table = prepare(np.eye(N, 2), [f"{i % 24:02}:{i % 60:02}" for i in range(N)])
    assert table.task == "regression"
    assert table.y[:3].tolist() == [0.0, 3660.0, 7320.0]


def test_a_target_of_codes_that_are_all_different_is_a_number_if_the_user_says_so():
    table = prepare(np.eye(N, 2), [f"{i:04}" for i in range(N)], task="regression")
    assert table.y[:3].tolist() == [0.0, 1.0, 2.0]


def test_few_whole_numbers_are_classes_and_the_reason_says_how_to_change_it():
    table = prepare(frame(), RNG.integers(1, 6, N).astype(float))
    assert {*table.y} == {"1", "2", "3", "4", "5"}
    assert "only 5 different whole numbers (--task regression" in table.task_reason


def test_the_metric_reason_names_the_rare_class():
    metric, reason = choose_metric(pd.Series(["no"] * 96 + ["yes"] * 4), "classification")
    assert metric == "average_precision"
    assert "only 4.0% of the rows are 'yes'" in reason


BAD_TARGETS = [
    ([""] * N, None, "missing in each row"),
    ([None] * N, None, "missing in each row"),
    (["N/A", "?"] * (N // 2), None, "missing in each row"),
    (["yes"] * N, None, "is 'yes' in each row that has one"),
    (["yes", None] * (N // 2), None, "is 'yes' in each row that has one"),
    (np.arange(N), None, "looks like an identifier"),
    ([f"user{i}" for i in range(N)], None, "looks like an identifier"),
    (pd.date_range("2024-01-01", periods=N), None, "holds dates"),
    ([f"some words in row {i} of it" for i in range(N)], None, "is free text"),
    (["a", "b"] * (N // 2), "regression", "regression needs numbers, the target 'target' holds"),
    (RNG.normal(size=N), "classification", "too many for classes"),
    ([f"user{i}" for i in range(N)], "classification", "too many for classes"),
]


@pytest.mark.parametrize(("y", "task", "said"), BAD_TARGETS)
def test_a_target_that_cannot_be_predicted_is_refused_in_one_line(y, task, said):
    with pytest.raises(DataError, match=said) as caught:
        prepare(frame(), y, task=task)
    assert "\n" not in str(caught.value)


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.csv"
    frame(Churn=coin(), when=pd.date_range("2024-01-01", periods=N)).to_csv(path, index=False)
    return path


def test_an_unknown_column_is_answered_with_the_known_ones(orders):
    said = r"no column 'churn'; columns are: x, z, Churn, when; did you mean 'Churn'\?"
    with pytest.raises(DataError, match=said):
        read_own(orders, target="churn")
    with pytest.raises(DataError, match=r"no column 'Wehn'; .* did you mean 'when'"):
        read_own(orders, target="Churn", time="Wehn")
    with pytest.raises(DataError, match="name the column to predict with --target; columns are"):
        read_own(orders)
    with pytest.raises(DataError, match="must be different columns"):
        read_own(orders, target="Churn", group="Churn")


def test_a_time_column_of_words_is_refused(orders):
    table = pd.read_csv(orders).assign(when=[*"abcd"] * (N // 4))
    table.to_csv(orders, index=False)
    with pytest.raises(DataError, match="expected dates or numbers in the time column 'when', fou"):
        read_own(orders, target="Churn", time="when")


def test_a_group_column_of_one_value_is_refused(orders):
    pd.read_csv(orders).assign(shop="a").to_csv(orders, index=False)
    with pytest.raises(DataError, match="the group column 'shop' has one value only"):
        read_own(orders, target="Churn", group="shop")


def test_rows_without_a_group_or_time_are_left_out(orders):
    table = pd.read_csv(orders)
    table.loc[:4, "when"] = "?"
    table["shop"] = [None, *"abc"] * (N // 4)
    table.to_csv(orders, index=False)
    own = read_own(orders, target="Churn", time="when", group="shop")
    texts = [one.text for one in about(own, "dropped")]
    assert texts == [
        "Rows without a group were left out: 100 of 400 (25.0%); 'shop' is empty there.",
        "Rows without a time were left out: 3 of 400 (0.8%); 'when' holds there: '?' (3).",
    ]
    assert len(own.X) == len(own.y) == len(own.groups) == len(own.times) == N - 103


def test_warnings_agree_with_the_number_that_they_are_about():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    for rare, verb in ((["one"], "has a single row:"), (["one", "two"], "have a single row each:")):
        y = np.where(frame["a"] > 0, "x", "z").astype(object)
        y[: len(rare)] = rare
        texts = [warning.text for warning in prepare(frame, y).warnings]
        assert any(verb in text for text in texts), texts
    for n_same, start in ((1, "1 row (1.6%) repeats another row"), (2, "2 rows (3.2%) repeat ano")):
        twice = pd.concat([frame, frame.head(n_same)], ignore_index=True)
        y = np.where(twice["a"] > 0, "x", "z")
        assert any(start in warning.text for warning in prepare(twice, y).warnings)
