"""Adam as a function of R networks' weights, gradients and moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keras import ops

from zoo.training.types import Tensor, Variable

__all__ = ["Adam", "align", "keep_where"]


def align(values: Tensor, like: Tensor) -> Tensor:
    """Return values (R,) with axes of length 1 so that they broadcast over `like` (R, ...)."""
    return ops.reshape(values, (-1, *[1] * (len(like.shape) - 1)))


def keep_where(moves: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Return `new` for the replicates for which `moves` (R,) is true, `old` for the others."""
    return ops.where(align(moves, old), new, old)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    """Adam (arXiv:1412.6980) with decoupled weight decay (arXiv:1711.05101).

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As in `keras.optimizers.Adam`.
    clip_norm : float or None
        Gradients of one replicate whose norm over all its variables exceeds this are scaled down
        to it, as `global_clipnorm` does in Keras.
    rate_factors : tuple of (str, float)
        The update of a variable whose path ends with the string is multiplied by the factor.
        Scaling the gradient would have no effect, because Adam normalises gradients.
    without_decay : tuple of str
        Ends of the paths of variables that do not decay.
    decays_vectors : bool
        Whether vectors (biases, scales) decay too.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    clip_norm: float | None = None
    rate_factors: tuple[tuple[str, float], ...] = ()
    without_decay: tuple[str, ...] = ()
    decays_vectors: bool = False

    def rate_factor(self, path: str) -> float:
        """Return the factor of the variable with this path."""
        return next((factor for end, factor in self.rate_factors if path.endswith(end)), 1.0)

    def decays(self, path: str, n_axes: int) -> bool:
        """Return whether a variable of `n_axes` axes (of one network) decays."""
        return (n_axes > 1 or self.decays_vectors) and not path.endswith(self.without_decay)

    def clipped(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return the gradients of each replicate, scaled down to `clip_norm` together."""
        if self.clip_norm is None:
            return gradients
        squares = [ops.sum(g * g, axis=list(range(1, len(g.shape)))) for g in gradients]
        norm = ops.sqrt(sum(squares[1:], squares[0]))
        factor = self.clip_norm / ops.maximum(norm, self.clip_norm)
        return [g * align(factor, g) for g in gradients]

    def update(
        self,
        variables: Sequence[Variable],
        values: tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]],
        gradients: Sequence[Tensor],
        count: Tensor,
        rates: tuple[Tensor, Tensor],
        moves: Tensor,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Return weights, first and second moments after one step.

        Parameters
        ----------
        variables : sequence of keras.Variable
            Those of one ordinary network: their paths and shapes decide factors and decay.
        values, gradients
            Weights, first and second moments, and gradients: each tensors (R, ...).
        count, rates : tensors (R,)
            Number of this step, from 1; its learning rate and weight decay.
        moves : bool tensor (R,)
            Replicates for which this is False do not change.
        """
        rate, decay = rates
        made = ops.maximum(count, 1.0)
        corrected = rate * ops.sqrt(1 - self.beta_2**made) / (1 - self.beta_1**made)
        new: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        rows = zip(variables, *values, self.clipped(gradients), strict=True)
        for variable, w, m, v, g in rows:
            factor = self.rate_factor(variable.path)
            m_next = keep_where(moves, self.beta_1 * m + (1 - self.beta_1) * g, m)
            v_next = keep_where(moves, self.beta_2 * v + (1 - self.beta_2) * g * g, v)
            step = align(factor * corrected, w) * m_next / (ops.sqrt(v_next) + self.epsilon)
            if self.decays(variable.path, len(variable.shape)):
                step += align(factor * rate * decay, w) * w
            new[0].append(keep_where(moves, w - step, w))
            new[1].append(m_next)
            new[2].append(v_next)
        return new
