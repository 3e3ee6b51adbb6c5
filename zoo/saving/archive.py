"""Zip archives of members, whose names, sizes and digests are checked before use."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, TypeAlias

from zoo.errors import ModelFileError
from zoo.output_file import writing

__all__ = ["FORMAT", "SCHEMA", "Json", "one_line", "pack", "read", "unpack"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

FORMAT, SCHEMA = "zoo model", 1
_MAX_GIB, _MAX_MEMBERS = 4, 100_000  # of an unpacked file
_NAME = re.compile(r"(?!.*\.\.)[\w-][\w.-]*(/[\w.-]+)*")


def one_line(error: BaseException) -> str:
    """Return the type and message of an error in one line."""
    kind = "" if isinstance(error, ModelFileError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:300]


def pack(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a zip as `writing` does; or raise a ModelFileError."""
    _check_size(len(members), sum(map(len, members.values())))
    with (
        writing(path, ModelFileError) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in members.items():
            archive.writestr(name, data)


def _check_size(n_members: int, n_bytes: int) -> None:
    if n_members > _MAX_MEMBERS or n_bytes > _MAX_GIB * 2**30:
        raise ModelFileError(
            f"expected at most {_MAX_GIB} GiB in {_MAX_MEMBERS} members, got "
            f"{n_bytes / 2**30:.1f} GiB in {n_members}; fit a smaller model"
        )


def unpack(source: Path | BinaryIO) -> dict[str, bytes]:
    """Return a zip's members, once names and declared sizes have been checked."""
    with zipfile.ZipFile(source) as archive:
        infos = archive.infolist()
        names = {info.filename for info in infos}
        outside = sorted(name for name in names if not _NAME.fullmatch(name))
        if outside or len(names) < len(infos):
            why = f"is called {outside[0]!r}, which leads out of it" if outside else "comes twice"
            raise ModelFileError(f"a member {why}")
        _check_size(len(infos), sum(info.file_size for info in infos))
        return {info.filename: archive.read(info) for info in infos}


def read(path: Path) -> tuple[dict[str, Json], dict[str, bytes]]:
    """Return the header and the members that it lists.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is damaged or not a zoo model.
    """
    if not path.is_file():
        raise ModelFileError(
            f"there is no file '{path}'; name one that save() or zoo curve --save-model wrote"
        )
    try:
        members = unpack(path)
        header = json.loads(members.pop("model.json", b"null"))
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ModelFileError("it has no model.json of a zoo model")
        if (found := header.get("schema")) != SCHEMA:
            raise ModelFileError(f"expected schema {SCHEMA}, got {found}; update zoo")
        listed = dict(header.get("members") or {})
        held = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
        wrong = sorted(key for key in {*listed, *held} if listed.get(key) != held.get(key))
        if wrong:
            raise ModelFileError(f"'{wrong[0]}' is missing, added or changed since it was saved")
        if "network.keras" in members:
            # never loaded here, but a user may extract it
            config = unpack(io.BytesIO(members["network.keras"]))["config.json"]
            if re.search(r'"class_name"\s*:\s*"_*lambda_*"', json.dumps(json.loads(config)), re.I):
                raise ModelFileError("its network.keras has a lambda, which is code, not data")
    except Exception as error:
        raise ModelFileError(
            f"'{path}' is not a whole file of a zoo model ({one_line(error)}); "
            "name a file that save() wrote, or get it again from a source you trust"
        ) from error
    return header, members
