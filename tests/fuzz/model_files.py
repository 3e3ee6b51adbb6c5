"""Loads mutated model files in child processes; none may die, and all are refused or predict.

    python -m tests.fuzz.model_files --mutations 20000

Each mutation has a seed of its own, so that ``--model NAME --task TASK --seed N`` repeats one.
"""

import argparse
import contextlib
import json
import pickle
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from tests.fuzz.mutations import mutated

__all__ = ["Pool", "Seed", "fuzz", "make_seeds"]

MEMORY_GIB = 3  # of a child, beside what its libraries take
PATIENCE_S = 120  # until a child is taken for hanging
NATIVE = (
    "decision_tree", "random_forest", "hist_gradient_boosting", "xgboost", "lightgbm", "svm_rbf",
    "knn", "own table",
)  # fmt: skip
_WITHOUT_KERAS = {*NATIVE, "dummy", "logistic", "naive_bayes", "perceptron_rosenblatt"}
_MOST_GIB = 4  # of a child, before it is replaced
_RIGHT = {"refused", "predicted", "rows refused"}


# --- the child ---------------------------------------------------------------------------------


def _outcome(path, X):
    """Load a file and predict; return one word, and what was said."""
    from zoo.errors import ModelFileError
    from zoo.saving import load_model, load_table

    try:
        table = load_table(path)
        model = load_model(path)
    except ModelFileError as error:
        return "refused", str(error)
    if table is not None:
        return _outcome_of_table(model, table, X)
    try:
        model._encode(X)
    except ValueError as error:  # a sound model of another table
        return "rows refused", str(error)
    found = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        found.append(model.predict_proba(X))
    return _finite(found)


def _outcome_of_table(model, table, frame):
    from zoo.errors import ModelFileError, ZooError
    from zoo.study.predict import check_table, predict_frame

    try:
        check_table(model, table)
    except ModelFileError as error:
        return "refused", str(error)
    try:
        found = predict_frame(model, table, frame).scores
    except ZooError as error:
        return "rows refused", str(error)
    return _finite([found[name].to_numpy() for name in found])


def _finite(found):
    for values in found:
        if values.dtype.kind in "fc" and not np.isfinite(values).all():
            return "not finite", str(values[:3])
    return "predicted", ""


def serve(has_networks):
    """Answer each line of the standard input, a path and the rows to predict, with one line."""
    import warnings

    warnings.simplefilter("ignore")
    if has_networks:
        import keras  # noqa: F401 (its libraries take memory, and are not to count)
    answers, sys.stdout = sys.stdout, sys.stderr
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_GIB * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    rows = {}
    for line in sys.stdin:
        path, rows_path = json.loads(line)
        if rows_path not in rows:
            rows[rows_path] = pickle.loads(Path(rows_path).read_bytes())
        start = time.process_time()
        try:
            word, said = _outcome(path, rows[rows_path])
        except BaseException as error:  # noqa: BLE001 (all that is no refusal is a fault)
            import traceback

            frame = traceback.extract_tb(error.__traceback__)[-1]
            at = f"{Path(frame.filename).name}:{frame.lineno}"
            word, said = "raised", f"{type(error).__name__} at {at}: {str(error)[:200]}"
        seconds = time.process_time() - start
        gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps([word, said[:400], seconds, gib]), file=answers, flush=True)


# --- the parent --------------------------------------------------------------------------------


class Seed:
    """A saved model, by name and task, and the rows to predict."""

    def __init__(self, folder, name, task):
        self.name, self.task = name, task
        self.path = Path(folder, f"{name}-{task}.zoo")
        self.rows_path = Path(folder, f"{name}-{task}.rows")

    @property
    def members(self):
        """The content of the file."""
        import zipfile

        with zipfile.ZipFile(self.path) as archive:
            kept = [name for name in archive.namelist() if name != "network.keras"]
            return {name: archive.read(name) for name in kept}

    def rng(self, number):
        """The generator of one mutation."""
        return np.random.default_rng([number, zlib.crc32(f"{self.name} {self.task}".encode())])


def make_seeds(folder, names, tasks=("classification", "regression")):
    """Fit and save models, unless they are in the folder; return them."""
    import zoo
    from tests.models.test_saving import fitted, task_of, with_sets

    seeds = []
    for name in names:
        if name == "own table":
            seeds.append(_own_table(folder))
            continue
        for task in zoo.spec(name).tasks:
            if task not in tasks:
                continue
            seed = Seed(folder, name, task)
            seeds.append(seed)
            if seed.rows_path.exists():
                continue
            if name in {"xgboost", "lightgbm", "hist_gradient_boosting"}:
                model, X = with_sets(name, task)
            else:
                model, (X, _) = fitted(name, task), task_of(name, task)
            model.save(seed.path)
            seed.rows_path.write_bytes(pickle.dumps(X[:20]))
    return seeds


def _own_table(folder):
    """Save a model with the transform spec of its table."""
    import pandas as pd

    import zoo
    from zoo.ingest.preparing import read_own
    from zoo.saving.model_file import save_model

    seed = Seed(folder, "own table", "classification")
    if seed.rows_path.exists():
        return seed
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n).round(3),
            "paid": rng.choice(["yes", "no"], n),
            "town": rng.choice(["Aachen", "Bonn", "Cologne", ""], n),
            "since": pd.date_range("2020-01-01", periods=n).strftime("%d.%m.%Y"),
            "note": [" ".join(rng.choice(_WORDS, 12)) for _ in range(n)],
            "at": [f"{hour:02d}:{minute:02d}" for hour, minute in rng.integers(0, 24, (n, 2))],
            "label": rng.choice(["a", "b", "c"], n),
        }
    )
    file = Path(folder, "table.csv")
    frame.to_csv(file, index=False)
    table = read_own(file, target="label")
    model = zoo.make("decision_tree", random_state=0).fit(table.X, table.y)
    about = {"target": "label", "task": table.task, "transform": dict(table.transform)}
    save_model(model, seed.path, table=about)
    seed.rows_path.write_bytes(pickle.dumps(frame.astype(str)[:20]))
    return seed


_WORDS = ["dog", "cat", "house", "tree", "river", "stone", "cloud", "bread", "lamp", "window"]


class _Child:
    """A process that loads files, and a thread that reads its answers."""

    def __init__(self, has_networks):
        command = [sys.executable, "-m", "tests.fuzz.model_files", "--serve"]
        command += ["--networks"] * has_networks
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        self.answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as lines:
            for line in lines:
                self.answers.put(line)
        self.answers.put(None)

    def ask(self, *question):
        """Return (word, said, seconds, GiB)."""
        try:
            print(json.dumps(question), file=self.process.stdin, flush=True)
            line = self.answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            self.process.kill()
            return ["hung", f"no answer in {PATIENCE_S} s", PATIENCE_S, 0.0]
        except BrokenPipeError:
            line = None
        if line is None:
            return ["died", f"exit code {self.process.wait()}", 0.0, 0.0]
        return json.loads(line)

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


class Pool:
    """Children that answer in turn; one that died is replaced."""

    def __init__(self, *, has_networks):
        self._has_networks = has_networks
        self._child = None

    def ask(self, *question):
        """See `_Child.ask`."""
        if self._child is None:
            self._child = _Child(self._has_networks)
        answer = self._child.ask(*question)
        if answer[0] in {"died", "hung"} or answer[3] > _MOST_GIB:
            self.close()
        return answer

    def close(self):
        """End the children."""
        if self._child is not None:
            self._child.close()
            self._child = None


def fuzz(seeds, n_of, folder, *, first=0, say=lambda line: None):
    """Load mutations of each seed; return counts, faults and the slowest refusal.

    Parameters
    ----------
    seeds : list of Seed
    n_of : callable
        How many mutations of a seed.
    first : int
        The number of the first mutation of each seed.
    """
    counts, faults, slowest = {}, [], (0.0, "")
    path = Path(folder, "mutated.zoo")
    has_networks = any(seed.name not in _WITHOUT_KERAS for seed in seeds)
    with contextlib.closing(Pool(has_networks=has_networks)) as pool:
        for seed in seeds:
            members, own = seed.members, Counter()
            whole = pool.ask(str(seed.path), str(seed.rows_path))
            if whole[0] != "predicted":
                faults.append((whole[0], f"{seed.name} {seed.task} as saved", whole[1]))
            for number in range(first, first + n_of(seed)):
                said, data = mutated(members, seed.rng(number))
                path.write_bytes(data)
                word, why, seconds, _ = pool.ask(str(path), str(seed.rows_path))
                own[word] += 1
                case = f"{seed.name} {seed.task} {number} ({said})"
                if word not in _RIGHT:
                    faults.append((word, case, why))
                    say(f"FAULT {word}: {case}: {why}")
                if word == "refused" and seconds > slowest[0]:
                    slowest = (seconds, f"{case}: {why}")
            counts[seed.name, seed.task] = own
            say(f"{seed.name} {seed.task}: {dict(own)}; slowest so far {slowest[0]:.1f} s")
    return counts, faults, slowest


def _say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main():
    """Run the command."""
    from tests.matrix import ALL

    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="where the fitted models are kept")
    parser.add_argument("--model", action="append", help="only these")
    parser.add_argument("--task", default=None)
    parser.add_argument("--seed", type=int, default=0, help="the first mutation")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--networks", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.networks)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        tasks = (options.task,) if options.task else ("classification", "regression")
        seeds = make_seeds(folder, options.model or [*NATIVE, *(set(ALL) - {*NATIVE})], tasks)
        share = {seed: 3 if seed.name in NATIVE else 1 for seed in seeds}
        unit = options.mutations / sum(share.values())
        counts, faults, slowest = fuzz(
            seeds,
            lambda seed: round(unit * share[seed]),
            temporary,
            first=options.seed,
            say=_say,
        )
    total = sum(counts.values(), Counter())
    _say(f"{sum(total.values())} mutations: {dict(total)}")
    _say(f"slowest: {slowest[0]:.2f} s of CPU, {slowest[1]}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
