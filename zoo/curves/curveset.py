"""The learning curves of a benchmark, with every analysis as a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from functools import cached_property, partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from zoo.bench.store import Status, read
from zoo.curves.aggregate import cell_frame, current_cells, headline_scores
from zoo.curves.claims import verdict_frame
from zoo.curves.comparisons import paired_tests
from zoo.curves.cost import COSTS, cost_frame
from zoo.curves.crossover import Crossover, crossover
from zoo.curves.forecast import Forecast, LossForecast, forecast
from zoo.curves.headlines import headline_sentence
from zoo.curves.plateau import (
    SMALLEST_GAIN,
    Estimate,
    Plateau,
    gain_from,
    marginal_value,
    plateau,
    rows_needed,
)
from zoo.curves.rankings import ranking_frame
from zoo.errors import DefinitionError
from zoo.metrics import METRICS, Metric
from zoo.metrics import metric as metric_of

__all__ = ["FACTORS", "CurveSet"]

_ROUNDING = 1e-9  # by which a score may be beyond the bounds of its metric
# Multiples of the largest size that the tables forecast.
FACTORS = (2, 4, 8)


class CurveSet:
    """Learning curves of models on data sets, in the headline metric of each.

    Parameters
    ----------
    cells : DataFrame
        From `zoo.curves.aggregate.cell_frame`.
    metrics : mapping of str to Metric
        Metrics by name; others are looked up in `zoo.metrics.METRICS`.

    Raises
    ------
    DefinitionError
        If the metric of a cell is unknown, a score is none that its metric can have, or the cells
        of a data set have several headline metrics.

    Examples
    --------
    >>> rows = [(n, r, 0.1 + n**-0.5 + 0.001 * r) for n in (100, 200, 400, 800) for r in range(3)]
    >>> scores = pd.DataFrame(rows, columns=["n_train", "replicate", "score"])
    >>> curves = CurveSet.from_scores(scores.assign(dataset="d", model="m"), metric="error_rate")
    >>> bool(curves.forecast("d", "m", [3200]).frame["mean"].between(0.11, 0.13).all())
    True
    """

    def __init__(self, cells: pd.DataFrame, metrics: Mapping[str, Metric] = METRICS) -> None:
        self.cells = cells
        self.scores = headline_scores(cells)
        self._metrics = {
            name: metrics.get(name) or metric_of(name) for name in self.scores["metric"].unique()
        }
        self._check_scores()

    def _check_scores(self) -> None:
        """Refuse scores that would be ranked wrongly, such as a negative error or two metrics."""
        for dataset, names in self.scores.groupby("dataset")["metric"].unique().items():
            if len(names) > 1:
                shown = ", ".join(sorted(names))
                raise DefinitionError(
                    f"data set '{dataset}': expected one headline metric, got {shown}; "
                    "keep the results of each in a folder of its own"
                )
        for name, scores in self.scores.groupby("metric")["score"]:
            low, high = METRICS[str(name)].bounds if name in METRICS else (-np.inf, np.inf)
            odd = scores[(scores < low - _ROUNDING) | (scores > high + _ROUNDING)]
            if len(odd):
                raise DefinitionError(
                    f"expected scores from {low:g} to {high:g} for the metric '{name}', got "
                    f"{odd.iloc[0]:g}; scores are fractions, and errors are not negated"
                )

    @classmethod
    def from_folder(cls, folder: Path | str) -> CurveSet:
        """Return the curves of a results folder."""
        return cls(cell_frame(current_cells(read(Path(folder)).cells)))

    @classmethod
    def from_scores(
        cls, scores: pd.DataFrame, *, metric: str, higher_is_better: bool | None = None
    ) -> CurveSet:
        """Return the curves of a table of scores from any source.

        Parameters
        ----------
        scores : DataFrame
            dataset, model, n_train, replicate, score; family and the costs of
            `zoo.curves.cost.COSTS` if known.
        metric : str
        higher_is_better : bool or None
            Needed for a metric that is not in `zoo.metrics.METRICS`. The best value is
            taken to be 1 if higher is better, else 0.

        Raises
        ------
        DefinitionError
            If the direction of the metric is unknown or contradicts the table, or a score is none
            that the metric can have.
        ValueError
            If a column is missing.
        """
        known = metric_of(metric, higher_is_better=higher_is_better)
        needed = ["dataset", "model", "n_train", "replicate", "score"]
        missing = [name for name in needed if name not in scores.columns]
        if missing:
            raise ValueError(f"expected columns {', '.join(needed)}; missing: {', '.join(missing)}")
        unknown = {name: None for name in ("family", *COSTS) if name not in scores.columns}
        cells = scores.rename(columns={"score": f"test_{metric}"}).assign(**unknown)
        families = cells["family"].fillna("other")
        cells = cells.assign(status=Status.OK, metric=metric, family=families)
        return cls(cells, {metric: known})

    @cached_property
    def losses(self) -> pd.DataFrame:
        """Scores as losses: dataset, model, family, metric, n_train, replicate, loss."""
        keys = ["dataset", "model", "family", "metric", "n_train", "replicate"]
        loss = self.scores.groupby("metric")["score"].transform(
            lambda part: self._metrics[part.name].loss(part)
        )
        return self.scores[keys].assign(loss=loss).reset_index(drop=True)

    @cached_property
    def _learned(self) -> pd.DataFrame:
        return self.losses[self.losses["family"] != "baseline"]

    @cached_property
    def _replicates(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Losses of each curve, sizes by replicates, by data set and model."""
        return {
            (str(dataset), str(model)): rows.pivot_table(
                index="n_train", columns="replicate", values="loss"
            )
            for (dataset, model), rows in self.losses.groupby(["dataset", "model"])
        }

    def metric(self, dataset: str) -> Metric:
        """Return a data set's headline metric."""
        return self._metrics[self._of(dataset)["metric"].iloc[0]]

    def frame(self) -> pd.DataFrame:
        """Return mean, standard error and replicates at each anchor."""
        keys = ["dataset", "model", "family", "metric", "n_train"]
        grouped = self.scores.groupby(keys, as_index=False)["score"]
        return grouped.agg(mean="mean", standard_error="sem", replicates="size")

    def _of(self, dataset: str, model: str | None = None) -> pd.DataFrame:
        rows = self.scores[self.scores["dataset"] == dataset]
        if rows.empty:
            known = ", ".join(sorted(self.scores["dataset"].unique()))
            raise KeyError(f"no curves on data set {dataset!r}; there are: {known}")
        if model is None:
            return rows
        part = rows[rows["model"] == model]
        if part.empty:
            known = ", ".join(sorted(rows["model"].unique()))
            raise KeyError(f"no curve of model {model!r} on {dataset}; there are: {known}")
        return part

    def forecast(self, dataset: str, model: str, targets: Sequence[float] = ()) -> Forecast:
        """Return the forecast of a curve at larger sizes; see `zoo.curves.forecast.forecast`."""
        rows = self._of(dataset, model)
        means = rows.groupby("n_train")["score"].agg(["mean", "sem"])
        wanted = targets or [factor * int(means.index.max()) for factor in FACTORS]
        return forecast(
            means.index.to_numpy(dtype=np.float64),
            means["mean"],
            wanted,
            metric=self.metric(dataset),
            standard_errors=means["sem"],
        )

    def _fit(self, dataset: str, model: str) -> LossForecast:
        found = self.forecast(dataset, model)
        if found.fit is None:
            raise ValueError(f"{model} on {dataset}: {found.reason}")
        return found.fit

    def rows_needed(self, dataset: str, model: str, score: float) -> Estimate:
        """Return the training rows at which a model reaches a score."""
        return rows_needed(self._fit(dataset, model), self.metric(dataset), score)

    def gain_from_doubling(self, dataset: str, model: str) -> Estimate:
        """Return the relative reduction of a model's loss by doubling the rows."""
        return gain_from(self._fit(dataset, model))

    def marginal_value(self, dataset: str, model: str, rows: int = 1000) -> Estimate:
        """Return by how much that many more rows improve the score."""
        return marginal_value(self._fit(dataset, model), self.metric(dataset), rows)

    def plateau(self, dataset: str, model: str, *, smallest_gain: float = SMALLEST_GAIN) -> Plateau:
        """Return whether a model's curve has reached its plateau."""
        return plateau(self._fit(dataset, model), smallest_gain=smallest_gain)

    def crossover(self, dataset: str, incumbent: str, challenger: str) -> Crossover:
        """Return the size from which the challenger is ahead at every larger measured size."""
        for model in (incumbent, challenger):
            self._of(dataset, model)
        first, second = self._replicates[dataset, incumbent].align(
            self._replicates[dataset, challenger], join="outer"
        )
        highest = self.metric(dataset).highest_loss
        return crossover(first.index, first.to_numpy(), second.to_numpy(), highest=highest)

    def best_models(self, dataset: str) -> list[str]:
        """Return the models that are best at some size, or best of their family at the largest."""
        rows = self._learned[self._learned["dataset"] == dataset]
        means = rows.groupby(["n_train", "family", "model"], as_index=False)["loss"].mean()
        leaders = means.loc[means.groupby("n_train")["loss"].idxmin(), "model"]
        at_end = means[means["n_train"] == means["n_train"].max()]
        of_family = at_end.loc[at_end.groupby("family")["loss"].idxmin(), "model"]
        return sorted({*leaders, *of_family})

    def forecasts(self) -> pd.DataFrame:
        """Return the forecast of every curve at `FACTORS` times its largest size.

        Returns
        -------
        DataFrame
            dataset, model, family, metric, n_last, shape, n_train, mean, low_50, high_50, low_90,
            high_90, gain (relative loss reduction by doubling), gain_low, gain_high, plateau,
            per_1000 (improvement of the score by 1,000 more rows), per_1000_low, per_1000_high,
            reason, notes.
        """
        parts = []
        for (dataset, model), rows in self._learned.groupby(["dataset", "model"]):
            found = self.forecast(str(dataset), str(model))
            columns = rows.iloc[0][["dataset", "model", "family", "metric"]].to_dict()
            columns |= {"n_last": int(rows["n_train"].max()), "shape": found.shape}
            frame = found.frame.assign(**columns).astype({"n_train": int})
            if found.fit is not None:
                flat = plateau(found.fit)
                more = marginal_value(found.fit, self.metric(str(dataset)))
                frame[["gain", "gain_low", "gain_high"]] = astuple(flat.gain)
                frame["plateau"] = flat.verdict
                frame[["per_1000", "per_1000_low", "per_1000_high"]] = astuple(more)
            frame["reason"], frame["notes"] = found.reason, "; ".join(found.notes)
            parts.append(frame[[*columns, *(name for name in frame if name not in columns)]])
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def crossovers(self) -> pd.DataFrame:
        """Return the crossover of each pair of the best models of each data set.

        The incumbent is the better one at the smallest common size.

        Returns
        -------
        DataFrame
            dataset, incumbent, challenger, kind, n_train, low, high, probability, reason: see
            `zoo.curves.crossover.Crossover`.
        """
        rows = []
        for dataset in sorted(self._learned["dataset"].unique()):
            here = self._learned[self._learned["dataset"] == dataset]
            means = here.pivot_table(index="n_train", columns="model", values="loss")
            for pair in combinations(self.best_models(dataset), 2):
                both = means[list(pair)].dropna()
                if both.empty:
                    continue
                first, second = both.iloc[0].sort_values(kind="stable").index
                found = self.crossover(dataset, first, second)
                rows.append((dataset, first, second, *astuple(found)))
        names = (field.name for field in fields(Crossover))
        return pd.DataFrame(rows, columns=["dataset", "incumbent", "challenger", *names])

    def comparisons(self) -> pd.DataFrame:
        """Return paired tests of the best model; see `zoo.curves.comparisons.paired_tests`."""
        return paired_tests(self._learned)

    def ranks(self) -> pd.DataFrame:
        """Return rankings over data sets; see `zoo.curves.rankings.ranking_frame`."""
        return ranking_frame(self.losses)

    def verdicts(self) -> pd.DataFrame:
        """Return verdicts on five claims; see `zoo.curves.claims.verdict_frame`."""
        return verdict_frame(self.losses)

    def cost(self) -> pd.DataFrame:
        """Return scores with their costs; see `zoo.curves.cost.cost_frame`."""
        return cost_frame(self.scores, self._metrics)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table by the name of its file."""
        return dict(self._tables)

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        return {
            "forecast": self.forecasts(),
            "crossovers": self.crossovers(),
            "comparisons": self.comparisons(),
            "ranks": self.ranks(),
            "verdicts": self.verdicts(),
            "cost": self.cost(),
        }

    def headline(self, dataset: str) -> str:
        """Return which models lead where on a data set, and what more data would bring."""
        self._of(dataset)
        if not (self._learned["dataset"] == dataset).any():
            return "Only a baseline was measured."
        tables = [self._learned]
        tables += [self._tables[name] for name in ("comparisons", "crossovers", "forecast")]
        return headline_sentence(
            *(table[table["dataset"] == dataset] for table in tables),
            crossover=partial(self.crossover, dataset),
            loss_label=self.metric(dataset).loss_label,
        )

    def advice(self) -> dict[str, str]:
        """Return the headline of each data set."""
        return {str(name): self.headline(name) for name in sorted(self.scores["dataset"].unique())}
