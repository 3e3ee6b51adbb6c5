import subprocess
import sys

FRAMEWORKS = ["numpy", "sklearn", "pandas", "keras", "tensorflow", "xgboost", "lightgbm"]


def test_importing_zoo_imports_no_framework():
    code = f"import sys, zoo; zoo.spec('mlp'); print([m for m in {FRAMEWORKS} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_fitting_a_boosting_model_imports_no_other_framework():
    code = (
        "import sys, zoo; zoo.make('lightgbm').fit([[0.0], [1.0]] * 20, [0, 1] * 20);"
        " print([m for m in ['keras', 'tensorflow', 'xgboost'] if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
