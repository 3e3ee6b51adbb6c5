"""Which evaluation of a network is the best, and when training stops."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from zoo.training.types import DoubleArray, FloatArray

__all__ = ["MIN_ROWS", "Decision", "EarlyStopping", "is_significant"]

MIN_ROWS = 200  # of validation: with fewer, the standard error of a gain is unreliable


@dataclass(frozen=True, slots=True)
class Decision:
    """What an evaluation decides."""

    is_best: bool  # its weights are kept
    stops: bool  # training is over


class EarlyStopping:
    """Keeps the best evaluation and stops training that no longer improves.

    Training stops at the last evaluation, or when patience runs out, or after a cycle of the
    learning rate without a significant gain: the best score improved since the end of the cycle
    before by at most two standard errors of the difference, row by row. Fewer than 200 rows are
    too few for that comparison.

    Parameters
    ----------
    patience : int
        Evaluations without a better score before training stops.
    max_evaluations : int
    cycle_ends : container of int
        Evaluations, from 1, after which the gain is tested.
    keeps_last : bool
        Whether each evaluation counts as the best, as it must without validation rows.

    Examples
    --------
    >>> stopping = EarlyStopping(patience=2, max_evaluations=10)
    >>> [stopping.evaluate(score).is_best for score in (3.0, 1.0, 2.0)]
    [True, True, False]
    >>> stopping.evaluate(2.0).stops, stopping.best_evaluation
    (True, 2)
    """

    def __init__(
        self,
        *,
        patience: int,
        max_evaluations: int,
        cycle_ends: Container[int] = (),
        keeps_last: bool = False,
    ) -> None:
        self._patience, self._max_evaluations = patience, max_evaluations
        self._cycle_ends, self._keeps_last = cycle_ends, keeps_last
        self.n_evaluations, self.best_evaluation = 0, 0
        self._best_score = np.inf
        self._best_rows: DoubleArray | None = None  # score of each row at the best evaluation
        self._rows_before: DoubleArray | None = None  # the same at the end of the cycle before

    def evaluate(
        self, score: float, row_scores: DoubleArray | None = None, weight: FloatArray | None = None
    ) -> Decision:
        """Record an evaluation; its score is the weighted mean of those of the rows, (n_rows,).

        Less is better. The row scores and weights are for the test at the ends of cycles.
        """
        self.n_evaluations += 1
        is_best = self._keeps_last or score < self._best_score
        if is_best:
            self._best_score, self._best_rows = score, row_scores
            self.best_evaluation = self.n_evaluations
        stops = (
            self.n_evaluations == self._max_evaluations
            or self._is_plateau(weight)
            or self.n_evaluations - self.best_evaluation >= self._patience
        )
        return Decision(is_best, stops)

    def _is_plateau(self, weight: FloatArray | None) -> bool:
        """Return whether a cycle has just ended without a significant gain."""
        if self.n_evaluations not in self._cycle_ends:
            return False
        before, self._rows_before = self._rows_before, self._best_rows
        if before is None or self._best_rows is None or weight is None or len(weight) < MIN_ROWS:
            return False
        return not is_significant(before - self._best_rows, weight)


def is_significant(gains: DoubleArray, weight: FloatArray) -> bool:
    """Return whether the weighted mean of gains (n_rows,) exceeds two standard errors."""
    fraction = weight / weight.sum(dtype=np.float64)
    gain = float(gains @ fraction)
    error = float(np.sqrt(((gains - gain) ** 2) @ fraction**2))
    return gain > 2 * error
