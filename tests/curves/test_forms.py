"""The single forms that are the baselines of the back-test."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

_FILE = Path(__file__).parents[2] / "benchmarks" / "backtest" / "forms.py"
_SPEC = importlib.util.spec_from_file_location("forms", _FILE)
forms = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(forms)
BASELINES, extrapolate = forms.BASELINES, forms.extrapolate

SIZES = np.array([64, 128, 256, 512, 1024, 2048, 4096])


def power(n, floor=0.08, height=2.0, slope=0.5):
    return floor + height * np.asarray(n, dtype=float) ** -slope


@pytest.mark.parametrize("name", ["pow3", "pow4"])
def test_a_power_law_is_recovered_by_the_forms_that_contain_it(name):
    found = extrapolate(name, SIZES, power(SIZES), [8192, 65536])
    assert found == pytest.approx(power([8192, 65536]), rel=2e-3)


def test_a_straight_line_in_logarithms_is_recovered():
    found = extrapolate("loglog", SIZES, power(SIZES, floor=0), [16384])
    assert found == pytest.approx(power([16384], floor=0), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("mmf4", lambda n: 0.05 + 0.6 / (1 + (n / 500) ** 0.9)),
        ("wbl4", lambda n: 0.05 + 0.6 * np.exp(-((n / 500) ** 0.4))),
    ],
)
def test_mmf_and_weibull_curves_are_recovered(name, curve):
    truth = curve(np.array([8192.0, 32768.0]))
    assert extrapolate(name, SIZES, curve(SIZES.astype(float)), [8192, 32768]) == pytest.approx(
        truth, rel=0.02
    )


@pytest.mark.parametrize("name", BASELINES)
def test_no_form_falls_below_zero_on_a_steep_curve(name):
    found = extrapolate(name, [10, 20, 40], [0.5, 0.2, 0.01], [80, 10**6])
    assert (found >= 0).all()


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="expected one of last"):
        extrapolate("spline", SIZES, power(SIZES), [8192])
