"""Data set cards: one TOML file says whence a data set comes and what is true of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from zoo import definitions
from zoo.errors import DefinitionError
from zoo.metrics import metric_names

__all__ = ["Card", "Columns", "Facts", "Source", "load_card", "read_card"]

Task = Literal["classification", "regression"]
Kind = Literal["table", "image"]

# For each type of source: its required keys, its optional keys.
_SOURCE_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "package": (
        ("distribution", "files", "reader", "extra"),
        ("header", "names", "join", "join_on"),
    ),
    "file": (("files", "reader"), ("header", "names", "package_hint")),
    "sklearn": (("function",), ()),
    "keras": (("module",), ()),
    "openml": (("id",), ("sha256",)),
    "url": (("url", "sha256", "reader"), ("header", "names")),
    "generated": (("rows", "seed"), ()),
}
_OPTION_TYPES: Mapping[str, type] = {
    "distribution": str,
    "files": list,
    "reader": str,
    "extra": str,
    "header": bool,
    "names": list,
    "join": str,
    "join_on": list,
    "package_hint": str,
    "function": str,
    "module": str,
    "id": int,
    "url": str,
    "sha256": str,
    "rows": int,
    "seed": int,
}
_READERS = ("csv", "npy", "pickle", "idx", "parquet")


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a data set can come from.

    Attributes
    ----------
    type : {"package", "file", "sklearn", "keras", "openml", "url", "generated"}
    options : Mapping
        The other keys of the `[[source]]` entry.
    """

    type: str
    options: Mapping[str, Any]

    @property
    def needs_network(self) -> bool:
        """True when the source may have to reach the internet."""
        if self.type == "sklearn":
            return str(self.options["function"]).startswith("fetch_")
        return self.type in ("keras", "openml", "url")


@dataclass(frozen=True, slots=True)
class Columns:
    """What is done to the columns of the raw frame, in this order.

    Attributes
    ----------
    drop : tuple of str
        Left out: identifiers, duplicates of other columns, whatever leaks the target.
    missing : tuple of str
        Texts that stand for a missing value.
    bounds : Mapping of str to (low, high)
        Numbers outside become missing: errors of entry.
    codes : Mapping of str to Mapping of str to str
        Words for the codes of a column.
    boolean : tuple of str
        Columns of t/f, yes/no or 1/0 that become bool.
    categorical : tuple of str
        Columns of numbers that are categories. Text always is one.
    dates : tuple of str
        Columns that become datetime64.
    """

    drop: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    boolean: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of the loaded data set; None stands for not yet checked.

    Attributes
    ----------
    rows, features : int
    classes : int or None
        The number of distinct labels.
    missing : int or None
        The number of missing cells in `X`.
    fingerprint : str or None
        A digest of the whole content.
    bayes_error : float or None
        The least error rate that any classifier can have, where it is known.
    """

    rows: int
    features: int
    classes: int | None = None
    missing: int | None = None
    fingerprint: str | None = None
    bayes_error: float | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A data set card.

    Attributes
    ----------
    name, title : str
    task : {"classification", "regression"}
    target : str
        The column to predict.
    revision : int
        Raised when the loaded data change.
    license, reference, citation : str
    path : Path
        The TOML file.
    sources : tuple of Source
        In the order of the file.
    columns : Columns
    facts : Facts
    metric : str or None
        The headline metric where it is not the default one (error_rate, rmse).
    kind : {"table", "image"}
    image_shape : tuple of int or None
        (height, width) or (height, width, channels): the columns of `X`, row by row.
    labels : Mapping of str to str
        Words for raw labels; "*" stands for all others.
    log_target : bool
        True: the target is the natural logarithm of the target column.
    prepare : str or None
        The name of a function of `zoo.data.joins` that is run on the raw frame.
    notes : str
        What was found in the data.
    """

    name: str
    title: str
    task: Task
    target: str
    revision: int
    license: str
    reference: str
    citation: str
    path: Path
    sources: tuple[Source, ...]
    columns: Columns
    facts: Facts
    metric: str | None = None
    kind: Kind = "table"
    image_shape: tuple[int, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    log_target: bool = False
    prepare: str | None = None
    notes: str = ""


_REQUIRED = {
    "name": str,
    "title": str,
    "task": str,
    "target": str,
    "revision": int,
    "license": str,
    "reference": str,
    "citation": str,
    "source": list,
    "facts": dict,
}
_OPTIONAL = {
    "metric": str,
    "kind": str,
    "image_shape": list,
    "labels": dict,
    "log_target": bool,
    "prepare": str,
    "notes": str,
    "columns": dict,
}
_COLUMN_KEYS = {
    "drop": list,
    "missing": list,
    "bounds": dict,
    "codes": dict,
    "boolean": list,
    "categorical": list,
    "dates": list,
}
_FACT_KEYS = {"classes": int, "missing": int, "fingerprint": str, "bayes_error": float}


def load_card(name: str, extra_folders: Iterable[Path] = ()) -> Card:
    """Return the card called `name`.

    Parameters
    ----------
    name : str
    extra_folders : iterable of Path
        Folders with cards of the user's own; they are searched first.

    Raises
    ------
    DefinitionError
        If there is none, or it has a wrong key or value; file and key are named.
    """
    return read_card(definitions.find("datasets", name, extra_folders))


def read_card(path: Path) -> Card:
    """Return the card that a TOML file holds.

    Raises
    ------
    DefinitionError
        Naming file and key.
    """
    raw = definitions.read(path)
    definitions.check_keys(raw, path=path, required=_REQUIRED, optional=_OPTIONAL)
    _check_types(raw, {**_REQUIRED, **_OPTIONAL}, path=path, where="")
    if raw["name"] != path.stem:
        raise DefinitionError(
            f"{path}: the key 'name' is '{raw['name']}'; it must be the file's name, '{path.stem}'"
        )
    _check_choice(raw, "task", ("classification", "regression"), path)
    _check_choice(raw, "kind", ("table", "image"), path)
    _check_choice(raw, "metric", metric_names(raw["task"]), path)
    shape = tuple(raw["image_shape"]) if "image_shape" in raw else None
    if (raw.get("kind", "table") == "image") != (shape is not None):
        raise DefinitionError(f"{path}: 'kind = \"image\"' and 'image_shape' must come together")
    if not _is_texts(raw.get("labels", {})):
        raise DefinitionError(f"{path}: the key 'labels' must be a table of texts")
    if not all(isinstance(entry, dict) for entry in raw["source"]):
        raise DefinitionError(f"{path}: every [[source]] must be a table")
    if not raw["source"]:
        raise DefinitionError(f"{path}: [[source]] is empty; at least one source is needed")
    return Card(
        **{key: raw[key] for key in _REQUIRED if key not in ("source", "facts")},
        path=path,
        sources=tuple(_read_source(entry, path) for entry in raw["source"]),
        columns=_read_columns(raw.get("columns", {}), path),
        facts=_read_facts(raw["facts"], path),
        metric=raw.get("metric"),
        kind=cast(Kind, raw.get("kind", "table")),
        image_shape=shape,
        labels=raw.get("labels", {}),
        log_target=raw.get("log_target", False),
        prepare=raw.get("prepare"),
        notes=raw.get("notes", "").strip(),
    )


def _check_types(
    table: Mapping[str, Any], types: Mapping[str, type], *, path: Path, where: str
) -> None:
    place = f"{path}: " + (f"[{where}] " if where else "")
    for key, expected in types.items():
        if key in table and type(table[key]) is not expected:
            raise DefinitionError(
                f"{place}the key '{key}' must be of type {expected.__name__}, "
                f"not {type(table[key]).__name__}"
            )


def _check_lists(table: Mapping[str, Any], *, path: Path, where: str) -> None:
    for key, value in table.items():
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise DefinitionError(f"{path}: [{where}] the key '{key}' must hold texts alone")


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())


def _check_choice(raw: Mapping[str, Any], key: str, choices: tuple[str, ...], path: Path) -> None:
    if key in raw and raw[key] not in choices:
        raise DefinitionError(
            f"{path}: the key '{key}' is '{raw[key]}'; expected one of: {', '.join(choices)}"
        )


def _read_source(entry: Mapping[str, Any], path: Path) -> Source:
    kind = str(entry.get("type"))
    if kind not in _SOURCE_KEYS:
        raise DefinitionError(
            f"{path}: [[source]] the key 'type' is {kind!r}; "
            f"expected one of: {', '.join(_SOURCE_KEYS)}"
        )
    required, optional = _SOURCE_KEYS[kind]
    where = f"source {kind}"
    definitions.check_keys(
        entry, path=path, where=where, required=("type", *required), optional=optional
    )
    _check_types(entry, _OPTION_TYPES, path=path, where=where)
    _check_lists(entry, path=path, where=where)
    if "files" in entry and not entry["files"]:
        raise DefinitionError(f"{path}: [{where}] the key 'files' must name at least one file")
    readers = [name for name in _READERS if kind != "url" or name != "pickle"]  # code in pickles
    if "reader" in entry and entry["reader"] not in readers:
        raise DefinitionError(
            f"{path}: [{where}] the key 'reader' is '{entry['reader']}'; "
            f"expected one of: {', '.join(readers)}"
        )
    return Source(kind, {key: value for key, value in entry.items() if key != "type"})


def _read_columns(raw: Mapping[str, Any], path: Path) -> Columns:
    definitions.check_keys(raw, path=path, where="columns", optional=_COLUMN_KEYS)
    _check_types(raw, _COLUMN_KEYS, path=path, where="columns")
    _check_lists(raw, path=path, where="columns")
    for name, words in raw.get("codes", {}).items():
        if not _is_texts(words):
            raise DefinitionError(f"{path}: [columns.codes] '{name}' must be a table of texts")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
    for name, bounds in raw.get("bounds", {}).items():
        if not isinstance(bounds, list) or [type(b) in (int, float) for b in bounds] != [True] * 2:
            raise DefinitionError(f"{path}: [columns.bounds] '{name}' must be [low, high]")
    values["bounds"] = {k: (float(v[0]), float(v[1])) for k, v in raw.get("bounds", {}).items()}
    return Columns(**values)


def _read_facts(raw: Mapping[str, Any], path: Path) -> Facts:
    definitions.check_keys(
        raw, path=path, where="facts", required=("rows", "features"), optional=_FACT_KEYS
    )
    _check_types(raw, {"rows": int, "features": int, **_FACT_KEYS}, path=path, where="facts")
    return Facts(**raw)
