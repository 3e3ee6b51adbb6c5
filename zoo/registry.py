"""The one table of every model: what it is called, where its class is, what it comes from."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any, Literal

from zoo.definitions import unknown
from zoo.errors import DefinitionError

__all__ = ["FAMILIES", "Family", "ModelSpec", "Task", "make", "models", "spec"]

Task = Literal["classification", "regression"]
Family = Literal["baseline", "classical", "perceptron", "mlp", "deep", "boosting"]

FAMILIES: tuple[Family, ...] = ("baseline", "classical", "perceptron", "mlp", "deep", "boosting")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One model of the zoo.

    Parameters
    ----------
    name : str
        What users type.
    family : str
        One of `FAMILIES`.
    summary : str
        One sentence for lists and reports.
    source : str
        The paper or book that the model comes from.
    classifier, regressor : str or None
        ``"module:Class"``, imported when the model is made; None where there is none.
    version : int
        Raised whenever a fit with the same parameters would give other numbers.
    params : mapping
        The parameters that the benchmark uses, beyond the class's defaults.
    smoke : mapping
        Parameters of a tiny fit, for tests.
    inputs : {"table", "image"}
        What the model can be fitted on. Every table model also takes pictures, as columns.
    trains_together : bool
        Whether its class has `fit_together`, which trains many of them side by side.
    """

    name: str
    family: Family
    summary: str
    source: str
    classifier: str | None = None
    regressor: str | None = None
    version: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    smoke: Mapping[str, Any] = field(default_factory=dict)
    inputs: Literal["table", "image"] = "table"
    trains_together: bool = False

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that the model is made for."""
        paths: dict[Task, str | None] = {
            "classification": self.classifier,
            "regression": self.regressor,
        }
        return tuple(task for task, path in paths.items() if path)

    def class_path(self, task: Task) -> str:
        """Return the ``"module:Class"`` of the model for `task`.

        Raises
        ------
        DefinitionError
            If the model has no such task.
        """
        path = {"classification": self.classifier, "regression": self.regressor}.get(task)
        if path is None:
            raise DefinitionError(
                f"the model '{self.name}' does not do {task}; it does: {', '.join(self.tasks)}"
            )
        return path


_BUILT_IN: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="dummy",
        family="baseline",
        summary="Predicts the most frequent class's rate, or the mean, whatever the input.",
        source="scikit-learn, sklearn.dummy",
        classifier="zoo.models.baseline:DummyClassifier",
        regressor="zoo.models.baseline:DummyRegressor",
    ),
    ModelSpec(
        name="logistic",
        family="classical",
        summary="Logistic regression; ridge regression for numbers.",
        source="Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x; "
        "Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",
        classifier="zoo.models.classical:LogisticClassifier",
        regressor="zoo.models.classical:RidgeRegressor",
    ),
    ModelSpec(
        name="naive_bayes",
        family="classical",
        summary="Gaussian naive Bayes: every column on its own, given the class.",
        source="Hand & Yu 2001, doi:10.1111/j.1751-5823.2001.tb00465.x",
        classifier="zoo.models.classical:NaiveBayesClassifier",
    ),
    ModelSpec(
        name="knn",
        family="classical",
        summary="The average of the nearest training rows.",
        source="Cover & Hart 1967, doi:10.1109/TIT.1967.1053964",
        classifier="zoo.models.classical:NearestNeighborsClassifier",
        regressor="zoo.models.classical:NearestNeighborsRegressor",
    ),
    ModelSpec(
        name="decision_tree",
        family="classical",
        summary="One tree of questions, each about one column.",
        source="Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees",
        classifier="zoo.models.classical:TreeClassifier",
        regressor="zoo.models.classical:TreeRegressor",
    ),
    ModelSpec(
        name="svm_rbf",
        family="classical",
        summary="Support vector machine with a Gaussian kernel.",
        source="Cortes & Vapnik 1995, doi:10.1007/BF00994018",
        classifier="zoo.models.classical:KernelSVMClassifier",
        regressor="zoo.models.classical:KernelSVMRegressor",
    ),
    ModelSpec(
        name="random_forest",
        family="classical",
        summary="The average of many trees, each on its own sample of rows and columns.",
        source="Breiman 2001, doi:10.1023/A:1010933404324",
        classifier="zoo.models.classical:ForestClassifier",
        regressor="zoo.models.classical:ForestRegressor",
        smoke={"n_estimators": 10},
    ),
    ModelSpec(
        name="perceptron_rosenblatt",
        family="perceptron",
        summary="Inputs times weights and a step; weights move only on a mistake.",
        source="Rosenblatt 1958, doi:10.1037/h0042519",
        classifier="zoo.models.perceptron:RosenblattClassifier",
        smoke={"max_epochs": 5},
    ),
    ModelSpec(
        name="perceptron",
        family="perceptron",
        summary="One layer: a sigmoid or softmax unit (a linear one for numbers), in Keras.",
        source="Rosenblatt 1958, doi:10.1037/h0042519; "
        "Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0",
        classifier="zoo.models.perceptron:PerceptronClassifier",
        regressor="zoo.models.perceptron:PerceptronRegressor",
        version=2,
        trains_together=True,
        smoke={"max_epochs": 5},
    ),
    ModelSpec(
        name="mlp",
        family="mlp",
        summary="Multilayer perceptron: input, one hidden layer, output, in Keras.",
        source="Rumelhart, Hinton & Williams 1986, doi:10.1038/323533a0",
        classifier="zoo.models.mlp:MLPClassifier",
        regressor="zoo.models.mlp:MLPRegressor",
        version=2,
        trains_together=True,
        smoke={"max_epochs": 5, "units": 8},
    ),
    ModelSpec(
        name="deep_mlp",
        family="deep",
        summary="Deep network: four hidden layers with dropout, in Keras.",
        source="Gorishniy et al. 2021, arXiv:2106.11959 (the MLP of its section 3.1)",
        classifier="zoo.models.deep_mlp:DeepMLPClassifier",
        regressor="zoo.models.deep_mlp:DeepMLPRegressor",
        trains_together=True,
        version=3,
        smoke={"max_epochs": 5, "units": 8},
    ),
    ModelSpec(
        name="realmlp",
        family="deep",
        summary="An MLP with periodic embeddings, data-driven first weights and tuned defaults.",
        source="Holzmüller, Grinsztajn & Steinwart 2024, arXiv:2407.04491",
        classifier="zoo.models.realmlp:RealMLPClassifier",
        regressor="zoo.models.realmlp:RealMLPRegressor",
        trains_together=True,
        smoke={"max_epochs": 8, "units": 16},
    ),
    ModelSpec(
        name="realmlp_s",
        family="deep",
        summary="RealMLP's simple variant: robust scaling, cycles of the learning rate, no more.",
        source="Holzmüller, Grinsztajn & Steinwart 2024, arXiv:2407.04491",
        classifier="zoo.models.realmlp_s:RealMLPSimpleClassifier",
        regressor="zoo.models.realmlp_s:RealMLPSimpleRegressor",
        trains_together=True,
        smoke={"max_epochs": 8, "units": 16},
    ),
    ModelSpec(
        name="ft_transformer",
        family="deep",
        summary="A transformer over the columns of a row.",
        source="Gorishniy, Rubachev, Khrulkov & Babenko 2021, arXiv:2106.11959",
        classifier="zoo.models.ft_transformer:FTTransformerClassifier",
        regressor="zoo.models.ft_transformer:FTTransformerRegressor",
        trains_together=True,
        smoke={"max_epochs": 5, "units": 8, "n_heads": 2, "n_blocks": 2},
    ),
    ModelSpec(
        name="tabm",
        family="deep",
        summary="32 MLPs in one that share their matrices and differ in cheap factors.",
        source="Gorishniy, Kotelnikov & Babenko 2024, arXiv:2410.24210",
        classifier="zoo.models.tabm:TabMClassifier",
        regressor="zoo.models.tabm:TabMRegressor",
        trains_together=True,
        smoke={"max_epochs": 5, "units": 8, "k": 4},
    ),
    ModelSpec(
        name="dcn_v2",
        family="deep",
        summary="Layers that multiply features with each other, beside a deep part.",
        source="Wang, Shivanna, Cheng, Jain, Lin, Hong & Chi 2021, arXiv:2008.13535",
        classifier="zoo.models.dcn_v2:DCNv2Classifier",
        regressor="zoo.models.dcn_v2:DCNv2Regressor",
        trains_together=True,
        smoke={"max_epochs": 5, "units": 16, "embedding_units": 4},
    ),
    ModelSpec(
        name="wide_deep",
        family="deep",
        summary="A linear model with pairs of levels, and a deep network, trained as one.",
        source="Cheng, Koc, Harmsen, Shaked, Chandra et al. 2016, arXiv:1606.07792",
        classifier="zoo.models.wide_deep:WideDeepClassifier",
        regressor="zoo.models.wide_deep:WideDeepRegressor",
        trains_together=True,
        smoke={"max_epochs": 8, "units": 16, "embedding_units": 4},
    ),
    ModelSpec(
        name="modern_nca",
        family="deep",
        summary="All training rows answer, the nearer in a learnt space the more.",
        source="Ye, Yin, Zhan & Chao 2025, arXiv:2407.03257",
        classifier="zoo.models.modern_nca:ModernNCAClassifier",
        regressor="zoo.models.modern_nca:ModernNCARegressor",
        smoke={"max_epochs": 5, "units": 8, "n_frequencies": 8, "embedding_units": 4},
    ),
    ModelSpec(
        name="cnn",
        family="deep",
        summary="Convolutional network for pictures, in Keras.",
        source="LeCun et al. 1998, doi:10.1109/5.726791",
        classifier="zoo.models.cnn:CNNClassifier",
        version=2,
        trains_together=True,
        smoke={"max_epochs": 3, "filters": 4},
        inputs="image",
    ),
    ModelSpec(
        name="hist_gradient_boosting",
        family="boosting",
        summary="Boosted trees on binned columns, from scikit-learn.",
        source="Friedman 2001, doi:10.1214/aos/1013203451",
        classifier="zoo.models.boosting:HistClassifier",
        regressor="zoo.models.boosting:HistRegressor",
        smoke={"n_estimators": 20},
    ),
    ModelSpec(
        name="xgboost",
        family="boosting",
        summary="XGBoost, with the number of trees chosen on held-out rows.",
        source="Chen & Guestrin 2016, arXiv:1603.02754",
        classifier="zoo.models.boosting:XGBoostClassifier",
        regressor="zoo.models.boosting:XGBoostRegressor",
        smoke={"n_estimators": 20},
    ),
    ModelSpec(
        name="lightgbm",
        family="boosting",
        summary="LightGBM, with the number of trees chosen on held-out rows.",
        source="Ke et al. 2017, LightGBM, NeurIPS 30",
        classifier="zoo.models.boosting:LightGBMClassifier",
        regressor="zoo.models.boosting:LightGBMRegressor",
        smoke={"n_estimators": 20},
    ),
)


def build_table(specs: tuple[ModelSpec, ...]) -> Mapping[str, ModelSpec]:
    """Return the specs by name.

    Raises
    ------
    DefinitionError
        If two specs share a name or one has no task.
    """
    table: dict[str, ModelSpec] = {}
    for entry in specs:
        if entry.name in table:
            raise DefinitionError(f"two models are called '{entry.name}'; rename one of them")
        if not entry.tasks:
            raise DefinitionError(
                f"the model '{entry.name}' names neither classifier nor regressor"
            )
        table[entry.name] = entry
    return MappingProxyType(table)


_table: Mapping[str, ModelSpec] | None = None


def _all_specs() -> Mapping[str, ModelSpec]:
    """Return the built-in models and those of other packages (entry points `zoo.models`)."""
    global _table  # noqa: PLW0603 (read once: entry points cannot change while a process lives)
    if _table is None:
        foreign = [point.load() for point in entry_points(group="zoo.models")]
        _table = build_table((*_BUILT_IN, *foreign))
    return _table


def models(*, family: str | None = None, task: str | None = None) -> list[str]:
    """Return the names of the zoo's models, in the order of the registry.

    Parameters
    ----------
    family : str, optional
        Only models of this family.
    task : {"classification", "regression"}, optional
        Only models that do this task.

    Examples
    --------
    >>> models(family="mlp")
    ['mlp']
    """
    if family is not None and family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    if task is not None and task not in ("classification", "regression"):
        raise unknown("task", task, ("classification", "regression"))
    return [
        entry.name
        for entry in _all_specs().values()
        if family in (None, entry.family) and (task is None or task in entry.tasks)
    ]


def spec(name: str) -> ModelSpec:
    """Return the registry's entry for one model.

    Raises
    ------
    DefinitionError
        If there is no such model; the message offers the nearest name.
    """
    table = _all_specs()
    if name not in table:
        raise unknown("model", name, table)
    return table[name]


def make(name: str, *, task: Task = "classification", **params: Any) -> Any:
    """Return a new, unfitted scikit-learn estimator.

    Parameters
    ----------
    name : str
        A name from `models()`.
    task : {"classification", "regression"}
        Which of the model's two estimators to make.
    **params
        Parameters of the estimator; they win over the registry's.

    Raises
    ------
    DefinitionError
        For an unknown model, task or parameter.

    Examples
    --------
    >>> make("decision_tree", max_depth=3, random_state=0)
    TreeClassifier(max_depth=3, random_state=0)
    """
    entry = spec(name)
    module, _, class_name = entry.class_path(task).partition(":")
    estimator_class = getattr(importlib.import_module(module), class_name)
    known = inspect.signature(estimator_class.__init__).parameters
    for key in params:
        if key not in known:
            raise unknown(f"parameter of '{name}'", key, [name for name in known if name != "self"])
    return estimator_class(**{**entry.params, **params})
