"""Which model to fit on all rows and save, and when: a model that was asked for is delivered."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from zoo.study.refit import Failure, Refit
from zoo.study.run_history import RunHistory
from zoo.study.wording import round_seconds, were_left

__all__ = ["Delivery"]

_START_S = 2.0  # of a worker, on an ordinary machine
_SAVE_S = 3.0  # to load the packages that write a model file, and to write it
_MARGIN = 1.5  # a refit may take this many times its estimate
_MOST_IN_ADVANCE = 0.25  # of the time left, for a refit before slow models are measured
_MOST_AT_END = 0.5  # of the budget


@dataclass(slots=True)
class Delivery:
    """The fit on all rows of the best model, or of the best one that there is time for.

    A model is fitted and saved before the slow models are measured, so that one is there whatever
    happens to them. At the end another one replaces it if it is better.

    Parameters
    ----------
    history : RunHistory
    path : Path
        The file to save to.
    budget_s : float
    deadline : float
        When it has to be done, on the clock of `time.monotonic`.
    busy : float
        How many times longer a process takes to load packages than on an idle machine.
    """

    history: RunHistory
    path: Path
    budget_s: float
    deadline: float
    busy: float = 1.0
    saved: str | None = None  # the model in the file
    failures: dict[str, str] = field(default_factory=dict)  # model to why it was not fitted
    late: set[str] = field(default_factory=set)  # models whose fit was stopped by the deadline
    is_over_budget: bool = False  # whether the last one was fitted after the deadline

    @property
    def n_rows(self) -> int:
        """The rows of the table, all of which are fitted."""
        return self.history.study.facts.n_rows

    def refit_s(self, model: str, *, is_warm: bool = False) -> float:
        """Return how long a refit may take, with the start of a worker unless one is warm."""
        estimate = self.history.times.estimate_s(model, self.n_rows)
        overhead = _SAVE_S + (0.0 if is_warm else _START_S)
        return _MARGIN * estimate + overhead * self.busy

    def better(self) -> list[str]:
        """Return the models better than the saved one, the best first, without failed ones."""
        models = self.history.ranking()
        if self.saved in models:
            models = models[: models.index(self.saved)]
        return [model for model in models if model not in self.failures]

    def choose(self, left_s: float, *, is_warm: bool = False) -> str | None:
        """Return the best model whose refit fits; None if that is saved already, or none fits."""
        for model in self.better():
            if model not in self.late and self.refit_s(model, is_warm=is_warm) <= left_s:
                return model
        return None

    def choose_in_advance(self, left_s: float) -> str | None:
        """Return what to fit before slow models are measured; None if something is saved."""
        if self.saved is not None or not self.better():
            return None
        cheapest = min(self.better(), key=self.refit_s)
        found = self.choose(_MOST_IN_ADVANCE * left_s) or cheapest
        return found if self.refit_s(found) <= left_s else None

    def choose_over_budget(self) -> str | None:
        """Return what to fit although no time is left; None if a model is saved.

        It is the best of the models that take hardly longer than the cheapest.
        """
        if self.saved is not None or not self.better():
            return None
        least = min(map(self.refit_s, self.better()))
        return next(model for model in self.better() if self.refit_s(model) <= 1.5 * least)

    def reserve_s(self, most: float) -> float:
        """Return the seconds to reserve for the refit at the end, at most `most`."""
        most = min(most, _MOST_AT_END * self.budget_s)
        if model := self.choose(most):
            return self.refit_s(model)
        if self.saved is not None or not self.better():
            return 0.0  # nothing is known yet, or nothing can be done
        return min([most, *(self.refit_s(model) for model in self.better())])

    def add(self, model: str, failure: Failure | None) -> None:
        """Add the outcome of a refit."""
        if failure is None:
            self.saved = model
        elif failure.is_late and model not in self.late:
            self.late.add(model)
        else:
            self.failures[model] = failure.reason

    def stop(self) -> None:
        """Note that Ctrl-C ended the refit of the best model."""
        for model in self.better()[:1]:
            self.failures[model] = "its fit on all rows was stopped by Ctrl-C"

    def outcome(self, left_s: float) -> Refit:
        """Return what was saved, and why it is not the best model, if it is not."""
        best, notes = self.history.ranking()[0], []
        if self.saved != best:
            need, left = round_seconds(self.refit_s(best)), were_left(max(left_s, 0.0))
            late = "the time was up before its fit on all rows was done; give more --budget"
            why = (
                self.failures.get(best)
                or (late if best in self.late else "")
                or (f"a fit on all rows may take {need}, and {left}; give more --budget")
            )
            notes.append(f"{best} has the best score, but {why}")
        if self.is_over_budget and self.saved is not None:
            notes.append("the budget was exceeded so that a model is saved")
        text = "; ".join(notes) or None
        error, note = (text, None) if self.saved is None else (None, text)
        model = self.saved or best
        return Refit(model=model, path=self.path, n_rows=self.n_rows, error=error, note=note)
