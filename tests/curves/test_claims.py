"""Each claim on generated curves where it is true, false, or hidden by noise."""

import numpy as np
import pandas as pd
import pytest

from zoo.curves.claims import CLAIMS, OVERALL, verdict_frame

SIZES = (100, 300, 1000, 3000, 10000)
FAMILIES = ("classical", "boosting", "perceptron", "mlp", "deep")

# floor, height, slope of floor + height * (n / 100) ** -slope
TRUE = {
    "classical": (0.2, 0.1, 1.0),
    "boosting": (0.0, 0.3, 0.4),
    "perceptron": (0.25, 0.05, 0.8),
    "mlp": (0.0, 0.32, 0.2),
    "deep": (0.0, 0.35, 0.4),
}
FALSE = {
    "classical": (0.0, 0.3, 0.4),
    "boosting": (0.2, 0.1, 0.5),
    "perceptron": (0.0, 0.1, -0.02),
    "mlp": (0.1, 0.02, -0.02),
    "deep": (0.12, 0.02, -0.02),
}


def losses(truth, noise=0.01, datasets=4, replicates=5, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for dataset in range(datasets):
        for replicate in range(replicates):
            shared = 0.05 * rng.standard_normal()
            for family, (floor, height, slope) in truth.items():
                for n in SIZES:
                    loss = floor + height * (n / 100) ** -slope
                    error = np.exp(shared + noise * rng.standard_normal())
                    rows.append((f"d{dataset}", family, family, n, replicate, loss * error))
    columns = ["dataset", "model", "family", "n_train", "replicate", "loss"]
    return pd.DataFrame(rows, columns=columns)


def verdicts(frame, dataset=OVERALL):
    part = frame[frame["dataset"] == dataset]
    return part.drop_duplicates("claim").set_index("claim")["verdict"].to_dict()


@pytest.mark.parametrize("dataset", [OVERALL, "d0", "d3"])
def test_every_claim_holds_where_it_is_true(dataset):
    found = verdicts(verdict_frame(losses(TRUE)), dataset)
    assert found == dict.fromkeys(CLAIMS, "holds")


@pytest.mark.parametrize("dataset", [OVERALL, "d0", "d3"])
def test_no_claim_holds_where_it_is_false(dataset):
    found = verdicts(verdict_frame(losses(FALSE)), dataset)
    # the mean over models still improves, because older algorithms and boosting do
    found.pop("more data, better performance")
    assert set(found.values()) == {"does not hold"}


def test_models_that_worsen_refute_more_data():
    worse = dict.fromkeys(FAMILIES, (0.0, 0.1, -0.1))
    found = verdicts(verdict_frame(losses(worse)))
    assert found["more data, better performance"] == "does not hold"


@pytest.mark.parametrize("seed", range(3))
def test_noise_leaves_claims_undecided(seed):
    even = dict.fromkeys(FAMILIES, (0.2, 0.02, 0.5))
    frame = verdict_frame(losses(even, noise=0.3, datasets=1, replicates=3, seed=seed))
    found = verdicts(frame, "d0")
    assert list(found.values()).count("cannot tell") >= 4


def test_a_single_data_set_gives_no_overall_verdict():
    frame = verdict_frame(losses(TRUE, datasets=1))
    assert set(verdicts(frame).values()) == {"cannot tell"}


def test_claims_about_a_missing_family_are_left_out():
    frame = verdict_frame(losses({k: v for k, v in TRUE.items() if k != "deep"}))
    assert "deep networks keep improving" not in set(frame["claim"])
    assert "older algorithms reach a plateau" in set(frame["claim"])


def test_the_numbers_are_the_contrasts():
    frame = verdict_frame(losses(TRUE, noise=0.0))
    row = frame[(frame["claim"] == "deep networks keep improving") & (frame["dataset"] == "d0")]
    assert row["value"].iloc[0] == pytest.approx(0.4 * np.log(2), rel=1e-6)
    assert row["n"].iloc[0] == 5


def test_a_family_is_represented_by_its_best_model():
    rows = losses(TRUE)
    weak = rows[rows["model"] == "classical"].assign(model="weak")
    both = pd.concat([rows, weak.assign(loss=weak["loss"] * 2)])
    frame = verdict_frame(both)
    assert "classical: classical" in frame["models"].iloc[0]
    assert verdicts(frame)["older algorithms reach a plateau"] == "holds"
