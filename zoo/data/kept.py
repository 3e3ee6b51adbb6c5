"""A table kept in a results folder; a reader loads only the rows that it needs.

A user's table is cleaned once and kept with the rows of each replicate, so that a worker neither
cleans it nor holds all of it. Plain files: Parquet in small row groups (images: one memory-mapped
NumPy array), and the categories beside their codes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zoo.data.splits import Split
from zoo.data.topics import N_BUCKETS
from zoo.definitions import convert
from zoo.errors import DataError
from zoo.files import one_line, write_whole
from zoo.metrics import Task

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = [
    "KeptFacts", "facts_of", "keep", "read_rows", "read_split", "read_words", "table_folder",
]  # fmt: skip

_ROWS_A_GROUP = 16_384
_PARTS = ("data", "indices", "indptr")  # of a csr_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFacts:
    """What is known of a kept table without reading it.

    Attributes
    ----------
    name, target, digest : str
    task : {"classification", "regression"}
    n_rows, n_features : int
    n_train, n_test : int
        The training and test rows that every replicate has: the minimum over replicates.
    n_replicates : int
    classes : tuple of str
        Sorted; none for regression.
    image_shape : tuple of int or None
    texts : tuple of str
        The text columns; of each, `topic_names` are features.
    about : mapping
        Plain data for reports on the table.
    """

    name: str
    target: str
    digest: str
    task: Task
    n_rows: int
    n_features: int
    n_train: int
    n_test: int
    n_replicates: int
    classes: tuple[str, ...] = ()
    image_shape: tuple[int, int, int] | None = None
    texts: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def table_folder(folder: Path) -> Path:
    """Return the folder of the table within a results folder."""
    return Path(folder) / "table"


def facts_of(folder: Path) -> KeptFacts | None:
    """Return what is known of the table in a results folder; None if it keeps no complete one."""
    path = table_folder(folder) / "table.json"
    if not path.is_file():
        return None
    return convert(_read_json(path), KeptFacts, str(path), error=DataError)


def keep(
    folder: Path,
    X: pd.DataFrame,
    y: pd.Series[Any],
    splits: Sequence[Split],
    *,
    name: str,
    task: Task,
    digest: str,
    image_shape: tuple[int, int, int] | None = None,
    words: Mapping[str, csr_matrix] | None = None,
    about: Mapping[str, Any] | None = None,
) -> KeptFacts:
    """Write a table into a results folder, replacing one that is there.

    Parameters
    ----------
    folder : Path
        The results folder.
    X : DataFrame of shape (n_samples, n_features)
    y : Series of shape (n_samples,)
    splits : sequence of Split
        Of replicates 0, 1, ...
    name, task, digest, image_shape, about
        See `KeptFacts`.
    words : mapping of str to csr_matrix, or None
        The `count_words` of each text column.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    target = table_folder(folder)
    with one_line(target, DataError):
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        labels = np.empty(0, dtype=str)
        if task == "classification":
            labels, codes = np.unique(y.to_numpy(object).astype(str), return_inverse=True)
            np.save(target / "target.npy", codes.astype(np.int32))
        else:
            np.save(target / "target.npy", y.to_numpy(np.float64))
        if image_shape is None:
            _write_columns(target, X)
        else:
            np.save(target / "pixels.npy", X.to_numpy())
            _write_json(target / "columns.json", [{"name": str(name)} for name in X.columns])
        for number, counts in enumerate((words or {}).values()):
            for part in _PARTS:
                np.save(target / f"words-{number}-{part}.npy", getattr(counts, part))
        for number, split in enumerate(splits):
            test, train = split.test.astype(np.int32), split.train.astype(np.int32)
            np.savez(target / f"split-{number}.npz", test=test, train=train)
        facts = KeptFacts(
            name=name,
            target=str(y.name),
            digest=digest,
            task=task,
            n_rows=len(X),
            n_features=X.shape[1],
            n_train=min(len(split.train) for split in splits),
            n_test=min(len(split.test) for split in splits),
            n_replicates=len(splits),
            classes=tuple(map(str, labels)),
            image_shape=image_shape,
            texts=tuple(words or {}),
            about=dict(about or {}),
        )
        # last: a folder with this file is complete
        _write_json(target / "table.json", asdict(facts))
    return facts


def read_words(folder: Path, number: int, rows: NDArray[np.int64]) -> csr_matrix:
    """Return the words (n, N_BUCKETS) of rows in a text column, by its number in `texts`."""
    from scipy.sparse import csr_matrix

    target = table_folder(folder)
    data, indices, starts = (
        np.load(target / f"words-{number}-{part}.npy", mmap_mode="r") for part in _PARTS
    )
    words = csr_matrix((data, indices, starts), shape=(len(starts) - 1, N_BUCKETS))
    return words[rows]


def _write_json(path: Path, value: Any) -> None:
    write_whole(path, json.dumps(value, indent=1, default=str), DataError)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}); run the same command again") from error


def _write_columns(target: Path, X: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    notes = [_note(str(name), dtype) for name, dtype in zip(X.columns, X.dtypes, strict=True)]
    types = [pa.from_numpy_dtype(np.dtype(note["dtype"])) for note in notes]
    schema = pa.schema([pa.field(f"c{number}", kind) for number, kind in enumerate(types)])
    with pq.ParquetWriter(target / "columns.parquet", schema) as writer:
        for start in range(0, len(X), _ROWS_A_GROUP):
            part = X.iloc[start : start + _ROWS_A_GROUP]
            arrays = [_values(part.iloc[:, number], note) for number, note in enumerate(notes)]
            writer.write_table(pa.Table.from_arrays(list(map(pa.array, arrays)), schema=schema))
    _write_json(target / "columns.json", notes)


def _note(name: str, dtype: Any) -> dict[str, Any]:
    """Return how a column is kept: its NumPy dtype, and the categories where it has some."""
    if isinstance(dtype, pd.CategoricalDtype):
        categories = [str(category) for category in dtype.categories]
        ordered = bool(dtype.ordered)
        return {"name": name, "categories": categories, "is_ordered": ordered, "dtype": "int32"}
    if not isinstance(dtype, np.dtype) or dtype.kind not in "iufbM":
        dtype = np.dtype(bool if pd.api.types.is_bool_dtype(dtype) else np.float64)
    return {"name": name, "dtype": str(dtype)}


def _values(column: pd.Series[Any], note: Mapping[str, Any]) -> NDArray[Any]:
    dtype = np.dtype(note["dtype"])
    numbers = column.cat.codes if "categories" in note else column
    missing = {"na_value": np.nan} if dtype.kind == "f" else {}
    values: NDArray[Any] = numbers.to_numpy(dtype, **missing)
    return values


def read_split(folder: Path, replicate: int) -> Split:
    """Return the rows of one replicate.

    Raises
    ------
    DataError
        If the folder keeps no such replicate.
    """
    facts = facts_of(folder)
    path = table_folder(folder) / f"split-{replicate}.npz"
    if facts is None or not path.is_file():
        raise DataError(f"{folder} keeps no replicate {replicate}; run the same command again")
    with np.load(path) as rows:
        test, train = rows["test"].astype(np.int64), rows["train"].astype(np.int64)
    return Split(test, train, len(facts.classes) or None)


def read_rows(
    folder: Path, rows: NDArray[np.int64] | None = None
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Return `X` and `y` of rows of the kept table, in the order given, or of all.

    Parameters
    ----------
    folder : Path
        The results folder.
    rows : ndarray of int, shape (n,), or None
        Positions; None: all.

    Raises
    ------
    DataError
        If the folder keeps no complete table.
    """
    facts, target = facts_of(folder), table_folder(folder)
    if facts is None:
        raise DataError(f"{folder} keeps no table; run the same 'zoo curve' command again")
    wanted = np.arange(facts.n_rows) if rows is None else np.asarray(rows, dtype=np.int64)
    stored = np.load(target / "target.npy")[wanted]
    if facts.task == "classification":
        y = pd.Series(np.asarray(facts.classes, object)[stored], name=facts.target, dtype="str")
    else:
        y = pd.Series(stored, name=facts.target)
    notes = _read_json(target / "columns.json")
    if facts.image_shape is not None:
        pixels = np.load(target / "pixels.npy", mmap_mode="r")[wanted]
        return pd.DataFrame(pixels, columns=[note["name"] for note in notes]), y
    return _read_columns(target, notes, wanted), y


def _read_columns(
    target: Path, notes: Sequence[Mapping[str, Any]], wanted: NDArray[np.int64]
) -> pd.DataFrame:
    import pyarrow.parquet as pq

    columns = [np.empty(len(wanted), np.dtype(note["dtype"])) for note in notes]
    with pq.ParquetFile(target / "columns.parquet") as file:
        for group in range(file.num_row_groups):
            start = group * _ROWS_A_GROUP
            positions = np.flatnonzero((wanted >= start) & (wanted < start + _ROWS_A_GROUP))
            if len(positions) == 0:
                continue
            part, local = file.read_row_group(group, use_threads=False), wanted[positions] - start
            for column, values in zip(columns, part.columns, strict=True):
                column[positions] = values.to_numpy()[local]
    made: dict[str, Any] = {}
    for note, column in zip(notes, columns, strict=True):
        made[note["name"]] = column
        if "categories" in note:
            dtype = pd.CategoricalDtype(note["categories"], ordered=note["is_ordered"])
            made[note["name"]] = pd.Categorical.from_codes(column, dtype=dtype)
    return pd.DataFrame(made, copy=False)
