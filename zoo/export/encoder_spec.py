"""Preprocessing as plain data: the columns of a table, and a rule for each one of the matrix.

`docs/mobile.md` says what each entry means and has a program of thirty lines that applies them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.encoding.encoder import TableEncoder
from zoo.encoding.frames import Kind, read_codes, read_numbers

__all__ = ["RawColumn", "raw_columns", "raw_values", "recipe_of"]

_DATE_PARTS = ("days", "month", "weekday", "hour")


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of the table: `name` as users have it, `key` as an input of a graph is called."""

    name: str
    key: str
    kind: Kind
    levels: tuple[str, ...] = ()

    @property
    def missing(self) -> Any:
        """What stands for a missing value: NaN, or a text that is no level."""
        if self.kind != "category":
            return math.nan
        text = ""
        while text in self.levels:
            text += "?"
        return text


def raw_columns(model: Any) -> list[RawColumn]:
    """Return the columns of the table that a model was fitted on, in their order."""
    encoder: TableEncoder = model.encoder_
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(model.n_features_in_)]
    levels, keys, made = iter(encoder.categories_), set[str](), []
    texts = [str(name) for name in names]
    for i, (text, kind) in enumerate(zip(texts, encoder.kinds_, strict=True)):
        name = text if texts.count(text) == 1 else f"{text} (column {i})"  # 7 and "7", say
        stem = re.sub(r"\W", "_", name, flags=re.ASCII)
        stem = stem if re.match(r"[A-Za-z]", stem) else f"column_{stem}"
        key, count = stem, 1
        while key.lower() in keys:
            count += 1
            key = f"{stem}_{count}"
        keys.add(key.lower())
        known = tuple(next(levels)) if kind == "category" else ()
        made.append(RawColumn(name, key, kind, known))
    return made


def raw_values(model: Any, X: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return what a program would pass for each column of a frame, (n_rows,) by key.

    Numbers are of 64 bits, dates in seconds since 1970, durations in seconds, levels are text.
    """
    frame = X[list(model.feature_names_in_)] if hasattr(model, "feature_names_in_") else X
    found: dict[str, NDArray[Any]] = {}
    for i, column in enumerate(raw_columns(model)):
        values = frame.iloc[:, i]
        if column.kind == "category":
            codes = read_codes(values, {level: code for code, level in enumerate(column.levels)})
            known = np.array([*column.levels, column.missing], object)
            found[column.key] = known[np.where(np.isnan(codes), -1, codes).astype(int)]
        elif _is_empty(model, i):
            found[column.key] = np.full(len(frame), np.nan)
        elif column.kind == "date":
            days = read_numbers(values, "date")[0].astype(np.float64)
            found[column.key] = np.round(days * 86400.0, 6)  # or an hour might end too early
        else:
            found[column.key] = read_numbers(values, column.kind)[0].astype(np.float64)
    return found


def _is_empty(model: Any, number: int) -> bool:
    """Whether a column had no value in training, so that nobody looks at it."""
    encoder: TableEncoder = model.encoder_
    sizes = [{"date": 4, "category": 0}.get(kind, 1) for kind in encoder.kinds_]
    start = sum(sizes[:number])
    return bool(sizes[number] and encoder.is_empty_[start : start + sizes[number]].all())


def recipe_of(model: Any) -> dict[str, Any]:
    """Return the preprocessing of a fitted model, for JSON."""
    data = model.encoder_.to_data()
    columns = raw_columns(model)
    numbers = _number_rules(data, columns)
    is_flag = np.array(data["is_flag"], bool)
    rules = [rule for rule, flag in zip(numbers, is_flag, strict=True) if not flag]
    rules += _code_rules(model.encoder_, data, columns)
    rules += [rule for rule, flag in zip(numbers, is_flag, strict=True) if flag]
    rest = _rest_rules(model.encoder_, data, columns)
    if data["rest"] is not None:
        for rule, center, factor in zip(rest, *data["rest"], strict=True):
            rule |= {"center": center, "factor": factor, "bend": True}
    return {
        "format": "zoo preprocessing",
        "version": 1,
        "columns": [
            {"name": column.name, "kind": column.kind}
            | ({"levels": list(column.levels)} if column.kind == "category" else {})
            for column in columns
        ],
        "matrix": rules + rest,
    }


def _number_rules(data: dict[str, Any], columns: list[RawColumn]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for column in columns:
        if column.kind != "category":
            takes = _DATE_PARTS if column.kind == "date" else ("value",)
            rules += [{"column": column.name, "take": take} for take in takes]
    for i, (rule, is_gone) in enumerate(zip(rules, data["is_empty"], strict=True)):
        rule["missing"] = None if data["scale"] == "none" else 0.0
        if is_gone:
            rule |= {"take": "nothing", "missing": 0.0}
        elif data["scale"] == "quantile":
            rule["quantiles"] = data["numbers"][0][i]
        elif data["scale"] != "none":
            center, factor = (part[i] for part in data["numbers"])
            rule |= {"center": center, "factor": factor, "bend": True}
    return rules


def _code_rules(
    encoder: TableEncoder, data: dict[str, Any], columns: list[RawColumn]
) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    start = 0
    of_levels = [column for column in columns if column.kind == "category"]
    for column, levels in zip(of_levels, encoder.categories_, strict=True):
        rule = {"column": column.name, "take": "code"}
        if data["categories"] == "ordinal":
            rules.append(rule | {"start": 0, "missing": None})
        elif encoder._is_coded(levels):
            rules.append(rule | {"start": start + 1, "missing": float(start)})
            start += len(levels) + 1
    return rules


def _rest_rules(
    encoder: TableEncoder, data: dict[str, Any], columns: list[RawColumn]
) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if not (data["scale"] == "none" and data["categories"] == "ordinal"):
        numbers = [
            column.name
            for column in columns
            for _ in range({"category": 0, "date": 4}.get(column.kind, 1))
        ]
        rules += [
            {"column": name, "take": "is_missing"}
            for name, has_gaps in zip(numbers, data["has_gaps"], strict=True)
            if has_gaps
        ]
    of_levels = [column for column in columns if column.kind == "category"]
    for column, levels in zip(of_levels, encoder.categories_, strict=True):
        if encoder._is_coded(levels):
            continue
        if data["categories"] == "mixed" and len(levels) == 2:
            rules.append({"column": column.name, "take": "sign"})
        else:
            rules += [{"column": column.name, "take": "level", "level": name} for name in levels]
    return rules
