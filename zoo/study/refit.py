"""The best model on all rows, fitted in a worker process and saved with its transform spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["REFIT", "Refit", "fit_and_save"]

REFIT = "zoo.study.refit:fit_and_save"


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


def fit_and_save(folder: str, model: str, path: str) -> None:
    """Fit a model on all rows that a results folder keeps, and save it with their transform spec.

    With one thread, as when it was measured, so that it is known how long it takes.

    Parameters
    ----------
    folder, model, path : str
        The results folder, the name of the model, the file to write.
    """
    from zoo import registry
    from zoo.bench.cell import make_model
    from zoo.bench.rows import rows_of
    from zoo.data.kept import facts_of, read_rows
    from zoo.saving.model_file import save_model

    facts = facts_of(Path(folder))
    assert facts is not None  # noqa: S101 (the caller wrote it)
    key = {
        "dataset": facts.name,
        "model": model,
        "params": dict(registry.spec(model).params),
        "n_train": facts.n_rows,
        "replicate": 0,
    }
    fitted = make_model(key, rows_of(facts.name, (Path(folder),)), 1)
    fitted.fit(*read_rows(Path(folder)))
    table = {
        "name": facts.name,
        "target": facts.target,
        "task": facts.task,
        "n_rows": facts.n_rows,
        "transform": facts.about.get("transform", {}),
    }
    save_model(fitted, path, table=table)
