"""Measures the cells that results/parity/cells.jsonl lacks, then writes the table and the page.

    python run.py [--side ours|peer] [--model NAME ...] [--dataset NAME ...] [--adult FILE]

An interrupted run resumes. Our cells are measured again when the version of a model changes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cases import CASES, PUBLISHED, Case
from report import CELLS, read_cells, write_report

import zoo

HERE = Path(__file__).parent
ON_PUBLISHED = (
    "mlp_plr", "resnet", "dcn_v2", "realmlp", "realmlp_s", "tabm_ple", "tabm_mini", "tabm",
    "ft_transformer",
)  # fmt: skip


def missing_seeds(case: Case, side: str, cells: list[dict[str, Any]]) -> list[int]:
    """Return the seeds of a case that this side still lacks."""
    version = zoo.registry.spec(case.model).version if case.model in zoo.models() else None
    done = {
        cell["seed"]
        for cell in cells
        if (cell["dataset"], cell["model"], cell["side"]) == (case.dataset, case.model, side)
        and (side == "peer" or cell["version"] == version)
    }
    return [seed for seed in range(case.n_seeds) if seed not in done]


def measure(case: Case, side: str, seeds: list[int], chosen: argparse.Namespace) -> None:
    """Fit in a separate process and store each cell at once."""
    command = [sys.executable, str(HERE / "measure.py"), "--side", side, "--model", case.model,
               "--dataset", case.dataset, "--core", str(chosen.core)]  # fmt: skip
    command += [text for seed in seeds for text in ("--seed", str(seed))]
    command += ["--n-train", str(case.n_train)] if case.n_train else []
    command += ["--adult", str(chosen.adult)] if chosen.adult else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            if line.startswith("{"):
                CELLS.parent.mkdir(parents=True, exist_ok=True)
                with CELLS.open("a") as out:
                    out.write(line)
                cell = json.loads(line)
                print({k: v for k, v in cell.items() if k != "metric"}, flush=True)
    if child.returncode:
        print(f"{case.model} on {case.dataset} ({side}) failed", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", choices=("ours", "peer"))
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--dataset", action="append", default=[])
    parser.add_argument("--adult", type=Path, help="Parquet file of UCI's Adult")
    parser.add_argument("--core", type=int, default=0, help="which core to run on")
    chosen = parser.parse_args()
    cases = [*CASES, *(Case(PUBLISHED, model, None, 1) for model in ON_PUBLISHED)]
    for case in cases:
        is_adult = case.dataset in {"adult", PUBLISHED}
        if (
            (chosen.model and case.model not in chosen.model)
            or (chosen.dataset and case.dataset not in chosen.dataset)
            or (is_adult and chosen.adult is None)
        ):
            continue
        for side in ("ours", "peer"):
            if chosen.side not in (None, side) or (side == "peer" and case.dataset == PUBLISHED):
                continue
            if side == "ours" and case.model not in zoo.models():
                continue
            seeds = missing_seeds(case, side, read_cells())
            if seeds:
                measure(case, side, seeds, chosen)
    write_report()


if __name__ == "__main__":
    main()
