import numpy as np
import pandas as pd
import pytest

from zoo.curves.aggregate import (
    cell_frame,
    current_cells,
    curve_frame,
    family_frame,
    mean_interval,
)
from zoo.curves.curveset import CurveSet


def cell(dataset, model, family, n_train, replicate, score, *, metric="error_rate", status="ok"):
    return {
        "key": {"dataset": dataset, "model": model, "n_train": n_train, "replicate": replicate},
        "facts": {"family": family, "metric": metric, "title": dataset},
        "status": status,
        "reason": None if status == "ok" else "why",
        "scores": {"test": {metric: score}, "train": {metric: 0.0}} if status == "ok" else {},
        "timings_s": {"compile": 0.0, "fit": 1.0, "predict": 0.5},
    }


def test_the_interval_is_students():
    mean, low, high = mean_interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    half = 4.302653 / 3**0.5  # t of 2 degrees of freedom at .975, standard deviation 1
    assert (low, high) == (pytest.approx(2 - half), pytest.approx(2 + half))
    assert np.isnan(mean_interval([1.0])[1])


def test_a_curve_point_is_the_mean_of_its_ok_replicates():
    cells = [cell("d", "m", "mlp", 10, r, s) for r, s in enumerate([0.1, 0.3])]
    cells.append(cell("d", "m", "mlp", 10, 2, None, status="failed"))
    (row,) = curve_frame(cell_frame(cells)).itertuples()
    assert (row.mean, row.replicates, row.fit_s) == (pytest.approx(0.2), 2, 1.0)


def test_ranks_respect_the_direction_of_each_metric():
    cells = [
        cell("d", "good", "mlp", 10, 0, 0.1),
        cell("d", "bad", "deep", 10, 0, 0.4),
        cell("e", "good", "mlp", 10, 0, 0.9, metric="roc_auc"),
        cell("e", "bad", "deep", 10, 0, 0.6, metric="roc_auc"),
    ]
    ranks = CurveSet(cell_frame(cells)).ranks().set_index("model")["mean_rank"]
    assert ranks.to_dict() == {"good": 1.0, "bad": 2.0}


def test_families_are_scaled_from_the_dummy_to_the_best_mean():
    cells = [
        cell("d", "dummy", "baseline", 10, 0, 0.5),
        cell("d", "a", "mlp", 10, 0, 0.4),
        cell("d", "a", "mlp", 100, 0, 0.3),
        cell("d", "dummy", "baseline", 100, 0, 0.5),
    ]
    frame = family_frame(cell_frame(cells)).set_index("n_train")["mean"]
    assert frame.loc[10] == pytest.approx(0.5)
    assert frame.loc[100] == pytest.approx(1.0)


def test_a_family_curve_averages_the_same_data_sets_at_every_size():
    cells = [
        cell(d, m, f, n, 0, s)
        for d, sizes in [("small", [10]), ("large", [10, 100])]
        for n in sizes
        for m, f, s in [("dummy", "baseline", 0.5), ("a", "mlp", 0.5 - n / 1000)]
    ]
    frame = family_frame(cell_frame(cells))
    assert isinstance(frame, pd.DataFrame)
    sizes = frame.groupby("group")["n_train"].apply(list).to_dict()
    assert sizes == {"all": [10], "large": [10, 100]}


def test_a_curve_never_mixes_two_versions_of_a_model():
    def versioned(n_train, version, finished):
        made = cell("d", "m", "mlp", n_train, 0, version / 10)
        return {
            **made,
            "key": {**made["key"], "model_version": version},
            "run": {"finished": finished},
        }

    cells = [versioned(10, 1, "a"), versioned(10, 2, "b"), versioned(100, 1, "c")]
    kept = current_cells([*cells, versioned(10, 2, "d")])
    assert [(c["key"]["n_train"], c["run"]["finished"]) for c in kept] == [(10, "d")]
