"""Many networks through one program: places that are refilled, and lanes that run at once.

A program has R places. A network enters one with fresh weights, trains in rounds of whole epochs
until its held-out loss no longer falls, and leaves; the next takes its place. So the replicates of
an anchor, or a whole learning curve, train in one program, and no place waits for its neighbours.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from zoo.training.blocks import Block
from zoo.training.program import Program, TrainState
from zoo.training.training_run import FitResult, FitTask, TrainConfig, TrainingRun

__all__ = ["fit_networks", "fit_stream", "threads_for"]


def _unusable(task: FitTask) -> str | None:
    """Return what in the rows of a task is not a finite number, if anything is.

    A rectifier may turn it into 0 without a word, so the loss alone would not tell.
    """
    for name, rows in (("training", task.train), ("held-out", task.validation)):
        if rows is None:
            continue
        is_finite = np.isfinite(rows.X).all(axis=1) & np.isfinite(rows.y) & np.isfinite(rows.weight)
        if not is_finite.all():
            row = int(np.argmin(is_finite))
            return f"row {row} of the {name} rows is not finite numbers only (before step 1)"
    return None


def _advance(
    program: Program, train_state: TrainState, places: Sequence[TrainingRun | None], block: Block
) -> TrainState:
    """Train all places up to the nearest end of a round, or for one block."""
    there = [place for place in places if place is not None]
    n_steps = min(program.config.block_steps, *(place.n_steps_left for place in there))
    rates = np.zeros((program.config.block_steps, 3, program.n_replicates), np.float32)
    for r, place in enumerate(places):
        if place is not None:
            rows, rates[:n_steps, :, r] = place.take(n_steps)
            block.fill(r, place.rows, rows)
    active = [place is not None for place in places]
    return program.train(train_state, block.tensors, n_steps, rates, active)


def _fit_lane(
    program: Program, waiting: Iterator[tuple[int, FitTask]], options: TrainConfig, n_threads: int
) -> Iterator[tuple[int, FitResult]]:
    """Keep the program's places filled with waiting tasks until there are none; yield results."""
    places: list[TrainingRun | None] = [None] * program.n_replicates
    train_state = program.empty()
    config = program.config
    block = Block(program.n_replicates, config.block_steps, config.batch_size, program.n_inputs)
    while True:
        for r in range(program.n_replicates):
            while places[r] is None and (following := next(waiting, None)) is not None:
                number, task = following
                if (error := _unusable(task)) is not None:
                    yield number, FitResult(error=error)
                    continue
                places[r] = TrainingRun(number, task, options, program)
                train_state = program.enter(train_state, r, task.seed, task.train.X)
        there = [place for place in places if place is not None]
        if not there:
            return
        start, compiled_s = time.perf_counter(), program.compile_s
        train_state = _advance(program, train_state, places, block)
        seconds = time.perf_counter() - start - (program.compile_s - compiled_s)
        for r, place in enumerate(places):
            if place is None:
                continue
            place.result.fit_s += seconds / len(there) / n_threads
            if place.n_steps_left > 0:
                continue
            start, compiled_s = time.perf_counter(), program.compile_s
            is_done = place.is_done(program, train_state, r)
            seconds = time.perf_counter() - start - (program.compile_s - compiled_s)
            place.result.fit_s += seconds / n_threads
            if is_done:
                places[r] = None
                block.clear(r)
                yield place.number, place.result


class _Shared:
    """An iterator that several threads take from."""

    def __init__(self, tasks: Iterable[FitTask]) -> None:
        self._tasks, self._lock = enumerate(tasks), threading.Lock()

    def __iter__(self) -> _Shared:
        return self

    def __next__(self) -> tuple[int, FitTask]:
        with self._lock:
            return next(self._tasks)


def fit_stream(
    program: Program, tasks: Iterable[FitTask], options: TrainConfig, *, n_threads: int = 1
) -> Iterator[tuple[int, FitResult]]:
    """Train networks as they come, as many side by side as there are places.

    Parameters
    ----------
    program : Program
    tasks : iterable of FitTask
        The next is taken when a place is free, so their data need not be in memory at once.
    options : TrainConfig
    n_threads : int
        Threads that run the program at the same time, each with all its places. Small matrix
        products use two cores better when each core has networks of its own.

    Yields
    ------
    number, result : int, FitResult
        The number of the task, from 0, and what came of it, as each is done. A network whose rows
        or loss are not finite numbers has `error` set, naming the step; the others go on.
    """
    waiting = _Shared(tasks)
    lanes = [_fit_lane(program, waiting, options, n_threads) for _ in range(n_threads)]
    return lanes[0] if n_threads == 1 else _merged(lanes)


def _merged(lanes: Sequence[Iterator[Any]]) -> Iterator[Any]:
    """Yield what comes from iterators that run in a thread each."""
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    is_over = threading.Event()
    end = object()

    def run(thread: Iterator[Any]) -> None:
        try:
            for item in thread:
                done.put(item)
                if is_over.is_set():
                    break
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            done.put(error)
        done.put(end)

    threads = [threading.Thread(target=run, args=(thread,), daemon=True) for thread in lanes]
    for thread in threads:
        thread.start()
    try:
        n_running = len(lanes)
        while n_running:
            item = done.get()
            if isinstance(item, BaseException):
                raise item
            if item is end:
                n_running -= 1
            else:
                yield item
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def fit_networks(
    program: Program, tasks: Sequence[FitTask], options: TrainConfig, *, n_threads: int = 1
) -> list[FitResult]:
    """Train networks and return their results in the order of the tasks (see `fit_stream`)."""
    results = dict(fit_stream(program, tasks, options, n_threads=n_threads))
    return [results[number] for number in range(len(tasks))]


def threads_for(n_slots: int) -> tuple[int, int]:
    """Return how many lanes to use for so many places, and the places of each.

    A thread needs a thread of TensorFlow's: as many as it was told to use, or a core each. Other
    backends have one thread.
    """
    if keras.backend.backend() != "tensorflow":
        return 1, n_slots
    import tensorflow as tf

    told = tf.config.threading.get_intra_op_parallelism_threads()
    told = told or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    n_threads = max(1, min(told or os.cpu_count() or 1, n_slots))
    return n_threads, -(-n_slots // n_threads)
