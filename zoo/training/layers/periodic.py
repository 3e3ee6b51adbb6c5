"""Cosines that a compiled program can compute many at a time, and sums of them.

The compiler's own cosine calls the C library for one number after another, 11 ns each (measured on
one core); this polynomial takes .6 ns, and its derivative follows from it. Outside of a compiled
program, where each operation goes through memory once, the backend's own cosine is the faster one.
"""

from __future__ import annotations

import math
from typing import Any

from keras import ops

__all__ = ["cosine_of_turns", "periodic_sum", "sine_of_turns"]

_PIECE = 1 << 17  # waves computed at once: half a megabyte of them stays in a core's own cache
_USUAL_ROWS = 256  # of a batch whose size is not known beforehand

# sin(pi y) / y as a polynomial in y^2 for |y| <= 1/2, a Chebyshev fit; off by 4e-9 at most, which
# float32 does not see.
_COEFFICIENTS = (
    3.141592640130707, -5.167710083507901, 2.5500775232146236, -0.5982912856202292,
    0.07765766030466505,
)  # fmt: skip


def cosine_of_turns(turns: Any) -> Any:
    """Return cos(2 pi turns), element by element, to 1e-6.

    Whole turns are taken off before anything is multiplied by pi, so the error does not grow with
    the number of turns as that of ``cos(2 * pi * turns)`` does.

    Parameters
    ----------
    turns : tensor of float32
    """
    rest = turns - ops.stop_gradient(ops.round(turns))  # -1/2 to 1/2
    square = rest * rest
    half = _COEFFICIENTS[-1] * square
    for coefficient in _COEFFICIENTS[-2:0:-1]:
        half = (half + coefficient) * square
    half = (half + _COEFFICIENTS[0]) * rest  # sin(pi turns), up to its sign
    return 1.0 - 2.0 * half * half


def sine_of_turns(turns: Any) -> Any:
    """Return sin(2 pi turns), element by element, to 1e-6; see `cosine_of_turns`."""
    return cosine_of_turns(turns - 0.25)


def periodic_sum(
    values: Any, frequencies: Any, phases: Any, kernel: Any, *, training: bool = False
) -> Any:
    """Return the sum over k of cos(2 pi (x f_k + p_k)) V_k for each row and number x of its own.

    The waves of a wide table are many times what a cache holds, and gradients go through them a
    dozen times. So in training they are computed for a few numbers at a time, and computed again
    for the gradients: those of 256 rows of 784 numbers with 16 waves each took 12 ms for 27.

    Parameters
    ----------
    values : tensor of shape (..., n, batch)
        x.
    frequencies, phases : tensors of shape (..., n, k)
        f and p, in turns.
    kernel : tensor of shape (..., n, k, units)
        V.
    training : bool
        Whether a compiled program asks, which will want gradients.

    Returns
    -------
    tensor of shape (..., n, units, batch)
    """
    *lead, n_rows = _sizes(values)
    k, units = kernel.shape[-2:]
    n = math.prod(lead)  # the numbers of several networks are so many numbers more
    flat = (
        ops.reshape(values, (n, n_rows)),
        ops.reshape(frequencies, (n, k)),
        ops.reshape(phases, (n, k)),
        ops.reshape(kernel, (n, k, units)),
    )
    made = _with_gradients(*flat) if training else _sum(_library_waves(_turns(*flat[:3])), flat[3])
    return ops.reshape(made, (*lead, units, n_rows))


def _sizes(tensor: Any) -> list[int]:
    return [-1 if size is None else size for size in tensor.shape]


def _library_waves(turns: Any) -> Any:
    return ops.cos(2 * math.pi * (turns - ops.round(turns)))


def _sum(waves: Any, kernel: Any) -> Any:
    """Return (n, units, batch) of waves (n, k, batch) and kernel (n, k, units)."""
    return ops.matmul(ops.swapaxes(kernel, 1, 2), waves)


@ops.custom_gradient  # type: ignore[untyped-decorator]
def _with_gradients(*parts: Any) -> Any:
    """Return the sums of waves, whose gradients compute the waves again."""

    def gradient(*arguments: Any, upstream: Any = None) -> Any:
        upstream = arguments[0] if upstream is None else upstream
        return _by_piece(_gradients_of_waves, (*parts, upstream))

    return _by_piece(_sum_of_waves, parts)[0], gradient


def _by_piece(function: Any, parts: Any) -> Any:
    """Return what the function makes of the parts, a tuple, from a few of their n at a time."""
    n, k = parts[1].shape
    n_pieces = min(n, -(-n * k * (parts[0].shape[1] or _USUAL_ROWS) // _PIECE))
    if n_pieces == 1:
        return function(parts)
    size = -(-n // n_pieces)
    gap = n_pieces * size - n
    whole = [ops.pad(part, [(0, gap)] + [(0, 0)] * (len(part.shape) - 1)) for part in parts]
    cut = tuple(ops.reshape(part, (n_pieces, size, *_sizes(part)[1:])) for part in whole)
    made = ops.map(function, cut)
    return tuple(ops.reshape(piece, (n + gap, *_sizes(piece)[2:]))[:n] for piece in made)


def _turns(values: Any, frequencies: Any, phases: Any) -> Any:
    """Return (n, k, batch)."""
    by_wave = ops.expand_dims(frequencies, -1) * ops.expand_dims(values, 1)
    return by_wave + ops.expand_dims(phases, -1)


def _sum_of_waves(parts: Any) -> Any:
    *where, kernel = parts
    return (_sum(cosine_of_turns(_turns(*where)), kernel),)


def _gradients_of_waves(parts: Any) -> Any:
    """Return the gradients of values, frequencies, phases and kernel, given that of the sum."""
    values, frequencies, phases, kernel, upstream = parts
    turns = _turns(values, frequencies, phases)
    of_kernel = ops.matmul(cosine_of_turns(turns), ops.swapaxes(upstream, 1, 2))
    of_turns = ops.matmul(kernel, upstream) * sine_of_turns(turns) * (-2 * math.pi)
    of_values = ops.squeeze(ops.matmul(ops.expand_dims(frequencies, 1), of_turns), 1)
    rows = ops.stack([values, ops.ones_like(values)], axis=1)
    sums = ops.matmul(rows, ops.swapaxes(of_turns, 1, 2))  # both gradients in one product
    return of_values, sums[:, 0], sums[:, 1], of_kernel
