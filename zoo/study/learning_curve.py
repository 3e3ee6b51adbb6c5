"""`zoo.learning_curve`: a study of a table in memory."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from numpy.typing import ArrayLike

from zoo.bench.store import check_folder
from zoo.curves.aggregate import curve_frame
from zoo.curves.curveset import CurveSet
from zoo.errors import StoreError, warn_caller
from zoo.files import one_line
from zoo.ingest.clean_table import Severity
from zoo.metrics import Task
from zoo.prose import count, plain, printable
from zoo.report.curve_figures import draw_dataset
from zoo.study.answers import Advice
from zoo.study.honest_splits import SplitBy, prepare_honestly
from zoo.study.page import advice_of, write_page
from zoo.study.resources import open_pool
from zoo.study.session import Options, Result, keep_table, make_study, run_study
from zoo.study.wording import parse_budget

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LearningCurve", "learning_curve"]


class LearningCurve:
    """The learning curves of models on one table, and the answers that they give.

    Attributes
    ----------
    folder : Path
        The results folder; without `out` a temporary one, deleted with this object.
    curves : CurveSet
        For further questions: crossovers, forecasts, rows needed for a score.
    result : Result
    """

    def __init__(self, folder: Path, result: Result) -> None:
        self.folder = folder
        self.result = result
        self.curves = CurveSet.from_folder(folder)

    def __repr__(self) -> str:
        return (
            f"LearningCurve({count(self.curves.scores['model'].nunique(), 'model')}, {self.folder})"
        )

    def frame(self) -> pd.DataFrame:
        """Return mean score, standard error and replicates of each model at each size."""
        return self.curves.frame()

    def advice(self) -> Advice:
        """Return the answers; `print` shows them as sentences."""
        found = advice_of(self.folder)
        assert found is not None  # noqa: S101 (a run without a score raises before)
        return found

    def plot(self) -> Figure:
        """Return a matplotlib figure of the curves."""
        frame = curve_frame(self.curves.cells)
        name = str(frame["dataset"].iloc[0])
        return draw_dataset(frame[frame["is_headline"]], title=f"{name}: learning curves")

    def report(self, folder: Path | str) -> Path:
        """Write results and report into a folder and return the path of the report.

        Raises
        ------
        StoreError
            If the folder holds something else than results, or cannot be written.
        """
        target = Path(folder)
        check_folder(target)
        if target.resolve() != self.folder.resolve():
            with one_line(target, StoreError):
                shutil.copytree(self.folder, target, dirs_exist_ok=True)
        return write_page(target)


def _table_name(text: str) -> str:
    """Return a name that titles and keys of cells can have."""
    return plain(text.replace("/", "_"))[:60].strip(".") or "table"


def learning_curve(
    X: Any,
    y: ArrayLike,
    models: Sequence[str] | None = None,
    *,
    budget: str | float = "2m",
    task: Task | None = None,
    groups: ArrayLike | None = None,
    times: ArrayLike | None = None,
    split: SplitBy = "auto",
    name: str = "table",
    out: Path | str | None = None,
    n_workers: int | None = None,
    verbose: bool = False,
) -> LearningCurve:
    """Measure models on your table at growing sizes, within a time budget.

    Parameters
    ----------
    X : DataFrame (pandas or Polars) or array of shape (n_samples, n_features)
    y : array-like of shape (n_samples,)
    models : sequence of str or None
        Names of `zoo.models()`; None: eight, from a dummy baseline to deep networks.
    budget : str or float
        "90s", "10m", "1h", or seconds.
    task : {"classification", "regression"} or None
        None: inferred from `y`.
    groups, times : array-like of shape (n_samples,) or None
        Rows of one group are never split between training and test; test rows are never earlier
        than training rows.
    split : {"auto", "random"}
        "auto": without `groups` and `times`, by those that `X` seems to have; "random": at random.
    name : str
        For titles and files.
    out : path-like or None
        Results folder, so that an interrupted run can resume; None: a temporary one.
    n_workers : int or None
        None: one per core.
    verbose : bool
        Print progress to standard error.

    Raises
    ------
    DataError
        If the table or the target cannot be used; the message says what to do.

    Warns
    -----
    UserWarning
        Once for each serious warning about the table: rows that were dropped, leaks, groups.

    Notes
    -----
    Workers are fresh Python processes, so a script needs no ``if __name__ == "__main__"``.
    """
    started = time.monotonic()
    seconds = parse_budget(budget) if isinstance(budget, str) else float(budget)
    chosen = tuple(models or ())
    options = Options(budget_s=seconds, models=chosen, n_workers=n_workers, writes_page=False)

    def say(line: str, is_answer: bool) -> None:
        if verbose:
            sys.stderr.write(printable(line) + "\n")

    table = prepare_honestly(
        X, y, name=_table_name(name), task=task, groups=groups, times=times, split=split
    )
    for warning in table.warnings:
        if warning.severity is Severity.SERIOUS:
            warn_caller(warning.text, UserWarning)
    folder = Path(tempfile.mkdtemp(prefix="zoo-curve-") if out is None else out)
    with ExitStack() as stack:
        if out is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        pool = open_pool(folder, n_workers=options.workers, budget_s=seconds, models=chosen)
        with closing(pool):
            facts = keep_table(table, folder, say)
            del table
            study = make_study(facts, chosen)
            result = run_study(study, folder, pool, options, started=started, say=say)
        stack.pop_all()
    found = LearningCurve(folder, result)
    if out is None:
        weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)
    return found
