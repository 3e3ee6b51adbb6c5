"""Many networks through one program: slots that are refilled, and threads that train at once.

A program has R slots. A network enters one with fresh weights, trains until its validation loss
no longer improves, and leaves; the next takes its slot. So the replicates of one size, or a whole
learning curve, train in one program, and no slot waits for the others.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.training.backends.choose import program_class
from zoo.training.batches import BlockMemory
from zoo.training.program import Block, Program
from zoo.training.tasks import FitResult, FitTask, Rows, TrainConfig
from zoo.training.training_run import TrainingRun

__all__ = ["fit_networks", "fit_stream", "threads_for"]

Numbered = tuple[int, FitResult]  # number of a task and its result


@dataclass(frozen=True, slots=True)
class _Slot:
    """A slot in use: the number of a task, its run, and its rows with all inputs of the program."""

    number: int
    run: TrainingRun
    rows: Rows


def _not_finite_row(task: FitTask) -> str | None:
    """Return an error if a row of the task has a value that is not finite.

    Activations such as ReLU can turn it into 0, so the loss alone would not show it.
    """
    for name, rows in (("training", task.train), ("validation", task.validation)):
        if rows is None:
            continue
        is_finite = np.isfinite(rows.X).all(axis=1) & np.isfinite(rows.y) & np.isfinite(rows.weight)
        if not is_finite.all():
            row = int(np.argmin(is_finite))
            return f"row {row} of the {name} rows has a value that is not finite (before step 1)"
    return None


def _widened(rows: Rows, n_inputs: int) -> Rows:
    """Return the rows with columns of zeros added up to `n_inputs`."""
    missing = n_inputs - rows.X.shape[1]
    X = np.ascontiguousarray(np.pad(rows.X, [(0, 0), (0, missing)]) if missing else rows.X)
    return Rows(X, rows.y, rows.weight)


class _Slots:
    """The slots of one thread."""

    def __init__(self, program: Program, config: TrainConfig, n_threads: int) -> None:
        self._program, self._config, self._n_threads = program, config, n_threads
        self._slots: list[_Slot | None] = [None] * program.n_replicates
        self._train_state = program.empty()
        batches = (program.n_replicates, program.config.block_steps, program.config.batch_size)
        self._memory = BlockMemory(batches, program.n_inputs, program.shared_tensors)

    def fit(self, waiting: Iterator[tuple[int, FitTask]]) -> Iterator[Numbered]:
        """Train waiting tasks until there are none; yield results."""
        while True:
            yield from self._fill(waiting)
            used = [(r, slot) for r, slot in enumerate(self._slots) if slot is not None]
            if not used:
                return
            seconds = self._timed(self._advance, used)
            for r, slot in used:
                slot.run.result.fit_s += seconds / len(used)
                if slot.run.n_steps_left > 0:
                    continue
                slot.run.result.fit_s += self._timed(self._evaluate, r, slot.run)
                if slot.run.is_over:
                    self._slots[r] = None
                    self._memory.clear(r)
                    yield slot.number, slot.run.result

    def _timed(self, work: Callable[..., None], *arguments: object) -> float:
        """Return the seconds of some work, compiling excluded, divided by the number of threads."""
        start, compiled_s = time.perf_counter(), self._program.compile_s
        work(*arguments)
        seconds = time.perf_counter() - start - (self._program.compile_s - compiled_s)
        return seconds / self._n_threads

    def _fill(self, waiting: Iterator[tuple[int, FitTask]]) -> Iterator[Numbered]:
        """Give each free slot a task; yield the results of those that cannot be trained."""
        program = self._program
        for r in range(program.n_replicates):
            while self._slots[r] is None and (following := next(waiting, None)) is not None:
                number, task = following
                if (error := _not_finite_row(task)) is not None:
                    yield number, FitResult(error=error)
                    continue
                loss, batch_size = program.config.loss, program.config.batch_size
                run = TrainingRun(task, self._config, loss=loss, batch_size=batch_size)
                self._slots[r] = _Slot(number, run, _widened(task.train, program.n_inputs))
                self._train_state = program.enter(self._train_state, r, task.seed, task.train.X)

    def _advance(self, used: Sequence[tuple[int, _Slot]]) -> None:
        """Train all networks up to the nearest evaluation, or for one block."""
        program = self._program
        block_steps = program.config.block_steps
        n_steps = min(block_steps, *(slot.run.n_steps_left for _, slot in used))
        rates = np.zeros((block_steps, 3, program.n_replicates), np.float32)
        for r, slot in used:
            numbers, rates[:n_steps, :, r] = slot.run.take(n_steps)
            self._memory.fill(r, slot.rows, numbers)
        active = [slot is not None for slot in self._slots]
        X, y, weight = self._memory.tensors
        block = Block(X, y, weight, n_steps, rates, active)
        self._train_state = program.train(self._train_state, block)

    def _evaluate(self, r: int, run: TrainingRun) -> None:
        program, state = self._program, self._train_state
        if failed_at := int(np.asarray(state.failed_at)[r]):
            run.fail(failed_at)
            return
        weights = program.slice(state, r)
        if run.evaluate(program.forward(weights, run.task.evaluation_rows.X)):
            run.result.weights = program.cropped(weights, run.task.train.X.shape[1])


class _Shared:
    """An iterator over numbered tasks that several threads take from."""

    def __init__(self, tasks: Iterable[FitTask]) -> None:
        self._tasks, self._lock = enumerate(tasks), threading.Lock()

    def __iter__(self) -> _Shared:
        return self

    def __next__(self) -> tuple[int, FitTask]:
        with self._lock:
            return next(self._tasks)


def fit_stream(
    program: Program, tasks: Iterable[FitTask], config: TrainConfig, *, n_threads: int = 1
) -> Iterator[Numbered]:
    """Train networks as they come, as many side by side as there are slots.

    Parameters
    ----------
    program : Program
    tasks : iterable of FitTask
        The next is taken when a slot is free, so their data need not be in memory at once.
    config : TrainConfig
    n_threads : int
        Threads that run the program at the same time, each with its own slots. Small matrix
        products use two cores better when each core has its own networks.

    Yields
    ------
    number, result : int, FitResult
        The number of the task, from 0, and its result, in the order in which they end. A network
        whose rows or loss are not finite has `error` set; the others continue.
    """
    waiting = _Shared(tasks)
    streams = [_Slots(program, config, n_threads).fit(waiting) for _ in range(n_threads)]
    return streams[0] if n_threads == 1 else _merged(streams)


def _merged(streams: Sequence[Iterator[Numbered]]) -> Iterator[Numbered]:
    """Yield the items of iterators that each run in a thread."""
    done: queue.SimpleQueue[Numbered | BaseException | None] = queue.SimpleQueue()
    is_over = threading.Event()

    def run(stream: Iterator[Numbered]) -> None:
        try:
            for item in stream:
                done.put(item)
                if is_over.is_set():
                    break
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            done.put(error)
        done.put(None)  # the end

    threads = [threading.Thread(target=run, args=(stream,), daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    try:
        n_running = len(streams)
        while n_running:
            item = done.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                n_running -= 1
            else:
                yield item
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def fit_networks(
    program: Program, tasks: Sequence[FitTask], config: TrainConfig, *, n_threads: int = 1
) -> list[FitResult]:
    """Train networks and return their results in the order of the tasks (see `fit_stream`)."""
    results = dict(fit_stream(program, tasks, config, n_threads=n_threads))
    return [results[number] for number in range(len(tasks))]


def threads_for(n_slots: int) -> tuple[int, int]:
    """Return how many threads to use for so many slots, and the slots of each."""
    n_threads = max(1, min(program_class().max_threads(), n_slots))
    return n_threads, -(-n_slots // n_threads)
