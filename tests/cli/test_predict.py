import os
import threading

import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.cli import main
from zoo.ingest.preparing import read_own
from zoo.saving import save_model

N = 300
COLUMNS = ["amount", "age", "smoker", "plan", "when", "height", "start"]


def orders(n_rows=N):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(7, 1, n_rows).round(2),
            "age": rng.integers(18, 80, n_rows),
            "smoker": rng.choice(["yes", "no"], n_rows),
            "plan": rng.choice(["Basic", "Plus", "Pro"], n_rows),
            "when": pd.date_range("2020-01-01", periods=n_rows, freq="3D").strftime("%d/%m/%Y"),
            "height": rng.normal(175, 8, n_rows).round(1),
            "start": [f"{i % 24:02}:{i % 60:02}" for i in range(n_rows)],
        }
    )
    return frame.assign(left=np.where(frame["amount"] > 1000, "a", "b"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    orders().to_csv(folder / "t.csv", index=False)
    table = read_own(folder / "t.csv", target="left")
    fitted = zoo.make("decision_tree", random_state=0).fit(table.X, table.y)
    about = {"target": "left", "task": "classification", "transform": dict(table.transform)}
    save_model(fitted, folder / "m.zoo", table=about)
    return folder


@pytest.fixture
def predict(saved, tmp_path, monkeypatch, capsys):
    """Return a function that runs `zoo predict` on a frame and returns code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(frame, output="s.csv"):
        frame.to_csv("new.csv", index=False)
        command = ["zoo", "predict", str(saved / "m.zoo"), "new.csv", "-o", str(output)]
        monkeypatch.setattr("sys.argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err.splitlines()

    return run


def new_rows():
    return orders().drop(columns="left").sample(100, random_state=1)


def german(value):
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def dates(form):
    return lambda column: pd.to_datetime(column, dayfirst=True).dt.strftime(form)


UNREAD = [
    (
        "amount",
        lambda c: [*map(german, c[:50]), *(f"{value / 1000:.3f}" for value in c[50:])],
        "'amount' seems to have the decimal mark ',', training had '.'; 28% of its values fit both",
    ),
    ("age", lambda c: "abc", "100 of 100 values (100%) of 'age' cannot be read as a number"),
    ("age", lambda c: pd.Timestamp("2024-01-01"), "of 'age' cannot be read as a number"),
    ("when", dates("%m/%d/%Y"), "they look like %m/%d/%Y; training had %d/%m/%Y"),
    ("when", dates("%Y-%m-%d"), "they look like %Y-%m-%d; training had %d/%m/%Y"),
    ("smoker", lambda c: c.map({"yes": "Y", "no": "N"}), "of 'smoker' did not occur in training"),
    ("plan", lambda c: c.str.upper(), "', which training had as '"),
    ("plan", lambda c: "Gold", "such as 'Gold' (training had 'Basic', 'Plus', 'Pro')"),
    ("start", lambda c: c + " PM", "of 'start' cannot be read as a time of day"),
    ("height", lambda c: c / 100, "100% of the values of 'height' are below"),
    ("height", lambda c: None, "100 of 100 values (100%) of 'height' are missing; in training 0%"),
]


@pytest.mark.parametrize(("name", "change", "said"), UNREAD)
def test_a_column_that_is_not_as_in_training_is_one_warning_with_its_fraction(
    predict, name, change, said
):
    frame = new_rows()
    frame[name] = change(frame[name])
    code, out, (line,) = predict(frame)
    assert code == 0
    assert line.startswith("WARNING: ")
    assert said in line
    assert "100 predictions of 'left': s.csv" in out


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f,
        lambda f: f.assign(age=f["age"].astype(float)),
        lambda f: f.assign(age=f["age"].map("{} years".format)),
        lambda f: f.assign(smoker=f["smoker"].str.upper()),
        lambda f: f.assign(smoker=(f["smoker"] == "yes") * 1),
        lambda f: f.assign(plan=" " + f["plan"] + " "),
        lambda f: f.assign(note="more", **{"PLAN": "an additional column"}),
        lambda f: f.rename(columns=lambda name: f" {name} ")[
            [f" {name} " for name in COLUMNS[::-1]]
        ],
    ],
)
def test_rows_that_are_read_as_in_training_give_no_warning(predict, change):
    code, _, lines = predict(change(new_rows()))
    assert (code, lines) == (0, [])


def test_numbers_with_the_other_decimal_mark_are_read_right_and_that_is_said(predict):
    frame = new_rows()
    assert predict(frame)[0] == 0
    scores = pd.read_csv("s.csv")
    code, _, (line,) = predict(frame.assign(amount=frame["amount"].map(german)))
    assert code == 0
    assert line.startswith("note: 'amount' seems to have the decimal mark ','")
    pd.testing.assert_frame_equal(pd.read_csv("s.csv"), scores)


def test_the_column_with_most_unread_values_comes_first_and_few_of_them_are_a_note(predict):
    frame = new_rows().astype({"age": object})
    frame.loc[frame.index[:5], "age"] = "?!"
    frame.loc[frame.index[:80], "plan"] = "Gold"
    code, _, (first, second) = predict(frame)
    assert code == 0
    assert first.startswith("WARNING: 80 of 100 values (80%) of 'plan' did not occur")
    assert second.startswith("note: 5 of 100 values (5%) of 'age' cannot be read as a number")


def test_names_in_capital_letters_are_matched_and_said(predict):
    frame = new_rows().rename(columns={"plan": "PLAN", "age": "Age "})
    code, _, (line,) = predict(frame)
    assert code == 0
    assert "'Age' was taken for 'age', 'PLAN' was taken for 'plan'" in line
    scores = pd.read_csv("s.csv")
    predict(new_rows())
    pd.testing.assert_frame_equal(scores, pd.read_csv("s.csv"))


def test_the_nearest_names_are_offered_for_missing_columns(predict):
    code, _, (line,) = predict(new_rows().rename(columns={"amount": "AMONUT", "age": "years"}))
    assert code == 2
    assert "new.csv lacks the columns 'amount', 'age'" in line
    assert "did you mean 'AMONUT' for 'amount'" in line
    two = new_rows().assign(PLAN="Pro").rename(columns={"plan": "Plan"})
    code, _, (line,) = predict(two)
    assert code == 2
    assert "lacks the column 'plan'" in line
    assert "did you mean 'Plan'?" in line or "did you mean 'PLAN'?" in line


def test_predictions_are_written_through_a_link_and_its_file_keeps_its_permissions(
    predict, tmp_path
):
    (tmp_path / "sub").mkdir()
    real, link = tmp_path / "sub" / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to("sub/real.csv")
    assert predict(new_rows(), link)[0] == 0
    assert link.is_symlink()
    assert real.read_text().startswith("prediction,")
    assert real.stat().st_mode & 0o777 == 0o640
    dangling = tmp_path / "dangling.csv"
    dangling.symlink_to("sub/made.csv")
    assert predict(new_rows(), dangling)[0] == 0
    assert (tmp_path / "sub" / "made.csv").is_file()
    assert dangling.is_symlink()
    assert sorted(path.name for path in (tmp_path / "sub").iterdir()) == ["made.csv", "real.csv"]


@pytest.mark.parametrize("output", ["-", "/dev/stdout", "to-stdout"])
def test_standard_output_holds_the_scores_alone(predict, tmp_path, output):
    (tmp_path / "to-stdout").symlink_to("/dev/stdout")
    code, out, lines = predict(new_rows(), output)
    assert code == 0
    assert out.startswith("prediction,probability of a,probability of b\n")
    assert len(out.splitlines()) == 101
    assert lines == [f"100 predictions of 'left': {output}"]
    assert not (tmp_path / "-").exists()


def test_predictions_are_written_into_a_pipe(predict, tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    assert predict(new_rows(), pipe)[0] == 0
    reader.join(20)
    assert len(got[0].splitlines()) == 101
    assert pipe.is_fifo()


def test_an_output_that_cannot_be_written_is_one_line(predict, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    for output, said in (
        ("nowhere/s.csv", "-o expects a file in a folder that exists"),
        ("folder", "-o expects a file in a folder that exists"),
        ("one", "its symbolic links go in a circle"),
        ("/dev/full", "No space left on device"),
        (f"{'long' * 70}.csv", "File name too long"),
    ):
        code, out, (line,) = predict(new_rows(), output)
        assert (code, out) == (2, "")
        assert said in line, line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "new.csv", "one", "two"]


def test_a_file_stays_as_it_was_if_it_cannot_be_written_whole(tmp_path):
    from zoo.errors import ExportError
    from zoo.output_file import writing

    path = tmp_path / "s.csv"
    path.write_text("old")
    with pytest.raises(ExportError, match="No space left"), writing(path, ExportError) as file:
        file.write(b"new")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["s.csv"]


def test_a_model_is_saved_through_a_link(saved, tmp_path):
    (tmp_path / "m.zoo").write_text("old")
    (tmp_path / "link.zoo").symlink_to("m.zoo")
    zoo.load_model(saved / "m.zoo").save(tmp_path / "link.zoo")
    assert (tmp_path / "link.zoo").is_symlink()
    zoo.load_model(tmp_path / "m.zoo")
