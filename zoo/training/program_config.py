"""Settings that are compiled into a program, apart from the architecture."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.training.losses import Loss
from zoo.training.optimizer import Adam

__all__ = ["ProgramConfig"]

_BLOCK_ROWS = 4096
_MIN_BLOCK_STEPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramConfig:
    """Loss, optimiser and batches of a program.

    Parameters
    ----------
    loss : {"crossentropy", "squared"}
        Softmax cross-entropy on class codes, or squared error.
    label_smoothing : float
        Probability that is spread evenly over all classes (arXiv:1512.00567, section 7).
    optimizer : Adam
    batch_size : int
        Rows of a step.
    """

    loss: Loss
    label_smoothing: float = 0.0
    optimizer: Adam = field(default_factory=Adam)
    batch_size: int = 64

    @property
    def block_steps(self) -> int:
        """Steps of a block."""
        return max(_BLOCK_ROWS // self.batch_size, _MIN_BLOCK_STEPS)
