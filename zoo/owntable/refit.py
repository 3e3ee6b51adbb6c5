"""The best model on all rows, fitted in a process of its own and saved with its recipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.bench.pool import THREAD_VARIABLES

__all__ = ["Refit", "refit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """What a refit came to.

    Parameters
    ----------
    model : str
    path : Path
    n_rows : int
    error : str or None
        Why nothing was saved.
    """

    model: str
    path: Path
    n_rows: int
    error: str | None = None


def refit(folder: Path, model: str, path: Path, *, n_rows: int, limit_s: float) -> Refit:
    """Fit a model on all rows that a results folder keeps, and save it.

    Parameters
    ----------
    folder : Path
    model : str
    path : Path
        Of the model's file.
    n_rows : int
        Rows that the folder keeps.
    limit_s : float
        It is given up after that.

    Notes
    -----
    One thread, as when it was measured: so it is known how long it takes.
    """
    job = {"folder": str(folder.resolve()), "model": model, "path": str(path)}
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": paths}
    error = None
    try:
        done = subprocess.run(
            [sys.executable, "-m", "zoo.owntable.refit", json.dumps(job)],
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, "1"), **quiet},
            capture_output=True,
            text=True,
            timeout=max(limit_s, 1.0),
            check=False,
        )
        if done.returncode != 0:
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            error = said[-1][:300] if said else f"its process ended with {done.returncode}"
    except subprocess.TimeoutExpired:
        error = f"it was not done within {limit_s:.0f} s; give a longer --budget"
    return Refit(model=model, path=path, n_rows=n_rows, error=error)


def _fit_and_save(job: dict[str, Any]) -> None:
    from zoo import registry
    from zoo.bench.cell import make_model
    from zoo.bench.rows import rows_of
    from zoo.data.kept import facts_of, read_rows
    from zoo.saving.model import save_model

    folder = Path(job["folder"])
    facts = facts_of(folder)
    assert facts is not None  # noqa: S101 (the caller wrote it)
    key = {
        "dataset": facts.name,
        "model": job["model"],
        "params": dict(registry.spec(job["model"]).params),
        "n_train": facts.n_rows,
        "replicate": 0,
    }
    model = make_model(key, rows_of(facts.name, (folder,)), 1)
    X, y = read_rows(folder)
    model.fit(X, y)
    table = {
        "name": facts.name,
        "target": facts.target,
        "task": facts.task,
        "n_rows": facts.n_rows,
        "recipe": facts.about.get("recipe", {}),
    }
    save_model(model, job["path"], table=table)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    try:
        _fit_and_save(json.loads(sys.argv[1]))
    except Exception as problem:  # noqa: BLE001 (said in one line by the parent)
        sys.stderr.write(f"{type(problem).__name__}: {' '.join(str(problem).split())}\n")
        sys.exit(1)
