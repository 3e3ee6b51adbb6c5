"""Cells: load, split, fit, predict, score."""

from __future__ import annotations

import inspect
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo import registry
from zoo.bench.peak_memory import PeakMemory
from zoo.bench.rows import Rows, rows_of
from zoo.bench.score_errors import class_score_errors, number_score_errors
from zoo.bench.store import Status
from zoo.canonical import derive_seed
from zoo.errors import UnreadValuesWarning
from zoo.scores import ClassPrediction, score_classes, score_numbers

__all__ = ["make_model", "predict_classes", "run_cell", "run_cells_together"]

_MAX_TRAIN_SCORE_ROWS = 2000
_ERRORS = (class_score_errors, number_score_errors)
_MODEL_FACTS = {"n_parameters_": "n_parameters", "n_epochs_": "epochs", "n_trees_": "trees"}


def run_cell(
    key: dict[str, Any],
    metrics: tuple[str, ...],
    *,
    threads: int,
    folders: tuple[Path, ...] = (),
    began: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure one cell, and return its status, reason, scores, timings_s, memory_mb, model_facts.

    Of memory_mb, `peak_rss` is the peak of the whole process, and `fit_rise` what the fit added to
    it: the peak during the fit less the memory before, when data and framework were loaded. What
    earlier cells of the model left in this process is part of it, such as a compiled network.

    Parameters
    ----------
    key : dict
        dataset, model, params, n_train, replicate, protocol.
    metrics : tuple of str
    threads : int
        Threads that the model may use.
    folders : tuple of Path
        Folders with cards of the user's own, or with a kept table.
    began : callable
        Called when data and framework are loaded and fitting starts.

    Raises
    ------
    ZooError
        If the data cannot be loaded; the model may raise anything else.
    """
    rows = rows_of(key["dataset"], folders)
    train = rows.train(key["replicate"], key["n_train"])
    model = make_model(key, rows, threads)
    _load_framework(model)
    peak = PeakMemory(_owner(key))
    began()
    start = time.perf_counter()
    model.fit(*train)
    fit_s = time.perf_counter() - start
    del train
    compile_s = float(getattr(model, "compile_s_", 0.0))
    timings = {"compile": compile_s, "fit": fit_s - compile_s}
    return _measure(model, key, rows, metrics, timings, peak)


def run_cells_together(
    keys: Sequence[dict[str, Any]],
    metrics: tuple[str, ...],
    *,
    threads: int,
    n_slots: int,
    folders: tuple[Path, ...] = (),
    began: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, dict[str, Any] | Exception]]:
    """Measure cells of one model and one data set; `n_slots` networks train side by side.

    They share one program, which takes most of the memory however many train in it, so `fit_rise`
    of each is the rise of the process since their start.

    Parameters are those of `run_cell`.

    Yields
    ------
    number, record : int, dict or Exception
        The number of each cell when it is done, and its record or the error that it ended with.

    Raises
    ------
    ZooError
        If the data cannot be loaded.
    """
    rows = rows_of(keys[0]["dataset"], folders)
    models = [make_model(key, rows, threads) for key in keys]
    tables = (rows.train(key["replicate"], key["n_train"]) for key in keys)
    _load_framework(models[0])
    peak = PeakMemory(_owner(keys[0]))
    began()
    for number, error in models[0].fit_together(models, tables, n_slots=n_slots):
        if error is not None:
            yield number, error
            continue
        model = models[number]
        timings = {"compile": float(model.compile_s_), "fit": float(model.fit_s_)}
        try:
            record = _measure(model, keys[number], rows, metrics, timings, peak)
        except Exception as wrong:  # noqa: BLE001 (whatever a model raises is its own failure)
            yield number, wrong
        else:
            yield number, record


def _measure(
    model: Any,
    key: dict[str, Any],
    rows: Rows,
    metrics: tuple[str, ...],
    timings: dict[str, float],
    peak: PeakMemory,
) -> dict[str, Any]:
    """Return the record of a fitted model; with a score that is not finite, the cell failed."""
    rise = peak.rise_mb()  # before test rows are loaded
    test = rows.test(key["replicate"], key["n_train"])
    start = time.perf_counter()
    predicted = _predict(model, rows, test[0])
    test_scores = _score(rows, test[1], predicted, metrics)
    timings = {**timings, "predict": time.perf_counter() - start}
    some = rows.train(key["replicate"], key["n_train"], at_most=_MAX_TRAIN_SCORE_ROWS)
    train_scores = _score(rows, some[1], _predict(model, rows, some[0]), metrics)
    scores = {"test": test_scores, "train": train_scores}
    bad = [name for part in scores.values() for name, v in part.items() if not math.isfinite(v)]
    return {
        "status": Status.FAILED if bad else Status.OK,
        "reason": f"not a finite number: {', '.join(bad)}" if bad else None,
        "scores": {} if bad else scores,
        "score_errors": {} if bad else _score(rows, test[1], predicted, metrics, *_ERRORS),
        "timings_s": {name: round(s, 4) for name, s in timings.items() if _is_amount(s)},
        "memory_mb": {"peak_rss": peak.peak_mb()} | ({} if rise is None else {"fit_rise": rise}),
        "model_facts": {
            name: int(getattr(model, attribute))
            for attribute, name in _MODEL_FACTS.items()
            if _is_amount(getattr(model, attribute, None))
        },
    }


def _is_amount(value: Any) -> bool:
    """Return whether a model of anybody says a number that a record can hold."""
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    return is_number and bool(0 <= value <= 1e15)


def _owner(key: Mapping[str, Any]) -> str:
    return f"{key['model']} {key['params']} {key['dataset']}"


def _load_framework(model: Any) -> None:
    """Import what a first fit would import, which is neither its time nor its memory."""
    getattr(model, "load_framework", lambda: None)()


def make_model(key: Mapping[str, Any], rows: Rows, threads: int) -> Any:
    """Return the unfitted model of a cell, its seed derived from what the cell is."""
    spec = registry.spec(key["model"])
    known = inspect.signature(type(registry.make(spec.name, task=rows.task))).parameters
    given: dict[str, Any] = dict(key["params"])
    if "random_state" in known:
        given["random_state"] = derive_seed(
            "fit", key["dataset"], key["model"], key["n_train"], key["replicate"]
        )
    if "n_jobs" in known:
        given["n_jobs"] = threads
    if "image_shape" in known and rows.image_shape is not None:
        given["image_shape"] = rows.image_shape
    return registry.make(spec.name, task=rows.task, **given)


def _predict(model: Any, rows: Rows, X: pd.DataFrame) -> ClassPrediction | NDArray[Any]:
    """Return predicted classes, or numbers of shape (n_samples,)."""
    with warnings.catch_warnings():
        # few training rows lack many of the categories that the test rows have
        warnings.simplefilter("ignore", UnreadValuesWarning)
        if rows.task == "regression":
            return np.asarray(model.predict(X))
        return predict_classes(model, X, rows.classes)


def _score(
    rows: Rows,
    y: pd.Series[Any],
    predicted: ClassPrediction | NDArray[Any],
    metrics: tuple[str, ...],
    of_classes: Callable[..., dict[str, float]] = score_classes,
    of_numbers: Callable[..., dict[str, float]] = score_numbers,
) -> dict[str, float]:
    """Return the scores, or with other functions their standard errors over other test rows."""
    if isinstance(predicted, ClassPrediction):
        codes = np.asarray(np.searchsorted(rows.classes, y.to_numpy(object)), dtype=np.intp)
        return of_classes(codes, predicted, metrics)
    return of_numbers(y.to_numpy(np.float64), predicted, metrics)


def predict_classes(model: Any, X: pd.DataFrame, classes: NDArray[Any]) -> ClassPrediction:
    """Return what a fitted classifier predicts, in terms of all classes of the data set.

    A class that the model never saw gets probability 0, or the lowest decision value.
    """
    columns = np.searchsorted(classes, model.classes_)
    full = np.zeros((len(X), len(classes)))
    if hasattr(model, "predict_proba"):
        full[:, columns] = model.predict_proba(X)
        return ClassPrediction(full.argmax(axis=1), full, True)
    codes = np.searchsorted(classes, model.predict(X))
    if not hasattr(model, "decision_function"):
        return ClassPrediction(codes, None, False)
    values = np.asarray(model.decision_function(X), dtype=np.float64)
    if values.ndim == 1:
        values = np.column_stack([-values, values])
    full += values.min() if values.size else 0.0
    full[:, columns[: values.shape[1]]] = values
    return ClassPrediction(codes, full, False)
