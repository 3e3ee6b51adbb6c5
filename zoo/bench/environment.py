"""The environment that a cell is measured in: packages, machine, commit."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import zoo
from zoo.canonical import digest

__all__ = ["commit", "describe_environment"]

_PACKAGES = (
    "tensorflow", "keras", "xgboost", "lightgbm", "scikit-learn", "numpy", "pandas", "scipy",
)  # fmt: skip


def describe_environment() -> dict[str, Any]:
    """Return versions and machine, with the digest by which cells name them."""
    parts: dict[str, Any] = {
        "zoo": zoo.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "machine": _machine(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }
    return {**parts, "digest": digest(parts)}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _machine() -> str:
    """Return the processor, its widest vectors and how many cores there are.

    Processors sold under one name round differently when their vectors differ in width, and a
    network may then train to another score from the same seed.
    """
    model, vectors = platform.processor() or platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        known: dict[str, str] = {}
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            known.setdefault(name.strip(), value.strip())
        model = known.get("model name", model)
        flags = set(known.get("flags", "").split())
        vectors = next((f", {name}" for name in ("avx512f", "avx2", "avx") if name in flags), "")
    return f"{model}{vectors}, {os.cpu_count()} cores"


@functools.cache
def commit() -> str:
    """Return the commit of the checkout that zoo runs from ("+" if changed), or its version."""
    root = Path(zoo.__file__).parent.parent
    if not (root / ".git").exists():
        return f"zoo {zoo.__version__}"
    try:
        head = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", "zoo")
    except (OSError, subprocess.CalledProcessError):
        return f"zoo {zoo.__version__}"
    return head + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()
