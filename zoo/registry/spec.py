"""The description of a model in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from zoo.errors import DefinitionError
from zoo.metrics import Task

__all__ = ["EXTRAS", "FAMILIES", "Family", "ModelSpec", "Task"]

Family = Literal["baseline", "classical", "perceptron", "mlp", "deep", "boosting"]

FAMILIES: tuple[Family, ...] = get_args(Family)

# Optional extras that models need: the module that each installs, and its distribution.
EXTRAS: Mapping[str, str] = {"jax": "jax", "sonnet": "dm-sonnet", "torch": "torch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One entry of the registry.

    Parameters
    ----------
    name : str
        The name on the command line and in `make`.
    family : str
        One of `FAMILIES`.
    summary : str
        One sentence, for lists and reports.
    source : str
        The paper or book that the model comes from.
    classifier, regressor : str or None
        ``"module:Class"``, imported when the estimator is made; None: not for that task.
    version : int
        Increased with every change after which the same parameters give other predictions.
    params : mapping
        Parameters that differ from the class's defaults.
    smoke : mapping
        Parameters of a small, fast fit, for tests.
    inputs : {"table", "image"}
        What the model can be fitted on. Table models also take images, as columns of pixels.
    trains_together : bool
        Whether its class has `fit_together`, which trains many networks in parallel.
    is_keras : bool
        Whether it runs on Keras, as models that train together do anyway.
    extra : str or None
        The one of `EXTRAS` that the model needs, if any.
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
    is_keras: bool = False
    extra: str | None = None

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that the model can do."""
        return tuple(self._paths())

    def class_path(self, task: Task) -> str:
        """Return the ``"module:Class"`` of the model for `task`.

        Raises
        ------
        DefinitionError
            If the model does not do this task.
        """
        paths = self._paths()
        if task not in paths:
            raise DefinitionError(
                f"the model '{self.name}' does not do {task}; it does: {', '.join(paths)}"
            )
        return paths[task]

    def _paths(self) -> dict[Task, str]:
        """Return the class paths by task."""
        paths: dict[Task, str | None] = {
            "classification": self.classifier, "regression": self.regressor
        }  # fmt: skip
        return {task: path for task, path in paths.items() if path}
