"""Writes what must not change of the zoo that is on the path (see compare.py) as JSON.

    python benchmarks/unchanged/facts.py OUT.json [MODEL ...]

Uses public names only, so that it runs in a tree of any structure.
"""

import hashlib
import inspect
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import zoo

N_ROWS = 1200  # a fifth of them is enough for every rule of early stopping to act
LONGER = {"max_epochs": 40, "patience": 4}
UNUSABLE = [
    ["bench", "nosuchsuite"], ["bench", "quick", "--model", "nosuchmodel"], ["list", "nothing"],
    ["show", "nothing"], ["curve", "nofile.csv"], ["predict", "nofile.zoo", "nofile.csv"],
    ["export", "nofile.zoo", "--to", "onnx", "-o", "x.onnx"], ["report", "nofolder"],
    ["check-data", "nothing"], ["nocommand"], ["bench"],
]  # fmt: skip


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(N_ROWS, 4)), columns=["a", "b", "c", "d"])
    X.loc[rng.random(N_ROWS) < 0.1, "b"] = np.nan
    X["few"] = pd.Categorical(rng.choice(["x", "y", "z"], N_ROWS))
    many = rng.choice([f"category {i}" for i in range(15)], N_ROWS).astype(object)
    many[rng.random(N_ROWS) < 0.05] = None
    X["many"] = pd.Categorical(many)
    X["flag"] = rng.random(N_ROWS) < 0.3
    return X


def targets(X: pd.DataFrame) -> dict:
    rng = np.random.default_rng(1)
    value = X["a"] * 2 - X["c"] * X["d"] + X["flag"] + 0.5 * rng.normal(size=N_ROWS)
    classes = np.array(["low", "middle", "top"])[np.digitize(value, [-1.0, 1.0])]
    return {"classification": classes, "regression": value.to_numpy()}


def images() -> tuple:
    rng = np.random.default_rng(2)
    X = rng.random((300, 64))
    return X, (X[:, :32].sum(axis=1) > X[:, 32:].sum(axis=1)).astype(int)


def digest(model, X) -> str:
    total = hashlib.sha256()
    for name in ("predict_proba", "decision_function", "predict"):
        if hasattr(model, name):
            values = np.asarray(getattr(model, name)(X))
            total.update(repr(values.tolist()).encode())
    return total.hexdigest()[:16]


def fitted(name: str, task: str, X, y, params: dict):
    spec = zoo.spec(name)
    known = inspect.signature(type(zoo.make(name, task=task))).parameters
    given = {**spec.smoke, **params, "random_state": 0, "n_jobs": 1}
    return zoo.make(name, task=task, **{k: v for k, v in given.items() if k in known}).fit(X, y)


def predictions(names: list[str]) -> dict:
    found = {}
    X, y = table(), targets(table())
    for name in names:
        spec = zoo.spec(name)
        for task in spec.tasks:
            for kind, params in (("short", {}), ("long", LONGER)):
                rows, labels, shape = X, y[task], {}
                if spec.inputs == "image":
                    (rows, labels), shape = images(), {"image_shape": (8, 8, 1)}
                try:
                    model = fitted(name, task, rows, labels, {**params, **shape})
                    found[f"{name} {task} {kind}"] = digest(model, rows)
                except zoo.ZooError as error:
                    found[f"{name} {task} {kind}"] = str(error)
        print(name, flush=True)
    return found


def commands() -> dict:
    import typer

    from zoo.cli.app import app

    group = typer.main.get_command(app)
    return {
        name: {param.name: sorted([*param.opts, *param.secondary_opts]) for param in command.params}
        for name, command in group.commands.items()
    }


def exit_codes() -> dict:
    codes = {}
    with tempfile.TemporaryDirectory() as folder:
        for arguments in UNUSABLE:
            command = [sys.executable, "-m", "zoo.cli", *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
            codes[" ".join(arguments)] = done.returncode
    return codes


def cells_to_measure() -> str:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree("results/quick", Path(folder) / "quick")
        command = [sys.executable, "-m", "zoo.cli", "bench", "quick", "--dry-run", "--out"]
        command.append(str(Path(folder) / "quick"))
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.strip().splitlines()[-1].partition(": ")[2]


def main() -> None:
    warnings.simplefilter("ignore")
    out, *names = sys.argv[1:]
    facts = {
        "commands": commands(),
        "exit codes": exit_codes(),
        "names": dict.fromkeys(zoo.__all__, True),
        "cells": {"quick": cells_to_measure()},
        "predictions": predictions(names or zoo.models()),
    }
    Path(out).write_text(json.dumps(facts, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
