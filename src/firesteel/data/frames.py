"""Frames and arrays of other makers as tables of our few types.

The types: Int64, Float64, Boolean, String, Date, Datetime in microseconds.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.dialects import default_names
from firesteel.data.table import Table, check_names
from firesteel.data.values import as_numbers, as_times, cast_text, clean_text, is_code
from firesteel.errors import DataError

#: The name of the target column where arrays or built-in sets are read.
TARGET = "target"


def frame_to_table(frame: pl.DataFrame, *, name: str, has_header: bool = True, notices: Iterable[str] = ()) -> Table:
    """A table of our types from any polars frame; columns of lists and the like are left out with a notice."""
    check_names(frame.columns)
    said = list(notices)
    columns = [_typed(column, said) for column in frame]
    return Table(pl.DataFrame([c for c in columns if c is not None]), name, has_header, tuple(said))


def pandas_to_frame(frame: Any) -> pl.DataFrame:
    """A polars frame from a pandas one or a series, column by column, so that pyarrow is not needed."""
    frame = frame if hasattr(frame, "columns") else frame.to_frame()
    names = [str(name) for name in frame.columns]
    check_names(names)
    return pl.DataFrame([_pandas_column(frame.iloc[:, i], name) for i, name in enumerate(names)])


def arrays_to_table(x: Any, y: Any = None, *, name: str = "arrays") -> Table:
    """A table with columns c0, c1, ... of x (n_rows, n_columns) or (n_rows,), and `target` of y (n_rows,).

    x may be a frame, too, which keeps its names. NaN is a missing value. Raises DataError for objects that are no
    texts, infinite values, and x and y of different lengths.
    """
    has_names = isinstance(x, pl.DataFrame) or is_pandas(x)
    columns = _frame_columns(x) if has_names else _array_columns(_array(x, "x"))
    if y is not None:
        columns.append(_column(TARGET, _answers(y, n_rows=len(columns[0]) if columns else 0)))
    check_names([column.name for column in columns])
    return frame_to_table(pl.DataFrame(columns), name=name)


def is_pandas(source: Any) -> bool:
    """Whether it is a frame or series of pandas, which need not be there to know it."""
    return type(source).__module__.partition(".")[0] == "pandas"


def _frame_columns(frame: Any) -> list[pl.Series]:
    return list(frame if isinstance(frame, pl.DataFrame) else pandas_to_frame(frame))


def _array_columns(x: npt.NDArray[Any]) -> list[pl.Series]:
    if x.ndim == 1:
        x = x[:, None]
    if x.ndim != 2:
        raise DataError(
            "x must be a table of numbers, (n_rows, n_columns)",
            found=f"its shape is {x.shape}",
            hint="x.reshape(len(x), -1)     one row for each example",
        )
    names = default_names(x.shape[1])
    check_names(names)
    return [_column(name, x[:, i]) for i, name in enumerate(names)]


def _answers(y: Any, *, n_rows: int) -> npt.NDArray[Any]:
    array = _array(y, "y")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            "y must have one value a row", found=f"its shape is {array.shape}", hint="fit one column of y at a time"
        )
    if n_rows != len(array):
        raise DataError(
            "x and y need the same number of rows",
            found=f"x has {n_rows:,} and y has {len(array):,}",
            hint="print(x.shape, y.shape)     and look where rows were lost",
        )
    return array


def _typed(column: pl.Series, said: list[str]) -> pl.Series | None:
    """The column in one of our types, or None (and a sentence in `said`) where there is none for it."""
    kind = column.dtype
    if isinstance(kind, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        return _typed_text(clean_text(column), said)
    if kind in (pl.Boolean, pl.Date):
        return column
    if kind == pl.Null:
        return column.cast(pl.String)
    if isinstance(kind, pl.Datetime):
        return as_times(column)
    if kind.is_integer() and (kind not in (pl.UInt64, pl.Int128) or _fits_int64(column)):
        return column.cast(pl.Int64)
    if kind.is_numeric() or kind.is_temporal():
        return _finite(column, said)
    said.append(f"column '{column.name}' holds {kind}, not single values: it is left out")
    return None


def _typed_text(text: pl.Series, said: list[str]) -> pl.Series:
    column = cast_text(text)
    if column.dtype == pl.Float64:
        return _finite(column, said)
    if column.dtype == pl.String and column.null_count() < column.len() and is_code(column.drop_nulls()):
        said.append(
            f"column '{column.name}' holds codes of one width with leading zeros, like {column.drop_nulls()[0]}: "
            f"they are words, not numbers (--kind {column.name}=numeric)"
        )
    return column


def _fits_int64(column: pl.Series) -> bool:
    return column.cast(pl.Int64, strict=False).null_count() == column.null_count()


def _finite(column: pl.Series, said: list[str]) -> pl.Series:
    numbers = as_numbers(column)
    n_infinite = int(column.is_infinite().sum()) if column.dtype.is_float() else 0
    if n_infinite:
        said.append(f"column '{column.name}' has infinite values ({n_infinite:,}): they are taken as missing")
    return numbers


def _pandas_column(column: Any, name: str) -> pl.Series:
    kind = getattr(column.dtype, "kind", "O")
    if isinstance(column.dtype, np.dtype) and kind in "iufb":
        return pl.Series(name, column.to_numpy())
    if kind == "M":
        zone = getattr(column.dtype, "tz", None)
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else column
        return pl.Series(name, naive.to_numpy().astype("datetime64[us]"))
    is_known = ~column.isna().to_numpy()
    values = column.astype(object).tolist()
    return _series(name, [value if known else None for value, known in zip(values, is_known, strict=True)])


def _series(name: str, values: Sequence[Any]) -> pl.Series:
    """A column of Python values: of their one type, as numbers if all are, else as text."""
    types = {type(value) for value in values if value is not None}
    if types and all(issubclass(t, bool | np.bool_) for t in types):
        return pl.Series(name, [None if v is None else bool(v) for v in values], dtype=pl.Boolean)
    if types and all(issubclass(t, int | np.integer) and t is not bool for t in types):
        return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)
    if types and all(issubclass(t, int | float | np.number) and t is not bool for t in types):
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
    if len(types) == 1 and issubclass(next(iter(types)), dt.date):
        return pl.Series(name, values)
    return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)


def _array(values: Any, what: str) -> npt.NDArray[Any]:
    """A NumPy array of numbers, booleans or texts, without infinite values."""
    if hasattr(values, "detach"):  # a torch tensor; torch need not be imported to know it
        values = values.detach().cpu()
        values = (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    elif hasattr(values, "to_numpy"):
        values = values.to_numpy()
    elif hasattr(values, "toarray"):  # a sparse matrix
        values = values.toarray()
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(
            f"{what} must be an array",
            found="its rows have different lengths",
            hint=f"print([len(row) for row in {what}])",
        ) from None
    if array.dtype.kind == "O" and array.size and all(isinstance(value, str) for value in array.flat):
        array = array.astype(np.str_)  # what pandas and polars give for a column of texts
    if array.dtype.kind not in "biufUMT":
        found = Counter(type(value).__name__ for value in array.ravel()[:1000].tolist()).most_common(3)
        raise DataError(
            f"{what} must hold numbers, or texts",
            found=f"its dtype is {array.dtype}, with values of type {', '.join(kind for kind, _ in found)}",
            hint=f"{what}.astype(float) for numbers, {what}.astype(str) for texts, or a DataFrame for columns of both",
        )
    if array.dtype.kind == "f" and np.isinf(array).any():
        place = tuple(int(i) for i in np.argwhere(np.isinf(array))[0])
        raise DataError(
            f"{what} must be finite",
            found=f"{what}[{', '.join(map(str, place))}] is {array[place]}, {int(np.isinf(array).sum()):,} such in all",
            hint=f"np.nan_to_num({what}), or NaN where a value is missing",
        )
    return array


def _column(name: str, values: npt.NDArray[Any]) -> pl.Series:
    if values.dtype.kind in "UT":
        return pl.Series(name, values.tolist(), dtype=pl.String)
    if values.dtype.kind == "M":
        return pl.Series(name, values.astype("datetime64[us]"))
    if values.dtype == np.float16 or values.dtype.itemsize > 8:
        values = values.astype(np.float64)
    return pl.Series(name, np.ascontiguousarray(values))
