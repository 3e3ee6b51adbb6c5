"""Columns of a text file that hold unambiguous numbers, which are parsed while it is read."""

from __future__ import annotations

import itertools
import re

import pandas as pd

from zoo.encoding.written import MISSING_WORDS
from zoo.ingest.clean_table import Column, DecimalMark

__all__ = ["MISSING_FORMS", "decimal_of_sample", "is_plain"]

# For either decimal mark: numbers (007 is a code), and numbers whose mark may group thousands.
_PLAIN = {
    mark: rf"[+-]?(?:(?:0|[1-9]\d*)(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?"
    for mark in (r"\.", ",")
}
_GROUPED = {mark: rf"[+-]?[1-9]\d{{0,2}}(?:{mark}\d{{3}})+" for mark in (r"\.", ",")}
MISSING_FORMS = sorted(
    {form for word in MISSING_WORDS for form in (word, word.upper(), word.title())}
)
MISSING_FORMS += ["NaN", "N/a", "NULL", "<NA>"]


def decimal_of_sample(sample: pd.DataFrame, delimiter: str) -> DecimalMark:
    """Return the comma if numbers of the sample have decimal commas and none has a point."""
    if delimiter == ",":
        return "."
    with_mark = {",": 0, ".": 0}
    for name, mark in itertools.product(sample.columns, with_mark):
        has_it = bool(sample[name].str.contains(mark, regex=False).any())
        with_mark[mark] += has_it and is_plain(sample[name], mark)
    return "," if with_mark[","] and not with_mark["."] else "."


def is_plain(column: Column, decimal: str) -> bool:
    """Return whether a sample of texts consists of unambiguous numbers."""
    texts = column.dropna().str.strip()
    texts = texts[~texts.isin(MISSING_FORMS)]
    mark = re.escape(decimal)
    if not len(texts) or not texts.str.fullmatch(_PLAIN[mark]).all():
        return False
    with_mark = texts[texts.str.contains(decimal, regex=False)]
    return not len(with_mark) or not bool(with_mark.str.fullmatch(_GROUPED[mark]).all())
