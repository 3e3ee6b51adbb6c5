"""What the registry says of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.errors import DefinitionError

__all__ = ["EXTRAS", "FAMILIES", "Family", "ModelSpec", "Task"]

Task = Literal["classification", "regression"]
Family = Literal["baseline", "classical", "perceptron", "mlp", "deep", "boosting"]

FAMILIES: tuple[Family, ...] = (
    "baseline",
    "classical",
    "perceptron",
    "mlp",
    "deep",
    "boosting",
)

# Extras that models need, each called as the module it brings, and the distribution that has it.
EXTRAS: Mapping[str, str] = {"jax": "jax", "sonnet": "dm-sonnet", "torch": "torch"}


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
    extra : str or None
        One of `EXTRAS`, without which the model cannot be made; None: it needs none.
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
    extra: str | None = None

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that the model is made for."""
        tasks: list[Task] = []
        if self.classifier:
            tasks.append("classification")
        if self.regressor:
            tasks.append("regression")
        return tuple(tasks)

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
