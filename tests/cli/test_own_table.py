import gzip
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import zoo
from tests.study.tables import churn
from zoo.bench.store import read
from zoo.cli import main
from zoo.ingest.reading import read_frame
from zoo.ingest.transforms import apply_transform
from zoo.saving import load_model, load_table

# A shell that runs the tests in the background ignores SIGINT, and children inherit that.
WITH_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("zoo.cli", run_name="__main__")
"""


def start(*arguments, cwd):
    return subprocess.Popen(
        [sys.executable, "-c", WITH_CTRL_C, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


# the budget of `zoo curve` counts from the start of the process, so it has to be long here
LIGHT = ("--model", "logistic,decision_tree", "--workers", "1", "--budget", "20h")


def write_mess(path, n_rows=240):
    """Write a messy file: semicolons, decimal commas, missing values as text, blank lines."""
    X, y = churn(n_rows)
    lines = ["Kunde;Betrag;b;Größe;d;Tarif;Kündigt"]
    for number, row in enumerate(X.assign(y=y).itertuples(index=False)):
        size = "n/a" if np.isnan(row.c) else str(row.c).replace(".", ",")
        numbers = [str(value).replace(".", ",") for value in (row.a, row.b, row.d)]
        label = "" if number % 60 == 7 else row.y
        cells = (f"K{number:05d}", numbers[0], numbers[1], size, numbers[2], row.plan, label)
        lines.append(";".join(cells))
        if number % 50 == 3:
            lines.append("")
    path.write_bytes("\r\n".join(lines).encode("latin-1"))
    return X, y


@pytest.mark.slow
def test_from_a_messy_file_to_a_saved_model_and_predictions_as_in_python(tmp_path, zoo_here):
    write_mess(tmp_path / "kunden.csv")
    code, out, err = zoo_here(
        "curve", "kunden.csv", "--target", "Kündigt", *LIGHT, "--save-model", "m.zoo"
    )
    assert code == 0, err
    for words in (
        "236 rows with a target", "plan: dummy, logistic, decision_tree", "first answer, after",
        "Best model: ", "How sure: ", "Twice the data: ", "Ten times the data: ", "Cost: ",
        "Next: ", "saved: ", "report: results/my-kunden/report.html",
    ):  # fmt: skip
        assert words in out, (words, out)
    page = (tmp_path / "results/my-kunden/report.html").read_text(encoding="utf-8")
    assert "Kündigt" in page
    assert "zoo curve kunden.csv" in page
    code, out, err = zoo_here("predict", "m.zoo", "kunden.csv", "-o", "scores.csv")
    assert code == 0, err
    assert "240 predictions of 'Kündigt': scores.csv" in out
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert list(scores) == ["prediction", "probability of no", "probability of yes"]
    model, table = load_model(tmp_path / "m.zoo"), load_table(tmp_path / "m.zoo")
    X = apply_transform(read_frame(tmp_path / "kunden.csv"), table["transform"])
    np.testing.assert_array_equal(scores["probability of yes"], model.predict_proba(X)[:, 1])
    assert list(scores["prediction"]) == list(model.predict(X))
    truth = pd.read_csv(tmp_path / "kunden.csv", sep=";", encoding="latin-1")["Kündigt"]
    assert (scores["prediction"] == truth)[truth.notna()].mean() > 0.8
    code, out, _ = zoo_here("report", "results/my-kunden")
    assert code == 0
    again = (tmp_path / "results/my-kunden/report.html").read_text(encoding="utf-8")
    assert "What to do next" in again


@pytest.mark.slow
def test_ctrl_c_reports_what_was_measured_and_the_same_command_resumes(tmp_path, zoo_here):
    X, y = churn(800)
    X.assign(churn=y).to_csv(tmp_path / "t.csv", index=False)
    command = (
        "curve", "t.csv", "--target", "churn", "--model", "logistic,random_forest",
        "--budget", "20h", "--workers", "1", "--out", "out", "--save-model", "m.zoo",
    )  # fmt: skip
    process = start(*command, cwd=tmp_path)
    for line in process.stderr:
        if "random_forest at 300" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, err
    assert "Best model: " in out
    assert "what was measured is kept in out" in err
    assert err.strip().splitlines()[-1] == f"stopped; to resume, run: zoo {shlex.join(command)}"
    assert "saved: " in out
    assert len(load_model(tmp_path / "m.zoo").predict(load_frame(tmp_path))) == 800
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "stopped by Ctrl-C" in page
    before = {str(cell["key"]): cell["run"]["finished"] for cell in read(tmp_path / "out").cells}
    assert before
    code, out, err = zoo_here(*command)
    assert code == 0, err
    after = {str(cell["key"]): cell["run"]["finished"] for cell in read(tmp_path / "out").cells}
    assert {key: after[key] for key in before} == before
    assert len(after) > len(before)
    assert not list((tmp_path / "out").glob("cells-*"))


def load_frame(folder):
    return apply_transform(read_frame(folder / "t.csv"), load_table(folder / "m.zoo")["transform"])


@pytest.mark.slow
def test_a_short_budget_is_kept_and_models_left_out_are_listed(tmp_path):
    X, y = churn(2000)
    X.assign(churn=y).to_csv(tmp_path / "t.csv", index=False)
    began = time.monotonic()
    process = start(
        "curve", "t.csv", "--target", "churn", "--budget", "35s", "--out", "out", cwd=tmp_path
    )
    out, err = process.communicate(timeout=300)
    assert time.monotonic() - began < 39.5
    assert process.returncode == 0, err
    assert "left out: tabm_mini at" in out
    assert "may be left out" in out
    assert "Best model: " in out


@pytest.mark.slow
def test_numbers_are_predicted_and_a_gzipped_file_is_read(tmp_path, zoo_here):
    X, _ = churn(300)
    y = 2 * X["a"] - X["b"]
    text = X.assign(preis=y.round(3)).to_csv(index=False)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text.encode("utf-8-sig")))
    code, _, err = zoo_here(
        "curve", "t.csv.gz", "--target", "preis", *LIGHT, "--save-model", "m.zoo", "--out", "o"
    )
    assert code == 0, err
    X.head(5).to_csv(tmp_path / "new.csv", index=False)
    code, _, err = zoo_here("predict", "m.zoo", "new.csv", "-o", "s.csv")
    assert code == 0, err
    scores = pd.read_csv(tmp_path / "s.csv")
    assert list(scores) == ["prediction"]
    assert np.abs(scores["prediction"] - y[:5]).max() < 1.0


def wide_with_a_rare_class(X, y):
    """Return 221 columns by 90 rows; one of three classes has two rows."""
    rng = np.random.default_rng(0)
    noise = pd.DataFrame(rng.normal(size=(90, 220)).round(3)).add_prefix("gene ")
    y = y[:90].copy()
    y.iloc[[5, 80]] = "maybe"
    return noise.assign(a=X["a"][:90], churn=y), ("90 rows with a target", "3 classes")


def all_text(X, y):
    """Return text only, with missing values as people write them."""
    frame = pd.DataFrame(
        {
            "mood": np.where(X["a"] > 0, "glad", "sad"),
            "plan": X["plan"].where(X["d"] > -1, "N/A"),
            "size": np.where(X["b"] > 1, "large", np.where(X["b"] > 0, "?", "small")),
        }
    )
    return frame.assign(churn=y), ("240 rows with a target",)


def dates_and_many_categories(X, y):
    """Return dates in three formats, amounts with separators, and 200 categories."""
    days = pd.Timestamp("2020-03-01") + pd.to_timedelta(np.arange(len(X)), unit="D")
    frame = pd.DataFrame(
        {
            "iso": days.strftime("%Y-%m-%d"),
            "german": days.strftime("%d.%m.%Y"),
            "american": days.strftime("%m/%d/%Y"),
            "amount": [f"{1000 * value + 5000:,.2f}" for value in X["a"]],
            "town": [f"town {k % 200}" for k in range(len(X))],
        }
    )
    return frame.assign(churn=y), ("240 rows with a target",)


@pytest.mark.slow
@pytest.mark.parametrize("make", [wide_with_a_rare_class, all_text, dates_and_many_categories])
def test_a_messy_file_gives_answers_a_report_and_predictions(tmp_path, zoo_here, make):
    frame, facts = make(*churn(240))
    frame.to_csv(tmp_path / "t.csv", index=False)
    code, out, err = zoo_here(
        "curve", "t.csv", "--target", "churn", *LIGHT, "--out", "o", "--save-model", "m.zoo"
    )
    assert code == 0, (out, err)
    page = " ".join((tmp_path / "o/report.html").read_text(encoding="utf-8").split())
    for words in facts:
        assert words in out + page
    assert "Best model: " in out
    assert "no time" not in out
    assert "failed: " not in out
    code, _, err = zoo_here("predict", "m.zoo", "t.csv", "-o", "s.csv")
    assert code == 0, err
    scores = pd.read_csv(tmp_path / "s.csv")
    assert len(scores) == len(frame)
    assert np.allclose(scores.drop(columns="prediction").sum(axis=1), 1.0)
    if make is not wide_with_a_rare_class:
        assert (scores["prediction"] == frame["churn"]).mean() > 0.7


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    return folder, *saved_model(folder)


def saved_model(folder):
    """Save a model with a transform spec, as `zoo curve` does, and one without."""
    from zoo.ingest.preparing import prepare
    from zoo.saving import save_model

    X, y = churn(100)
    table = prepare(X, y.replace("yes", '=1+1,"x"'))
    fitted = zoo.make("decision_tree", random_state=0).fit(table.X, table.y)
    about = {"target": "churn", "task": "classification", "transform": dict(table.transform)}
    save_model(fitted, folder / "m.zoo", table=about)
    fitted.save(folder / "plain.zoo")
    X.to_csv(folder / "new.csv", index=False)
    X.drop(columns="plan").to_csv(folder / "short.csv", index=False)
    return fitted, table


def test_a_class_label_with_quotes_and_commas_is_one_column_of_the_scores(saved, tmp_path):
    from zoo.study.predict import predict_file

    folder, fitted, table = saved
    assert predict_file(folder / "m.zoo", folder / "new.csv", tmp_path / "s.csv")[0] == 100
    header = (tmp_path / "s.csv").read_text().splitlines()[0]
    assert header == 'prediction,"probability of =1+1,""x""",probability of no'
    scores = pd.read_csv(tmp_path / "s.csv")
    np.testing.assert_array_equal(scores.iloc[:, 1:], fitted.predict_proba(table.X))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curve", "nowhere.csv", "--target", "a"], "nowhere.csv"),
        (["curve", "new.csv", "--target", "plam"], "did you mean 'plan'?"),
        (["curve", "new.csv", "--target", "plan", "--budget", "soon"], "--budget expects a time"),
        (["curve", "new.csv", "--target", "plan", "--task", "ranking"], "unknown task 'ranking'"),
        (["curve", "new.csv", "--target", "plan", "--model", "mpl"], "did you mean 'mlp'?"),
        (
            ["curve", "new.csv", "--target", "plan", "--save-model", "no/m.zoo"],
            "--save-model expects",
        ),
        (["curve", "new.csv", "--target", "plan", "--out", "letters"], "is not a results folder"),
        (["predict", "new.csv", "new.csv", "-o", "s.csv"], "is not a whole file of a zoo model"),
        (["predict", "plain.zoo", "new.csv", "-o", "s.csv"], "without the transform spec"),
        (["predict", "m.zoo", "short.csv", "-o", "s.csv"], "plan"),
        (["predict", "m.zoo", "new.csv", "-o", "no/s.csv"], "-o expects a file in a folder"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(
    saved, tmp_path, monkeypatch, capsys, arguments, message
):
    shutil.copytree(saved[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["zoo", *arguments])
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
