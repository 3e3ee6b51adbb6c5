"""`zoo.learning_curve`: the same in Python, on a table in memory."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from zoo.curves.curveset import CurveSet
from zoo.ingest.preparing import prepare
from zoo.study.advice import Advice
from zoo.study.budget import parse_budget
from zoo.study.page import advice_of, write_page
from zoo.study.session import Options, Result, conclude, keep_own, make_study
from zoo.study.workers import open_pool

__all__ = ["LearningCurve", "learning_curve"]


class LearningCurve:
    """The curves of models on one table, and what they say.

    Attributes
    ----------
    folder : Path
        The results folder: a temporary one, which goes with this object, unless `out` was given.
    curves : CurveSet
        For every other question: crossovers, forecasts, rows for a score.
    result : Result
    """

    def __init__(self, folder: Path, result: Result) -> None:
        self.folder = folder
        self.result = result
        self.curves = CurveSet.from_folder(folder)

    def __repr__(self) -> str:
        return f"LearningCurve({self.curves.scores['model'].nunique()} models, {self.folder})"

    def frame(self) -> pd.DataFrame:
        """Return mean score, standard error and replicates of each model at each size."""
        return self.curves.frame()

    def advice(self) -> Advice:
        """Return the answers; `print` them for sentences."""
        found = advice_of(self.folder)
        assert found is not None  # noqa: S101 (a run without a score raises before)
        return found

    def plot(self) -> Any:
        """Return a matplotlib figure of the curves."""
        from zoo.curves.aggregate import curve_frame
        from zoo.report.curve_figures import draw_dataset

        frame = curve_frame(self.curves.cells)
        name = str(frame["dataset"].iloc[0])
        return draw_dataset(frame[frame["is_headline"]], title=f"{name}: learning curves")

    def report(self, folder: Path | str) -> Path:
        """Write results and report into a folder and return the path of its page.

        Raises
        ------
        StoreError
            If the folder holds something else than results.
        """
        from zoo.bench.store import check_folder

        target = Path(folder)
        check_folder(target)
        if target.resolve() != self.folder.resolve():
            shutil.copytree(self.folder, target, dirs_exist_ok=True)
        return write_page(target)


def _quiet(line: str, is_answer: bool) -> None:
    """Say nothing."""


def _aloud(line: str, is_answer: bool) -> None:
    sys.stderr.write(line + "\n")


def learning_curve(
    X: Any,
    y: Any,
    models: Sequence[str] | None = None,
    *,
    budget: str | float = "2m",
    task: Literal["classification", "regression"] | None = None,
    groups: Any = None,
    times: Any = None,
    name: str = "table",
    out: Path | str | None = None,
    n_workers: int | None = None,
    verbose: bool = False,
) -> LearningCurve:
    """Measure models on your table at growing sizes, within a budget of time.

    Parameters
    ----------
    X : DataFrame (pandas or Polars) or array of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    models : sequence of str or None
        Names of `zoo.models()`; None: a ladder from a dummy to deep networks.
    budget : str or float
        "90s", "10m", "1h", or seconds.
    task : {"classification", "regression"} or None
        None: it is found.
    groups, times : array-like of shape (n_samples,) or None
        Rows of one group stay together; no model is trained on the future.
    name : str
        For titles and files.
    out : path-like or None
        Results folder, for a run that can be taken up again; None: a temporary one.
    n_workers : int or None
        None: one a core.
    verbose : bool
        Say on the standard error how it goes.

    Raises
    ------
    DataError
        If the table or the target cannot be used; the message says what to do.

    Notes
    -----
    Worker processes are started anew, so a script needs no ``if __name__ == "__main__"``.
    """
    started = time.monotonic()
    seconds = parse_budget(budget) if isinstance(budget, str) else float(budget)
    options = Options(
        budget_s=seconds, models=tuple(models or ()), n_workers=n_workers, writes_page=False
    )
    say = _aloud if verbose else _quiet
    table = prepare(X, y, name=name, task=task, groups=groups, times=times)
    folder = Path(tempfile.mkdtemp(prefix="zoo-curve-") if out is None else out)
    with ExitStack() as stack:
        if out is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        pool = open_pool(folder, n_workers=options.workers, budget_s=seconds, models=options.models)
        with closing(pool):
            facts = keep_own(table, folder, say)
            del table
            study = make_study(facts, options.models)
            result = conclude(study, folder, pool, options, started=started, say=say)
        stack.pop_all()
    found = LearningCurve(folder, result)
    if out is None:
        weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found
