"""The fitted encoder as plain data: the columns of a table, and a rule for each matrix column.

`docs/mobile.md` says what each entry means and has a short program that applies the rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding.categories import read_codes
from zoo.encoding.column_reading import Kind, read_numbers
from zoo.encoding.encoder import EncoderState, FittedEstimator, TableEncoder
from zoo.encoding.frames import select_columns
from zoo.encoding.plain_columns import plain_column

__all__ = ["RawColumn", "encoder_spec", "raw_columns", "raw_values"]

_TAKES = {  # what the rules of a column of numbers take from it
    "number": ("value",),
    "duration": ("value",),
    "date": ("days", "month", "weekday", "hour"),
    "category": (),
}

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of the table: its `name` there, and `key`, its name as an input of a graph."""

    name: str
    key: str
    kind: Kind
    categories: tuple[str, ...] = ()

    @property
    def missing(self) -> float | str:
        """What stands for a missing value: NaN, or a text that is no category."""
        if self.kind != "category":
            return math.nan
        text = ""
        while text in self.categories:
            text += "?"
        return text


def raw_columns(model: FittedEstimator) -> list[RawColumn]:
    """Return the columns of the table that a model was fitted on, in their order."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(model.n_features_in_)]
    categories, keys, made = iter(model.encoder_.category_codes_), set[str](), []
    texts = [str(name) for name in names]
    for i, (text, kind) in enumerate(zip(texts, model.encoder_.kinds_, strict=True)):
        name = text if texts.count(text) == 1 else f"{text} (column {i})"  # 7 and "7", say
        stem = re.sub(r"\W", "_", name, flags=re.ASCII)
        stem = stem if re.match(r"[A-Za-z]", stem) else f"column_{stem}"
        key, count = stem, 1
        while key.lower() in keys:
            count += 1
            key = f"{stem}_{count}"
        keys.add(key.lower())
        known = tuple(next(categories)) if kind == "category" else ()
        made.append(RawColumn(name, key, kind, known))
    return made


def raw_values(model: FittedEstimator, X: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return what a program would pass to a graph for a frame: an array (n_rows,) by key.

    Numbers are float64, dates seconds since 1970, durations seconds, categories text.
    """
    names = getattr(model, "feature_names_in_", None)
    frame = X if names is None else select_columns(X, names)
    found: dict[str, NDArray[Any]] = {}
    start = 0
    for i, column in enumerate(raw_columns(model)):
        values, n_taken = plain_column(frame.iloc[:, i]), len(_TAKES[column.kind])
        if column.kind == "category":
            codes = read_codes(values, {name: code for code, name in enumerate(column.categories)})
            known = np.array([*column.categories, column.missing], object)
            found[column.key] = known[np.where(np.isnan(codes), -1, codes).astype(int)]
        elif model.encoder_.is_empty_[start : start + n_taken].all():
            found[column.key] = np.full(len(frame), np.nan)  # ignored, so it may hold anything
        else:
            read = read_numbers(values, model.encoder_.readings_[i])[0].astype(np.float64)
            # dates in microseconds, or an hour might end too early
            found[column.key] = np.round(read * 86400.0, 6) if column.kind == "date" else read
        start += n_taken
    return found


def encoder_spec(model: FittedEstimator) -> dict[str, Any]:
    """Return the columns of a fitted model's table and the rules that encode them, for JSON."""
    encoder, state = model.encoder_, model.encoder_.state()
    columns = raw_columns(model)
    takes = [(column.name, take) for column in columns for take in _TAKES[column.kind]]
    numbers = list(_number_rules(state, takes))
    codes, onehot = _category_rules(encoder, columns)
    with_indicator = (name for name, _ in compress(takes, state.has_indicator))
    indicators = [*({"column": name, "take": "is_missing"} for name in with_indicator), *onehot]
    if (scaling := state.indicator_scaling) is not None:
        for i, rule in enumerate(indicators):
            rule |= {"center": scaling.center[i], "factor": scaling.factor[i], "smooth_clip": True}
    flags = compress(numbers, state.is_flag)
    is_number = [not is_flag for is_flag in state.is_flag]
    return {
        "format": "zoo preprocessing",
        "version": 1,
        "columns": [
            {"name": column.name, "kind": column.kind}
            | ({"categories": list(column.categories)} if column.kind == "category" else {})
            for column in columns
        ],
        "matrix": [*compress(numbers, is_number), *codes, *flags, *indicators],
    }


def _number_rules(state: EncoderState, takes: list[tuple[str, str]]) -> Iterator[Rule]:
    """Yield the rule of each number that is taken from a column."""
    for i, (name, take) in enumerate(takes):
        missing = None if state.scale == "none" else 0.0
        rule: Rule = {"column": name, "take": take, "missing": missing}
        if state.is_empty[i]:
            rule |= {"take": "nothing", "missing": 0.0}
        elif state.quantiles is not None or state.knots[i]:
            rule["quantiles"] = state.knots[i] if state.quantiles is None else state.quantiles[i]
        elif (scaling := state.number_scaling) is not None:
            rule |= {"center": scaling.center[i], "factor": scaling.factor[i], "smooth_clip": True}
        yield rule


def _category_rules(
    encoder: TableEncoder, columns: list[RawColumn]
) -> tuple[list[Rule], list[Rule]]:
    """Return the rules of columns of codes, and those of signs and one-hot columns."""
    codes: list[Rule] = []
    onehot: list[Rule] = []
    start, of_categories = 0, [column for column in columns if column.kind == "category"]
    for column, layout in zip(of_categories, encoder.layouts_, strict=True):
        rule = {"column": column.name}
        if encoder.categories == "ordinal":
            codes.append(rule | {"take": "code", "start": 0, "missing": None})
        elif layout == "code":
            codes.append(rule | {"take": "code", "start": start + 1, "missing": float(start)})
            start += len(column.categories) + 1
        elif layout == "sign":
            onehot.append(rule | {"take": "sign"})
        else:
            onehot += [rule | {"take": "is_category", "category": c} for c in column.categories]
    return codes, onehot
