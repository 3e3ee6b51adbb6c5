"""A cache of compiled programs, shared by runs."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.canonical import digest
from zoo.data.download import cache_folder

__all__ = ["program_cache_flags"]


def program_cache_flags() -> str:
    """Return TensorFlow's flags that cache compiled programs, or nothing where that is not safe.

    Programs are cached apart for each kind of processor: one compiled for another may use
    instructions that this one lacks. A cached program gives the same bits.
    """
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return ""
    kinds = ("model name", "flags", "Features", "CPU part")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    kind = digest(sorted({line for line in lines if line.startswith(kinds)}))
    folder = cache_folder() / "programs" / kind
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    if not os.access(folder, os.W_OK) or " " in str(folder):
        return ""  # TensorFlow splits its flags at blanks
    return (
        f"--tf_xla_persistent_cache_directory={folder} --tf_xla_persistent_cache_device_types=CPU"
    )
