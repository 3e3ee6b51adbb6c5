"""How often `zoo curve` leaves out a model early that would have been among the best with all rows.

    python benchmarks/answers/elimination.py [--results results/quick] [--out results/answers]

On each data set of a benchmark the models of the first answer are known at every size, and all
others at the first sizes only, one more at a time. Models that the rule leaves out are compared at
the largest size with the best model there. The forecasts of the rule were learned on other data
sets. Writes elimination.csv, one row for each model that was left out, and prints the rates.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.bench.store import Status, read
from zoo.curves.comparisons import corrected_test
from zoo.data.kept import KeptFacts
from zoo.metrics import metric
from zoo.study.design import Study
from zoo.study.elimination import eliminate
from zoo.study.fit_times import FitTimes
from zoo.study.run_history import RunHistory

FIRST = ("dummy", "logistic", "lightgbm")


def losses_of(folder: Path) -> dict[str, dict]:
    """Return by data set: its facts, and the losses by model and size, by replicate."""
    found: dict[str, dict] = {}
    for cell in read(folder).cells:
        if cell["status"] != Status.OK:
            continue
        key, facts = cell["key"], cell["facts"]
        here = found.setdefault(key["dataset"], {"facts": facts, "losses": defaultdict(dict)})
        loss = float(metric(facts["metric"]).loss(cell["scores"]["test"][facts["metric"]]))
        here["losses"][key["model"], key["n_train"]][key["replicate"]] = loss
    return found


def study_of(name: str, facts: dict, losses: dict) -> Study:
    sizes = tuple(sorted({size for _, size in losses}))
    models = (*FIRST, *sorted({model for model, _ in losses} - set(FIRST)))
    kept = KeptFacts(
        name=name, target="y", digest="", task=facts["task"], n_rows=facts["n_rows"],
        n_features=facts["n_features"], n_train=sizes[-1], n_test=sizes[-1] // 3, n_replicates=3,
    )  # fmt: skip
    return Study(facts=kept, metric=facts["metric"], models=models, sizes=sizes)


def left_out(study: Study, losses: dict) -> dict[str, int]:
    """Return the models that the rule leaves out, and the largest size that they were tried at."""
    history = RunHistory(study=study, times=FitTimes(study.facts.n_features, 2))
    found: dict[str, int] = {}
    for number, size in enumerate(study.sizes):
        for model in study.models:
            known = study.sizes if model in study.first else study.sizes[: number + 1]
            if model not in found:
                for one in known:
                    history.losses[model, one].update(losses[model, one])
        eliminate(history)
        found |= {model: size for model in history.eliminated if model not in found}
    return found


def outcomes(name: str, facts: dict, losses: dict) -> list[dict]:
    """Return a row for each model: whether it was left out, and how it does with all rows."""
    study = study_of(name, facts, losses)
    top, out = study.sizes[-1], left_out(study, losses)
    at_end = {model: pd.Series(losses[model, top]) for model in study.models}
    best = min(at_end, key=lambda model: at_end[model].mean())
    rows = []
    for model in study.models:
        if model in FIRST or at_end[model].empty:
            continue
        test = corrected_test(at_end[model] - at_end[best])
        rows.append({
            "dataset": name, "model": model, "left_out_at": out.get(model, np.nan), "of": top,
            "loss": round(at_end[model].mean(), 5), "best": best,
            "best_loss": round(at_end[best].mean(), 5), "p_value": round(test.p_value, 4),
            "is_best": model == best,
            "differs": bool(test.p_value < 0.05),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results/quick"))
    parser.add_argument("--out", type=Path, default=Path("results/answers"))
    options = parser.parse_args()
    rows = [
        row
        for name, one in losses_of(options.results).items()
        for row in outcomes(name, one["facts"], one["losses"])
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(options.out / "elimination.csv", index=False, lineterminator="\n")
    gone = table[table["left_out_at"].notna()]
    print(f"{len(gone)} of {len(table)} models were left out, on {table['dataset'].nunique()} sets")
    print(f"{gone['is_best'].sum()} of them are best with all rows")
    print(f"{(~gone['differs']).sum()} of them do not differ significantly from the best")


if __name__ == "__main__":
    main()
