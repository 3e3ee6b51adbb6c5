"""Fits the best model on all rows in a worker process, and saves it with its transform spec."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ModelFileError
from zoo.output_file import check_output

__all__ = ["REFIT", "Failure", "Refit", "check_model_path", "fit_and_save"]

REFIT = "zoo.study.refit:fit_and_save"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a model was not fitted on all rows."""

    reason: str
    is_late: bool = False  # stopped by the deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """The model that was saved, or why none was."""

    model: str
    path: Path
    n_rows: int
    error: str | None = None  # why nothing was saved
    note: str | None = None  # why it is not the best model, or late


def check_model_path(path: Path | None) -> None:
    """Refuse a path that no model can be written to, before anything is measured."""
    if path is not None:
        check_output(path, "--save-model", ModelFileError)


def fit_and_save(folder: str, model: str, path: str) -> None:
    """Fit a model on all rows of the table in a results folder, and save it.

    With one thread, as when it was measured, so that its time can be estimated.
    """
    from zoo import registry
    from zoo.bench.cell import make_model
    from zoo.bench.rows import rows_of
    from zoo.data.kept import facts_of, read_rows
    from zoo.saving.model_file import save_model

    facts = facts_of(Path(folder))
    assert facts is not None  # noqa: S101 (the caller wrote it)
    key = {
        "dataset": facts.name, "model": model, "params": dict(registry.spec(model).params),
        "n_train": facts.n_rows, "replicate": 0,
    }  # fmt: skip
    fitted = make_model(key, rows_of(facts.name, (Path(folder),)), 1)
    fitted.fit(*read_rows(Path(folder)))
    table = {
        "name": facts.name, "target": facts.target, "task": facts.task, "n_rows": facts.n_rows,
        "transform": facts.about.get("transform", {}),
    }  # fmt: skip
    save_model(fitted, path, table=table)
