"""The commands `zoo curve` and `zoo predict`."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from zoo import registry
from zoo.cli.options import Models, Sheet, Workers, check_writable, listed, read_path
from zoo.cli.output import reporting, say
from zoo.definitions import unknown
from zoo.files import file_name
from zoo.metrics import Task, metric
from zoo.prose import count, plain, plural
from zoo.study.refit import check_model_path
from zoo.study.wording import parse_budget, round_seconds

if TYPE_CHECKING:
    from zoo.data.kept import KeptFacts
    from zoo.ingest.clean_table import OwnTable, TableWarning
    from zoo.study.session import Options, Result

__all__ = ["curve", "predict"]


def _say(line: str, is_answer: bool) -> None:
    """Print an answer to stdout, and anything else to stderr."""
    say(line, err=not is_answer)


def _started() -> float:
    """Return when this process started, on the clock of `time.monotonic`."""
    import psutil

    age_s = float(time.time() - psutil.Process().create_time())
    return time.monotonic() - max(0.0, age_s)


def curve(
    file: Annotated[
        Path,
        typer.Argument(
            parser=read_path, metavar="FILE",
            help="CSV, Parquet, JSON Lines or Excel file, or a folder of images.",
        ),
    ],
    target: Annotated[str | None, typer.Option("--target", help="The column to predict.")] = None,
    task: Annotated[
        str | None,
        typer.Option("--task", help="classification or regression; by default inferred."),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", help="Column of groups that are never split.")
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option("--time", help="Column of times; test rows are later than training rows."),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="auto: by groups or times, where the table seems to have some; random: at random."
        ),
    ] = "auto",
    sheet: Sheet = None,
    model: Models = None,
    budget: Annotated[
        str, typer.Option("--budget", help="Time limit of the command: 90s, 10m, 1h.")
    ] = "10m",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", parser=read_path, metavar="FOLDER",
            help="Results folder; by default results/my-FILE.",
        ),
    ] = None,
    save_model: Annotated[
        Path | None,
        typer.Option(
            "--save-model", parser=read_path, metavar="FILE",
            help="Fit the best model on all rows and save it to this file.",
        ),
    ] = None,
    workers: Workers = None,
) -> None:  # fmt: skip
    """Find the best model for your own table.

    The report says how sure that is, whether more data would help, and what each model costs.
    """
    started = _started()
    from zoo.study.resources import default_workers, open_pool

    if task is not None and task not in get_args(Task):
        raise unknown("task", task, get_args(Task))
    if split not in ("auto", "random"):
        raise unknown("split", split, ("auto", "random"))
    names, seconds = _model_names(model), parse_budget(budget)
    called = file_name(file.name.split(".")[0] or file.resolve().name)
    folder = out or Path("results") / f"my-{called}"
    check_model_path(save_model)
    check_writable(folder)
    n_workers = workers or default_workers()
    with closing(open_pool(folder, n_workers=n_workers, budget_s=seconds, models=names)) as pool:
        from zoo.study.honest_splits import SplitBy, read_honestly
        from zoo.study.session import Options, make_study, run_study

        known = cast("Task | None", task)
        table = read_honestly(
            file, target=target, task=known, group=group, time=time_column, sheet=sheet,
            split=cast("SplitBy", split),
        )  # fmt: skip
        facts = _keep(table, names, folder)
        del table  # workers read the kept rows; this process frees its memory
        options = Options(
            budget_s=seconds,
            models=names,
            n_workers=n_workers,
            save_model=save_model,
            command=("zoo", *sys.argv[1:]),
        )
        study = make_study(facts, names)
        result = run_study(study, folder, pool, options, started=started, say=_say)
    _finish(folder, options, result, started)


def _model_names(texts: list[str] | None) -> tuple[str, ...]:
    """Return the models of ``--model``; before the file is read, what they need is checked."""
    names = listed(texts)
    specs = [registry.spec(name) for name in names or ("mlp",)]  # the default ones have networks
    registry.require_backend(specs)
    for missing in filter(None, map(registry.missing_extra, specs)):
        raise missing
    return names


def _keep(table: OwnTable, models: tuple[str, ...], folder: Path) -> KeptFacts:
    """Check that the models suit the table, print what was found in it, and keep it."""
    from zoo.study.design import models_for
    from zoo.study.session import keep_table

    models_for(table.task, is_images=table.image_shape is not None, chosen=models)
    n_rows, n_columns = table.X.shape
    rows, columns = count(n_rows, "row"), count(n_columns, "column")
    _say(f"{plain(table.name)}: {rows} with a target, {columns}", True)
    _say(f"task: {table.task} of '{plain(table.target)}' ({plain(table.task_reason)})", True)
    _say(f"score: {metric(table.metric).label} ({plain(table.metric_reason)})", True)
    for warning in table.warnings:
        _say(_line(warning), True)
    return keep_table(table, folder, _say)


def _finish(folder: Path, options: Options, result: Result, started: float) -> None:
    """Print the answers, write the report, and exit with 1 if something is missing.

    A study that was stopped ends as it would have without answers, with the command that resumes
    it.
    """
    from zoo.study.left_out import Reason
    from zoo.study.page import advice_of, steps_of, write_page

    advice, outcome = advice_of(folder), result.outcome
    assert advice is not None  # noqa: S101 (run_study requires a score)
    _say("", True)
    for heading, text in advice.lines:
        _say(f"{heading}: {plain(text)}", True)
    _say("Next: " + " ".join(steps_of(folder, advice)), True)
    for one in outcome.left_out:
        sizes = ", ".join(f"{size:,}" for size in one.sizes)
        rows = plural(one.sizes[-1], "row")
        _say(f"left out: {one.model} at {sizes} {rows}; {plain(one.text)}", True)
    has_failed = any(one.reason is Reason.FAILED for one in outcome.left_out)
    is_done = not outcome.was_stopped and not has_failed
    if result.refit is not None:
        saved = result.refit
        if saved.error is None:
            _say(
                f"saved: {saved.model}, fitted on all {count(saved.n_rows, 'row')}: {saved.path}",
                True,
            )
            if saved.note is not None:
                _say(f"about the saved model: {plain(saved.note)}", True)
        else:
            is_done = False
            _say(f"no model was saved: {plain(saved.error)}", True)
    with reporting(folder):
        page = write_page(folder)
    spent = round_seconds(time.monotonic() - started)
    _say(f"report: {page} (after {spent} of {round_seconds(options.budget_s)})", True)
    if outcome.was_stopped:
        _say(f"what was measured is kept in {folder}", False)
        raise KeyboardInterrupt
    if not is_done:
        raise typer.Exit(1)


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            parser=read_path, metavar="MODEL", help="A model saved by 'zoo curve --save-model'."
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            parser=read_path, metavar="FILE",
            help="Rows to predict, in any format that 'zoo curve' reads.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", parser=read_path, metavar="FILE", help="CSV file to write."
        ),
    ],
    sheet: Sheet = None,
) -> None:  # fmt: skip
    """Predict the rows of a file with a saved model."""
    from zoo.output_file import is_standard_output
    from zoo.study.predict import predict_file

    n_rows, target, warnings = predict_file(model, file, out, sheet=sheet)
    for warning in warnings:
        say(_line(warning), err=True)
    done = f"{count(n_rows, 'prediction')} of '{plain(target)}': {out}"
    say(done, err=is_standard_output(out))


def _line(warning: TableWarning) -> str:
    """Return a warning as a line for the terminal."""
    return f"{'WARNING' if warning.severity == 'serious' else 'note'}: {plain(warning.text)}"
