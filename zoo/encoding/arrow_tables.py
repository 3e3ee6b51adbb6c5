"""Arrow columns as columns of pandas, without loss: integers stay integers where some miss."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["frame_of_arrow", "read_arrow"]

# What pandas would make floats of, or objects, where a value is missing.
_WITH_GAPS = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
_OF_INDEX = "__index_level_"  # pyarrow's name for the row labels of a pandas frame


def frame_of_arrow(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a frame; row labels that pandas stored without a name are dropped.

    Raises
    ------
    ValueError
        If a column is of a type that cannot be read; the message names it.
    """
    kept = [i for i, name in enumerate(table.column_names) if not name.startswith(_OF_INDEX)]
    columns = [read_arrow(table.column(i), table.column_names[i]) for i in kept]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(table)), copy=False)
    # one by one, because a name may come twice
    return frame.set_axis([table.column_names[i] for i in kept], axis=1)


def read_arrow(column: pa.ChunkedArray, name: object) -> pd.Series[Any]:
    """Return an Arrow column (n_rows,) as a column of pandas.

    Raises
    ------
    ValueError
        If it is of a type that cannot be read.
    """
    kind = column.type
    try:
        if pa.types.is_run_end_encoded(kind):
            column = pc.run_end_decode(column)
        if isinstance(kind, pa.Bool8Type):
            column = column.cast(pa.bool_())
        mapper = _WITH_GAPS.get if column.null_count and column.type in _WITH_GAPS else None
        made = column.to_pandas(date_as_object=False, types_mapper=mapper)
        return pd.Series(made, name=name)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError) as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the column {name!r} of the Arrow type {kind} cannot be read ({said}); "
            "cast it to numbers, text or times"
        ) from error
