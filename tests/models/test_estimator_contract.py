"""What scikit-learn asks of an estimator, for every model and task of the registry."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import zoo
from tests.matrix import (
    CODE_PATHS,
    MODELS,
    NETWORKS,
    REPRESENTATIVES,
    SLOW,
    models_and_tasks,
    names,
)

# Networks of many shapes train sooner than XLA compiles them; test_every_model compiles.
pytestmark = pytest.mark.usefixtures("without_xla")

# Beyond `spec.smoke`: networks train long enough to pass scikit-learn's checks of the score, and
# a weight can equal so many rows only where no parameter counts rows.
SMALL = {
    "decision_tree": {"min_samples_leaf": 1},
    "knn": {"n_neighbors": 100},
    "perceptron": {"max_epochs": 20},
    "mlp": {"max_epochs": 20},
    "deep_mlp": {"max_epochs": 20},
    "realmlp": {"max_epochs": 60},
    "realmlp_s": {"max_epochs": 60},
    "ft_transformer": {"max_epochs": 12, "learning_rate": 0.01, "n_blocks": 1},
    "resnet": {"max_epochs": 20, "learning_rate": 0.01},
    "mlp_plr": {"max_epochs": 20, "learning_rate": 0.01},
    "tabm": {"max_epochs": 20, "learning_rate": 0.01},
    "cnn": {"max_epochs": 20, "learning_rate": 0.01},
    "dcn_v2": {"max_epochs": 20, "learning_rate": 0.01},
    "wide_deep": {"max_epochs": 20},
    "modern_nca": {"max_epochs": 20},
    "sonnet_mlp": {"max_epochs": 6, "learning_rate": 0.03},
    "torch_mlp": {"max_epochs": 6, "learning_rate": 0.03},
    "jax_mlp": {"max_epochs": 6, "learning_rate": 0.03},
}
_WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
_VALIDATION = "validation rows are drawn from all rows, so repeated rows change which they are"
_PENALTY = "the penalty is weighed against weights of mean 1"
EXCEPTIONS = {
    "logistic": {_WEIGHTS: _PENALTY},
    "svm_rbf": {_WEIGHTS: _PENALTY},
    "random_forest": {_WEIGHTS: "the rows of a tree are drawn from all rows"},
    "perceptron_rosenblatt": {_WEIGHTS: "an epoch corrects a repeated row more than once"},
    "perceptron": {_WEIGHTS: _VALIDATION},
    "mlp": {_WEIGHTS: _VALIDATION},
    "deep_mlp": {_WEIGHTS: _VALIDATION},
    "realmlp": {_WEIGHTS: _VALIDATION},
    "realmlp_s": {_WEIGHTS: _VALIDATION},
    "ft_transformer": {_WEIGHTS: _VALIDATION},
    "resnet": {_WEIGHTS: _VALIDATION},
    "mlp_plr": {_WEIGHTS: _VALIDATION},
    "tabm": {_WEIGHTS: _VALIDATION},
    "cnn": {_WEIGHTS: _VALIDATION},
    "dcn_v2": {_WEIGHTS: _VALIDATION},
    "wide_deep": {_WEIGHTS: _VALIDATION},
    "modern_nca": {_WEIGHTS: _VALIDATION},
    "sonnet_mlp": {_WEIGHTS: _VALIDATION},
    "torch_mlp": {_WEIGHTS: _VALIDATION},
    "jax_mlp": {_WEIGHTS: _VALIDATION},
    "hist_gradient_boosting": {_WEIGHTS: _VALIDATION},
    "xgboost": {_WEIGHTS: _VALIDATION},
    "lightgbm": {_WEIGHTS: _VALIDATION},
}


def make(name, task, **params):
    """Return a model that is fitted quickly, and the same way each time."""
    known = zoo.make(name, task=task).get_params()
    seed = {"random_state": 0} if "random_state" in known else {}
    return zoo.make(name, task=task, **(zoo.spec(name).smoke | SMALL.get(name, {}) | seed | params))


# Networks share their estimator. One for each code path passes all checks; the others those that
# depend on the architecture: that it learns, repeats itself, answers rows one by one, keeps its
# weights in a pickle, and takes one column and one row.
TELLING = {
    "check_classifiers_train",
    "check_regressors_train",
    "check_fit_idempotent",
    "check_methods_subset_invariance",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
}


def checks(*, slow):
    """Return (estimator, check) of the models that are, or are not, fitted in the slow tests."""
    found = []
    for name in MODELS:
        if (name in SLOW) != slow:
            continue
        for task in zoo.spec(name).tasks:
            pairs = estimator_checks_generator(
                make(name, task),
                expected_failed_checks=EXCEPTIONS.get(name, {}),
                mark="xfail",
                xfail_strict=True,
            )
            for pair in pairs:
                estimator, check = getattr(pair, "values", pair)
                called = getattr(check, "func", check).__name__
                options = getattr(check, "keywords", {})
                is_telling = called in TELLING and not options  # those are variants of the input
                if name in NETWORKS and name not in CODE_PATHS and not is_telling:
                    continue
                label = ",".join([called, *(f"{key}={value}" for key, value in options.items())])
                label = f"{name}-{task}-{label}"
                marks = getattr(pair, "marks", ())
                found.append(pytest.param(estimator, check, id=label, marks=marks))
    return found


@pytest.mark.parametrize(("estimator", "check"), checks(slow=False))
def test_a_model_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize(("estimator", "check"), checks(slow=True))
def test_a_slow_model_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_each_of_the_telling_checks_exists_and_every_network_has_six_of_them():
    known = {
        task: {
            getattr(check, "func", check).__name__
            for _, check in estimator_checks_generator(make("mlp", task))
        }
        for task in ("classification", "regression")
    }
    assert known["classification"] | known["regression"] >= TELLING
    assert all(len(TELLING & of_task) == 6 for of_task in known.values())


@pytest.mark.parametrize("name", [name for name in EXCEPTIONS if name in MODELS])
def test_an_exception_names_a_check_that_exists_and_a_model_has_two_at_most(name):
    checks = estimator_checks_generator(make(name, zoo.spec(name).tasks[0]))
    known = {getattr(check, "func", check).__name__ for _, check in checks}
    assert EXCEPTIONS[name].keys() <= known
    assert len(EXCEPTIONS[name]) <= 2


CLASSIFIERS = names(MODELS)
REPRESENTATIVE_CLASSIFIERS = names(REPRESENTATIVES)
EVERY = models_and_tasks(REPRESENTATIVES)
EVERY_ARCHITECTURE = models_and_tasks(MODELS, regression=REPRESENTATIVES)


def rows(task="classification", n_rows=60):
    """Return a table, whose rows are images of 4 x 4 too, with three classes or numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 16))
    if task == "regression":
        return X, 100.0 + 10.0 * X[:, 0]
    return X, np.digitize(X[:, 0], [-0.5, 0.5])


def answers(model, X):
    """Return all predictions of a model for rows."""
    methods = ("predict", "predict_proba", "decision_function")
    return [getattr(model, method)(X) for method in methods if hasattr(model, method)]


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", REPRESENTATIVE_CLASSIFIERS)
@pytest.mark.parametrize("n_classes", [1, 3])
def test_probabilities_have_a_column_for_each_class_seen_and_sum_to_one(name, n_classes):
    X, y = rows()
    y = y if n_classes == 3 else np.zeros(len(X), int)
    model = make(name, "classification").fit(X, y)
    assert len(model.classes_) == n_classes
    if hasattr(model, "predict_proba"):
        probabilities = model.predict_proba(X)
        assert probabilities.shape == (len(X), n_classes)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        np.testing.assert_array_equal(
            model.classes_[probabilities.argmax(axis=1)], model.predict(X)
        )
    else:
        assert len(model.decision_function(X)) == len(X)


@pytest.mark.parametrize(("name", "task"), EVERY_ARCHITECTURE)
def test_copies_predict_the_same_and_a_seed_makes_fits_repeatable(name, task):
    X, y = rows(task)
    model = make(name, task).fit(X, y)
    expected = answers(model, X)
    assert_same(answers(pickle.loads(pickle.dumps(model)), X), expected)
    assert_same(answers(copy.deepcopy(model), X), expected)
    assert_same(answers(clone(model).fit(X, y), X), expected)
    assert_same(answers(model.fit(X, y), X), expected)


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_cross_validation_a_search_and_a_pipeline_take_the_model(name, task):
    X, y = rows(task)
    model = make(name, task)
    assert np.isfinite(cross_val_score(model, X, y, cv=2)).all()
    known = ("max_epochs", "n_estimators", "max_depth", "n_neighbors", "C", "alpha")
    params = model.get_params()
    first = next((param for param in (*known, "var_smoothing") if param in params), None)
    grid = {first: [params[first] or 3]} if first else {}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.best_estimator_.n_features_in_ == 16
    assert len(search.predict(X)) == len(X)
    pipeline = make_pipeline(StandardScaler(), clone(model)).set_output(transform="pandas")
    assert np.isfinite(pipeline.fit(X, y).score(X, y))
    assert list(pipeline[-1].feature_names_in_) == [f"x{i}" for i in range(16)]


def refused(task):
    """Inputs that no model takes: X, y, weights, and what the message says."""
    X, y = rows(task)
    with_missing = y.astype(object)
    with_missing[3] = None
    two_types = np.array([1, "a"] * 30, dtype=object)
    two_names = pd.DataFrame(X, columns=[*range(15), 0])
    by_task = {
        "classification": [
            (X, X[:, 0], None, "must hold classes"),
            (X, two_types, None, "one type, got int, str"),
        ],
        "regression": [
            (X, np.repeat("word", len(X)), None, "finite numbers, got <U4"),
            (X, two_types, None, "finite numbers, got object"),
            (X, np.where(y == y[3], 1e200, y), None, "got 1e\\+200 in row 3"),
            (X, pd.date_range("2026-01-01", periods=len(X)), None, "times have no unit"),
        ],
    }
    return [
        *by_task[task],
        (X, None, None, "requires y"),
        (X, with_missing, None, "y must be one column"),
        (X, ["a", "b", np.nan] * 20, None, "y must be one column"),
        (X, np.where(y == y[0], np.inf, y), None, "inf in row 0"),
        (X, np.column_stack([y, y]), None, "1d array"),
        (X, y[:-1], None, "X has 60 rows, but y has 59"),
        (X, y + 1j, None, "Complex data not supported"),
        (X[:, 0], y, None, "Expected 2D array, got 1D"),
        (X[:0], y[:0], None, "0 sample"),
        (X[:, :0], y, None, "0 feature"),
        ([[1.0], *X[1:].tolist()], y, None, "ragged list"),
        (sparse.csr_array(X), y, None, "sparse"),
        (pd.DataFrame(X + 1j), y, None, "Complex data not supported"),
        (two_names, y, None, "names must be unique"),
        (X, y, np.ones(3), "sample_weight"),
        (X, y, -np.ones(len(X)), "[Nn]egative"),
        (X, y, np.zeros(len(X)), "at least one non-zero"),
    ]


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_a_refused_fit_has_a_one_line_message_and_leaves_the_model_unchanged(name, task):
    X, y = rows(task)
    model = make(name, task).fit(X, y)
    learnt, expected = dict(vars(model)), answers(model, X)
    for table, target, weight, message in refused(task):
        with pytest.raises((ValueError, TypeError), match=message) as caught:
            model.fit(table, target, sample_weight=weight)
        assert "\n" not in str(caught.value)
        now = vars(model)
        assert now.keys() == learnt.keys()
        assert all(now[key] is learnt[key] for key in learnt), message
    assert_same(answers(model, X), expected)


def test_a_network_whose_training_fails_is_unchanged():
    X, y = rows()
    model = make("mlp", "classification").fit(X, y)
    expected = answers(model, X)
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        model.set_params(learning_rate=1e30).fit(X, y)
    assert_same(answers(model, X), expected)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_fit_forgets_the_fit_before(name):
    X, y = rows()
    model = make(name, "classification").fit(pd.DataFrame(X), y)
    model.fit(X, np.zeros(len(X)))
    fresh = make(name, "classification").fit(X, np.zeros(len(X)))
    assert vars(model).keys() == vars(fresh).keys()
    assert set(model.predict(X)) == {0.0}


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_a_row_has_the_same_prediction_alone_and_among_others(name, task):
    X, y = rows(task)
    frame = pd.DataFrame(X, columns=[f"column {i}" for i in range(16)])
    model = make(name, task).fit(frame, y)
    for alone, among in zip(answers(model, frame.iloc[[7]]), answers(model, frame), strict=True):
        assert len(alone) == 1
        np.testing.assert_allclose(alone[0], among[7], rtol=1e-4)


LABELS = {
    "words": ["red", "green", "blue"],
    "negative": [-2, -1, 0],
    "apart": [3, 1000, 70000],
    "whole floats": [1.0, 2.0, 5.0],
    "days": list(pd.date_range("2026-01-01", periods=3)),
}


@pytest.mark.parametrize("name", REPRESENTATIVE_CLASSIFIERS)
def test_labels_of_any_type_are_predicted_unchanged(name):
    X, y = rows()
    plain = make(name, "classification").fit(X, y).predict(X)
    for what, labels in LABELS.items():
        values = np.sort(np.asarray(labels))
        for given in (values[y], list(values[y]), pd.Series(values[y]).astype("category")):
            model = make(name, "classification").fit(X, given)
            assert list(model.predict(X)) == list(values[plain]), what
    flags = make(name, "classification").fit(X, y > 0)
    assert flags.predict(X).dtype == bool
    assert flags.classes_.tolist() == [False, True]


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_a_row_of_weight_zero_is_ignored(name, task):
    X, y = rows(task)
    kept = np.arange(len(X)) % 4 != 0
    wild, odd = np.where(kept[:, None], X, 1e6), np.where(kept, y, 99)
    weighted = make(name, task).fit(wild, odd, sample_weight=kept.astype(float))
    without = make(name, task).fit(X[kept], y[kept], sample_weight=np.ones(kept.sum()))
    assert_same(answers(weighted, X), answers(without, X))


@pytest.mark.parametrize(
    ("name", "task"),
    [(name, task) for name in ("logistic", "svm_rbf") for task in zoo.spec(name).tasks],
)
def test_a_weight_counts_as_that_many_rows_but_for_the_penalty(name, task):
    X, y = rows(task, n_rows=30)
    count = np.arange(len(X)) % 4
    mean = count[count > 0].mean()  # the penalty is compared with as many rows as there are
    penalty = {"alpha": 1 / mean} if (name, task) == ("logistic", "regression") else {"C": mean}
    weighted = make(name, task, **penalty).fit(X, y, sample_weight=count)
    repeated = make(name, task).fit(X.repeat(count, axis=0), y.repeat(count))
    for found, wanted in zip(answers(weighted, X), answers(repeated, X), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-3)


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_only_relative_weights_count(name, task):
    X, y = rows(task)
    weight = np.random.default_rng(0).exponential(size=len(X)) + 0.01
    expected = answers(make(name, task).fit(X, y, sample_weight=weight), X)
    for unit in (1e-300, 1 / weight.sum(), 1e6, 1e300):
        model = make(name, task).fit(X, y, sample_weight=unit * weight)
        assert_same(answers(model, X), expected)


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_equal_weights_are_as_none_and_a_few_huge_ones_leave_predictions_finite(name, task):
    X, y = rows(task)
    expected = answers(make(name, task).fit(X, y, sample_weight=np.ones(len(X))), X)
    assert_same(answers(make(name, task).fit(X, y, sample_weight=[1e-9] * len(X)), X), expected)
    heavy = np.where(np.arange(len(X)) < 3, 1e300, 1e-20)
    for found in answers(make(name, task).fit(X, y, sample_weight=heavy), X):
        assert found.dtype.kind not in "f" or np.isfinite(found).all()


def imbalanced(n_rows=300):
    """Two classes that overlap, one row in six being of the second."""
    rng = np.random.default_rng(1)
    y = np.arange(n_rows) % 6 == 0
    return rng.normal(size=(n_rows, 16)) + 0.3 * y[:, None], np.where(y, "rare", "usual")


@pytest.mark.parametrize("name", REPRESENTATIVE_CLASSIFIERS)
@pytest.mark.parametrize("kind", ["words", "whole floats", "flags"])
def test_a_class_weight_is_the_same_weight_of_each_of_its_rows(name, kind):
    X, y = rows()
    labels = (y > 0) if kind == "flags" else np.sort(LABELS[kind])[y]
    weights = dict(zip(np.unique(labels).tolist(), (3.0, 1, 0.25), strict=False))
    weight = np.array([weights[label] for label in labels.tolist()])
    expected = make(name, "classification").fit(X, labels, sample_weight=weight)
    found = make(name, "classification", class_weight=weights).fit(X, labels)
    assert_same(answers(found, X), answers(expected, X))
    counts = 1.0 + np.arange(len(X)) % 3
    both = make(name, "classification", class_weight=weights).fit(X, labels, sample_weight=counts)
    product = make(name, "classification").fit(X, labels, sample_weight=counts * weight)
    assert_same(answers(both, X), answers(product, X))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_balanced_class_weights_move_predictions_to_the_rare_class(name):
    X, y = imbalanced()
    fresh = np.random.default_rng(2).normal(size=(200, 16)) + 0.15
    # a tree with leaves of one row has no use for weights
    params = {"min_samples_leaf": 20} if name == "decision_tree" else {}
    plain = make(name, "classification", **params).fit(X, y)
    balanced = make(name, "classification", class_weight="balanced", **params).fit(X, y)
    half = len(y) / 2
    by_hand = {label: half / (y == label).sum() for label in ("rare", "usual")}
    same = make(name, "classification", class_weight=by_hand, **params).fit(X, y)
    assert_same(answers(balanced, fresh), answers(same, fresh))

    def rare(model):
        if hasattr(model, "predict_proba"):
            return model.predict_proba(fresh)[:, 0].mean()
        return (model.predict(fresh) == "rare").mean()

    assert rare(balanced) > rare(plain) + 0.05


def test_balanced_counts_rows_by_their_weight():
    X, y = imbalanced()
    equal = np.where(y == "rare", 5.0, 1.0)
    balanced = make("logistic", "classification", class_weight="balanced")
    plain = make("logistic", "classification").fit(X, y, sample_weight=equal)
    np.testing.assert_allclose(
        balanced.fit(X, y, sample_weight=equal).predict_proba(X), plain.predict_proba(X), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: 1.0, 1: 1.0, "2": 1.0}, "names the class '2', which y does not have; its classes are"),
        ({7: 2.0}, "names the class 7"),
        ({0: -1.0}, "finite numbers from 0, got -1.0 for 0"),
        ({0: np.nan}, "finite numbers from 0, got nan for 0"),
        ({0: "a"}, "finite numbers from 0, got 'a' for 0"),
        ("balancd", "a dict, 'balanced' or None, got 'balancd'"),
        ([1.0, 2.0, 3.0], "a dict, 'balanced' or None"),
        ({0: 0, 1: 0, 2: 0}, "at least one non-zero"),
    ],
)
def test_class_weights_that_do_not_fit_are_refused(class_weight, message):
    X, y = rows()
    model = make("naive_bayes", "classification").fit(X, y)
    expected = answers(model, X)
    with pytest.raises(ValueError, match=message) as caught:
        model.set_params(class_weight=class_weight).fit(X, y)
    assert "\n" not in str(caught.value)
    assert_same(answers(model, X), expected)


def test_weights_of_all_classes_serve_rows_that_lack_one():
    X, y = rows()
    few = y < 2
    model = make("logistic", "classification", class_weight={0: 2.0, 1: 1.0, 2: 5.0})
    assert model.fit(X[few], y[few]).classes_.tolist() == [0, 1]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_leaf_of_a_tree_has_its_fraction_of_the_weight(task):
    X, y = rows(task)
    weight = 1.0 + np.arange(len(X)) % 3
    model = make("decision_tree", task, min_weight_fraction_leaf=0.2)
    leaves = model.fit(X, y, sample_weight=weight).model_.apply(X.astype(np.float32))
    fractions = pd.Series(weight).groupby(leaves).sum() / weight.sum()
    assert 1 < len(fractions) <= 5
    assert fractions.min() >= 0.2


@pytest.mark.parametrize("name", MODELS)
def test_a_models_estimators_have_the_same_parameters_but_for_class_weight(name):
    made = {task: zoo.make(name, task=task).get_params() for task in zoo.spec(name).tasks}
    if "classification" in made:
        assert made["classification"].pop("class_weight") is None
    assert "class_weight" not in made.get("regression", {})
    if name not in ("logistic", "svm_rbf") and len(made) == 2:  # these are two kinds of models
        assert made["classification"] == made["regression"]
