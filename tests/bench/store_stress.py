"""Processes that write to one results folder, pack it and are killed: is every cell still there?

Run as ``python -m tests.bench.store_stress TRIALS [namespaces]``; it prints how many trials lost
something. It is a program of its own because it forks.
"""

import ctypes
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from zoo.bench.store import CellWriter, cell_key, pack, read

N_PROCESSES, N_CELLS = 5, 12
NEW_PID_NAMESPACE = 0x20000000


def make_cell(process, number):
    key = {
        "dataset": "d", "dataset_revision": 1, "model": f"m{process}", "model_version": 1,
        "params": {}, "n_train": number + 1, "replicate": 0, "protocol": "p/1",
    }  # fmt: skip
    return {
        "key": key,
        "status": "ok",
        "scores": {"test": {"error_rate": 0.5}},
        "facts": {"metric": "error_rate", "family": "baseline"},
    }


def write_and_pack(folder, log, process, rng):
    """Write cells, a few with each writer; each is logged when `write` has returned."""
    number, log_file = 0, os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while number < N_CELLS:
        writer = CellWriter(folder)
        for _ in range(rng.randint(1, 4)):
            cell = make_cell(process, number)
            writer.write(cell)
            os.write(log_file, (cell_key(cell) + "\n").encode())
            number += 1
            if rng.random() < 0.3:
                time.sleep(rng.random() * 0.003)
        if rng.random() < 0.8:
            writer.close()
        pack(folder)


def run_child(action):
    """Fork a child that does something and ends; return its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return pid


def in_namespace(action):
    """Do something as process 1 of another namespace, as in a container."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_PID_NAMESPACE):
        raise OSError(ctypes.get_errno(), "unshare")
    _, status = os.waitpid(run_child(action), 0)
    os._exit(os.waitstatus_to_exitcode(status) != 0)


def trial(folder, seed, has_namespaces):
    """Return the keys of the cells that were written and are lost, and how many were written."""
    rng, children = random.Random(seed), {}
    for process in range(N_PROCESSES):
        log, own = folder.parent / f"log-{process}", random.Random(f"{seed} {process}")

        def act(log=log, process=process, own=own):
            write_and_pack(folder, log, process, own)

        is_apart = has_namespaces and process % 2
        children[run_child((lambda act=act: in_namespace(act)) if is_apart else act)] = process
    victims = rng.sample(list(children), 2)
    for pid in victims:
        time.sleep(rng.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
    for pid in children:
        _, status = os.waitpid(pid, 0)
        if status and pid not in victims:
            raise RuntimeError(f"a process of trial {seed} failed")
    time.sleep(0.2 if has_namespaces else 0)  # children of those that were killed go on
    pack(folder)
    written = {line for log in folder.parent.glob("log-*") for line in log.read_text().split("\n")}
    stored = {cell_key(cell) for cell in read(folder).cells}
    return written - {""} - stored, len(written) - 1


def main(n_trials, has_namespaces):
    n_lost = n_written = 0
    for seed in range(n_trials):
        root = Path(tempfile.mkdtemp())
        (root / "out").mkdir()
        lost, written = trial(root / "out", seed, has_namespaces)
        n_lost += len(lost)
        n_written += written
        shutil.rmtree(root)
    sys.stdout.write(f"{n_trials} trials, {n_written} cells written, {n_lost} lost\n")
    return bool(n_lost)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), "namespaces" in sys.argv))
