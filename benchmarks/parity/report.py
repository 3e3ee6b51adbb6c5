"""Writes results/parity/parity.csv and docs/parity.md from the measured cells."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from cases import CASES, PEERS, PUBLISHED, PUBLISHED_SCORES

import zoo
from zoo.curves.aggregate import mean_interval
from zoo.metrics import metric as metric_of

__all__ = ["CELLS", "read_cells", "write_report"]

ROOT = Path(__file__).parents[2]
CELLS = ROOT / "results" / "parity" / "cells.jsonl"
COLUMNS = [
    "dataset", "model", "n_train", "metric", "ours", "peer", "difference", "ci_low", "ci_high",
    "seeds", "fit_s_ours", "fit_s_peer",
]  # fmt: skip
TARGETS = {"realmlp": 4.0, "realmlp_s": 3.0, "tabm": 2.0}  # times faster, at equal score


def read_cells() -> list[dict[str, Any]]:
    """Return the cells; a later one replaces an earlier one with the same key."""
    found: dict[Any, dict[str, Any]] = {}
    if CELLS.exists():
        for line in CELLS.read_text().splitlines():
            cell = json.loads(line)
            found[cell["dataset"], cell["model"], cell["side"], cell["seed"]] = cell
    return list(found.values())


def compare(cells: list[dict[str, Any]]) -> pd.DataFrame:
    """Return a row for each data set, model and metric that both sides have for the same seeds.

    The difference is ours minus the peer's; its interval is Student's, paired over seeds.
    """
    by_key = {(c["dataset"], c["model"], c["side"], c["seed"]): c for c in cells}
    rows = []
    for case in CASES:
        pairs = [
            tuple(by_key.get((case.dataset, case.model, side, seed)) for side in ("ours", "peer"))
            for seed in range(case.n_seeds)
        ]
        pairs = [pair for pair in pairs if None not in pair]
        if len(pairs) < 2:
            continue
        headline = pairs[0][0]["metric"] or "accuracy"
        for metric in dict.fromkeys((headline, "accuracy", "log_loss")):
            scores = np.array([[cell["scores"][metric] for cell in pair] for pair in pairs])
            seconds = _seconds(pairs)
            values = [
                case.dataset, case.model, pairs[0][0]["n_train"], metric, *scores.mean(axis=0),
                *mean_interval(scores[:, 0] - scores[:, 1]), len(pairs), *seconds,
            ]  # fmt: skip
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return pd.DataFrame(rows, columns=COLUMNS)


def outdated(cells: list[dict[str, Any]]) -> list[str]:
    """Return the comparisons with a cell of ours from an earlier version of the model."""
    old = [
        f"{cell['model']} on {cell['dataset']}"
        for cell in cells
        if cell["side"] == "ours" and cell["version"] != zoo.spec(cell["model"]).version
    ]
    return list(dict.fromkeys(old))


def _seconds(pairs: list[Any]) -> list[float]:
    """Return the median seconds of both sides, over seeds measured on one machine."""
    on_one = [pair for pair in pairs if len({cell.get("machine") for cell in pair}) == 1]
    if not on_one:
        return [np.nan, np.nan]
    return np.median([[cell["fit_s"] for cell in pair] for pair in on_one], axis=0).tolist()


def _seconds_text(seconds: float) -> str:
    return "" if np.isnan(seconds) else f"{seconds:.1f}"


def published(cells: list[dict[str, Any]]) -> pd.DataFrame:
    """Return our accuracy on Adult's published split beside that of papers."""
    rows = []
    for cell in cells:
        if cell["dataset"] == PUBLISHED:
            for figure in PUBLISHED_SCORES.get(cell["model"], [("none found", np.nan, np.nan)]):
                paper, mean, deviation = figure
                rows.append([cell["model"], cell["scores"]["accuracy"], paper, mean, deviation])
    return pd.DataFrame(rows, columns=["model", "ours", "paper", "mean", "deviation"])


def record_speed(table: pd.DataFrame) -> None:
    """Write ratios of CPU time, with the scores, into results/speed/ratios.csv."""
    sys.path.insert(0, str(ROOT / "benchmarks" / "speed"))
    from ratios import record

    headline = table.dropna(subset=["fit_s_ours"]).drop_duplicates(["dataset", "model"])
    rows = [
        {
            "comparison": f"{row.model} on {row.dataset}, {row.n_train} rows, one core, "
            f"{row.seeds} seeds, against pytabkit",
            "ours": row.fit_s_ours, "peer": row.fit_s_peer, "unit": "CPU s",
            "ratio": row.fit_s_peer / row.fit_s_ours, "target": TARGETS.get(row.model),
            "score_ours": row.ours, "score_peer": row.peer,
        }
        for row in headline.itertuples()
    ]  # fmt: skip
    record("published", rows)


def verdict(row: pd.Series[Any]) -> str:
    low, high = row["ci_low"], row["ci_high"]
    if not metric_of(row["metric"]).higher_is_better:
        low, high = -high, -low
    return "worse" if high < 0 else "better" if low > 0 else "equal"


def as_markdown(table: pd.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def write_report() -> None:
    """Write the table and the page from the cells measured so far."""
    cells = read_cells()
    table = compare(cells)
    CELLS.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(CELLS.parent / "parity.csv", index=False, float_format="%.5g", lineterminator="\n")
    if len(table):
        record_speed(table)
    table["verdict"] = table.apply(verdict, axis=1) if len(table) else []
    shown = pd.DataFrame(
        {
            "data set": table["dataset"],
            "model": table["model"],
            "rows": table["n_train"],
            "score": table["metric"],
            "ours": table["ours"].map("{:.4f}".format),
            "peer": table["peer"].map("{:.4f}".format),
            "difference": [
                f"{row.difference:+.4f} ({row.ci_low:+.4f} to {row.ci_high:+.4f})"
                for row in table.itertuples()
            ],
            "": table["verdict"],
            "seeds": table["seeds"],
            "CPU s, ours": table["fit_s_ours"].map(_seconds_text),
            "peer's": table["fit_s_peer"].map(_seconds_text),
        }
    )
    done = {(row.dataset, row.model) for row in table.itertuples()}
    missing = [f"{c.model} on {c.dataset}" for c in CASES if (c.dataset, c.model) not in done]
    counts = table["verdict"].value_counts().to_dict()
    adult = published(cells).round(4).astype(object).fillna("")
    lines = [
        "# Parity with the published models",
        "",
        "Written by `make parity` from `results/parity/cells.jsonl`; the numbers are in",
        "`results/parity/parity.csv`. Each model of the zoo is compared with its counterpart in",
        "pytabkit 1.7.3 with that package's defaults, on the same rows and seeds:",
        ", ".join(f"`{ours}` with `{peer}`" for ours, peer in PEERS.items()) + ".",
        "The peers do not accept missing numbers, so these are replaced by the median, with an",
        "indicator column. Every fit has one core and one thread; times are CPU seconds (median",
        "over seeds) and include compilation, which falls on the first seed of a row (and so may",
        "TensorFlow's import, 5 s). The difference is ours minus the peer's with a paired 95%",
        "interval (Student's) over seeds; \"worse\" means that the whole interval is on the wrong",
        "side. Times are of the seeds that one machine measured on both sides.",
        "",
        f"So far: {', '.join(f'{n} {what}' for what, n in counts.items()) or 'nothing measured'}.",
        "Not measured yet: " + (", ".join(missing) or "nothing") + ".",
        "Measured with an earlier version of our model, to be repeated by the next run: "
        + (", ".join(outdated(cells)) or "none") + ".",
        "",
        as_markdown(shown),
        "",
        "## Adult, as published",
        "",
        "The census bureau's split, 32,561 training and 16,281 test rows, one seed. Figures of",
        "papers are means over seeds after tuning, or with defaults where it says so.",
        "",
        as_markdown(adult),
        "",
    ]  # fmt: skip
    (ROOT / "docs" / "parity.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_report()
