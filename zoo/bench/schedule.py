"""The order of cells at run time: a worker stays with one model on one data set."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from zoo.bench.plan import Job

__all__ = ["Schedule"]


class Schedule:
    """Hands out jobs so that compiled programs and loaded data are reused.

    A chain is all cells of one (data set, model), small sizes first. Each worker takes a chain
    and gets it cell by cell. When no chain is left, it helps with the longest one, from its end.
    A chain whose model trains together is handed out whole, large sizes first.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        chains: dict[tuple[str, str], deque[Job]] = {}
        for job in sorted(jobs, key=lambda job: (job.key["n_train"], job.key["replicate"])):
            chains.setdefault((job.key["dataset"], job.key["model"]), deque()).append(job)
        # the costliest chains first, so that no worker ends alone with a long one
        self._waiting = deque(sorted(chains.values(), key=_cost, reverse=True))
        self._taken: dict[int, deque[Job]] = {}
        self._alone: deque[Job] = deque()

    def next_for(self, worker: int) -> list[Job]:
        """Return the next jobs for the worker of this number; none when all are handed out."""
        own = self._taken.get(worker)
        if own:
            return [own.popleft()]
        if self._waiting:
            chain = self._waiting.popleft()
            if chain[0].trains_together:
                return sorted(chain, key=lambda job: -job.key["n_train"])
            self._taken[worker] = chain
            return [chain.popleft()]
        if self._alone:
            return [self._alone.popleft()]
        longest = max(self._taken.values(), key=len, default=None)
        return [longest.pop()] if longest else []

    def put_back(self, job: Job) -> None:
        """Queue a job that was handed out with others, to be measured alone."""
        self._alone.append(job)


def _cost(chain: deque[Job]) -> int:
    last = chain[-1]
    classes = last.facts["n_classes"] or 1
    return int(last.key["n_train"] * last.facts["n_features"] * classes)
