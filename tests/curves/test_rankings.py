import numpy as np
import pandas as pd
import pytest

from zoo.curves.rankings import (
    critical_difference,
    elo_ratings,
    mean_losses,
    normalised_scores,
    rank_table,
    win_rates,
)


def table(rows, columns=("dataset", "model", "n_train", "loss")):
    return pd.DataFrame(rows, columns=list(columns))


MEANS = table(
    [(f"d{d}", m, n, loss) for n, flip in ((100, False), (1000, True)) for d in range(6)
     for m, loss in zip("abc", (0.3, 0.2, 0.1) if flip else (0.1, 0.2, 0.3), strict=True)]
)  # fmt: skip


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_of_the_published_table(k, q):
    # q at 0.05 of Demsar 2006, table 5a
    assert critical_difference(k, 14) == pytest.approx(
        q * np.sqrt(k * (k + 1) / (6 * 14)), rel=5e-4
    )


def test_mean_ranks_can_reverse_with_size():
    found = rank_table(MEANS).set_index(["n_train", "model"])
    assert found.loc[(100, "a"), "mean_rank"] == 1
    assert found.loc[(1000, "a"), "mean_rank"] == 3
    assert found.loc[(100, "a"), "friedman_p"] == pytest.approx(np.exp(-6))
    assert not found.loc[(100, "c"), "tied_best"]


def test_a_model_missing_on_a_data_set_is_not_ranked_there():
    found = rank_table(MEANS.drop(index=1))
    assert set(found.loc[found["n_train"] == 100, "model"]) == {"a", "c"}


def test_win_rates_by_hand():
    rows = [("x", "a", 1, 0.1), ("x", "b", 1, 0.2), ("y", "a", 1, 0.3), ("y", "b", 1, 0.3)]
    found = win_rates(table(rows)).set_index("model")
    assert found["win_rate"].to_dict() == {"a": 0.75, "b": 0.25}
    assert found["comparisons"].tolist() == [2, 2]


def test_normalised_scores_by_hand():
    found = normalised_scores(MEANS[MEANS["n_train"] == 100]).set_index("model")["normalised"]
    assert found.to_dict() == pytest.approx({"a": 1, "b": 0, "c": 0})


def test_elo_of_two_models_is_the_logarithm_of_their_odds():
    rows = [(f"d{d}", m, 1, float((d < 90) == (m == "b"))) for d in range(100) for m in "ab"]
    found = elo_ratings(table(rows), resamples=50).set_index("model")
    # 90.5 wins to 10.5: half a win each against the field
    difference = found.loc["a", "elo"] - found.loc["b", "elo"]
    assert difference == pytest.approx(400 * np.log10(90.5 / 10.5), abs=0.5)
    assert found["elo"].mean() == pytest.approx(1000)
    assert (found["low"] < found["elo"]).all() and (found["elo"] < found["high"]).all()


def test_elo_recovers_the_order_of_known_strengths():
    rng = np.random.default_rng(2)
    strength = {"a": 0.0, "b": 0.3, "c": 0.6, "d": 1.2}
    rows = [(f"d{d}", m, 1, -s + rng.gumbel()) for d in range(300) for m, s in strength.items()]
    found = elo_ratings(table(rows), resamples=50).set_index("model")["elo"]
    assert found.sort_values().index.tolist() == ["a", "b", "c", "d"]


def test_means_are_over_replicates():
    rows = [("x", "a", 1, 0, 0.1), ("x", "a", 1, 1, 0.3)]
    found = mean_losses(table(rows, ("dataset", "model", "n_train", "replicate", "loss")))
    assert found["loss"].tolist() == [pytest.approx(0.2)]
