"""Real data, written to files as messy as those of users."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import zoo
from zoo.errors import DataError
from zoo.ingest.clean_table import Severity
from zoo.ingest.preparing import read_own
from zoo.ingest.reading import read_frame
from zoo.ingest.splitting import split_own
from zoo.ingest.transforms import apply_transform

RNG = np.random.default_rng(7)


def data(name, n_rows):
    table = zoo.load(name)
    frame = table.X.assign(**{table.y.name: table.y})
    return frame.sample(n_rows, random_state=1).reset_index(drop=True)


def kinds(table):
    return {note.name: note.kind for note in table.columns}


def note_of(table, name):
    return next(note for note in table.columns if note.name == name)


def about(table, topic):
    return [warning for warning in table.warnings if warning.about == topic]


def german(values, digits=2):
    texts = [f"{value:,.{digits}f}" for value in values]
    return [text.translate(str.maketrans(",.", ".,")) for text in texts]


def assert_whole(table, path, **options):
    """Assert that the transform spec gives the same rows again, and that a model learns them."""
    spec = json.loads(json.dumps(table.transform, allow_nan=False))
    again = apply_transform(read_frame(path, **options), spec)
    assert again.columns.tolist() == table.X.columns.tolist()
    assert len(again) == table.n_rows_read
    if table.n_rows_read == len(table.X):
        pd.testing.assert_frame_equal(again, table.X)
    assert not table.y.isna().any()
    rows = split_own(table, 0)
    assert not {*rows.test} & {*rows.train}
    model = zoo.make("decision_tree", task=table.task, random_state=0)
    model.fit(table.X.iloc[rows.train], table.y.iloc[rows.train])
    assert len(model.predict(again)) == table.n_rows_read


def test_a_german_export_with_decimal_commas_latin1_and_missing_targets(tmp_path):
    frame = data("credit_data", 900)
    frame["Home"] = frame["Home"].astype(str).replace({"rent": "Miete (möbliert)", "nan": "?"})
    frame["Income"] = german(frame["Income"] * 12.5)
    frame["Assets"] = german(frame["Assets"], 0)  # 5.000, which is five thousand
    frame["Records"] = frame["Records"].map({True: "ja", False: "nein"})
    frame.loc[frame.index % 9 == 0, "Income"] = "N/A"
    target = frame.columns[-1]
    frame[target] = frame[target].astype(object)
    frame.loc[frame.index % 10 == 3, target] = ""
    text = frame.to_csv(sep=";", index=False).replace("\n", "\n\n", 50)  # blank lines
    path = tmp_path / "Kunden 2024.csv"
    path.write_bytes(text.encode("latin-1"))

    table = read_own(path, target=target)

    assert table.name == "Kunden_2024"
    assert (table.task, table.metric) == ("classification", "roc_auc")
    assert table.n_rows_read == 900
    assert len(table.X) == len(table.y) == 810
    assert table.warnings[0].text == (
        f"Rows without a target were left out: 90 of 900 (10.0%); '{target}' is empty there."
    )
    assert kinds(table)["Income"] == kinds(table)["Assets"] == "number"
    assert kinds(table)["Records"] == "boolean"
    assert "Miete (möbliert)" in table.X["Home"].cat.categories
    assert "decimal comma" in note_of(table, "Income").note
    kept = frame[frame[target] != ""]
    first = kept["Income"].iloc[1]
    assert table.X["Income"][1] == float(first.replace(".", "").replace(",", "."))
    assert table.X["Assets"].max() > 1000
    assert {one.text for one in about(table, "read")} == {
        "The text was read as cp1252.",
        "The fields were read as delimited by ';'.",
    }
    assert [one.about for one in table.warnings if one.severity is Severity.SERIOUS] == ["dropped"]
    assert_whole(table, path)


def test_a_hospital_file_with_a_bom_mixed_types_repeated_patients_and_a_rare_class(tmp_path):
    frame = data("thyroid", 1500)
    flags = frame.select_dtypes(bool).columns
    frame[flags] = frame[flags].replace({True: "t", False: "f"}).astype(object)
    frame.insert(0, "PatientID", RNG.integers(0, 500, 1500) + 84_000)
    for name in ("TSH", "T3", "TT4"):
        frame[name] = frame[name].astype(object).where(frame[name].notna(), "?")
    frame.loc[[5, 55, 555], "TSH"] = "<0.05"
    target = frame.columns[-1]
    frame[target] = frame[target].astype(object)
    frame.loc[[10, 20], target] = "unclear"
    path = tmp_path / "thyroid.csv"
    frame.to_csv(path, index=False, encoding="utf-8-sig")

    table = read_own(path, target=target)

    assert table.task == "classification"
    assert table.metric == "balanced_accuracy"  # of three classes one has two rows
    assert "unclear" in table.metric_reason
    assert {*table.y.unique()} == {"healthy", "sick", "unclear"}
    assert kinds(table)["TSH"] == "number"
    assert "'<0.05'" in note_of(table, "TSH").note
    assert np.isnan(table.X["TSH"][5])
    assert all(kinds(table)[name] in {"boolean", "constant"} for name in flags)
    assert kinds(table)["TBG"] in {"number", "empty"}
    texts = [one.text for one in about(table, "imbalance")]
    assert any("The class 'unclear' has fewer than 10 rows" in text for text in texts)
    (groups,) = about(table, "groups")
    assert groups.columns == ("PatientID",)
    assert "--group 'PatientID'" in groups.text
    assert_whole(table, path)

    grouped = read_own(path, target=target, group="PatientID")
    assert not about(grouped, "groups")
    assert "PatientID" not in grouped.X
    assert grouped.groups.nunique() == frame["PatientID"].nunique()
    assert grouped.digest != table.digest
    assert_whole(grouped, path)


@pytest.mark.slow  # for the package holds 336,776 flights
def test_flights_with_dates_in_three_formats_200_categories_and_a_leak(tmp_path):
    frame = data("flights", 4000).drop(columns=["month", "day"])
    when = pd.Timestamp("2013-01-01") + pd.to_timedelta(RNG.integers(0, 365, 4000), unit="D")
    forms = np.array(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y"])[np.arange(4000) % 3]
    frame["date"] = [day.strftime(form) for day, form in zip(when, forms, strict=True)]
    frame["tail"] = [f"N{i}" for i in RNG.integers(100, 300, 4000)]
    is_late = frame.iloc[:, -3] == "late"
    assert is_late.sum() > 100
    target = frame.columns[-3]
    frame["arrival delay"] = np.where(is_late, 1, -1) * RNG.integers(15, 90, 4000)
    path = tmp_path / "flights.tsv.gz"
    frame.to_csv(path, sep="\t", index=False)

    table = read_own(path, target=target)

    assert kinds(table)["date"] == "date"
    assert (table.X["date"].to_numpy() == when.to_numpy()).all()
    assert kinds(table)["tail"] == "category"
    assert note_of(table, "tail").n_unique == 200
    leak = table.warnings[0]
    assert (leak.about, leak.severity, leak.columns) == (
        "leak",
        Severity.SERIOUS,
        ("arrival delay",),
    )
    assert "arrival delay" in table.X  # the user decides
    (time,) = about(table, "time")
    assert "--time 'date'" in time.text
    assert_whole(table, path)

    timed = read_own(path, target=target, time="date")
    assert not about(timed, "time")
    rows = split_own(timed, 2)
    assert timed.times.iloc[rows.train].max() < timed.times.iloc[rows.test].min()


def test_diamonds_with_prices_as_text_row_numbers_duplicates_and_a_copy(tmp_path):
    frame = data("diamonds", 1200)
    price = np.exp(frame.pop(frame.columns[-1])).round(2)
    frame["carat"] = [f"{carat:.2f} ct" for carat in frame["carat"]]
    frame["depth"] = [f"{depth:.1f} %" for depth in frame["depth"]]
    frame[" Price "] = [f"${value:,.2f}" for value in price]
    frame["price in cents"] = (price * 100).round()
    frame = pd.concat([frame, frame.iloc[:120]], ignore_index=True)
    frame.insert(0, "", range(1, len(frame) + 1))
    path = tmp_path / "diamonds.csv"
    frame.to_csv(path, index=False)

    table = read_own(path, target="Price")

    assert (table.task, table.metric) == ("regression", "rmse")
    np.testing.assert_allclose(table.y[:1200], price)
    assert kinds(table)["column 1"] == "id"
    assert kinds(table)["carat"] == kinds(table)["depth"] == "number"
    copies = [one for one in about(table, "leak") if one.severity is Severity.MINOR]
    assert copies[0].columns == ("price in cents",)
    assert "price in cents" not in table.X
    (same,) = about(table, "duplicates")
    assert same.severity is Severity.SERIOUS
    assert same.text.startswith("12")
    assert_whole(table, path)


def test_400_columns_by_90_rows(tmp_path):
    frame = data("breast_cancer", 90)
    target = frame.columns[-1]
    noise = RNG.normal(size=(90, 370)).astype(np.float32)
    frame = frame.join(pd.DataFrame(noise, columns=[f"probe_{i}" for i in range(370)]))
    path = tmp_path / "arrays.parquet"
    frame.to_parquet(path)

    table = read_own(path, target=target)

    assert table.X.shape == (90, 400)
    assert {*kinds(table).values()} == {"number"}
    texts = [one.text for one in about(table, "small")]
    assert texts[0].startswith("There are 90 rows")
    assert texts[1].startswith("There are more columns (400) than rows (90)")
    assert_whole(table, path)


def test_a_workbook_whose_columns_are_all_text(tmp_path):
    frame = data("german_credit", 300)
    target = frame.columns[-1]
    as_text = frame.astype(str)
    as_text["credit_amount"] = [f"DM {value}" for value in frame["credit_amount"]]
    as_text["credit_amount"] = as_text["credit_amount"].str.replace("DM", "\u20ac")
    as_text["telephone"] = frame["telephone"].map({True: "Yes", False: "No "})
    as_text.loc[[1, 2], "housing"] = " "
    path = tmp_path / "credit.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"read me": ["made in March"]}).to_excel(book, sheet_name="About", index=False)
        as_text.to_excel(book, sheet_name="Data", index=False)

    with pytest.raises(DataError, match="several sheets: About, Data"):
        read_own(path, target=target)
    table = read_own(path, target=target, sheet="Data")

    assert kinds(table)["credit_amount"] == kinds(table)["age_in_years"] == "number"
    np.testing.assert_array_equal(table.X["credit_amount"], frame["credit_amount"])
    assert kinds(table)["telephone"] == "boolean"
    assert kinds(table)["savings_account/bonds"] == "category"
    assert "none" in table.X["other_debtors/guarantors"].cat.categories
    assert table.X["housing"].isna()[[1, 2]].all()
    assert_whole(table, path, sheet="Data")


def test_bookings_in_json_lines_split_by_time(tmp_path):
    frame = data("hotel_rates", 2000)
    target = frame.columns[-1]
    frame["guest"] = [{"country": country} for country in frame["country"]]
    frame["remark"] = np.where(frame.index % 2, "please a quiet room with a view", "n/a")
    path = tmp_path / "bookings.jsonl"
    frame.to_json(path, orient="records", lines=True, date_format="iso")

    table = read_own(path, target=target, time="arrival_date")

    assert table.task == "regression"
    assert kinds(table)["arrival_date"] == "date"
    assert kinds(table)["guest"] == "category"
    assert table.times.dtype.kind == "M"
    rows = split_own(table, 0)
    assert table.times.iloc[rows.train].max() < table.times.iloc[rows.test].min()
    assert_whole(table, path)


def test_a_folder_of_faces(tmp_path):
    table = zoo.load("lfw_subset")
    pixels = (table.X.to_numpy()[::4] * 255).round().astype(np.uint8)
    for i, (image, label) in enumerate(zip(pixels, table.y[::4], strict=True)):
        (tmp_path / "faces" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.reshape(25, 25)).save(tmp_path / "faces" / label / f"{i:02}.png")

    own = read_own(tmp_path / "faces")

    assert own.image_shape == (25, 25, 1)
    assert own.X.shape == (50, 625)
    assert own.y.value_counts().to_dict() == {"face": 25, "other": 25}
    assert (own.X.to_numpy() == pixels[np.argsort(table.y[::4], kind="stable")]).all()
    assert_whole(own, tmp_path / "faces")


def test_labels_and_names_with_markup_come_through_as_they_are(tmp_path):
    frame = data("email", 200)
    target = frame.columns[-1]
    frame = frame.rename(columns={"cc": '<script>alert("1")</script>', "image": "\U0001f4f7 & Co"})
    frame[target] = frame[target].map({"spam": "<b>spam</b>", "not spam": "r\u00e9el \U0001f600"})
    frame[target] = frame[target].where(frame.index % 40 != 0, "<b>spam</b>")
    path = tmp_path / "<mail>.csv"
    frame.to_csv(path, index=False)
    table = read_own(path, target=target)
    assert '<script>alert("1")</script>' in kinds(table)
    assert {*table.y} == {"<b>spam</b>", "r\u00e9el \U0001f600"}
    assert table.name == "mail"
