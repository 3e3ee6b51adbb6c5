"""A file of new rows is read as the file that the model was trained on, and what is odd is said."""

import numpy as np
import pandas as pd
import pytest

import zoo
from zoo.ingest.preparing import read_own
from zoo.saving.model_file import save_model
from zoo.study.predict import predict_file

N = 60
NEW = "1.234;2,5\n846;3,5\n3.000;0,5\n"


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    people = np.random.default_rng(0).integers(1, 5000, N)
    rows = [
        f"{n:,};{i % 7};{'-' if n > 999 else 'rural'}".replace(",", ".")
        for i, n in enumerate(people)
    ]
    text = "people;size;kind\n" + "\n".join(rows) + "\nSumme;;\n"
    (folder / "train.csv").write_text(text.replace(";3;", ";3,5;"))
    table = read_own(folder / "train.csv", target="kind")
    model = zoo.make("decision_tree", random_state=0).fit(table.X, table.y)
    facts = {"target": "kind", "task": table.task, "transform": table.transform}
    save_model(model, folder / "m.zoo", table=facts)
    return folder / "m.zoo"


FILES = {
    "plain": ("people;size\n" + NEW, None),
    "title": ("New places, 2025\n\npeople;size\n" + NEW, "found in line 3"),
    "units": ("people;size\nn;km2\n" + NEW, "Line 2 holds units"),
    "total": ("people;size\n" + NEW + "Summe;6,5\n", "'Summe', '6,5'"),
    "note": ("people;size\n" + NEW + "\nQuelle: Amt\n", "'Quelle: Amt'"),
    "other order": ("size;people\n2,5;1.234\n3,5;846\n0,5;3.000\n", None),
}


@pytest.mark.parametrize("what", FILES)
def test_titles_units_and_totals_of_new_rows_are_left_out_and_said(tmp_path, model_path, what):
    text, said = FILES[what]
    (tmp_path / "new.csv").write_text(text)
    count, _, warnings = predict_file(model_path, tmp_path / "new.csv", tmp_path / "out.csv")
    assert count == 3
    found = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    assert found["prediction"].tolist() == ["-", "rural", "-"]
    if said is not None:
        assert any(said in one.text for one in warnings)
