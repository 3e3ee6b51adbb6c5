"""Columns of a text file that hold unambiguous numbers, which are parsed while it is read."""

from __future__ import annotations

import itertools

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from zoo.encoding.written import MISSING_WORDS
from zoo.ingest.clean_table import Column, DecimalMark

__all__ = ["MISSING_FORMS", "decimal_of_sample", "is_plain"]

# For either decimal mark: numbers (007 is a code), and numbers whose mark may group thousands.
_PLAIN = {
    mark: rf"^[+-]?(?:(?:0|[1-9]\d*)(?:[{mark}]\d*)?|[{mark}]\d+)(?:[eE][+-]?\d+)?$"
    for mark in (".", ",")
}
_GROUPED = {mark: rf"^[+-]?[1-9]\d{{0,2}}(?:[{mark}]\d{{3}})+$" for mark in (".", ",")}
MISSING_FORMS = sorted(
    {form for word in MISSING_WORDS for form in (word, word.upper(), word.title())}
)
MISSING_FORMS += ["NaN", "N/a", "NULL", "<NA>"]
_FORMS = pa.array(MISSING_FORMS, pa.large_string())


def decimal_of_sample(sample: pd.DataFrame, delimiter: str) -> DecimalMark:
    """Return the comma if numbers of the sample have decimal commas and none has a point."""
    if delimiter == ",":
        return "."
    marks: tuple[DecimalMark, DecimalMark] = (",", ".")
    with_mark = {",": 0, ".": 0}
    for name, mark in itertools.product(sample.columns, marks):
        has_it = bool(sample[name].str.contains(mark, regex=False).any())
        with_mark[mark] += has_it and is_plain(sample[name], mark)
    return "," if with_mark[","] and not with_mark["."] else "."


def is_plain(column: Column, decimal: DecimalMark) -> bool:
    """Return whether a sample of texts consists of unambiguous numbers."""
    # Arrow's kernels, as pandas would take milliseconds for each of thousands of columns
    texts = pc.utf8_trim_whitespace(pa.array(column, pa.large_string()).drop_null())
    texts = texts.filter(pc.invert(pc.is_in(texts, value_set=_FORMS)))
    if not len(texts) or not pc.all(pc.match_substring_regex(texts, _PLAIN[decimal])).as_py():
        return False
    with_mark = texts.filter(pc.match_substring(texts, decimal))
    return (
        not len(with_mark)
        or not pc.all(pc.match_substring_regex(with_mark, _GROUPED[decimal])).as_py()
    )
