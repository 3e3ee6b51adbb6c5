"""Locks of the results folder and its files, which the system drops when a process ends.

They hold between processes that do not see each other's process ids, such as containers with a
common folder. Network file systems are not trusted: some say that a lock was taken when only
processes of the same machine respect it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

__all__ = ["lock", "lock_folder", "try_lock", "unlock"]

_WAIT_S = 60.0  # for another process that packs the folder
_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre",
    "ncpfs", "nfs", "nfs4", "orangefs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs",
}  # fmt: skip
_LOCAL_FUSE = {"fuse.fuse-overlayfs"}


def lock(descriptor: int) -> None:
    """Lock an open file for this process alone, where the file system has locks."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone; return whether that is known to have worked."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or the file system has no locks
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give a lock up, also for processes that were forked since it was taken."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[bool]:
    """Lock a results folder against other processes that change more than their own file.

    Yields
    ------
    bool
        False if the folder cannot be locked; the caller must then change nothing that others use.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield not _is_network(folder) and _wait_for(descriptor)
    finally:
        unlock(descriptor)
        os.close(descriptor)


def _wait_for(descriptor: int) -> bool:
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        except OSError:  # no locks here
            return False
        else:
            return True


def _is_network(folder: Path) -> bool:
    """Return whether a folder is on a file system that other machines may write to."""
    real = folder.resolve()
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    kinds = (mounts.get(str(parent), "") for parent in (real, *real.parents))
    kind = next((one for one in kinds if one), "").lower()
    return kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)
