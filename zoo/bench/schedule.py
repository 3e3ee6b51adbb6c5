"""Which cell next: a worker stays with one model on one data set while it can."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from zoo.bench.plan import Job

__all__ = ["Schedule"]


class Schedule:
    """Hands out jobs so that compiled programs and loaded data are used again.

    A chain is all cells of one (data set, model), small sizes first. A worker takes a chain of its
    own; when none is left, it helps with the longest one, from its end.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        chains: dict[tuple[str, str], deque[Job]] = {}
        for job in sorted(jobs, key=lambda job: (job.key["n_train"], job.key["replicate"])):
            chains.setdefault((job.key["dataset"], job.key["model"]), deque()).append(job)
        # the costliest chains first, so that none is left alone at the end
        self._waiting = deque(sorted(chains.values(), key=_cost, reverse=True))
        self._taken: dict[int, deque[Job]] = {}

    def next_for(self, worker: int) -> Job | None:
        """Return the next job for the worker of this number, or None when all are handed out."""
        own = self._taken.get(worker)
        if own:
            return own.popleft()
        if self._waiting:
            self._taken[worker] = self._waiting.popleft()
            return self._taken[worker].popleft()
        longest = max(self._taken.values(), key=len, default=None)
        return longest.pop() if longest else None


def _cost(chain: deque[Job]) -> int:
    last = chain[-1]
    classes = last.facts["n_classes"] or 1
    return int(last.key["n_train"] * last.facts["n_features"] * classes)
