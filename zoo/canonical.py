"""Canonical JSON, digests and derived seeds: the same parts give the same bytes everywhere."""

from __future__ import annotations

import hashlib
import json

__all__ = ["canonical_json", "derive_seed", "digest"]


def canonical_json(value: object) -> str:
    """Return `value` as JSON with sorted keys and no spaces; tuples become lists.

    Raises
    ------
    ValueError
        If `value` holds a NaN or an infinity.
    TypeError
        If `value` holds an object that JSON cannot express.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: object, *, length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**31) that depends on the given parts only.

    A seed is a digest of what it is for, so adding a model or a data set changes no other seed.

    Examples
    --------
    >>> derive_seed("order", "iris", 0) == derive_seed("order", "iris", 1)
    False
    """
    return int(digest(list(parts)), 16) % 2**31
