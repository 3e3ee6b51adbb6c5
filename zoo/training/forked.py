"""Processes that were forked: a fork copies the memory of its parent, but none of its threads.

A library that waits for threads which the parent had started waits for ever.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

__all__ = ["is_forked", "openmp_threads", "refuse_forked"]

_LOADED_IN = os.getpid()
_networks: list[int] = []  # the process that used a network first


def is_forked() -> bool:
    """Whether this process was forked from one that had loaded this module.

    OpenMP then may only use the thread that calls it.
    """
    return os.getpid() != _LOADED_IN


def openmp_threads(limit: int | None) -> AbstractContextManager[object]:
    """Limit the threads of OpenMP, to 1 in a process that was forked; None: no limit elsewhere."""
    from threadpoolctl import threadpool_limits

    limited: AbstractContextManager[object] = threadpool_limits(
        1 if is_forked() else limit, user_api="openmp"
    )
    return limited


def refuse_forked() -> None:
    """Refuse a network in a process that was forked from one that had used a network.

    Raises
    ------
    RuntimeError
    """
    if not _networks:
        _networks.append(os.getpid())
    elif _networks[0] != os.getpid():
        raise RuntimeError(
            "a network was used before this process was forked, and waits for threads that a fork "
            "does not copy; start processes with multiprocessing.get_context('spawn') or "
            "joblib's 'loky'"
        )
