"""The same values in every dtype of every library give the same matrix, in training and after."""

import datetime as dt
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from zoo.encoding.encoder import TableEncoder
from zoo.encoding.frames import as_frame
from zoo.ingest.preparing import prepare

NUMBERS = [3, 1, 250, 7, 3, 12, 5, 5, 90, 44, 7, 2]
FRACTIONS = [number + 0.25 for number in NUMBERS]
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=17 * number) for number in NUMBERS]
MOMENTS = [dt.datetime(2024, 1, 1, 5, 30) + dt.timedelta(hours=31 * number) for number in NUMBERS]
CLOCKS = [dt.time(number % 24, number % 60) for number in NUMBERS]
SPANS = [dt.timedelta(minutes=number) for number in NUMBERS]
TRUTHS = [number % 2 == 0 for number in NUMBERS]
WORDS = ["a b", "c", "c", "ü", "a b", "c", "c", "c", "ü", "a b", "c", "ü"]
MONTHS = [dt.date(2024, 1 + number % 12, 1) for number in NUMBERS]


def series(values, dtype=object):
    return pd.Series(values, dtype=dtype)


def texts(form):
    return lambda values: series([None if value is None else form(value) for value in values])


def objects(form):
    return texts(form)


def arrow(kind):
    return lambda values: pa.table({"x": pa.array(values, kind)})


def of_pandas(dtype):
    return lambda values: series(values).astype(dtype)


def in_arrow_dtype(kind):
    return lambda values: series(pa.array(values, kind).to_pylist(), pd.ArrowDtype(kind))


def dictionary(values):
    return pa.table({"x": pa.array(values).dictionary_encode()})


ZONE = "America/New_York"
# Values, and the forms that they have: functions that make a column or a table of them.
CASES = {
    "whole numbers": (
        NUMBERS,
        {
            "nullable": of_pandas("Int64"),
            "nullable, not negative": of_pandas("UInt16"),
            "nullable floats": of_pandas("Float32"),
            "float64": of_pandas(float),
            "decimals": objects(Decimal),
            "fractions": objects(Fraction),
            "numpy's objects": objects(np.int16),
            "text": texts(str),
            "text with blanks": texts(" {} ".format),
            "text as floats": texts("{}.0".format),
            "text (string)": lambda values: texts(str)(values).astype("string"),
            "text (str)": lambda values: texts(str)(values).astype("str"),
            "bytes": texts(lambda value: str(value).encode()),
            "sparse": lambda values: series(values).astype(float).astype("Sparse[float]"),
            "arrow int32": arrow(pa.int32()),
            "arrow uint64": arrow(pa.uint64()),
            "arrow decimal": arrow(pa.decimal128(12, 2)),
            "arrow dtype": in_arrow_dtype(pa.int64()),
            "arrow dtype, decimal": in_arrow_dtype(pa.decimal128(12, 2)),
        },
    ),
    "fractional numbers": (
        FRACTIONS,
        {
            "nullable": of_pandas("Float64"),
            "float32": of_pandas("float32"),
            "decimals": objects(Decimal),
            "fractions": objects(Fraction),
            "text": texts(str),
            "decimal commas": texts(lambda value: str(value).replace(".", ",")),
            "arrow double": arrow(pa.float64()),
            "arrow dtype": in_arrow_dtype(pa.float32()),
        },
    ),
    "dates": (
        DAYS,
        {
            "datetime64": lambda values: pd.Series(pd.to_datetime(series(values))),
            "nanoseconds": lambda values: pd.to_datetime(series(values)).astype("datetime64[ns]"),
            "with a zone": lambda values: pd.to_datetime(series(values), utc=True),
            "periods": lambda values: pd.to_datetime(series(values)).dt.to_period("D"),
            "objects of pandas": lambda values: pd.to_datetime(series(values)).astype(object),
            "objects of numpy": objects(np.datetime64),
            "ISO text": texts(str),
            "German text": texts(lambda day: day.strftime("%d.%m.%Y")),
            "American text": texts(lambda day: day.strftime("%m/%d/%Y")),
            "text with months": texts(lambda day: day.strftime("%d %b %Y")),
            "bytes": texts(lambda day: str(day).encode()),
            "arrow date32": arrow(pa.date32()),
            "arrow date64": arrow(pa.date64()),
            "arrow dtype": in_arrow_dtype(pa.date32()),
        },
    ),
    "moments": (
        MOMENTS,
        {
            "datetime64": lambda values: pd.to_datetime(series(values)),
            "with another zone": lambda values: pd.to_datetime(
                series(values), utc=True
            ).dt.tz_convert(ZONE),
            "objects with a zone": objects(lambda at: pd.Timestamp(at, tz="UTC").tz_convert(ZONE)),
            "ISO text": texts(str),
            "ISO text with an offset": texts(lambda at: f"{at.isoformat()}+00:00"),
            "arrow": arrow(pa.timestamp("us")),
            "arrow with a zone": arrow(pa.timestamp("ms", tz="UTC")),
            "arrow with another zone": arrow(pa.timestamp("s", tz="UTC")),
            "arrow dtype with a zone": lambda values: (
                pd.to_datetime(series(values), utc=True)
                .dt.tz_convert(ZONE)
                .astype(pd.ArrowDtype(pa.timestamp("us", tz=ZONE)))
            ),
        },
    ),
    "months": (
        MONTHS,
        {
            "periods": lambda values: pd.to_datetime(series(values)).dt.to_period("M"),
            "objects": objects(lambda day: pd.Period(day, "M")),
            "arrow": lambda values: pa.Table.from_pandas(
                pd.to_datetime(series(values)).dt.to_period("M").to_frame("x")
            ),
            "text": texts(lambda day: day.strftime("%Y-%m")),
        },
    ),
    "times of day": (
        CLOCKS,
        {
            "text": texts(lambda time: time.strftime("%H:%M")),
            "text with seconds": texts(str),
            "arrow time32": arrow(pa.time32("s")),
            "arrow time64": arrow(pa.time64("ns")),
            "arrow dtype": in_arrow_dtype(pa.time64("us")),
        },
    ),
    "durations": (
        SPANS,
        {
            "timedelta64": lambda values: pd.to_timedelta(series(values)),
            "objects of numpy": objects(np.timedelta64),
            "arrow": arrow(pa.duration("ms")),
            "arrow dtype": in_arrow_dtype(pa.duration("us")),
        },
    ),
    "booleans": (
        TRUTHS,
        {
            "nullable": of_pandas("boolean"),
            "numpy's objects": objects(np.bool_),
            "arrow": arrow(pa.bool_()),
            "arrow bool8": lambda values: pa.table(
                {"x": pa.array(values, pa.bool_()).cast(pa.int8()).cast(pa.bool8())}
            ),
            "arrow dtype": in_arrow_dtype(pa.bool_()),
        },
    ),
    "words": (
        WORDS,
        {
            "str": of_pandas("str"),
            "string": of_pandas("string"),
            "category": of_pandas("category"),
            "with blanks": texts(" {} ".format),
            "bytes": texts(str.encode),
            "arrow": arrow(pa.string()),
            "arrow large_string": arrow(pa.large_string()),
            "arrow string_view": arrow(pa.string_view()),
            "arrow binary": lambda values: arrow(pa.binary())(texts(str.encode)(values)),
            "arrow dictionary": dictionary,
            "arrow dtype": in_arrow_dtype(pa.large_string()),
        },
    ),
}
GAPS = {"whole": lambda values: values, "gaps": lambda values: [None, *values[1:-1], None]}


def table_of(made):
    return made if isinstance(made, pa.Table) else made.to_frame("x")


def encode(encoder, table):
    return encoder.transform(as_frame(table))


def fitted(table, **options):
    return TableEncoder(**{"categories": "onehot", "scale": "standard"} | options).fit(
        as_frame(table)
    )


def all_forms(case, values):
    """Return a frame with a column for each form of the same values, the plainest first."""
    columns = {"usual": series(values)}
    for form, make in CASES[case][1].items():
        columns[form] = as_frame(table_of(make(values)))["x"]
    return pd.DataFrame(columns)


def assert_equal_columns(matrix, forms, expected):
    """Assert that each column of a frame became what `expected` is: numbers, then the rest."""
    n_forms, n = forms.shape[1], expected.shape[1]
    n_numbers = 0 if matrix.shape[1] == 0 else N_NUMBERS.get(forms.attrs["case"], 1)
    numbers = matrix[:, : n_numbers * n_forms].reshape(len(matrix), n_forms, n_numbers)
    rest = matrix[:, n_numbers * n_forms :].reshape(len(matrix), n_forms, n - n_numbers)
    for i, form in enumerate(forms.columns):
        found = np.concatenate([numbers[:, i], rest[:, i]], axis=1)
        np.testing.assert_array_equal(found, expected, err_msg=form)


N_NUMBERS = {"dates": 4, "moments": 4, "months": 4, "words": 0}


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("case", CASES)
def test_a_column_has_one_matrix_in_every_dtype(case, gaps):
    values = GAPS[gaps](CASES[case][0])
    usual, forms = series(values).to_frame("x"), all_forms(case, values)
    forms.attrs["case"] = case
    expected = encode(fitted(usual), usual)
    assert np.ptp(expected[:, 0]) > 0
    assert_equal_columns(encode(fitted(forms), forms), forms, expected)
    same = pd.DataFrame(dict.fromkeys(forms.columns, usual["x"]))
    assert_equal_columns(encode(fitted(forms), same), forms, expected)
    # training on numbers does not show that a comma is a decimal mark
    known = forms.drop(columns="decimal commas", errors="ignore")
    assert_equal_columns(encode(fitted(same[known.columns]), known), known, expected)


def test_decimal_commas_after_training_on_numbers_are_refused():
    encoder = fitted(pd.DataFrame({"x": [1.5, 2.5]}))
    with pytest.raises(ValueError, match="held numbers in training, got '3,25'"):
        encoder.transform(pd.DataFrame({"x": ["3,25"]}))


def as_list(values):
    return [[value] for value in values]


def as_objects(values):
    return np.array(as_list(values), dtype=object)


def as_numpy(values):
    return np.array(as_list(values))


def as_interchange(values):
    class Other:  # a library that has this protocol only
        def __init__(self):
            self._table = as_arrow(values)

        def __dataframe__(self, nan_as_null=False, allow_copy=True):
            return self._table.__dataframe__(nan_as_null, allow_copy)

    return Other()


def as_capsule(values):
    class Other:
        def __arrow_c_stream__(self, requested_schema=None):
            return as_arrow(values).__arrow_c_stream__(requested_schema)

    return Other()


def as_arrow(values):
    return pa.table({"x": pa.array(values)})


def as_batch(values):
    return as_arrow(values).to_batches()[0]


def as_polars(values):
    return pytest.importorskip("polars").DataFrame({"x": values})


def as_lazy(values):
    return as_polars(values).lazy()


ENTRIES = [as_list, as_objects, as_numpy, as_arrow, as_batch, as_capsule, as_polars, as_lazy]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("case", [case for case in CASES if case != "months"])
def test_a_column_has_one_matrix_in_every_library(case, entry):
    for gaps, make in GAPS.items():
        values = make(CASES[case][0])
        if entry is as_numpy and (gaps == "gaps" or case == "times of day"):
            continue  # it has no dtype for these
        usual, given = series(values).to_frame("x"), entry(values)
        encoder = fitted(usual)
        expected = encode(encoder, usual)
        np.testing.assert_array_equal(encode(fitted(given), given), expected)
        np.testing.assert_array_equal(encode(encoder, given), expected)


@pytest.mark.parametrize("case", ["whole numbers", "fractional numbers", "words", "booleans"])
def test_the_interchange_protocol_is_read(case):
    values = CASES[case][0]
    usual, given = series(values).to_frame("x"), as_interchange(values)
    np.testing.assert_array_equal(encode(fitted(given), given), encode(fitted(usual), usual))


@pytest.mark.parametrize("case", CASES)
def test_own_tables_are_read_as_estimators_read_them(case):
    values = 2 * CASES[case][0]  # 24 rows
    usual, forms = series(values).to_frame("x"), all_forms(case, values)
    forms.attrs["case"] = case
    table = prepare(forms, [0.5 * i for i in range(24)], task="regression")
    assert table.X.columns.tolist() == forms.columns.tolist()
    expected = encode(fitted(usual), usual)
    assert_equal_columns(encode(fitted(table.X), table.X), forms, expected)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("flags", ["numbers", "onehot"])
@pytest.mark.parametrize("dtype", [object, "boolean", pd.ArrowDtype(pa.bool_())])
def test_booleans_with_gaps_have_one_encoding(missing, flags, dtype):
    usual = pd.DataFrame({"x": pd.array([True, None, False, True], "boolean"), "n": [1.0, 2, 3, 4]})
    given = usual.assign(x=pd.Series([True, missing, False, True], dtype=object).astype(dtype))
    for categories in ("onehot", "ordinal", "mixed"):
        options = {"categories": categories, "flags": flags}
        expected = encode(fitted(usual, **options), usual)
        np.testing.assert_array_equal(encode(fitted(given, **options), given), expected)


# --- integers beyond what floats hold ---------------------------------------------------------

LONG = [2**53 + 1 + 2 * i for i in range(12)]
FAR = {
    "int64": 2**62,
    "negative int64": -(2**63),
    "uint64": 2**64 - 100,
    "Python's": 2**80,
}


def long_forms(values):
    yield series(values)
    yield texts(str)(values)
    yield texts(Decimal)(values)
    yield series([*map(Fraction, values)])
    if all(-(2**63) <= value < 2**63 for value in values):
        yield series(values, "int64")
        yield series(values, "Int64")
        yield pa.table({"x": pa.array([*values, None], pa.int64())}).slice(0, len(values))
    if all(0 <= value < 2**64 for value in values):
        yield series(values, "uint64")
        yield series(values, "UInt64")
        yield series(values, pd.ArrowDtype(pa.uint64()))
    yield pa.table({"x": pa.array([*map(Decimal, values)], pa.decimal128(30, 0))})


@pytest.mark.parametrize("start", FAR)
def test_integers_beyond_2_to_53_keep_their_differences(start):
    values = [FAR[start] + i for i in range(12)]
    near = pd.DataFrame({"x": np.arange(12.0)})
    expected = encode(fitted(near, scale="none"), near)[:, 0]
    expected = expected - expected[0]
    for made in long_forms(values):
        table = table_of(made)
        encoder = fitted(table, scale="none")
        found = encode(encoder, table)[:, 0]
        np.testing.assert_array_equal(found - found[0], expected)
        again = TableEncoder.from_state(encoder.state())
        for other in long_forms(values):
            np.testing.assert_array_equal(encode(again, table_of(other))[:, 0], found)


def test_long_integers_with_gaps_keep_their_differences():
    values = [None, *LONG]
    for made in (series(values), series(values, "Int64"), series([np.nan, *LONG]),
                 texts(str)(values), pa.table({"x": values})):  # fmt: skip
        table = table_of(made)
        found = encode(fitted(table, scale="none", categories="ordinal"), table)[:, 0]
        assert np.isnan(found[0])
        np.testing.assert_array_equal(np.diff(found[1:]), 2.0)


def test_long_integers_that_floats_cannot_hold_are_said():
    for values in ([0, 2**62, 2**62 + 1], [2**60 + 1, 0.5, 2.5], [-(2**63), 5, 2**63 - 1]):
        with pytest.warns(UserWarning, match="'x' has integers beyond 2\\*\\*53"):
            fitted(series(values).to_frame("x"))


def test_a_masked_integer_is_missing_and_the_others_are_exact():
    masked = np.ma.array(np.array(LONG)[:, None], mask=np.arange(12)[:, None] == 3)
    expected = series([*LONG[:3], None, *LONG[4:]]).to_frame("x0")
    for given in (masked, list(masked)):
        np.testing.assert_array_equal(
            encode(fitted(given), given), encode(fitted(expected), expected)
        )


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values", [["01", "02", "10"] * 4, ["yes", "no", "no"] * 4, ["a1", "2", "b"]]
)
def test_codes_truth_words_and_other_text_stay_categories(values):
    assert fitted(series(values).to_frame("x")).kinds_ == ["category"]


def test_declared_categories_stay_categories_whatever_they_hold():
    for values in (NUMBERS, ["1", "2"] * 6, DAYS, ["2024-01-01", "2024-01-02"] * 6):
        assert fitted(series(values).astype("category").to_frame("x")).kinds_ == ["category"]


NEW = [1, 1.0, np.int8(1), np.float32(1), "1", "1.0", " 1", "1.00 ", "+1", b"1", b"1.0", Decimal(1),
       Decimal("1.0"), Fraction(1)]  # fmt: skip


@pytest.mark.parametrize("known", ["1", "1.0", 1, 1.0, b"1", Decimal("1.0")], ids=repr)
@pytest.mark.parametrize("dtype", [object, "category"])
def test_a_number_is_the_same_value_however_it_is_written(known, dtype):
    column = pd.Series([known, "b" if dtype == "category" else known, known], dtype=object)
    training = column.astype(dtype).to_frame("x")
    encoder = fitted(training, scale="none")
    expected = encode(encoder, training)[:1]
    for value in NEW:
        for new in (series([value]), series([value]).astype("category")):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = encode(encoder, new.to_frame("x"))
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "new", [["A", "B"], ["x"] * 5, [*"ab" * 9, *"AB" * 10], pd.Categorical(["A", "B"])], ids=str
)
def test_categories_that_are_mostly_unknown_are_said_with_column_and_share(new):
    encoder = fitted(pd.DataFrame({"x": ["a", "b", "c"] * 4, "n": 1.0}))
    new = pd.DataFrame({"x": new}).assign(n=1.0)
    share = (~new["x"].isin(["a", "b"])).mean()
    with pytest.warns(
        UserWarning, match=rf"count as missing: 'x' \({share:.0%}, such as '[ABx]'\)"
    ):
        encoder.transform(new)


@pytest.mark.parametrize("new", [["A"], ["a", "B"], [None, None], [*"ab" * 20, "new"]], ids=str)
def test_a_few_unknown_categories_are_usual(new):
    encoder = fitted(pd.DataFrame({"x": ["a", "b", "c"] * 4, "n": 1.0}))
    encoder.transform(pd.DataFrame({"x": new}, dtype=object).assign(n=1.0))


def test_text_that_is_no_number_is_said_in_training_and_missing_later():
    training = pd.DataFrame({"x": [*map(str, range(99)), "many"]})
    with pytest.warns(UserWarning, match="'x' is read as numbers .* count as missing: 'many'"):
        encoder = fitted(training, scale="none", categories="ordinal")
    found = encoder.transform(pd.DataFrame({"x": ["7", "few", "n/a", "1,234.5"]}))
    np.testing.assert_array_equal(found[:, 0], [7, np.nan, np.nan, 1234.5])
    with pytest.warns(UserWarning, match="'x' held numbers in training; 100% of its values"):
        encoder.transform(pd.DataFrame({"x": ["seven", "eight", None, "n/a"]}))


def test_dates_are_read_in_the_order_of_training():
    days = pd.date_range("2024-01-01", periods=40)
    for form in ("%d/%m/%Y", "%m/%d/%Y"):
        training = pd.DataFrame({"x": days.strftime(form)})
        encoder = fitted(training, scale="none")
        new = pd.DataFrame({"x": [pd.Timestamp("2025-03-04").strftime(form)]})
        expected = encoder.transform(pd.DataFrame({"x": [pd.Timestamp("2025-03-04")]}))
        np.testing.assert_array_equal(encoder.transform(new), expected)
    with pytest.warns(UserWarning, match="whether the day or the month comes first"):
        fitted(pd.DataFrame({"x": ["01/02/2024", "03/04/2024", "05/06/2024"]}))
