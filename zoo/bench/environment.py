"""The environment that a cell is measured in: packages, machine, commit, compiled programs."""

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
from zoo.data.download import cache_folder

__all__ = ["commit", "describe_environment", "program_cache_flags"]

_PACKAGES = (
    "tensorflow", "keras", "xgboost", "lightgbm", "scikit-learn", "numpy", "pandas", "scipy",
)  # fmt: skip
_VECTORS = ("avx512f", "avx2", "avx")


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


def _cpu_lines() -> list[str]:
    """Return what the system says of its processors; nothing outside Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []


def _machine() -> str:
    """Return the processor, its widest vectors and how many cores there are.

    Processors sold under one name round differently when their vectors differ in width, and a
    network may then train to another score from the same seed.
    """
    pairs = (line.partition(":") for line in reversed(_cpu_lines()))  # the first processor wins
    known = {name.strip(): value.strip() for name, _, value in pairs}
    model = known.get("model name", platform.processor() or platform.machine())
    flags = known.get("flags", "").split()
    vectors = next((f", {name}" for name in _VECTORS if name in flags), "")
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
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def program_cache_flags() -> str:
    """Return TensorFlow's flags that cache compiled programs, or nothing where that is not safe.

    Each kind of processor has its own cache: a program compiled for another may use instructions
    that this one lacks. A cached program gives the same bits.
    """
    kinds = ("model name", "flags", "Features", "CPU part")
    kind = sorted({line for line in _cpu_lines() if line.startswith(kinds)})
    if not kind:
        return ""
    folder = cache_folder().absolute() / "programs" / digest(kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    if not os.access(folder, os.W_OK) or " " in str(folder):
        return ""  # TensorFlow splits its flags at blanks
    return (
        f"--tf_xla_persistent_cache_directory={folder} --tf_xla_persistent_cache_device_types=CPU"
    )
