"""Which encoding each column gets, from the training rows alone."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from firesteel.data import Schema, as_numbers, as_times, as_words
from firesteel.errors import DataError
from firesteel.features.encoding import Encoding, Features
from firesteel.features.numbers import Dtype, fit_flag, fit_numbers
from firesteel.features.times import fit_times
from firesteel.features.words import WordColumn, fit_words
from firesteel.recipe import Kind


def fit_features(schema: Schema, frame: pl.DataFrame, *, dtype: Dtype = "float32") -> Features:
    """The features of the columns that the schema uses, fitted on `frame`, the training rows.

    A column of which nothing can be learned from these rows is left out with a notice: it has one value in all of
    them, or a different word in each.

    Raises: DataError when no column is left.
    """
    columns: list[Encoding] = []
    notices: list[str] = []
    for column in schema.used:
        values = _READERS.get(column.kind, as_words)(frame[column.name])
        if values.n_unique() < 2:
            notices.append(f"'{column.name}' has one value in all {frame.height:,} training rows and is left out")
            continue
        encoding, said = _fit_column(values, column.kind, dtype=dtype)
        if isinstance(encoding, WordColumn) and encoding.n_levels == 1:
            notices.append(f"'{column.name}' has a different value in each training row and is left out")
            continue
        columns.append(encoding)
        notices.extend(said)
    if not columns:
        raise DataError(
            "a net needs at least one column that varies in the training rows",
            found=f"none of {len(schema.columns)} columns does",
            hint="firesteel data FILE     says what each column was taken for",
        )
    read = {column.source for column in columns}
    unread = tuple(column.name for column in schema.columns if column.name not in read)
    return Features(tuple(columns), schema.target, dtype=dtype, unread=unread, notices=tuple(notices))


_READERS: dict[Kind, Callable[[pl.Series], pl.Series]] = {"numeric": as_numbers, "datetime": as_times}


def _fit_column(values: pl.Series, kind: Kind, *, dtype: Dtype) -> tuple[Encoding, list[str]]:
    match kind:
        case "numeric":
            return fit_numbers(values, dtype=dtype)
        case "datetime":
            return fit_times(values, dtype=dtype), []
        case "boolean" if flag := fit_flag(values):
            return flag, []
        case "boolean" | "categorical":  # a boolean column with one word, or none, in the training rows
            return fit_words(values)
        case _:
            raise DataError(
                "a column that the net reads must be numeric, boolean, categorical or datetime",
                found=f"'{values.name}' is taken for {kind}",
                hint=f"--drop {values.name}     or --kind {values.name}=categorical",
            )
