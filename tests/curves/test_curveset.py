import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.curves.test_aggregate import cell
from zoo.curves import CurveSet
from zoo.curves.aggregate import cell_frame
from zoo.errors import DefinitionError

SIZES = (100, 300, 1000, 3000, 10000)
TRUTH = {
    ("tree", "boosting"): lambda n: 0.05 + 1.2 * n**-0.5,
    ("net", "deep"): lambda n: 4.0 * n**-0.6,
    ("line", "classical"): lambda n: 0.12 + 0.5 * n**-0.8,
    ("dummy", "baseline"): lambda n: 0.5,
}


def cells(metric="error_rate", replicates=5, datasets=("d", "e")):
    rng = np.random.default_rng(0)
    found = []
    for dataset in datasets:
        shared = 0.03 * rng.standard_normal(replicates)
        for (model, family), curve in TRUTH.items():
            for n in SIZES:
                for r in range(replicates):
                    loss = min(curve(n) * np.exp(shared[r] + 0.01 * rng.standard_normal()), 1.0)
                    score = loss if metric == "error_rate" else 1 - loss
                    found.append(cell(dataset, model, family, n, r, score, metric=metric))
    return found


@pytest.fixture(scope="module")
def curves():
    return CurveSet(cell_frame(cells()))


def test_every_table_has_rows_and_no_baseline(curves):
    tables = curves.tables()
    assert set(tables) == {"forecast", "crossovers", "comparisons", "ranks", "verdicts", "cost"}
    for name, table in tables.items():
        assert len(table), name
    assert set(tables["forecast"]["model"]) == {"tree", "net", "line"}


def test_forecasts_cover_the_truth(curves):
    table = curves.forecasts()
    truth = [TRUTH[row.model, row.family](row.n_train) for row in table.itertuples()]
    inside = (table["low_90"] <= truth) & (truth <= table["high_90"])
    assert inside.mean() >= 0.8
    assert table["n_train"].unique().tolist() == [20000, 40000, 80000]


def test_the_crossover_is_where_the_curves_cross(curves):
    sizes = np.geomspace(100, 10000, 20001)
    curve = {name: f for (name, _), f in TRUTH.items()}
    behind = curve["net"](sizes) > curve["tree"](sizes)
    truth = sizes[np.flatnonzero(behind)[-1]]
    row = (
        curves.crossovers()
        .set_index(["dataset", "incumbent", "challenger"])
        .loc["d", "tree", "net"]
    )
    assert row["kind"] == "within"
    assert row["low"] <= truth * 1.1 and truth / 1.1 <= row["high"]


def test_accuracy_gives_the_mirror_image_of_the_error_rate(curves):
    mirror = CurveSet(cell_frame(cells("accuracy")))
    one, other = curves.forecasts(), mirror.forecasts()
    assert other["mean"].to_numpy() == pytest.approx(1 - one["mean"].to_numpy())
    assert other["low_90"].to_numpy() == pytest.approx(1 - one["high_90"].to_numpy())
    assert other["gain"].to_numpy() == pytest.approx(one["gain"].to_numpy())
    ranks = [c.ranks().set_index(["n_train", "model"])["mean_rank"] for c in (curves, mirror)]
    assert ranks[0].equals(ranks[1])


def test_gain_plateau_rows_and_marginal_value_of_one_curve(curves):
    gain = curves.gain_from_doubling("d", "net")
    assert gain.value == pytest.approx(1 - 2**-0.6, abs=0.1)
    assert curves.plateau("d", "net").verdict == "not reached"
    assert curves.rows_needed("d", "net", 0.01).value == pytest.approx(21700, rel=0.4)
    assert curves.marginal_value("d", "net").value > 0


def test_an_unknown_name_is_refused_with_the_known_ones(curves):
    with pytest.raises(KeyError, match="there are: d, e"):
        curves.forecast("f", "net")
    with pytest.raises(KeyError, match="there are: dummy, line, net, tree"):
        curves.crossover("d", "net", "forest")


def test_a_table_of_scores_gives_the_same_forecasts(curves):
    columns = ["dataset", "model", "family", "n_train", "replicate", "score"]
    again = CurveSet.from_scores(curves.scores[columns], metric="error_rate")
    assert again.forecasts().equals(curves.forecasts())


def test_a_table_needs_no_families():
    rows = [("d", m, n, r, n**-s + 0.01 * r) for m, s in (("a", 0.3), ("b", 0.4)) for n in SIZES
            for r in range(3)]  # fmt: skip
    scores = pd.DataFrame(rows, columns=["dataset", "model", "n_train", "replicate", "score"])
    curves = CurveSet.from_scores(scores, metric="error_rate")
    assert len(curves.forecasts()) == 6
    with pytest.raises(ValueError, match="missing: replicate"):
        CurveSet.from_scores(scores.drop(columns="replicate"), metric="error_rate")


@pytest.mark.parametrize(
    "kept",
    [
        lambda key: key["n_train"] <= 300,
        lambda key: key["n_train"] <= 100,
        lambda key: key["replicate"] == 0,
        lambda key: key["model"] == "net",
        lambda key: (key["n_train"] + key["replicate"]) % 3 != 0 or key["model"] != "net",
        lambda key: key["dataset"] == "d" or key["model"] != "tree",
    ],
    ids=["two sizes", "one size", "one replicate", "one model", "holes", "one model less"],
)
def test_incomplete_data_still_gives_tables(kept):
    tables = CurveSet(cell_frame([c for c in cells() if kept(c["key"])])).tables()
    forecast = tables["forecast"]
    assert len(forecast)
    assert (forecast["mean"].between(0, 1) | forecast["reason"].notna()).all()


def test_importing_the_package_loads_no_pandas():
    code = "import sys, zoo.curves; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["f1", "f1_macro", "auc", "neg_log_loss"])
def test_a_metric_of_ones_own_needs_its_direction(name):
    sizes = (100, 200, 400, 800)
    rows = [
        ("d", model, n, r, best - n**-0.5 + 0.001 * r)
        for model, best in (("good", 0.99), ("poor", 0.9))
        for n in sizes
        for r in range(3)
    ]
    scores = pd.DataFrame(rows, columns=["dataset", "model", "n_train", "replicate", "score"])
    with pytest.raises(DefinitionError, match=f"unknown metric '{name}'"):
        CurveSet.from_scores(scores, metric=name)
    up = CurveSet.from_scores(scores, metric=name, higher_is_better=True)
    assert up.best_models("d") == ["good"]
    assert "good leads at every measured size" in up.advice()["d"]
    assert f"distance to 1 in {name}" in up.advice()["d"]
    down = CurveSet.from_scores(scores, metric=name, higher_is_better=False)
    assert down.best_models("d") == ["poor"]


def test_a_direction_that_contradicts_the_metric_is_refused():
    scores = pd.DataFrame(columns=["dataset", "model", "n_train", "replicate", "score"])
    with pytest.raises(DefinitionError, match="accuracy"):
        CurveSet.from_scores(scores, metric="accuracy", higher_is_better=False)


@pytest.mark.parametrize(
    ("metric", "scores"),
    [
        ("rmse", [-3.2, -2.5]), ("log_loss", [-0.4, -0.3]), ("accuracy", [71.0, 87.0]),
        ("roc_auc", [0.9, 1.2]), ("r2", [0.2, 1.5]), ("mae", [-1.0, 0.5]),
    ],
)  # fmt: skip
def test_scores_that_a_metric_cannot_have_are_refused(metric, scores):
    rows = pd.DataFrame({
        "dataset": "d", "model": ["a", "b"], "n_train": 100, "replicate": 0, "score": scores,
    })  # fmt: skip
    with pytest.raises(DefinitionError, match=f"for the metric '{metric}', got"):
        CurveSet.from_scores(rows, metric=metric)


def test_cells_of_one_data_set_with_two_headline_metrics_are_refused():
    mixed = cells(metric="error_rate") + cells(metric="accuracy", datasets=("e",))
    frame = cell_frame(mixed)
    assert CurveSet(frame[(frame["dataset"] == "d")]).metric("d").name == "error_rate"
    with pytest.raises(
        DefinitionError, match="'e': expected one headline metric, got accuracy, err"
    ):
        CurveSet(frame)
