"""The commands `zoo curve` and `zoo predict`."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from zoo.errors import ZooError
from zoo.study.budget import check_model_path, parse_budget, round_seconds

__all__ = ["curve", "predict"]


def _say(line: str, is_answer: bool) -> None:
    typer.echo(line, err=not is_answer)
    (sys.stdout if is_answer else sys.stderr).flush()


def _started() -> float:
    """Return when this process began, on the clock of `time.monotonic`."""
    import psutil

    age_s = float(time.time() - psutil.Process().create_time())
    return time.monotonic() - max(0.0, age_s)


def _out_of(file: Path) -> Path:
    stem = file.name.split(".")[0] or file.resolve().name
    return Path("results") / f"my-{stem}"


def curve(
    file: Annotated[
        Path, typer.Argument(help="CSV, Parquet, JSON Lines, Excel, ...; or pictures.")
    ],
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    task: Annotated[str | None, typer.Option(help="classification or regression.")] = None,
    group: Annotated[str | None, typer.Option(help="Column whose values stay together.")] = None,
    time_column: Annotated[
        str | None, typer.Option("--time", help="Column of time: never train on the future.")
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of an Excel file.")] = None,
    models: Annotated[
        list[str] | None, typer.Option(help="Models in place of the usual; repeat or use commas.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Time for all, e.g. 90s, 10m, 1h.")] = "10m",
    out: Annotated[
        Path | None, typer.Option(help="Results folder; by default results/my-FILE.")
    ] = None,
    save_model: Annotated[
        Path | None, typer.Option(help="File for the best model, fitted on all rows.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
) -> None:
    """Say which model is best on your own table, and whether more data would help."""
    started = _started()
    from zoo import registry
    from zoo.definitions import unknown
    from zoo.study.workers import default_workers, open_pool

    if task is not None and task not in ("classification", "regression"):
        raise unknown("task", task, ("classification", "regression"))
    names = tuple(name.strip() for text in models or () for name in text.split(",") if name.strip())
    for name in names:
        registry.spec(name)  # refuses one that is unknown before the file is read
    seconds, folder = parse_budget(budget), out or _out_of(file)
    check_model_path(save_model)
    n_workers = workers or default_workers()
    with closing(open_pool(folder, n_workers=n_workers, budget_s=seconds, models=names)) as pool:
        from zoo.ingest.preparing import read_own
        from zoo.study.candidates import models_for
        from zoo.study.session import Options, conclude, keep_own, make_study

        chosen: Any = task
        table = read_own(
            file, target=target, task=chosen, group=group, time=time_column, sheet=sheet
        )
        models_for(table.task, is_images=table.image_shape is not None, chosen=names)
        for line in _introduce(table):
            _say(line, True)
        facts = keep_own(table, folder, _say)
        del table  # the workers read what they need; this process needs it no more
        options = Options(
            budget_s=seconds,
            models=names,
            n_workers=n_workers,
            save_model=save_model,
            command=("zoo", *sys.argv[1:]),
        )
        study = make_study(facts, names)
        result = conclude(study, folder, pool, options, started=started, say=_say)
    _finish(folder, options, result, started)


def _introduce(table: Any) -> list[str]:
    """Return what was found in the file, in lines for the terminal."""
    from zoo.metrics import metric
    from zoo.study.wording import plain

    lines = [
        f"{plain(table.name)}: {len(table.X):,} rows with a target, {table.X.shape[1]:,} columns",
        f"task: {table.task} of '{plain(table.target)}' ({plain(table.task_reason)})",
        f"score: {metric(table.metric).label} ({plain(table.metric_reason)})",
    ]
    for notice in table.notices:
        lines.append(f"{'WARNING' if notice.is_grave else 'note'}: {plain(notice.text)}")
    return lines


def _finish(folder: Path, options: Any, result: Any, started: float) -> None:
    """Write the page, print the advice, and end with the exit code."""
    from zoo.data.kept import facts_of
    from zoo.study.answer_text import advice_lines, next_steps
    from zoo.study.page import advice_of, write_page
    from zoo.study.wording import plain

    advice, facts, outcome = advice_of(folder), facts_of(folder), result.outcome
    assert advice is not None  # noqa: S101 (conclude has seen a score)
    assert facts is not None  # noqa: S101 (the table is kept)
    grave = [one["text"] for one in facts.about["notices"] if one["is_grave"]]
    _say("", True)
    for head, text in advice_lines(advice):
        _say(f"{head}: {plain(text)}", True)
    steps = next_steps(
        advice, grave=grave, left_out=outcome.left_out, was_stopped=outcome.was_stopped
    )
    _say("Next: " + " ".join(steps), True)
    for one in outcome.left_out:
        sizes = ", ".join(f"{size:,}" for size in one.sizes)
        _say(f"left out: {one.model} at {sizes} rows: {plain(one.reason)}", True)
    is_done = not outcome.was_stopped and not any(
        one.reason.startswith("it failed") for one in outcome.left_out
    )
    if result.refit is not None:
        saved = result.refit
        if saved.error is None:
            _say(f"saved: {saved.model}, fitted on all {saved.n_rows:,} rows: {saved.path}", True)
        else:
            is_done = False
            _say(f"no model was saved: {plain(saved.error)}", True)
    page = write_page(folder)
    spent = round_seconds(time.monotonic() - started)
    _say(f"report: {page} (after {spent} of {round_seconds(options.budget_s)})", True)
    if outcome.was_stopped:
        _say("stopped by Ctrl-C; the same command goes on and measures nothing twice", False)
    if not is_done:
        raise typer.Exit(1)


def predict(
    model: Annotated[Path, typer.Argument(help="A file that 'zoo curve --save-model' wrote.")],
    file: Annotated[Path, typer.Argument(help="Rows to predict; any format of 'zoo curve'.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file to write.")],
    sheet: Annotated[str | None, typer.Option(help="Sheet of an Excel file.")] = None,
) -> None:
    """Predict the rows of a file with a saved model."""
    from zoo.study.predict import predict_file
    from zoo.study.wording import plain

    n_rows, target = predict_file(model, file, output, sheet=sheet)
    if n_rows == 0:
        raise ZooError(f"{file} has no rows to predict")
    typer.echo(f"{n_rows:,} predictions of '{plain(target)}': {output}")
