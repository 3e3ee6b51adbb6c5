import subprocess
import sys

import pytest

from tests.matrix import ALL

FRAMEWORKS = [
    "numpy", "sklearn", "pandas", "keras", "tensorflow", "xgboost", "lightgbm",
    "torch", "jax", "sonnet",
]  # fmt: skip


@pytest.mark.parametrize(
    "code",
    ["import zoo; zoo.spec('mlp')", "import zoo.data; zoo.data.load_card('email')"],
)
def test_importing_zoo_and_its_definitions_imports_no_framework(code):
    code = f"import sys; {code}; print([m for m in {FRAMEWORKS} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("command", [["list", "models"], ["--help"]])
def test_light_commands_import_no_framework(command):
    code = f"""
import sys
from zoo.cli import main
sys.argv = ["zoo", *{command}]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print([m for m in {FRAMEWORKS} if m in sys.modules])
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip().splitlines()[-1] == "[]"


def test_importing_the_main_module_of_the_command_line_runs_nothing():
    code = "import zoo.cli.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


HEAVY = {"tensorflow", "keras", "xgboost", "lightgbm", "torch", "jax", "sonnet"}


@pytest.mark.parametrize(
    ("model", "own"),
    [
        ("logistic", set()),
        pytest.param("hist_gradient_boosting", set(), marks=pytest.mark.slow),
        pytest.param("perceptron_rosenblatt", set(), marks=pytest.mark.slow),
        ("xgboost", {"xgboost"}),
        pytest.param("lightgbm", {"lightgbm"}, marks=pytest.mark.slow),
        pytest.param("mlp", {"tensorflow", "keras"}, marks=pytest.mark.slow),
        pytest.param("sonnet_mlp", {"tensorflow", "sonnet"}, marks=pytest.mark.slow),
        pytest.param("torch_mlp", {"torch"}, marks=pytest.mark.slow),
        pytest.param("jax_mlp", {"jax"}, marks=pytest.mark.slow),
    ],
)
def test_making_and_fitting_a_model_imports_only_its_own_framework(model, own):
    if model not in ALL:
        pytest.skip("its extra is not installed")
    code = f"""
import sys
import numpy as np
import zoo
X = np.arange(40.0).reshape(20, 2)
zoo.make({model!r}, **zoo.spec({model!r}).smoke).fit(X, X[:, 0] > 20).predict(X)
print(",".join(sorted({HEAVY!r} & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # TensorFlow imports Keras, and JAX if it is installed (for its LiteRT converter)
    brought = {"jax", "keras"} if "tensorflow" in own else set()
    assert own <= set(filter(None, done.stdout.strip().split(","))) <= own | brought
