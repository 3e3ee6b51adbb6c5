"""Data set cards: one TOML file describes where a data set comes from and what it holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from zoo import definitions
from zoo.errors import DefinitionError
from zoo.metrics import Task, metric_names

__all__ = [
    "Card", "Columns", "Facts", "FileSource", "GeneratedSource", "KerasSource", "OpenmlSource",
    "PackageSource", "SklearnSource", "Source", "UrlSource", "load_card", "read_card",
]  # fmt: skip

Positive = Annotated[int, Meta(ge=1, le=10**12, description="a whole number from 1 to 10^12")]
Count = Annotated[int, Meta(ge=0, le=10**12, description="a whole number from 0 to 10^12")]
Texts = Annotated[tuple[str, ...], Meta(description="a list of texts")]
Files = Annotated[tuple[str, ...], Meta(min_length=1, description="a list of at least one file")]
Reader = Literal["csv", "npy", "pickle", "idx", "parquet"]
Words = Annotated[dict[str, str], Meta(description="a table of texts")]
_Bounds = Annotated[tuple[float, float], Meta(description="a list of two numbers: [low, high]")]
_Probability = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
_TWO_OR_THREE = Meta(min_length=2, max_length=3, description="a list of 2 or 3 numbers")
_Shape = Annotated[tuple[Positive, ...], _TWO_OR_THREE]


class _Source(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    _is_remote: ClassVar[bool] = False

    @property
    def needs_network(self) -> bool:
        """Whether the source may have to reach the internet."""
        return self._is_remote


class PackageSource(_Source, frozen=True, tag="package"):
    """Files inside an installed distribution, which comes with an extra.

    Attributes
    ----------
    distribution, extra : str
    files : tuple of str
        Read one below the other.
    reader, header, names
        As for `zoo.data.readers.read_files`.
    join : str or None
        A CSV of the distribution whose columns are added to the rows.
    join_on : tuple of str
        The columns that both have.
    """

    distribution: str
    extra: str
    files: Files
    reader: Reader
    header: bool = True
    names: Texts | None = None
    join: str | None = None
    join_on: Texts = ()

    def __post_init__(self) -> None:
        if (self.join is None) != (not self.join_on):
            raise ValueError("'join' and 'join_on' must come together")


class FileSource(_Source, frozen=True, tag="file"):
    """Local files, relative to the card; `package_hint` says how to get them."""

    files: Files
    reader: Reader
    header: bool = True
    names: Texts | None = None
    package_hint: str = "put it there or correct the card"


class SklearnSource(_Source, frozen=True, tag="sklearn"):
    """A function of `sklearn.datasets`."""

    function: str

    @property
    def needs_network(self) -> bool:
        """See `Source.needs_network`."""
        return self.function.startswith("fetch_")


class KerasSource(_Source, frozen=True, tag="keras"):
    """A module of `keras.datasets`."""

    _is_remote: ClassVar[bool] = True
    module: str


class OpenmlSource(_Source, frozen=True, tag="openml"):
    """A data set of OpenML."""

    _is_remote: ClassVar[bool] = True
    id: Count
    sha256: str | None = None


class UrlSource(_Source, frozen=True, tag="url"):
    """A file to download. No pickle: loading one can run code."""

    _is_remote: ClassVar[bool] = True
    url: str
    sha256: str
    reader: Literal["csv", "npy", "idx", "parquet"]
    header: bool = True
    names: Texts | None = None


class GeneratedSource(_Source, frozen=True, tag="generated"):
    """Rows of the generator with a known Bayes error."""

    rows: Positive
    seed: Count


Source = (
    PackageSource | FileSource | SklearnSource | KerasSource | OpenmlSource | UrlSource
    | GeneratedSource
)  # fmt: skip
_ONE_OR_MORE = Meta(min_length=1, description="at least one table [[source]]")


class Columns(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Changes to the columns of the raw frame, in this order.

    Attributes
    ----------
    drop : tuple of str
        Left out: identifiers, duplicates of other columns, columns that leak the target.
    missing : tuple of str
        Texts that stand for a missing value.
    bounds : Mapping of str to (low, high)
        Numbers outside are entry errors and become missing.
    codes : Mapping of str to Mapping of str to str
        Words for the codes of a column.
    boolean : tuple of str
        Columns of t/f, yes/no or 1/0 that become bool.
    categorical : tuple of str
        Columns of numbers that are categories. Text always is one.
    dates : tuple of str
        Columns that become datetime64.
    """

    drop: Texts = ()
    missing: Texts = ()
    bounds: dict[str, _Bounds] = {}
    codes: dict[str, Words] = {}
    boolean: Texts = ()
    categorical: Texts = ()
    dates: Texts = ()


class Facts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The facts of the loaded data set; None: not checked yet.

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
        The lowest error rate that a classifier can have, where it is known.
    """

    rows: Positive
    features: Positive
    classes: Positive | None = None
    missing: Count | None = None
    fingerprint: str | None = None
    bayes_error: _Probability | None = None


class _CardFile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    title: str
    task: Task
    target: str
    revision: Positive
    license: str
    reference: str
    citation: str
    sources: Annotated[tuple[Source, ...], _ONE_OR_MORE] = field(name="source")
    facts: Facts
    columns: Columns = Columns()
    metric: str | None = None
    kind: Literal["table", "image"] = "table"
    image_shape: _Shape | None = None
    labels: Words = {}
    log_target: bool = False
    prepare: str | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        known = metric_names(self.task)
        if self.metric is not None and self.metric not in known:
            near = definitions.nearest(self.metric, known)
            raise ValueError(f"the key 'metric' is {definitions.shown(self.metric)}; {near}")
        if (self.kind == "image") != (self.image_shape is not None):
            raise ValueError("'kind = \"image\"' and 'image_shape' must come together")


class Card(_CardFile, frozen=True, kw_only=True):
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
        The name of a function of `zoo.data.prepare` that is run on the raw frame.
    notes : str
        What was found in the data.
    """

    path: Path


def load_card(name: str, extra_folders: Iterable[Path] = ()) -> Card:
    """Return the card called `name`; folders of the user's own are searched first.

    Raises
    ------
    DefinitionError
        If there is none, or it has a wrong key or value; file and key are named.
    """
    return read_card(definitions.find("datasets", name, extra_folders))


def read_card(path: Path) -> Card:
    """Return the card that a TOML file holds; raises as `load_card`."""
    read = definitions.read(path, _CardFile)
    if read.name != path.stem:
        raise DefinitionError(
            f"{path}: the key 'name' is {definitions.shown(read.name)}; "
            f"expected the file's name, '{path.stem}'"
        )
    return Card(**{**asdict(read), "notes": read.notes.strip()}, path=path)
