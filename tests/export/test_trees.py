import numpy as np
import pytest

from tests.export.messy import make
from zoo.encoding.frames import as_frame
from zoo.export.trees import _at_most, read_trees


@pytest.mark.parametrize("kind", [float, np.float64])
def test_a_float32_threshold_splits_numbers_as_the_float64_one_does(kind):
    x = np.random.default_rng(0).normal(size=500).astype(np.float32)
    for side in (-np.inf, np.inf):
        near = np.nextafter(x, np.float32(side)).astype(np.float64)
        for value, threshold in zip(x, (3 * x.astype(np.float64) + near) / 4, strict=True):
            bound = np.float32(_at_most(kind(threshold)))
            for number in (value, np.nextafter(value, np.float32(side))):
                assert (number <= bound) == (float(number) <= float(threshold))


@pytest.mark.parametrize("name", ["decision_tree", "hist_gradient_boosting", "lightgbm", "xgboost"])
def test_rows_at_the_thresholds_go_the_same_way_as_in_the_library(name):
    tf = pytest.importorskip("tensorflow")
    from zoo.export.prediction_graph import prediction_function

    rng = np.random.default_rng(0)
    X = np.round(rng.uniform(0, 9, size=(400, 3)), 1)  # few values, midpoints close to them
    model = make(name, "regression").fit(X, X[:, 0] * X[:, 1] + rng.normal(size=400))
    trees = read_trees(model)
    rows = rng.choice(X.ravel(), size=(300, 3)).astype(np.float32)
    for column in range(3):
        known = [t for f, t in zip(trees.feature, trees.threshold, strict=True) if f == column]
        around = [np.nextafter(np.float32(t), np.float32(s)) for t in known for s in (-99, t, 99)]
        rows[:, column] = rng.choice(np.array(around, np.float32), size=300)
    matrix = tf.constant(model.encoder_.transform(as_frame(rows)))
    found = prediction_function(model)(matrix).numpy()[:, 0]
    np.testing.assert_allclose(found, model.predict(rows), rtol=1e-4, atol=1e-4)
