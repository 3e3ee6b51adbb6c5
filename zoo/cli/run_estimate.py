"""Estimates how long a run of a suite would take, for ``zoo bench --dry-run``."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.bench.plan import Job
from zoo.bench.store import Status, has_results, read
from zoo.bench.suite import Suite
from zoo.prose import count
from zoo.study.fit_times import FitTimes
from zoo.study.wording import round_seconds

__all__ = ["estimate_run"]


def estimate_run(suite: Suite, jobs: list[Job], folder: Path, n_workers: int | None) -> str:
    """Return a sentence: about how long the jobs take, and what the estimate is based on.

    Times of cells in the results folder count, or those in ``results/SUITE``. A model without a
    measured cell on a data set has a rough typical time.
    """
    if not jobs:
        return "nothing to measure"
    n_workers = n_workers or max(1, (os.cpu_count() or 1) // suite.budget.threads)
    times: dict[str, FitTimes] = {}
    for job in jobs:
        facts = job.facts
        known = FitTimes(facts["n_features"], facts["n_classes"] or 0)
        times.setdefault(job.key["dataset"], known)
    places = dict.fromkeys((folder, Path("results") / suite.name))
    used = next((place for place in places if has_results(place) and _add(times, place)), None)
    seconds, n_guessed = 0.0, 0
    for job in jobs:
        known, model = times[job.key["dataset"]], job.key["model"]
        n_guessed += not known.has_measured(model)
        seconds += min(known.estimate_s(model, job.key["n_train"]), suite.budget.seconds)
    rough = "typical times, which may be several times too long or too short"
    basis = rough if used is None else f"the times of the cells in {used}"
    if used is not None and n_guessed:
        basis += f", and for {count(n_guessed, 'cell')} from {rough}"
    about = f"about {round_seconds(seconds / n_workers)} with {count(n_workers, 'worker')}"
    return f"{count(len(jobs), 'cell')} to measure: {about}, judging from {basis}"


def _add(times: dict[str, FitTimes], folder: Path) -> bool:
    """Add the times of stored cells on these data sets; return whether there are any."""
    found = False
    for cell in read(folder).cells:
        key, seconds = cell["key"], cell.get("timings_s") or {}
        if cell["status"] == Status.OK and key["dataset"] in times and seconds:
            times[key["dataset"]].add(key["model"], key["n_train"], sum(seconds.values()))
            found = True
    return found
